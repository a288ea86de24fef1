/* Goal: queries, pages and cursors say the same to every handler, and a cursor works only for the list that made it.
 * Method: requests made by hand. */
#include "base/request.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void ask(struct request *r, const char *target)
{
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena, 64 << 10);
	r->target = str_c(target);
	str_cut(r->target, '?', &r->path, &r->query);
	r->who = (struct principal){ .kind = WHO_CITIZEN, .id = 7 };
}

static const struct {
	const char *name, *target;
	bool ok;
	const char *value; /* of "q"; NULL: absent */
} queries[] = {
	{ "absent",            "/v1/x?a=1",          true,  NULL },
	{ "plain",             "/v1/x?q=1",          true,  "1" },
	{ "empty",             "/v1/x?q=",           true,  "" },
	{ "no equals sign",    "/v1/x?q",            true,  "" },
	{ "plus is a space",   "/v1/x?q=a+b",        true,  "a b" },
	{ "percent",           "/v1/x?q=%E9%99%87",  true,  "陇" },
	{ "twice",             "/v1/x?q=1&q=2",      false, NULL },
	{ "half an escape",    "/v1/x?q=%E",         false, NULL },
	{ "not hex",           "/v1/x?q=%zz",        false, NULL },
	{ "a NUL",             "/v1/x?q=%00",        false, NULL },
	{ "not UTF-8",         "/v1/x?q=%ff",        false, NULL },
	{ "name inside value", "/v1/x?a=q&b=2",      true,  NULL },
};

static void query_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct request r;
		struct str got;
		struct fail why;
		fail_clear(&why);
		ask(&r, queries[i].target);
		bool ok = request_query(&r, "q", &got, &why);
		if (ok != queries[i].ok || (ok && !str_eq(got, str_c(queries[i].value))) || (ok && (got.at == NULL) != (queries[i].value == NULL)))
			fail_msg("%s: ok %d, \"%.*s\"", queries[i].name, ok, STR_ARG(got));
		if (!ok)
			assert_int_equal(why.code, FAIL_QUERY);
		arena_free(&r.arena);
	}
}

static void unknown_parameters(void **state)
{
	(void)state;
	static const char *const known[] = { "q", "limit", NULL };
	struct request r;
	struct fail why;
	fail_clear(&why);
	ask(&r, "/v1/x?q=1&limit=2");
	assert_true(request_query_only(&r, known, &why));
	arena_free(&r.arena);
	ask(&r, "/v1/x?q=1&limt=2");
	assert_false(request_query_only(&r, known, &why));
	assert_string_equal(why.pointer, "limt");
	arena_free(&r.arena);
}

/* Makes the answer of a list with a next page and returns its cursor. */
static void make_cursor(const char *target, struct cursor place, char out[40], char link[256])
{
	struct request r;
	struct fail why;
	fail_clear(&why);
	ask(&r, target);
	struct json_out j = reply_json(&r, 200);
	json_put_object(&j);
	reply_page(&r, &j, &place);
	json_put_object_end(&j);
	assert_true(reply_json_end(&r, &j, &why));
	json_t *body = json_loadb(r.reply.body.at, r.reply.body.len, 0, NULL);
	strcpy(out, json_string_value(json_object_get(body, "next_cursor")));
	json_decref(body);
	snprintf(link, 256, "%.*s", STR_ARG(r.reply.headers[0].value));
	arena_free(&r.arena);
}

static bool read_cursor(const char *target, const char *cursor, int64_t who, struct cursor *out, enum fail_code *code)
{
	struct request r;
	struct fail why;
	char full[256];
	bool has;
	int limit;
	fail_clear(&why);
	snprintf(full, sizeof(full), "%s%scursor=%s", target, strchr(target, '?') != NULL ? "&" : "?", cursor);
	ask(&r, full);
	r.who.id = who;
	bool ok = request_page(&r, out, &has, &limit, &why) && has;
	*code = why.code;
	arena_free(&r.arena);
	return ok;
}

static void cursors(void **state)
{
	(void)state;
	uint8_t key[16] = { 1, 2, 3 };
	request_cursor_key(key);
	char cursor[40], link[256];
	struct cursor got, place = { 1790000000000, -5 };
	enum fail_code code;
	make_cursor("/v1/cases?region=621202&limit=5", place, cursor, link);
	assert_non_null(strstr(link, "</v1/cases?region=621202&limit=5&cursor="));
	assert_non_null(strstr(link, ">; rel=\"next\""));

	assert_true(read_cursor("/v1/cases?region=621202&limit=9", cursor, 7, &got, &code)); /* another page size is another page of the same list */
	assert_int_equal(got.at, place.at);
	assert_int_equal(got.id, place.id);
	assert_false(read_cursor("/v1/cases?region=621221", cursor, 7, &got, &code));
	assert_int_equal(code, FAIL_CURSOR);
	assert_false(read_cursor("/v1/matters?region=621202", cursor, 7, &got, &code));
	assert_false(read_cursor("/v1/cases?region=621202", cursor, 8, &got, &code)); /* somebody else's list */
	for (size_t i = 0; i < strlen(cursor); i++) {
		char forged[40];
		strcpy(forged, cursor);
		forged[i] = forged[i] == 'A' ? 'B' : 'A';
		assert_false(read_cursor("/v1/cases?region=621202", forged, 7, &got, &code));
	}
	assert_false(read_cursor("/v1/cases?region=621202", "", 7, &got, &code));
	assert_false(read_cursor("/v1/cases?region=621202", "x", 7, &got, &code));
}

static void limits(void **state)
{
	(void)state;
	static const struct { const char *target; int limit; } rows[] = {
		{ "/v1/x", 20 }, { "/v1/x?limit=1", 1 }, { "/v1/x?limit=100", 100 }, { "/v1/x?limit=0", 0 }, { "/v1/x?limit=101", 0 },
		{ "/v1/x?limit=-1", 0 }, { "/v1/x?limit=1e1", 0 }, { "/v1/x?limit=99999999999999999999", 0 }, { "/v1/x?limit=", 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request r;
		struct fail why;
		struct cursor from;
		bool has;
		int limit = 0;
		fail_clear(&why);
		ask(&r, rows[i].target);
		bool ok = request_page(&r, &from, &has, &limit, &why);
		assert_int_equal(ok, rows[i].limit != 0);
		if (ok)
			assert_int_equal(limit, rows[i].limit);
		arena_free(&r.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(query_values), cmocka_unit_test(unknown_parameters), cmocka_unit_test(cursors), cmocka_unit_test(limits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
