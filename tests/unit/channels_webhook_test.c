/* Goal: webhooks are signed as Standard Webhooks says, and its refusals are refusals. Method: tests/unit/vectors/standard_webhooks.json and rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "channels/retry_after.h"
#include "channels/standard_webhooks.h"
#include "channels/webhook.h"
#include <stdio.h>

static json_t *vectors(void)
{
	static char text[64 << 10];
	struct fail why;
	fail_clear(&why);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/standard_webhooks.json", "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	json_t *j = json_read((struct str){ text, n }, &why);
	assert_non_null(j);
	return j;
}

static struct str text_of(const json_t *j, const char *name)
{
	return str_c(json_string_value(json_object_get(j, name)));
}

static void published_vectors(void **state)
{
	(void)state;
	json_t *all = vectors(), *cases = json_object_get(all, "cases");
	assert_true(json_array_size(cases) >= 2);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		char got[WEBHOOK_SIGNATURE_BYTES];
		assert_true(webhook_sign((struct secret){ text_of(c, "secret") }, text_of(c, "id"), json_integer_value(json_object_get(c, "timestamp")), text_of(c, "body"), got));
		assert_true(str_eq(str_c(got), text_of(c, "signature")));
	}
	json_decref(all);
}

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define GOOD "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define NOW INT64_C(1614265330000)

static const struct { const char *secret, *timestamp, *signatures; int64_t now_ms; bool want; } rows[] = {
	{ SECRET, "1614265330", GOOD, NOW, true },
	{ "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "1614265330", GOOD, NOW, true },
	{ SECRET, "1614265330", "v2,xxx v1,AAAA " GOOD, NOW, true },
	{ SECRET, "1614265330", GOOD, NOW + 300000, true },
	{ SECRET, "1614265330", GOOD, NOW + 301000, false },
	{ SECRET, "1614265330", GOOD, NOW - 301000, false },
	{ SECRET, "1614265331", GOOD, NOW, false },
	{ SECRET, "1614265330.0", GOOD, NOW, false },
	{ SECRET, "", GOOD, NOW, false },
	{ SECRET, "1614265330", "", NOW, false },
	{ SECRET, "1614265330", "v1,", NOW, false },
	{ SECRET, "1614265330", "v1,g0hM9SsE", NOW, false },
	{ SECRET, "1614265330", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", NOW, false },
	{ "whsec_", "1614265330", GOOD, NOW, false },
	{ "whsec_c2hvcnQ=", "1614265330", GOOD, NOW, false },
	{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w", "1614265330", GOOD, NOW, false },
};

static void verification(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool got = webhook_verify((struct secret){ str_c(rows[i].secret) }, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), str_c(rows[i].timestamp),
					  str_c(rows[i].signatures), STR("{\"test\": 2432232314}"), rows[i].now_ms);
		if (got != rows[i].want)
			fail_msg("row %zu", i);
	}
}

static const struct { enum http_end end; int status; enum verdict want; } answers[] = {
	{ HTTP_ANSWERED, 200, VERDICT_DONE }, { HTTP_ANSWERED, 204, VERDICT_DONE }, { HTTP_ANSWERED, 302, VERDICT_AGAIN }, { HTTP_ANSWERED, 400, VERDICT_AGAIN },
	{ HTTP_ANSWERED, 410, VERDICT_FAILED }, { HTTP_ANSWERED, 429, VERDICT_AGAIN }, { HTTP_ANSWERED, 503, VERDICT_AGAIN }, { HTTP_NOT_SENT, 0, VERDICT_AGAIN },
	{ HTTP_UNCLEAR, 0, VERDICT_UNKNOWN }, { HTTP_TOO_LARGE, 200, VERDICT_DONE },
};

static void judgements(void **state)
{
	(void)state;
	struct order o = { .key = "k", .now_ms = NOW };
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct http_answer a = { .end = answers[i].end, .status = answers[i].status };
		struct judgement j = { .verdict = VERDICT_UNKNOWN };
		codec_webhook.judge(&o, &a, &j);
		if (j.verdict != answers[i].want)
			fail_msg("row %zu: %d", i, j.verdict);
	}
}

static const struct { const char *text; int64_t want_ms; } waits[] = {
	{ NULL, 0 }, { "", 0 }, { "120", 120000 }, { " 5 ", 5000 }, { "-1", 0 }, { "1.5", 0 }, { "99999999", 86400000 }, { "99999999999999999999", 0 },
	{ "Thu, 25 Feb 2021 15:03:10 GMT", 60000 }, { "Thu, 25 Feb 2021 15:00:00 GMT", 0 }, { "Thu, 25 Foo 2021 15:03:10 GMT", 0 }, { "Thursday", 0 },
};

static void retry_after(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		struct http_answer a = { .end = HTTP_ANSWERED, .retry_after = str_c(waits[i].text) };
		int64_t got = retry_after_ms(&a, NOW); /* 2021-02-25T15:02:10Z */
		if (got != waits[i].want_ms)
			fail_msg("row %zu: %lld", i, (long long)got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors), cmocka_unit_test(verification), cmocka_unit_test(judgements), cmocka_unit_test(retry_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
