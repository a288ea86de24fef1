/* Goal: the question is signed over exactly what is sent, and what the answer says is never more than it says.
 * Method: the request compared with one signed by the standardwebhooks package; then answers, right and wrong, as rows. */
#include "channels/department.h"

#include "base/arena.h"
#include "channels/standard_webhooks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define KEY "whsec_c2libi1zYW5kYm94LWRlcGFydG1lbnQta2V5LTAwMDE="

static struct str header(const struct http_call *c, const char *name)
{
	for (int i = 0; i < c->header_count; i++)
		if (str_eq(c->headers[i].name, str_c(name)))
			return c->headers[i].value;
	return STR_NONE;
}

static void question(void **state)
{
	(void)state;
	static const struct { const char *base, *case_ref, *url, *target; } cases[] = {
		{ "https://a.test", "GS-2026-0001", "https://a.test/cases/GS-2026-0001?last4=001X", "/cases/GS-2026-0001?last4=001X" },
		{ "http://a.test:81/departments/1", "GS/2026 4\xe5\x8f\xb7", "http://a.test:81/departments/1/cases/GS%2F2026%204%E5%8F%B7?last4=001X",
		  "/departments/1/cases/GS%2F2026%204%E5%8F%B7?last4=001X" },
		{ "https://a.test", "..", "https://a.test/cases/%2E%2E?last4=001X", "/cases/%2E%2E?last4=001X" },
		{ "https://a.test", "a?b#c&d=e%", "https://a.test/cases/a%3Fb%23c%26d%3De%25?last4=001X", "/cases/a%3Fb%23c%26d%3De%25?last4=001X" },
	};
	struct arena a;
	struct fail why;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_call c;
		struct department_question q = { str_c(cases[i].base), str_c(cases[i].case_ref), STR("001X"), { STR(KEY) }, STR("q_1"), 1764000000999 };
		fail_clear(&why);
		assert_true(department_base_is_right(q.base));
		assert_true(department_build(&q, &a, &c, &why));
		assert_true(c.method == METHOD_GET && c.body.len == 0 && str_eq(c.url, str_c(cases[i].url)));
		assert_true(str_eq(header(&c, "webhook-timestamp"), STR("1764000000")) && str_eq(header(&c, "webhook-id"), STR("q_1")));
		assert_true(webhook_verify((struct secret){ STR(KEY) }, STR("q_1"), STR("1764000000"), header(&c, "webhook-signature"), str_c(cases[i].target), 1764000000000));
	}
	struct http_call c;
	struct department_question q = { STR("https://a.test"), STR("x"), STR("0000"), { STR("short") }, STR("q_1"), 0 };
	fail_clear(&why);
	assert_false(department_build(&q, &a, &c, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
	static const char *const wrong[] = { "a.test", "ftp://a.test", "https://a.test/", "https://a.test/x?y", "https://a.test#x", "https://u@a.test", "https://a .test", "" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(department_base_is_right(str_c(wrong[i])));
	arena_free(&a);
}

#define BODY(ref, matter, name, state, opened, updated) "{\"case_ref\":\"" ref "\",\"matter\":\"" matter "\",\"matter_name\":\"" name "\",\"state\":\"" state \
	"\",\"status_text\":\"\",\"department_name\":\"d\",\"region_name\":\"r\",\"opened_at\":\"" opened "\",\"updated_at\":\"" updated "\",\"new\":[1]}"
#define OLD "2026-11-20T09:30:00+08:00"
#define NEW "2026-11-23T16:05:12+08:00"
#define GOOD BODY("A-1", "62", "m", "accepted", OLD, NEW)

static void answers(void **state)
{
	(void)state;
	static char long_name[700];
	snprintf(long_name, sizeof(long_name), BODY("A-1", "62", "%0201d", "accepted", OLD, NEW), 0);
	const struct { const char *what; int status; const char *type, *body; enum department_answer want; } cases[] = {
		{ "right", 200, "application/json; charset=utf-8", GOOD, DEPARTMENT_FOUND },
		{ "type in capitals", 200, "Application/JSON", GOOD, DEPARTMENT_FOUND },
		{ "same moment", 200, "application/json", BODY("A-1", "62", "m", "accepted", NEW, NEW), DEPARTMENT_FOUND },
		{ "no such", 404, "application/json", "{\"code\":\"not_found\"}", DEPARTMENT_NO_SUCH },
		{ "another 404", 404, "application/json", "{\"code\":\"no_route\"}", DEPARTMENT_BROKEN },
		{ "a 404 of a list", 404, "application/json", "[]", DEPARTMENT_BROKEN },
		{ "a web server's 404", 404, "text/html", "{\"code\":\"not_found\"}", DEPARTMENT_BROKEN },
		{ "not signed", 401, "application/json", "{\"code\":\"unauthorized\"}", DEPARTMENT_BROKEN },
		{ "elsewhere", 302, NULL, "", DEPARTMENT_BROKEN },
		{ "made", 201, "application/json", GOOD, DEPARTMENT_BROKEN },
		{ "a page", 200, "text/html", GOOD, DEPARTMENT_BROKEN },
		{ "no type", 200, NULL, GOOD, DEPARTMENT_BROKEN },
		{ "nothing", 200, "application/json", "", DEPARTMENT_BROKEN },
		{ "a list", 200, "application/json", "[]", DEPARTMENT_BROKEN },
		{ "half", 200, "application/json", "{\"case_ref\":\"A-1\"", DEPARTMENT_BROKEN },
		{ "a field less", 200, "application/json", "{\"case_ref\":\"A-1\"}", DEPARTMENT_BROKEN },
		{ "another case", 200, "application/json", BODY("A-2", "62", "m", "accepted", OLD, NEW), DEPARTMENT_BROKEN },
		{ "no name", 200, "application/json", BODY("A-1", "62", "", "accepted", OLD, NEW), DEPARTMENT_BROKEN },
		{ "a long name", 200, "application/json", long_name, DEPARTMENT_BROKEN },
		{ "a strange matter", 200, "application/json", BODY("A-1", "6 2", "m", "accepted", OLD, NEW), DEPARTMENT_BROKEN },
		{ "no time", 200, "application/json", BODY("A-1", "62", "m", "accepted", "yesterday", NEW), DEPARTMENT_BROKEN },
		{ "backwards", 200, "application/json", BODY("A-1", "62", "m", "accepted", NEW, OLD), DEPARTMENT_BROKEN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct fail why;
		struct department_case c;
		arena_init(&a, 1 << 16);
		fail_clear(&why);
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = cases[i].status, .body = str_c(cases[i].body), .content_type = str_c(cases[i].type) };
		if (department_judge(STR("A-1"), &answer, &a, &c, &why) != cases[i].want)
			fail_msg("%s", cases[i].what);
		assert_int_equal(why.code, cases[i].want == DEPARTMENT_BROKEN ? FAIL_PEER_NONSENSE : FAIL_NONE);
		if (cases[i].want == DEPARTMENT_FOUND)
			assert_true(str_eq(c.state, STR("accepted")) && str_eq(c.matter_name, STR("m")) && c.updated_ms >= c.opened_ms && c.opened_ms > 0);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(question), cmocka_unit_test(answers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
