/* gateway/requests/runtime.c - carries a request through its handler's stages, each in the lane its row names.
 *
 *   head -> body -> (admit) -> parse -> recall -> look -> work -> ask -> apply -> settle -> park -> render -> replied
 *
 * A stage that is absent is passed over. A stage that fails goes straight to the problem. The loop's thread runs everything but
 * look on READ, work on CPU and apply on WRITE; while a lane, or the outside's thread with its question, has the task, nobody else touches it
 * (`away`). A parked task stays with its loop, which looks at it when the effect is over or the time. */
#include "auth/tenancy.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/door/feed.h"
#include "gateway/door/headers.h"
#include "gateway/door/upgrade.h"
#include "gateway/gateway.h"
#include "gateway/requests/intake.h"
#include "gateway/requests/noted.h"
#include "gateway/requests/task.h"
#include <assert.h>
#include <stdlib.h>

enum { ETAG_BITS = 50, SPARE_TASKS_MAX = 256, BODY_IN_ARENA_MAX = 32 << 10, SLOW_INLINE_NS = 1000000 };

static void task_run(struct task *t);
static void task_finish(struct task *t);

struct request *task_request(struct task *t)
{
	return &t->r;
}

/* ---- birth and death ---- */

static struct task *task_take(struct loop *l)
{
	struct task *t = l->spare;
	if (t == NULL) {
		t = malloc(sizeof(*t));
		if (t == NULL)
			return NULL;
		arena_init(&t->r.arena, (size_t)l->config->arena_bytes_max);
	} else {
		l->spare = t->next;
		l->spare_count--;
	}
	request_clear(&t->r);
	memset(&t->letter, 0, offsetof(struct task, job) - offsetof(struct task, letter));
	t->etag[0] = t->rate_policy[0] = t->rate_state[0] = '\0';
	return t;
}

struct task *task_begin(struct loop *l, enum face face, struct exchange *x)
{
	struct task *t = task_take(l);
	if (t == NULL)
		return NULL;
	t->loop = l;
	t->face = face;
	t->exchange = x;
	t->r.now_ms = loop_now_ms(l);
	id_text(id_new(t->r.now_ms), "rq", t->r.id);
	l->tasks_open++;
	return t;
}

void task_free(struct task *t)
{
	struct loop *l = t->loop;
	assert(!t->away && !t->key_held);
	if (t->body_heap)
		free(t->body);
	intake_free(t);
	l->tasks_open--;
	if (l->spare_count >= SPARE_TASKS_MAX) {
		arena_free(&t->r.arena);
		free(t);
		return;
	}
	arena_reset(&t->r.arena);
	t->next = l->spare;
	l->spare = t;
	l->spare_count++;
}

void task_abandon(struct task *t)
{
	t->exchange = NULL;
	if (t->away)
		return; /* it comes home by letter, and ends there */
	if (t->intake != NULL && intake_abandon(t))
		return;
	park_leave(t);
	LOG_EVENT(request_dropped, str_c(t->r.id), L_C(t->r.route != NULL ? t->r.route->name : ""), L_INT(t->stage));
	key_release(t);
	admit_was_no_miss(t);
	task_free(t);
}

/* ---- head ---- */

static void fail_now(struct task *t)
{
	t->failed = true;
	task_finish(t);
}

void task_fail(struct task *t)
{
	fail_now(t);
}

static void answer_options(struct task *t)
{
	t->r.reply.status = 204;
	reply_header(&t->r, "allow", str_c(t->allow != NULL ? t->allow : "GET, HEAD, POST, OPTIONS"));
	task_finish(t);
}

/* Elsewhere an Upgrade is not taken up (RFC 9110 7.8); an extended CONNECT has nothing else to mean. */
static bool tunnel_leads_here(struct request *r, int64_t content_length, const char **allow, struct fail *why)
{
	if (!r->wants_tunnel)
		return true;
	if (r->route->handler == &ws_open) /* a body before a tunnel has several readings */
		return content_length == 0 || FAILS(why, BAD_REQUEST, "an Upgrade with a body");
	r->wants_tunnel = false;
	if (r->http_major == 1)
		return true;
	*allow = "GET";
	return FAILS(why, METHOD, "an extended CONNECT to %s", r->route->name);
}

bool task_head(struct task *t, int64_t content_length)
{
	struct request *r = &t->r;
	assert(t->stage == STAGE_HEAD);
	t->began_ns = clock_mono_ns();
	t->length = content_length;
	bool clear = request_know_headers(r);
	r->lang = header_lang(r->known[HEADER_ACCEPT_LANGUAGE]);
	header_trace(r->known[HEADER_TRACEPARENT], r->trace_id);
	if (!clear)
		FAILS(&r->why, BAD_REQUEST, "a header with one meaning came twice");
	if (!clear || !target_split(r, &r->why)) {
		fail_now(t);
		return false;
	}
	r->route = r->path.len > 0 && r->path.at[0] == '/' ? route_find(r, (int)t->face, &t->allow, &r->why) : NULL;
	if (r->route == NULL && r->why.code == FAIL_NONE) {
		answer_options(t);
		return false;
	}
	if (r->route == NULL || !tunnel_leads_here(r, content_length, &t->allow, &r->why) || !admit_head(t, &r->why)) {
		fail_now(t);
		return false;
	}
	t->stage = STAGE_BODY;
	if (r->route->handler->sink == NULL || intake_begin(t, &r->why))
		return true;
	fail_now(t);
	return false;
}

/* ---- body ---- */

static bool body_room(struct task *t, size_t more)
{
	if (t->body_len + more <= t->body_cap)
		return true;
	size_t want = t->length > 0 ? (size_t)t->length : t->body_cap * 2;
	if (want < t->body_len + more)
		want = t->body_len + more;
	if (want < 512)
		want = 512;
	if (!t->body_heap && want <= BODY_IN_ARENA_MAX) {
		char *at = arena_alloc(&t->r.arena, want);
		if (at == NULL)
			return false;
		if (t->body_len > 0)
			memcpy(at, t->body, t->body_len);
		t->body = at;
	} else {
		char *at = realloc(t->body_heap ? t->body : NULL, want);
		if (at == NULL)
			return false;
		if (!t->body_heap && t->body_len > 0)
			memcpy(at, t->body, t->body_len);
		t->body = at;
		t->body_heap = true;
	}
	t->body_cap = want;
	return true;
}

bool task_body(struct task *t, const void *bytes, size_t len)
{
	assert(t->stage == STAGE_BODY);
	if (len == 0)
		return true;
	if (t->intake != NULL) {
		intake_take(t, bytes, len);
		return t->stage == STAGE_BODY;
	}
	if (t->body_len + len > t->r.route->body_max) {
		FAILS(&t->r.why, BODY_TOO_LARGE, "more than %zu bytes", t->r.route->body_max);
		fail_now(t);
		return false;
	}
	if (!body_room(t, len)) {
		FAILS(&t->r.why, MEMORY, "body of %zu bytes", t->body_len + len);
		fail_now(t);
		return false;
	}
	memcpy(t->body + t->body_len, bytes, len);
	t->body_len += len;
	return true;
}

static void body_is_there(struct task *t)
{
	t->r.now_ms = loop_now_ms(t->loop); /* a body may have taken minutes */
	if (!admit_body(t, &t->r.why)) {
		fail_now(t);
		return;
	}
	t->stage = STAGE_ADMIT;
	task_run(t);
}

void task_end(struct task *t)
{
	assert(t->stage == STAGE_BODY);
	if (t->intake != NULL) {
		intake_end(t);
		return;
	}
	t->r.body = (struct str){ t->body, t->body_len };
	body_is_there(t);
}

void task_refuse(struct task *t, enum fail_code code, const char *why_for_the_log)
{
	fail_note(&t->r.why, code, __FILE__, __LINE__, "%s", why_for_the_log);
	fail_now(t);
}

/* ---- the walk ---- */

static bool owner_fits(const struct task *t)
{
	const struct request *r = &t->r;
	switch (r->route->owner) {
	case OWNER_NONE:
	case OWNER_CALLER:
		return true;
	case OWNER_REGION:
		return region_is_within(r->who.region, r->owner);
	case OWNER_PERSON:
	case OWNER_DEPARTMENT:
		break;
	}
	return r->owner != 0 && r->owner == principal_whose(&r->who);
}

/* The answer of this version in this language; weak, because the bytes may be compressed on the way. */
static bool client_has_it(struct task *t)
{
	struct request *r = &t->r;
	if (r->version == 0 || r->route->method != METHOD_GET)
		return false;
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char *at = t->etag;
	memcpy(at, "W/\"", 3);
	at += 3;
	for (int shift = 0; shift < ETAG_BITS; shift += 5)
		*at++ = digits[r->version >> shift & 31];
	memcpy(at, r->lang == LANG_EN ? "en\"" : "zh\"", 4);
	struct str held = r->known[HEADER_IF_NONE_MATCH];
	return held.at != NULL && header_has_etag(held, str_c(t->etag));
}

static bool look_inline(struct task *t)
{
	struct tx tx;
	struct request *r = &t->r;
	return reader_begin(t->loop->reader, &tx, &r->why) && r->route->handler->look(&tx, r, &r->why);
}

bool task_depart(struct task *t, enum lane lane)
{
	t->away = true;
	t->queued_ns = clock_mono_ns();
	if (lane == LANE_WRITE ? apply_submit(t) : lane_submit(t->loop->gateway->lanes, lane, t))
		return true;
	t->away = false;
	metric_add(M_lane_refused, (int)lane, 1);
	bool stopping = atomic_load_explicit(&t->loop->gateway->stopping, memory_order_relaxed);
	fail_note(&t->r.why, stopping ? FAIL_STOPPING : FAIL_BUSY, __FILE__, __LINE__, "lane %d", (int)lane);
	return false;
}

static enum step outcome_of(bool ok)
{
	return ok ? STEP_ON : STEP_FAILED;
}

bool task_parse(struct task *t)
{
	struct request *r = &t->r;
	stage_fn parse = r->route->handler->parse;
	return (parse == NULL || parse(r, &r->why)) && (r->rate_key == 0 || admit_rate(t, r->route->rate, r->rate_key, false, &r->why));
}

static enum step run_stage(struct task *t)
{
	struct request *r = &t->r;
	const struct handler *h = r->route->handler;
	switch (t->stage) {
	case STAGE_ADMIT:
		if (!admit_wants_lane(t))
			return STEP_ON;
		return task_depart(t, LANE_READ) ? STEP_AWAY : STEP_FAILED;
	case STAGE_PARSE:
		return outcome_of(task_parse(t));
	case STAGE_RECALL:
		return recall_begin(t);
	case STAGE_LOOK:
		if (h->look == NULL)
			return STEP_ON;
		if (r->route->lane == LANE_INLINE && t->loop->reader != NULL)
			return outcome_of(look_inline(t));
		return task_depart(t, LANE_READ) ? STEP_AWAY : STEP_FAILED;
	case STAGE_WORK:
		return task_depart(t, LANE_CPU) ? STEP_AWAY : STEP_FAILED;
	case STAGE_ASK:
		return ask_begin(t);
	case STAGE_APPLY:
		random_bytes(r->random, sizeof(r->random));
		return task_depart(t, LANE_WRITE) ? STEP_AWAY : STEP_FAILED;
	case STAGE_SETTLE:
		return !t->replayed ? settle_begin(t) : STEP_ON;
	case STAGE_PARK:
		return park_begin(t);
	default:
		assert(t->stage == STAGE_RENDER);
		return outcome_of(h->render(r, &r->why));
	}
}

/* What must hold after a stage before the next may begin. */
static bool may_go_on(struct task *t)
{
	if (t->stage == STAGE_RECALL)
		return t->recalling == NULL || recall_judge(t, &t->r.why);
	if (t->stage == STAGE_ASK)
		return t->asked == NULL || ask_judge(t, &t->r.why);
	if (t->stage != STAGE_LOOK)
		return true;
	t->is_foreign = !owner_fits(t);
	if (t->is_foreign)
		return FAILS(&t->r.why, NOT_FOUND, "somebody else's");
	t->not_modified = client_has_it(t);
	return true;
}

static void task_run(struct task *t)
{
	for (; t->stage < STAGE_REPLIED; t->stage++) {
		t->stage = (enum stage)__builtin_ctz((uint32_t)t->r.route->stages >> t->stage << t->stage); /* passes over what is not there */
		if (t->stage == STAGE_RENDER && t->not_modified) {
			t->r.reply.status = 304;
			break;
		}
		enum step step = run_stage(t);
		if (step == STEP_AWAY)
			return;
		if (step == STEP_FAILED || !may_go_on(t)) {
			t->failed = true;
			break;
		}
	}
	task_finish(t);
}

void task_home(struct task *t)
{
	t->away = false;
	if (t->stage == STAGE_APPLY) {
		metric_observe(M_lane_wait_seconds, LANE_WRITE, t->job.began_ns - t->job.submitted_ns);
		if (t->replayed)
			metric_add(M_replays, 0, 1);
	}
	if (t->stage == STAGE_BODY) {
		if (intake_home(t))
			body_is_there(t);
		return;
	}
	if (t->exchange == NULL) {
		task_abandon(t);
		return;
	}
	if (t->stage == STAGE_PARK) {
		enum step step = park_home(t);
		if (step == STEP_AWAY)
			return;
		t->failed = step == STEP_FAILED;
	}
	task_go_on(t);
}

void task_go_on(struct task *t)
{
	if (t->failed || !may_go_on(t)) {
		t->failed = true;
		task_finish(t);
		return;
	}
	if (t->stage != STAGE_ASK || !ask_goes_on(t))
		t->stage++;
	task_run(t);
}

/* ---- the end ---- */

/* An inline read waits for nothing, so all its time is the loop's: others waited for it. */
static void watch_inline(const struct task *t, int64_t took)
{
	const struct request *r = &t->r;
	if (took <= SLOW_INLINE_NS || r->route == NULL || r->route->lane != LANE_INLINE || t->loop->reader == NULL)
		return;
	metric_add(M_slow_inline, route_index(r->route), 1);
	LOG_EVENT(slow_inline, str_c(r->id), L_C(r->route->name), L_INT(took / 1000));
}

/* Nobody's refusals are in the metrics alone. */
static enum noted worth_noting(const struct task *t)
{
	const struct request *r = &t->r;
	if (r->route == NULL || r->who.id == 0)
		return NOTED_NOTHING;
	if (!t->failed)
		return r->route->right == RIGHT_AUDIT_READ ? NOTED_READ : NOTED_NOTHING;
	switch (r->why.code) {
	case FAIL_LEVEL:     return NOTED_LEVEL;
	case FAIL_FORBIDDEN: return NOTED_RIGHT;
	case FAIL_FOUR_EYES: return NOTED_FOUR_EYES;
	case FAIL_MANDATE_ENDED:
	case FAIL_MANDATE_SCOPE:
	case FAIL_MANDATE_NEVER:
		return NOTED_MANDATE;
	default:             return t->is_foreign ? NOTED_OWNER : NOTED_NOTHING;
	}
}

static void account(struct task *t)
{
	struct request *r = &t->r;
	int64_t took = t->began_ns == 0 ? 0 : clock_mono_ns() - t->began_ns; /* 0: refused before its head was complete */
	int route = r->route != NULL ? route_index(r->route) : route_count;
	metric_add(M_requests, route, 1);
	metric_add(M_responses, r->reply.status / 100, 1);
	metric_observe(M_request_seconds, route, took);
	watch_inline(t, took);
	enum noted what = worth_noting(t);
	if (what != NOTED_NOTHING)
		noted_add(r, what);
	if (t->failed) {
		metric_add(M_failures, (int)r->why.code, 1);
		if (fail_row(r->why.code)->http >= 500)
			log_fail(str_c(r->id), &r->why);
	}
	if (t->loop->config->log_access)
		LOG_EVENT(access, str_c(r->id), L_PLAIN(method_name(r->method)), L_PLAIN(r->route != NULL ? str_c(r->route->name) : STR("")),
			L_INT(r->reply.status), L_INT((int64_t)r->reply.body.len), L_INT(took / 1000), L_INT(r->http_major),
			L_PLAIN(who_name(r->who.kind)), L_BOOL(t->replayed));
}

static void task_finish(struct task *t)
{
	key_release(t);
	t->failed = t->failed || !feed_open(t->loop, t->exchange, &t->r, &t->r.why);
	admit_was_no_miss(t);
	if (t->failed) {
		problem_render(t);
	} else if (t->replayed)
		reply_header(&t->r, "idempotency-replayed", STR("true"));
	assert(t->r.reply.status != 0);
	t->stage = STAGE_REPLIED;
	account(t);
	t->exchange->ops->reply(t->exchange, t);
}
