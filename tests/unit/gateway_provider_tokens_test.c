/* Goal: one token for everybody: fetched once however many want it, renewed before it ends, exchanged once when it is refused, never asked for in circles; and
 * between two nodes one fetches, the other finds what it fetched.
 * Method: a platform and a clock of the test's; the nodes share a memory of what expires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "gateway/outside/provider_tokens.h"
#include "store/expiring.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { JOBS_MAX = 8, WANTS_MAX = 16, CALL_MS = 5000, LIFE_S = 7200 };

/* ---- a clock, a platform, nodes ---- */

static int64_t now_ms;
static int64_t wall(void *ctx)
{
	(void)ctx;
	return 1795420800000 + now_ms;
}
static int64_t mono(void *ctx)
{
	(void)ctx;
	return now_ms * 1000000;
}
static const struct clock test_clock = { wall, mono, NULL };

static struct platform {
	struct transport transport; /* first */
	struct transport_job *jobs[JOBS_MAX];
	int open, asked;
} platform;

static void begin(struct transport *t, struct transport_job *job)
{
	struct platform *p = (struct platform *)t;
	assert_true(p->open < JOBS_MAX && job->call.timeout_ms == CALL_MS);
	p->jobs[p->open++] = job;
	p->asked++;
}

/* The first of those it was asked is answered. */
static void answers(struct http_answer answer)
{
	assert_true(platform.open > 0);
	struct transport_job *job = platform.jobs[0];
	memmove(platform.jobs, platform.jobs + 1, sizeof(platform.jobs[0]) * (size_t)--platform.open);
	job->answer = answer;
	job->done(job);
}

static void says(const char *token)
{
	answers((struct http_answer){ .end = HTTP_ANSWERED, .status = 200, .body = str_c(token) });
}

static bool build(struct arena *a, struct http_call *out, struct fail *why)
{
	(void)a, (void)why;
	*out = (struct http_call){ .method = METHOD_POST, .url = STR("https://platform.test/token") };
	return true;
}

/* A token is its whole body; one that begins with "-" is a refusal. */
static bool judge(const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why)
{
	if (answer->body.len == 0 || answer->body.at[0] == '-')
		return FAILS(why, PEER_NONSENSE, "no token");
	token->secret = str_copy(a, answer->body);
	*life_s = LIFE_S;
	return true;
}

static const struct token_source source = { "platform", build, judge };
static struct provider_tokens *node[2];
static struct expiring *shared;

static struct wanting {
	struct token_want want; /* first */
	bool is_over;
	char token[64];
} wants[WANTS_MAX];

static void done(struct token_want *w)
{
	struct wanting *one = (struct wanting *)w;
	assert_false(one->is_over);
	one->is_over = true;
	if (w->ok)
		snprintf(one->token, sizeof(one->token), "%.*s", STR_ARG(w->given.token.secret));
}

static struct wanting *want(int n, struct provider_tokens *p, uint64_t stale)
{
	struct wanting *w = &wants[n];
	*w = (struct wanting){ .want = { .source = &source, .stale = stale, .until_ms = now_ms + CALL_MS, .done = done } };
	provider_tokens_want(p, &w->want, CALL_MS, now_ms);
	return w;
}

static void has(const struct wanting *w, const char *token)
{
	assert_true(w->is_over && w->want.ok);
	assert_string_equal(w->token, token);
}

static void failed(const struct wanting *w, enum fail_code code)
{
	assert_true(w->is_over && !w->want.ok);
	assert_int_equal(w->want.why.code, code);
}

static int start(void **state)
{
	(void)state;
	now_ms = 1000000;
	clock_replace(&test_clock);
	platform = (struct platform){ .transport = { begin } };
	for (int i = 0; i < 2; i++)
		node[i] = provider_tokens_make(&platform.transport);
	return node[0] != NULL && node[1] != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		provider_tokens_drop(node[i]);
	if (shared != NULL)
		expiring_close(shared);
	shared = NULL;
	clock_replace(NULL);
	return 0;
}

static void share(void)
{
	struct fail why;
	fail_clear(&why);
	shared = expiring_memory(&why);
	for (int i = 0; i < 2; i++)
		provider_tokens_share(node[i], shared);
}

/* ---- one node ---- */

static void one_fetch_for_all(void **state)
{
	(void)state;
	for (int i = 0; i < WANTS_MAX - 1; i++)
		assert_false(want(i, node[0], 0)->is_over);
	assert_false(provider_tokens_quiet(node[0]));
	says("T1");
	for (int i = 0; i < WANTS_MAX - 1; i++)
		has(&wants[i], "T1");
	has(want(0, node[0], 0), "T1");
	assert_int_equal(platform.asked, 1);
	assert_true(provider_tokens_quiet(node[0]));
}

static void renewed_before_it_ends(void **state)
{
	(void)state;
	want(0, node[0], 0);
	says("T1");
	now_ms += (LIFE_S - 301) * 1000;
	has(want(0, node[0], 0), "T1");
	assert_int_equal(platform.asked, 1);
	now_ms += (301 - 119) * 1000;                  /* two minutes before the end at the latest */
	has(want(0, node[0], 0), "T1");                /* it is still good, nobody waits */
	assert_int_equal(platform.asked, 2);
	says("T2");
	has(want(0, node[0], 0), "T2");
	now_ms += LIFE_S * 1000;                       /* nobody wanted it for too long */
	assert_false(want(0, node[0], 0)->is_over);
	says("T3");
	has(&wants[0], "T3");
}

static void refused_and_exchanged_once(void **state)
{
	(void)state;
	want(0, node[0], 0);
	says("T1");
	uint64_t first = wants[0].want.given.number;
	assert_false(want(0, node[0], first)->is_over);
	assert_false(want(1, node[0], first)->is_over); /* told the same: no second fetch */
	says("T2");
	has(&wants[0], "T2");
	has(&wants[1], "T2");
	has(want(2, node[0], first), "T2");             /* who comes late with the old one gets the new */
	assert_int_equal(platform.asked, 2);
	uint64_t second = wants[2].want.given.number;
	want(0, node[0], second);
	says("T2");                                     /* and it gives out what it refuses */
	failed(&wants[0], FAIL_PEER_AWAY);
	failed(want(0, node[0], 0), FAIL_PEER_AWAY);    /* nobody asks in circles */
	assert_true(wants[0].want.why.retry_after_s > 0);
	assert_int_equal(platform.asked, 3);
	now_ms += 1001;
	want(0, node[0], 0);
	says("T2");
	has(&wants[0], "T2");                           /* perhaps it was a mistake: tried once more after a pause */
}

static void failures_pause(void **state)
{
	(void)state;
	static const struct { struct http_answer answer; enum fail_code want; } rows[] = {
		{ { .end = HTTP_NOT_SENT, .error = "no" }, FAIL_PEER_AWAY }, { { .end = HTTP_UNCLEAR, .is_late = true }, FAIL_PEER_TIMEOUT },
		{ { .end = HTTP_TOO_LARGE }, FAIL_PEER_NONSENSE }, { { .end = HTTP_ANSWERED, .status = 200, .body = { "-1", 2 } }, FAIL_PEER_NONSENSE },
	};
	int64_t pause_ms = 1000;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, pause_ms *= 2) {
		want(0, node[0], 0);
		assert_int_equal(platform.asked, i + 1);
		answers(rows[i].answer);
		failed(&wants[0], rows[i].want);
		now_ms += pause_ms - 1;
		failed(want(0, node[0], 0), rows[i].want);
		now_ms += 1;
	}
	want(0, node[0], 0);
	says("T1");
	has(&wants[0], "T1");
}

static void nobody_waits_for_ever(void **state)
{
	(void)state;
	want(0, node[0], 0);
	assert_int_equal(provider_tokens_step(node[0], now_ms), now_ms + CALL_MS);
	now_ms += CALL_MS;
	provider_tokens_step(node[0], now_ms);
	failed(&wants[0], FAIL_PEER_TIMEOUT);
	says("T1");                                     /* after all */
	has(want(1, node[0], 0), "T1");
}

/* ---- two nodes ---- */

static void the_other_finds_it(void **state)
{
	(void)state;
	share();
	want(0, node[0], 0);
	assert_false(want(1, node[1], 0)->is_over);     /* somebody fetches */
	assert_int_equal(platform.asked, 1);
	assert_int_equal(provider_tokens_step(node[1], now_ms), now_ms + 100);
	says("T1");
	has(&wants[0], "T1");
	now_ms += 100;
	provider_tokens_step(node[1], now_ms);
	has(&wants[1], "T1");
	assert_int_equal(platform.asked, 1);
	static struct expiring_batch b = { .count = 1, .op = { { .verb = EXPIRING_GET, .class = KEY_PROVIDER_TOKEN, .key = { "platform", 8 } } } };
	assert_true(expiring_run(shared, &b) && b.op[0].end == EXPIRING_OK);
	assert_null(memmem(b.op[0].out, b.op[0].out_len, "T1", 2));
	want(2, node[1], wants[1].want.given.number);   /* refused there: what is shared is the same, so it is fetched */
	says("T2");
	has(&wants[2], "T2");
	want(3, node[0], wants[0].want.given.number);   /* refused here: another has the next already */
	has(&wants[3], "T2");
	assert_int_equal(platform.asked, 2);
}

static void who_fetched_has_died(void **state)
{
	(void)state;
	share();
	want(0, node[0], 0);
	for (int waited_ms = 0; waited_ms < 15000; waited_ms += 100) {
		if (waited_ms % CALL_MS == 0)
			want(1, node[1], 0);
		provider_tokens_step(node[1], now_ms += 100);
	}
	want(1, node[1], 0);
	now_ms += 100;
	provider_tokens_step(node[1], now_ms);
	assert_int_equal(platform.asked, 2);
	answers((struct http_answer){ .end = HTTP_NOT_SENT });
	says("T1");
	has(&wants[1], "T1");
}

/* ---- keys, because what is shared is sealed ---- */

static char dir[256];

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int keys_open(void **state)
{
	(void)state;
	static struct config config;
	struct fail why;
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof(dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	fail_clear(&why);
	config_defaults(&config);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	return keyring_open(&config, true, &why) ? 0 : -1;
}

static int keys_close(void **state)
{
	(void)state;
	keyring_close();
	return nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(one_fetch_for_all), CASE(renewed_before_it_ends), CASE(refused_and_exchanged_once), CASE(failures_pause), CASE(nobody_waits_for_ever),
		CASE(the_other_finds_it), CASE(who_fetched_has_died),
	};
	return cmocka_run_group_tests(tests, keys_open, keys_close);
}
