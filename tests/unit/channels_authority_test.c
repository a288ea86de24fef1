/* Goal: a question to the authority is whole and signed over its body; of answers only the four words that were agreed are believed, each for its own question.
 * Method: questions built and verified by the rule of the signature; rows of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "channels/authority.h"
#include "channels/standard_webhooks.h"

#define NOW INT64_C(1795420800000)
#define KEY "whsec_c2libi1zYW5kYm94LWF1dGhvcml0eS1rZXktMDAwMQ=="

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

static struct str header_of(const struct http_call *c, const char *name)
{
	for (int i = 0; i < c->header_count; i++)
		if (str_eq(c->headers[i].name, str_c(name)))
			return c->headers[i].value;
	return STR_NONE;
}

static const struct { enum authority_kind kind; const char *body; } questions[] = {
	{ AUTHORITY_TWO_ELEMENT, "{\"id\":\"q_1\",\"kind\":\"two_element\",\"document\":\"resident\",\"number\":\"621299199006150131\",\"name\":\"张三\"}" },
	{ AUTHORITY_THREE_ELEMENT, "{\"id\":\"q_1\",\"kind\":\"three_element\",\"document\":\"resident\",\"number\":\"621299199006150131\",\"name\":\"张三\",\"phone\":\"13900000001\"}" },
	{ AUTHORITY_FACE, "{\"id\":\"q_1\",\"kind\":\"face\",\"document\":\"resident\",\"number\":\"621299199006150131\",\"name\":\"张三\",\"proof\":\"p\\\"1\"}" },
	{ AUTHORITY_REPRESENTATIVE, "{\"id\":\"q_1\",\"kind\":\"representative\",\"document\":\"resident\",\"number\":\"621299199006150131\",\"name\":\"张三\",\"organisation\":\"91621299MA0000015U\",\"organisation_name\":\"甲公司\"}" },
};

static void built(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct authority_question q = { .kind = questions[i].kind, .base = STR("https://authority.invalid/x"), .document = STR("resident"), .country = STR(""), .number = STR("621299199006150131"),
			.name = STR("张三"), .phone = STR("13900000001"), .proof = STR("p\"1"), .organisation = STR("91621299MA0000015U"), .organisation_name = STR("甲公司"), .key = { STR(KEY) }, .id = STR("q_1"), .now_ms = NOW };
		struct http_call c;
		char signature[WEBHOOK_SIGNATURE_BYTES];
		assert_true(authority_build(&q, &a, &c, &why));
		assert_int_equal(c.method, METHOD_POST);
		assert_true(str_eq(c.url, STR("https://authority.invalid/x/verify")));
		assert_true(str_eq(c.body, str_c(questions[i].body)));
		assert_true(webhook_sign(q.key, q.id, NOW / 1000, c.body, signature));
		assert_true(str_eq(header_of(&c, "webhook-signature"), str_c(signature)));
		assert_true(str_eq(header_of(&c, "webhook-timestamp"), STR("1795420800")));
		assert_null(memmem(c.url.at, c.url.len, "6212", 4)); /* nobody's number stands in an address, which logs keep */
	}
	struct authority_question wrong = { .base = STR("https://authority.invalid"), .key = { STR("nonsense") }, .id = STR("q_1") };
	struct http_call c;
	assert_false(authority_build(&wrong, &a, &c, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
}

static const struct { const char *body; int status; enum authority_verdict want; } answers[] = {
	{ "{\"id\":\"q_1\",\"result\":\"match\"}", 200, AUTHORITY_MATCH },
	{ "{\"id\":\"q_1\",\"result\":\"mismatch\",\"more\":1}", 200, AUTHORITY_MISMATCH },
	{ "{\"result\":\"no_record\",\"id\":\"q_1\"}", 200, AUTHORITY_NO_RECORD },
	{ "{\"id\":\"q_1\",\"result\":\"not_checked\"}", 200, AUTHORITY_NOT_ITS },
	{ "{\"id\":\"q_2\",\"result\":\"match\"}", 200, AUTHORITY_BROKEN }, /* a yes to another question is none */
	{ "{\"id\":\"q_1\",\"result\":\"MATCH\"}", 200, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\",\"result\":true}", 200, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\"}", 200, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\",\"result\":\"match\"", 200, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\",\"result\":\"mismatch\",\"result\":\"match\"}", 200, AUTHORITY_BROKEN },
	{ "<html>match</html>", 200, AUTHORITY_BROKEN },
	{ "", 200, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\",\"result\":\"match\"}", 201, AUTHORITY_BROKEN },
	{ "{\"id\":\"q_1\",\"result\":\"match\"}", 401, AUTHORITY_BROKEN },
};

static void judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = answers[i].status, .body = str_c(answers[i].body) };
		fail_clear(&why);
		if (authority_judge(STR("q_1"), &answer, &a, &why) != answers[i].want)
			fail_msg("%s", answers[i].body);
		assert_int_equal(why.code, answers[i].want == AUTHORITY_BROKEN ? FAIL_PEER_NONSENSE : FAIL_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(built, begin, end), cmocka_unit_test_setup_teardown(judged, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
