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

static void a_cursor_outlives_its_key(void **state)
{
	(void)state;
	static const uint8_t before[][16] = { { 1 } }, after[][16] = { { 2 }, { 1 } }, later[][16] = { { 3 }, { 2 } };
	char cursor[40], newer[40], link[256];
	struct cursor got, place = { 5, 6 };
	enum fail_code code;
	request_cursor_keys(before, 1);
	make_cursor("/v1/cases?limit=5", place, cursor, link);
	request_cursor_keys(after, 2);
	assert_true(read_cursor("/v1/cases", cursor, 7, &got, &code));
	assert_true(got.at == 5 && got.id == 6);
	make_cursor("/v1/cases?limit=5", place, newer, link);
	assert_string_not_equal(newer, cursor);
	request_cursor_keys(later, 2);
	assert_false(read_cursor("/v1/cases", cursor, 7, &got, &code));
	assert_true(read_cursor("/v1/cases", newer, 7, &got, &code));
}

static void cursors(void **state)
{
	(void)state;
	static const uint8_t keys[][16] = { { 1, 2, 3 } };
	request_cursor_keys(keys, 1);
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

/* Each known header is found wherever it stands, the first of several, and nothing that only looks like it. */
static void known_headers(void **state)
{
	(void)state;
	static const char *const names[HEADERS_KNOWN] = {
		[HEADER_ACCEPT_LANGUAGE] = "accept-language", [HEADER_AUTHORIZATION] = "authorization", [HEADER_CONTENT_TYPE] = "content-type",
		[HEADER_IDEMPOTENCY_KEY] = "idempotency-key", [HEADER_IF_NONE_MATCH] = "if-none-match", [HEADER_SEC_FETCH_MODE] = "sec-fetch-mode",
		[HEADER_TRACEPARENT] = "traceparent", [HEADER_ACTING_FOR] = "x-acting-for",
	};
	static const char *const others[] = { "", "te", "user-agents", "content-typo", "content-range", "if-none-matcH", "sec-fetch-site", "accept-languagE", "content-encoding" };
	enum { OTHERS = sizeof(others) / sizeof(others[0]) };
	struct header headers[OTHERS + 2 * HEADERS_KNOWN];
	struct request r;
	for (int absent = 0; absent <= HEADERS_KNOWN; absent++) {
		size_t n = 0;
		for (int i = 0; i < OTHERS; i++)
			headers[n++] = (struct header){ str_c(others[i]), STR("other") };
		for (int twice = 0; twice < 2; twice++)
			for (int k = HEADERS_KNOWN - 1; k >= 0; k--)
				if (k != absent)
					headers[n++] = (struct header){ str_c(names[k]), twice == 0 ? str_c(names[k]) : STR("second") };
		ask(&r, "/");
		r.headers = headers;
		r.header_count = n;
		assert_false(request_know_headers(&r)); /* authorization or content-type came twice, whichever is absent */
		for (int k = 0; k < HEADERS_KNOWN; k++) {
			struct str slow = request_header(&r, str_c(names[k]));
			assert_true((slow.at == NULL) == (k == absent));
			assert_true(str_eq(r.known[k], slow) && (r.known[k].at == NULL) == (slow.at == NULL));
			assert_true(k == absent || str_eq(slow, str_c(names[k])));
		}
	}
}

/* Twice is wrong where a header has one meaning, and a list where it is a list. */
static void one_meaning(void **state)
{
	(void)state;
	static const struct { const char *name; bool clear; } rows[] = {
		{ "authorization", false }, { "content-type", false }, { "idempotency-key", false }, { "x-acting-for", false }, { "accept-language", true }, { "if-none-match", true }, { "x-other", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header headers[] = { { str_c(rows[i].name), STR("a") }, { STR("host"), STR("h") }, { str_c(rows[i].name), STR("a") } };
		struct request r;
		ask(&r, "/");
		r.headers = headers;
		r.header_count = 1;
		assert_true(request_know_headers(&r));
		ask(&r, "/");
		r.headers = headers;
		r.header_count = 3;
		if (request_know_headers(&r) != rows[i].clear)
			fail_msg("%s", rows[i].name);
	}
}

/* Whatever a request left behind, the next one starts as if in zeroed memory; only the arena stays. */
static void cleared(void **state)
{
	(void)state;
	struct request r;
	memset(&r, 0xa5, sizeof(r));
	arena_init(&r.arena, 4096);
	void *kept = arena_alloc(&r.arena, 16);
	char *next = r.arena.at;
	request_clear(&r);
	assert_true(kept != NULL && r.arena.at == next);
	assert_true(r.target.at == NULL && r.route == NULL && r.state == NULL && r.owner == 0 && r.version == 0 && r.rate_key == 0 && r.trace_id[0] == '\0');
	assert_true(r.reply.status == 0 && r.reply.header_count == 0 && r.reply.content_type == NULL && r.reply.body.len == 0);
	assert_true(r.why.code == FAIL_NONE && r.why.fact_count == 0 && r.why.retry_after_s == 0 && r.why.pointer[0] == '\0' && r.why.log[0] == '\0');
	for (int k = 0; k < HEADERS_KNOWN; k++)
		assert_null(r.known[k].at);
	arena_free(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(query_values), cmocka_unit_test(unknown_parameters), cmocka_unit_test(cursors), cmocka_unit_test(a_cursor_outlives_its_key), cmocka_unit_test(limits),
		cmocka_unit_test(known_headers), cmocka_unit_test(one_meaning), cmocka_unit_test(cleared) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
