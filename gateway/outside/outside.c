/* gateway/outside/outside.c - letters in, one step, then libcurl until something is due or somebody rings. */
#include "gateway/outside/outside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/retry_after.h"
#include "gateway/beside/nodes.h"
#include "gateway/expiring/envoy.h"
#include "gateway/loops/hub.h"
#include "gateway/outside/effect_tokens.h"
#include "notify/http_multi.h"
#include "notify/notifier.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	ASKS_WAITING_MAX = 4096, ANSWERS_MAX = 8192, ANSWERS_BYTES_MAX = 16 << 20, REPEAT_KEPT_MS = 300000, SWEEP_EVERY_MS = 10000,
	SLEEP_MOST_MS = 1000,
};

enum ask_end { ASK_ANSWERED, ASK_REMEMBERED, ASK_REFUSED, ASK_FAILED };

struct outside {
	struct mailbox mail;
	const _Atomic(const struct config *) *config;
	const struct config *config_seen;
	struct transport *transport;
	struct http_multi *http;      /* NULL: the transport is another's */
	struct notifier *notifier;
	struct node_source node;      /* where several nodes share the database */
	struct answers *answers;
	struct peers peers;
	struct provider_tokens *tokens;
	struct effect_tokens effect_tokens;
	struct link leaders;          /* askings under way that have a keep_key: one of each */
	struct envoy *_Atomic errands; /* NULL: nothing is shared yet, or there is nobody to share with */
	int64_t swept_ms, wall_ms, mono_ms; /* of this step */
	size_t asks_open;             /* with the transport */
	_Atomic bool draining, closing;
	int64_t drain_by_ms;          /* 0: not noticed yet */
	pthread_t thread;
	bool is_started, is_joined;
};

/* ---- the end of an ask ---- */

static void take(struct outside *o, struct asking *a);

/* Who waited for this one looks again: what was kept he finds, otherwise he asks himself. */
static void end(struct asking *a, enum ask_end how)
{
	struct outside *o = a->outside;
	struct link waiting;
	link_move_all(&waiting, &a->followers);
	link_take(&a->in_ring);
	metric_add(M_asks, (int)how, 1);
	a->done(a);
	while (!link_is_alone(&waiting)) {
		struct asking *next = CONTAINER(waiting.next, struct asking, in_ring);
		link_take(&next->in_ring);
		take(o, next);
	}
}

static void end_failed(struct asking *a, enum ask_end how, enum fail_code code, int64_t again_ms, const char *log)
{
	a->ok = false;
	fail_note(&a->why, code, __FILE__, __LINE__, "%.*s: %s", STR_ARG(a->question.peer), log);
	if (again_ms > 0)
		a->why.retry_after_s = (int)((again_ms + 999) / 1000);
	end(a, how);
}

/* The text so far is the transport's or the memory's. */
static void end_answered(struct asking *a, enum ask_end how)
{
	struct http_answer *got = &a->job.answer;
	got->body = str_copy(a->arena, got->body);
	if (got->content_type.at != NULL)
		got->content_type = str_copy(a->arena, got->content_type);
	for (int i = 0; i < HTTP_KEEPS_MAX; i++)
		if (got->kept[i].at != NULL)
			got->kept[i] = str_copy(a->arena, got->kept[i]);
	got->retry_after = STR_NONE;
	if (a->arena->refused) {
		end_failed(a, ASK_FAILED, FAIL_MEMORY, 0, "an answer that the request has no room for");
		return;
	}
	a->ok = true;
	end(a, how);
}

static void remember(struct outside *o, const struct asking *a)
{
	const struct http_answer *got = &a->job.answer;
	if (a->question.may_keep != NULL && !a->question.may_keep(got))
		return;
	int64_t keep_ms = got->status >= 200 && got->status < 300 ? a->question.keep_ms : got->status == 404 ? a->question.keep_no_ms : 0;
	if (a->has_keep_key && keep_ms > 0)
		answers_keep(o->answers, a->keep_key, got, o->mono_ms + keep_ms);
	if (a->has_repeat_key)
		answers_keep(o->answers, a->repeat_key, got, o->mono_ms + REPEAT_KEPT_MS);
}

static void on_answer(struct transport_job *job)
{
	struct asking *a = CONTAINER(job, struct asking, job);
	struct outside *o = a->outside;
	const struct http_answer *got = &job->answer;
	bool is_away = got->end == HTTP_NOT_SENT || got->end == HTTP_UNCLEAR || (got->end == HTTP_ANSWERED && (got->status >= 500 || got->status == 429));
	int64_t again_ms = is_away && got->end == HTTP_ANSWERED ? retry_after_ms(got, o->wall_ms) : 0;
	o->asks_open--;
	metric_set(M_asks_open, 0, (int64_t)o->asks_open);
	peers_leave(a->peer, !is_away, again_ms, clock_mono_ms());
	if (got->end == HTTP_TOO_LARGE) {
		end_failed(a, ASK_FAILED, FAIL_PEER_NONSENSE, 0, got->error);
	} else if (is_away) {
		end_failed(a, ASK_FAILED, got->is_late ? FAIL_PEER_TIMEOUT : FAIL_PEER_AWAY, again_ms, got->end == HTTP_ANSWERED ? "it says that it is ill" : got->error);
	} else {
		remember(o, a);
		end_answered(a, ASK_ANSWERED);
	}
}

/* ---- an ask comes ---- */

static bool is_remembered(struct outside *o, struct asking *a)
{
	return (a->has_repeat_key && answers_find(o->answers, a->repeat_key, o->mono_ms, &a->job.answer)) ||
	       (a->has_keep_key && answers_find(o->answers, a->keep_key, o->mono_ms, &a->job.answer));
}

static void go_out(struct outside *o, struct asking *a)
{
	int64_t again_ms, left_ms = a->until_ms - clock_mono_ms();
	a->peer = peers_enter(&o->peers, a->question.peer, o->config_seen->asks_per_peer, o->mono_ms, &again_ms);
	if (a->peer == NULL) {
		end_failed(a, ASK_REFUSED, FAIL_PEER_AWAY, again_ms, "not asked: it failed lately, or too many wait for it");
		return;
	}
	a->job.call = a->question.call;
	if (a->job.call.timeout_ms <= 0 || a->job.call.timeout_ms > left_ms)
		a->job.call.timeout_ms = left_ms > 0 ? left_ms : 1;
	a->job.done = on_answer;
	o->asks_open++;
	metric_set(M_asks_open, 0, (int64_t)o->asks_open);
	o->transport->begin(o->transport, &a->job);
}

static void token_came(struct token_want *w)
{
	struct asking *a = CONTAINER(w, struct asking, token);
	struct question *q = &a->question;
	bool is_built = w->ok && q->with_token(q->ctx, &w->given, a->arena, &q->call, &a->why);
	if (is_built && !q->is_only_built) {
		go_out(a->outside, a);
		return;
	}
	a->ok = is_built;
	if (is_built) {
		end(a, ASK_ANSWERED);
		return;
	}
	if (!w->ok)
		a->why = w->why;
	end(a, ASK_FAILED);
}

/* A login code answers once: of two who ask with it at once the second must not be told that it is used. */
static bool follows(struct outside *o, struct asking *a)
{
	if (!a->has_keep_key)
		return false;
	for (struct link *at = o->leaders.next; at != &o->leaders; at = at->next) {
		struct asking *leader = CONTAINER(at, struct asking, in_ring);
		if (memcmp(leader->keep_key, a->keep_key, sizeof(a->keep_key)) == 0) {
			link_put(&leader->followers, &a->in_ring);
			return true;
		}
	}
	link_put(&o->leaders, &a->in_ring);
	return false;
}

static void take(struct outside *o, struct asking *a)
{
	if (is_remembered(o, a)) {
		a->remembered = true;
		end_answered(a, ASK_REMEMBERED);
		return;
	}
	if (atomic_load(&o->draining)) {
		end_failed(a, ASK_REFUSED, FAIL_STOPPING, 0, "not asked any more");
		return;
	}
	if (follows(o, a))
		return;
	if (a->question.needs == NULL) {
		go_out(o, a);
		return;
	}
	a->token = (struct token_want){ .source = a->question.needs, .stale = a->question.stale, .until_ms = a->until_ms, .done = token_came };
	provider_tokens_want(o->tokens, &a->token, o->config_seen->ask_ms, o->mono_ms);
}

static void arrive(struct outside *o, struct asking *a)
{
	a->outside = o;
	a->until_ms = o->mono_ms + o->config_seen->ask_ms;
	link_init(&a->in_ring);
	link_init(&a->followers);
	take(o, a);
}

bool outside_ask(struct outside *o, struct asking *a)
{
	return !atomic_load(&o->draining) && mailbox_post(&o->mail, &a->letter);
}

/* ---- the step ---- */

static void see_config(struct outside *o)
{
	const struct config *c = atomic_load(o->config);
	if (c == o->config_seen)
		return;
	o->config_seen = c;
	if (o->http != NULL)
		http_multi_config(o->http, c);
}

int64_t outside_step(struct outside *o, int64_t wall_ms, int64_t mono_ms)
{
	o->wall_ms = wall_ms;
	o->mono_ms = mono_ms;
	see_config(o);
	struct envoy *errands = atomic_load(&o->errands);
	if (errands != NULL) {
		provider_tokens_share(o->tokens, envoy_face(errands));
		envoy_home(errands);
	}
	struct letter *next, *at = mailbox_take(&o->mail);
	for (; at != NULL; at = next) {
		next = at->next;
		arrive(o, CONTAINER(at, struct asking, letter));
	}
	if (mono_ms - o->swept_ms >= SWEEP_EVERY_MS) {
		answers_sweep(o->answers, mono_ms);
		o->swept_ms = mono_ms;
	}
	if (atomic_load(&o->draining))
		(void)notifier_quiet(o->notifier); /* it begins nothing from now on */
	int64_t tokens_ms = provider_tokens_step(o->tokens, mono_ms), needs_ms = effect_tokens_step(&o->effect_tokens, o->config_seen->ask_ms, mono_ms);
	int64_t due_ms = notifier_step(o->notifier, wall_ms, mono_ms);
	due_ms = tokens_ms < due_ms ? tokens_ms : due_ms;
	return needs_ms < due_ms ? needs_ms : due_ms;
}

bool outside_is_quiet(struct outside *o)
{
	return o->asks_open == 0 && provider_tokens_quiet(o->tokens) && notifier_quiet(o->notifier);
}

/* ---- the thread ---- */

static void cut_off_when_late(struct outside *o)
{
	if (!atomic_load(&o->draining))
		return;
	if (o->drain_by_ms == 0)
		o->drain_by_ms = o->mono_ms + o->config_seen->stop_ms;
	if (o->mono_ms >= o->drain_by_ms)
		http_multi_end_all(o->http);
}

static void *outside_run(void *ctx)
{
	struct outside *o = ctx;
	for (;;) {
		bool closing = atomic_load(&o->closing); /* before the letters: none comes after */
		int64_t now_ms = clock_mono_ms(), due_ms = outside_step(o, clock_wall_ms(), now_ms);
		cut_off_when_late(o);
		if (closing && outside_is_quiet(o))
			break;
		int64_t sleep_ms = due_ms - now_ms;
		http_multi_step(o->http, sleep_ms < 0 ? 0 : sleep_ms > SLEEP_MOST_MS ? SLEEP_MOST_MS : sleep_ms);
		log_flush();
	}
	log_flush();
	return NULL;
}

static void wake_http(void *ctx)
{
	http_multi_wake(((struct outside *)ctx)->http);
}

/* ---- making and taking apart ---- */

struct outside *outside_make(struct store *s, struct committer *c, const _Atomic(const struct config *) *config, struct transport *http,
			     void (*wake)(void *ctx), void *wake_ctx, struct fail *why)
{
	static const char *const ends[] = { [ASK_ANSWERED] = "answered", [ASK_REMEMBERED] = "remembered", [ASK_REFUSED] = "refused", [ASK_FAILED] = "failed" };
	for (int i = 0; i < (int)(sizeof(ends) / sizeof(ends[0])); i++)
		metric_label(M_asks, i, ends[i]);
	struct outside *o = calloc(1, sizeof(*o));
	if (o == NULL || (o->answers = answers_make(ANSWERS_MAX, ANSWERS_BYTES_MAX)) == NULL || (o->tokens = provider_tokens_make(http)) == NULL) {
		if (o != NULL && o->answers != NULL)
			answers_drop(o->answers);
		free(o);
		FAILS(why, MEMORY, "the outside");
		return NULL;
	}
	o->config = config;
	o->config_seen = atomic_load(config);
	o->transport = http;
	link_init(&o->leaders);
	if (wake_ctx == NULL)
		wake_ctx = o;
	mailbox_init(&o->mail, ASKS_WAITING_MAX, wake, wake_ctx);
	o->notifier = notifier_make(s, c, o->config_seen, http, wake, wake_ctx, why);
	if (o->notifier == NULL) {
		outside_drop(o);
		return NULL;
	}
	effect_tokens_join(&o->effect_tokens, o->tokens, o->notifier);
	return o;
}

static void hear_due(void *notifier)
{
	notifier_news(notifier);
}

static int64_t node_self(void *nodes)
{
	return nodes_self(nodes);
}

static int node_alive(void *nodes)
{
	return nodes_alive(nodes);
}

static void hear_death(void *notifier)
{
	notifier_takeover(notifier);
}

static void join_nodes(struct outside *o, struct nodes *nodes)
{
	if (nodes == NULL)
		return;
	o->node = (struct node_source){ node_self, node_alive, nodes };
	notifier_node(o->notifier, &o->node);
	nodes_on_death(nodes, hear_death, o->notifier);
}

struct outside *outside_start(struct store *s, struct committer *c, const _Atomic(const struct config *) *config, struct hub *hub, struct nodes *nodes, struct fail *why)
{
	struct http_multi *http = http_multi_make(atomic_load(config), why);
	if (http == NULL)
		return NULL;
	struct outside *o = outside_make(s, c, config, http_multi_transport(http), wake_http, NULL, why);
	if (o == NULL) {
		http_multi_drop(http);
		return NULL;
	}
	o->http = http;
	hub_add_ear(hub, NEWS_EFFECT_DUE, hear_due, o->notifier);
	join_nodes(o, nodes);
	if (pthread_create(&o->thread, NULL, outside_run, o) != 0) {
		FAILS(why, SYSTEM, "the outside's thread");
		outside_drop(o);
		return NULL;
	}
	o->is_started = true;
	return o;
}

bool outside_share(struct outside *o, struct loop *way, struct fail *why)
{
	struct envoy *e = envoy_make(way, wake_http, o);
	if (e == NULL)
		return FAILS(why, MEMORY, "the outside's errands");
	atomic_store(&o->errands, e);
	return true;
}

void outside_nudge(struct outside *o)
{
	if (o != NULL)
		http_multi_wake(o->http);
}

void outside_drain(struct outside *o)
{
	if (o == NULL)
		return;
	atomic_store(&o->draining, true);
	outside_nudge(o);
}

void outside_stop(struct outside *o)
{
	if (o == NULL || !o->is_started || o->is_joined)
		return;
	atomic_store(&o->closing, true);
	http_multi_wake(o->http);
	pthread_join(o->thread, NULL);
	o->is_joined = true;
}

void outside_drop(struct outside *o)
{
	if (o == NULL)
		return;
	assert(!o->is_started || o->is_joined);
	if (o->notifier != NULL)
		notifier_drop(o->notifier);
	mailbox_drop(&o->mail);
	answers_drop(o->answers);
	http_multi_drop(o->http);
	provider_tokens_drop(o->tokens);
	envoy_drop(atomic_load(&o->errands));
	free(o);
}
