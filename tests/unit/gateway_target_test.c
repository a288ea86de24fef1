/* Goal: one reading of a request target: routed as admitted, or refused. Method: the table of targets that parsers disagree about. */
#include "gateway/requests/task.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
	const char *target;
	bool ok;
	const char *route; /* NULL: none */
} rows[] = {
	{ "/v1/regions", true, "region_list" },
	{ "/v1/regions?level=3", true, "region_list" },
	{ "/v1/regions/", true, NULL },
	{ "/v1//regions", true, NULL },
	{ "/v1/regions/621202", true, "region_show" },
	{ "/v1/regions/%36%32", true, "region_show" },
	{ "/v1/regions/%zz", true, NULL },
	{ "/v1/regions/621202/x", true, NULL },
	{ "/v1/cases/x/events", true, "case_events" },
	{ "/V1/regions", true, NULL },
	{ "/", true, NULL },
	{ "", false, NULL },
	{ "v1/regions", false, NULL },
	{ "http://a/v1/regions", false, NULL },
	{ "/v1/../v1/regions", false, NULL },
	{ "/v1/./regions", false, NULL },
	{ "/v1/regions/..", false, NULL },
	{ "/v1/%2e%2E/regions", false, NULL },
	{ "/v1/.%2e/regions", false, NULL },
	{ "/v1/..a/regions", true, NULL },
	{ "/v1/regions/a.b", true, "region_show" },
	{ "/v1/regions?x=..", true, "region_list" },
	{ "/v1/regions?x=/../", true, "region_list" },
	{ "/v1/regions?x=a\\b", false, NULL },
	{ "/..", false, NULL },
	{ "/.", false, NULL },
	{ "/v1/regions/a%2fb", false, NULL },
	{ "/v1/regions/a%5Cb", false, NULL },
	{ "/v1/regions/a\\b", false, NULL },
	{ "/v1/regions/%00", false, NULL },
	{ "/v1/regions/a#b", false, NULL },
	{ "/v1/regions/a b", false, NULL },
	{ "/v1/regions/\x7f", false, NULL },
	{ "/v1/regions/\xe9", false, NULL },
	{ "/livez", true, NULL }, /* the admin port's, not ours */
};

static void targets(void **state)
{
	(void)state;
	route_table_build();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request r;
		struct fail why;
		const char *allow;
		memset(&r, 0, sizeof(r));
		fail_clear(&why);
		arena_init(&r.arena, 16384);
		r.method = METHOD_GET;
		r.target = str_c(rows[i].target);
		bool ok = target_split(&r, &why);
		if (ok != rows[i].ok)
			fail_msg("%s: split says %d", rows[i].target, ok);
		const struct route *found = ok ? route_find(&r, FACE_PUBLIC, &allow, &why) : NULL;
		const char *name = found != NULL ? found->name : NULL;
		if ((name == NULL) != (rows[i].route == NULL) || (name != NULL && strcmp(name, rows[i].route) != 0))
			fail_msg("%s: route %s", rows[i].target, name != NULL ? name : "none");
		arena_free(&r.arena);
	}
}

static void methods(void **state)
{
	(void)state;
	struct request r;
	struct fail why;
	const char *allow;
	memset(&r, 0, sizeof(r));
	fail_clear(&why);
	arena_init(&r.arena, 16384);
	r.method = METHOD_DELETE;
	r.target = STR("/v1/regions");
	assert_true(target_split(&r, &why));
	assert_null(route_find(&r, FACE_PUBLIC, &allow, &why));
	assert_int_equal(why.code, FAIL_METHOD);
	assert_string_equal(allow, "GET, HEAD, OPTIONS");
	fail_clear(&why);
	r.method = METHOD_OPTIONS;
	assert_null(route_find(&r, FACE_PUBLIC, &allow, &why));
	assert_int_equal(why.code, FAIL_NONE);
	r.method = METHOD_HEAD;
	assert_non_null(route_find(&r, FACE_PUBLIC, &allow, &why));
	arena_free(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(targets), cmocka_unit_test(methods) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
