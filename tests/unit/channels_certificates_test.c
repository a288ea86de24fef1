/* Goal: a question to the platform of certificates is whole and signed over its body; of an answer only whole certificates with a digest are believed, and only to its own question.
 * Method: a question built and verified by the rule of the signature; rows of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "channels/certificates.h"
#include "channels/standard_webhooks.h"

#define NOW INT64_C(1795420800000)
#define KEY "whsec_c2libi1zYW5kYm94LWNlcnRpZmljYXRlcy0wMDAwMDE="
#define SHA "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ONE "{\"number\":\"N1\",\"name\":\"不动产权证书\",\"issuer\":\"局\",\"sha256\":\"" SHA "\",\"more\":1}"

static struct arena a;
static struct fail why;

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	fail_clear(&why);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void question(void **state)
{
	(void)state;
	struct http_call call;
	char signature[WEBHOOK_SIGNATURE_BYTES];
	struct certificates_question q = { .base = STR("https://p.example"), .id = STR("q1"), .type = STR("T"), .id_type = STR("resident"), .id_number = STR("621299199006150131"),
					   .name = STR("张三"), .key = { STR(KEY) }, .now_ms = NOW };
	assert_true(certificates_build(&q, &a, &call, &why));
	assert_true(str_eq(call.url, STR("https://p.example/certificates/query")));
	assert_true(str_eq(call.body, STR("{\"id\":\"q1\",\"type\":\"T\",\"holder\":{\"id_type\":\"resident\",\"id_number\":\"621299199006150131\",\"name\":\"张三\"}}")));
	assert_true(webhook_sign((struct secret){ STR(KEY) }, STR("q1"), NOW / 1000, call.body, signature));
	assert_true(str_eq(call.headers[call.header_count - 1].value, str_c(signature)));
	q.key = (struct secret){ STR("whsec_short") };
	assert_false(certificates_build(&q, &a, &call, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
}

static const struct { const char *name; int status; const char *body; int want; /* -1: nonsense */ } rows[] = {
	{ "none", 200, "{\"id\":\"q1\",\"result\":\"none\"}", 0 },
	{ "one", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[" ONE "]}", 1 },
	{ "two", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[" ONE "," ONE "]}", 2 },
	{ "with an end", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[{\"number\":\"1\",\"name\":\"n\",\"issuer\":\"i\",\"sha256\":\"" SHA "\",\"valid_until\":\"2027-02-28\"}]}", 1 },
	{ "an end that is no day", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[{\"number\":\"1\",\"name\":\"n\",\"issuer\":\"i\",\"sha256\":\"" SHA "\",\"valid_until\":\"2027-02-30\"}]}", -1 },
	{ "found, and nothing", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[]}", -1 },
	{ "another question's", 200, "{\"id\":\"q2\",\"result\":\"none\"}", -1 },
	{ "a word nobody knows", 200, "{\"id\":\"q1\",\"result\":\"some\"}", -1 },
	{ "no digest", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[{\"number\":\"1\",\"name\":\"n\",\"issuer\":\"i\"}]}", -1 },
	{ "no hexadecimal digits", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[{\"number\":\"1\",\"name\":\"n\",\"issuer\":\"i\",\"sha256\":\"zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}]}", -1 },
	{ "a line's end in a name", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[{\"number\":\"1\",\"name\":\"n\\nm\",\"issuer\":\"i\",\"sha256\":\"" SHA "\"}]}", -1 },
	{ "a list of numbers", 200, "{\"id\":\"q1\",\"result\":\"found\",\"certificates\":[1]}", -1 },
	{ "not JSON", 200, "<html>", -1 },
	{ "a created", 201, "{\"id\":\"q1\",\"result\":\"none\"}", -1 },
};

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct held_certificate out[CERTIFICATES_MAX];
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = rows[i].status, .body = str_c(rows[i].body) };
		int count;
		fail_clear(&why);
		bool ok = certificates_judge(STR("q1"), &answer, out, &count, &a, &why);
		if (ok != (rows[i].want >= 0) || (ok && count != rows[i].want))
			fail_msg("%s: %s", rows[i].name, why.log);
		assert_int_equal(why.code, ok ? FAIL_NONE : FAIL_PEER_NONSENSE);
		assert_true(count == 0 || out[0].sha256[31] == 0x1f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(question, begin, end), cmocka_unit_test_setup_teardown(answers, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
