/* tests/notify_world.h - a store with effects in it, a committer and a notifier stepped by hand, and a peer that counts: for the tests of notify/.
 *
 * The peer is told by effect what to answer, and remembers every call by its key, over all "processes" of a test. */
#ifndef TESTS_NOTIFY_WORLD_H
#define TESTS_NOTIFY_WORLD_H
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "auth/keyring.h"
#include "base/ids.h"
#include "notify/effect_move.h"
#include "notify/notifier.h"

enum { PEER_CALLS_MAX = 4096, PEER_OPEN_MAX = 512, EVERYBODY = -1 };
#define WALL INT64_C(1795420800000)

struct peer_call {
	char key[EFFECT_KEY_BYTES];
	bool is_query;
	int64_t at_ms;
};

/* What the peer does with the next call of a kind: it acts (remembers the deed), then answers. */
struct peer_mood {
	enum http_end end;
	int status;
	bool acts;
	const char *body, *retry_after;
};

struct peer {
	struct transport transport; /* first */
	struct transport_job *open[PEER_OPEN_MAX];
	int open_count;
	struct peer_call calls[PEER_CALLS_MAX];
	int call_count;
	char deeds[PEER_CALLS_MAX][EFFECT_KEY_BYTES];
	int deed_count;
	struct peer_mood mood;
	int64_t now_ms;
};

struct notify_world {
	struct fixture f;
	struct committer *committer;
	struct notifier *n;
	struct peer peer;
	int64_t wall_ms, mono_ms, wake_ms;
	int woken, serial;
	int follows;
	int64_t poison;            /* what follows from this one cannot be written; EVERYBODY */
	struct effect_view last;
};

static struct notify_world *world_here;

/* Every codec carries the effect's key somewhere. */
static inline void peer_key(const struct transport_job *job, char key[EFFECT_KEY_BYTES])
{
	char all[4096];
	int len = snprintf(all, sizeof all, "%.*s ", STR_ARG(job->call.url));
	for (int i = 0; i < job->call.header_count; i++)
		len += snprintf(all + len, sizeof all - (size_t)len, "%.*s ", STR_ARG(job->call.headers[i].value));
	const char *at = strstr(all, "ef_");
	assert_non_null(at);
	memcpy(key, at, 29);
	key[29] = '\0';
}

static inline void peer_begin(struct transport *t, struct transport_job *job)
{
	struct peer *p = (struct peer *)t;
	assert_true(p->open_count < PEER_OPEN_MAX && p->call_count < PEER_CALLS_MAX);
	p->open[p->open_count++] = job;
	struct peer_call *c = &p->calls[p->call_count++];
	*c = (struct peer_call){ .is_query = job->call.method == METHOD_GET, .at_ms = p->now_ms };
	peer_key(job, c->key);
}

static inline bool peer_knows(const struct peer *p, const char *key)
{
	for (int i = 0; i < p->deed_count; i++)
		if (strcmp(p->deeds[i], key) == 0)
			return true;
	return false;
}

static inline int peer_deeds(const struct peer *p, const char *key)
{
	int n = 0;
	for (int i = 0; i < p->deed_count; i++)
		n += strcmp(p->deeds[i], key) == 0;
	return n;
}

/* The open call ends as the mood says. */
static inline void peer_answer(struct peer *p, int open)
{
	struct transport_job *job = p->open[open];
	struct peer_mood m = p->mood;
	bool is_query = job->call.method == METHOD_GET;
	char key[EFFECT_KEY_BYTES];
	peer_key(job, key);
	p->open[open] = p->open[--p->open_count];
	if (m.acts && !is_query)
		memcpy(p->deeds[p->deed_count++], key, sizeof key);
	int status = is_query && m.end == HTTP_ANSWERED ? (peer_knows(p, key) ? 200 : 404) : m.status;
	job->answer = (struct http_answer){ .end = m.end, .status = m.end == HTTP_ANSWERED ? status : 0, .body = str_c(m.body), .retry_after = str_c(m.retry_after) };
	job->done(job);
}

static inline void peer_answer_all(struct peer *p)
{
	while (p->open_count > 0)
		peer_answer(p, 0);
}

static const struct peer_mood mood_ok = { HTTP_ANSWERED, 200, true, "{\"Code\":\"OK\",\"BizId\":\"1^0\"}", NULL };
static const struct peer_mood mood_dead = { HTTP_NOT_SENT, 0, false, NULL, NULL };
static const struct peer_mood mood_lost = { HTTP_UNCLEAR, 0, true, NULL, NULL };      /* it acted, and the answer was lost */
static const struct peer_mood mood_eaten = { HTTP_UNCLEAR, 0, false, NULL, NULL };    /* the request was */
static const struct peer_mood mood_refused = { HTTP_ANSWERED, 410, false, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\"}", NULL };
static const struct peer_mood mood_no_money = { HTTP_ANSWERED, 200, false, "{\"Code\":\"isv.AMOUNT_NOT_ENOUGH\"}", NULL };

static inline void world_wake(void *ctx)
{
	((struct notify_world *)ctx)->woken++;
}

static inline bool world_follow(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	(void)tx;
	(void)now_ms;
	if (e->id == world_here->poison || world_here->poison == EVERYBODY)
		return FAILS(why, CONFLICT, "poisoned");
	world_here->follows++;
	world_here->last = *e;
	return true;
}

/* What the gateway's news are for: the notifier is told. */
static inline void world_news(void *ctx, const struct news *news, size_t count, bool all)
{
	struct notify_world *w = ctx;
	for (size_t i = 0; i < count && w->n != NULL; i++)
		if (news[i].kind == NEWS_EFFECT_DUE || all)
			notifier_news(w->n);
}

static inline void world_serve(struct notify_world *w)
{
	w->committer = committer_make(w->f.store, &w->f.config, &w->f.why);
	assert_non_null(w->committer);
	w->n = notifier_make(w->f.store, w->committer, &w->f.config, &w->peer.transport, world_wake, w, &w->f.why);
	assert_non_null(w->n);
	w->wake_ms = 0;
}

static inline void secret_write(const struct notify_world *w, const char *name, const char *text, char path[], size_t max)
{
	snprintf(path, max, "%s/%s", w->f.folder, name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, 0600), 0);
}

static inline void world_configure(struct notify_world *w)
{
	struct config *c = &w->f.config;
	c->development = true;
	c->sms_aliyun_rate = c->webhook_rate = 0;
	strcpy(c->sms_aliyun_url, "http://127.0.0.1:1/");
	strcpy(c->sms_aliyun_key_id, "id");
	strcpy(c->sms_aliyun_sign_name, "四办");
	strcpy(c->sms_aliyun_template_case_moved, "SMS_1");
	strcpy(c->webhook_url, "http://127.0.0.1:1/hook");
	secret_write(w, "sms", "sms-secret\n", c->sms_aliyun_key_secret_file, sizeof c->sms_aliyun_key_secret_file);
	secret_write(w, "hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", c->webhook_secret_file, sizeof c->webhook_secret_file);
}

static inline int world_make(void **state)
{
	static struct notify_world w;
	memset(&w, 0, sizeof w);
	world_here = &w;
	static int nowhere = -1;
	if (nowhere < 0)
		nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_open(nowhere, LOG_ERROR);
	fixture_make(&w.f, NULL);
	world_configure(&w);
	FIXTURE_OK(&w.f, keyring_open(&w.f.config, true, &w.f.why) && accounts_open(&w.f.config, &w.f.why));
	for (int i = 0; i < EFFECT_KINDS; i++)
		effect_follow(effect_kinds[i].number, world_follow);
	store_listen(w.f.store, world_news, &w);
	w.peer.transport.begin = peer_begin;
	w.peer.mood = mood_ok;
	w.wall_ms = w.peer.now_ms = WALL;
	w.mono_ms = 1000;
	world_serve(&w);
	*state = &w;
	return 0;
}

/* The process ends at this very point: what the committer was not done with never was, and what the peer heard it heard. */
static inline void world_crash(struct notify_world *w)
{
	w->peer.open_count = 0;
	struct notifier *n = w->n;
	w->n = NULL;
	assert_true(fault_set(STR("store_begin=1+")));
	committer_stop(w->committer);
	assert_true(fault_set(STR("store_begin=")));
	notifier_drop(n);
}

static inline int world_end(void **state)
{
	struct notify_world *w = *state;
	world_crash(w);
	accounts_close();
	keyring_close();
	fixture_drop(&w->f);
	return 0;
}

static inline void world_step(struct notify_world *w)
{
	w->peer.now_ms = w->wall_ms;
	w->wake_ms = notifier_step(w->n, w->wall_ms, w->mono_ms);
}

/* Steps, commits and answers until nothing moves. */
static inline void world_settle(struct notify_world *w)
{
	for (int quiet = 0; quiet < 3;) {
		int before = w->woken, open = w->peer.open_count;
		world_step(w);
		size_t done = committer_step(w->committer);
		peer_answer_all(&w->peer);
		quiet = done == 0 && open == 0 && w->woken == before ? quiet + 1 : 0;
	}
}

static inline void world_pass(struct notify_world *w, int64_t ms)
{
	w->wall_ms += ms;
	w->mono_ms += ms;
}

struct world_add {
	struct notify_world *w;
	struct effect_new e;
	int64_t id;
};

static inline bool world_add_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct world_add *a = ctx;
	uint8_t seed[32] = { 0 }, random[16];
	effect_random(seed, ++a->w->serial, random);
	return effect_add(tx, &a->e, a->w->wall_ms, random, &a->id, why);
}

static inline int64_t world_add(struct notify_world *w, int32_t kind, const char *subject)
{
	static const char sms[] = "{\"phone\":\"13800138000\",\"template\":\"case_moved\",\"params\":{\"name\":\"张三\"}}";
	static const char probe[] = "{\"url\":\"http://127.0.0.1:1\"}";
	struct world_add a = { w, { .kind = kind, .subject = str_c(subject), .payload = str_c(kind == KIND_sms_aliyun ? sms : probe) }, 0 };
	FIXTURE_OK(&w->f, store_write(w->f.store, world_add_apply, &a, &w->f.why));
	return a.id;
}

static inline bool world_get_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct effect_view *e = ctx;
	bool found;
	return effect_get(tx, e->id, e, &found, why) && (found || FAILS(why, NOT_FOUND, "no effect"));
}

static inline struct effect_view world_get(struct notify_world *w, int64_t id)
{
	struct effect_view e = { .id = id };
	FIXTURE_OK(&w->f, store_write(w->f.store, world_get_apply, &e, &w->f.why));
	return e;
}

static inline void world_is(struct notify_world *w, int64_t id, enum effect_state want)
{
	struct effect_view e = world_get(w, id);
	if (e.state != want)
		fail_msg("effect %lld is %s (%s), wanted %s", (long long)id, effect_state_name(e.state), e.code, effect_state_name(want));
}

static inline int world_deeds(struct notify_world *w, int64_t id)
{
	char key[EFFECT_KEY_BYTES];
	effect_key_text(world_get(w, id).key, key);
	return peer_deeds(&w->peer, key);
}

static inline int world_calls(struct notify_world *w, int64_t id)
{
	char key[EFFECT_KEY_BYTES];
	int n = 0;
	effect_key_text(world_get(w, id).key, key);
	for (int i = 0; i < w->peer.call_count; i++)
		n += strcmp(w->peer.calls[i].key, key) == 0;
	return n;
}

/* The last lines of every test. */
static inline void world_invariants(struct notify_world *w)
{
	static const char *const none[] = {
		"SELECT count(*) FROM effect WHERE subject <> '' AND waits = 1 AND NOT EXISTS (SELECT 1 FROM effect o WHERE o.subject = effect.subject AND o.waits = 0 AND o.state IN (1, 2, 6))", /* waits for nobody */
		"SELECT count(*) FROM effect e WHERE attempts <> (SELECT count(*) FROM effect_attempt a WHERE a.effect = e.id) + CASE WHEN (state = 2 AND asks = 0) OR done_ms > 0 THEN 1 ELSE 0 END",
		"SELECT count(*) FROM effect_attempt a WHERE n > (SELECT attempts FROM effect e WHERE e.id = a.effect)",
		"SELECT count(*) FROM effect e WHERE NOT EXISTS (SELECT 1 FROM effect_payload p WHERE p.effect = e.id)",
		"SELECT count(*) FROM effect WHERE state NOT IN (1, 2, 6) AND waits = 1",
		"SELECT count(*) FROM effect WHERE asks > 0 AND state <> 2",
		"SELECT count(*) FROM effect WHERE done_ms > 0 AND state <> 3",
	};
	struct connection *c = fixture_reader(&w->f);
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		if (fixture_number_by(c, none[i]) != 0)
			fail_msg("broken: %s", none[i]);
	connection_close(c);
}
#endif
