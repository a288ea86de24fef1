/* Goal: people see their own cases, fully and in their language; strangers see the status only with the slip and the last four,
 * and learn nothing from a refusal. Method: cases made through the department's door, then read through each handler. */
#include "base/metrics.h"
#include "services/cases/case_number.h"
#include "services/cases/case_row.h"
#include "tests/unit/services_world.h"

static char case_no[CASE_NUMBER_BYTES];

static void open_case(struct world *w, const char *ref, const char *number)
{
	char body[512];
	snprintf(body, sizeof(body), "{\"event_id\":\"%s-1\",\"case_ref\":\"%s\",\"seq\":1,\"event\":\"submitted\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\","
		 "\"note\":\"网上提交 \\\"一窗\\\"\",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"%s\"}}", ref, ref, number);
	world_expect(w, world_post(w, 1, body));
	memcpy(case_no, w->r.outcome.text, CASE_NUMBER_LENGTH);
	case_no[CASE_NUMBER_LENGTH] = '\0';
}

static void event(struct world *w, const char *ref, int seq, const char *name)
{
	char body[512];
	snprintf(body, sizeof(body), "{\"event_id\":\"%s-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T15:30:00+08:00\"}", ref, seq, ref, seq, name);
	w->now_ms += 1000;
	world_expect(w, world_post(w, 1, body));
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	open_case(*state, "C1", RESIDENT);
	return 0;
}

static bool show(struct world *w, const char *no, enum lang lang)
{
	world_ask(w, METHOD_GET, "/v1/cases/x", no, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1 };
	w->r.lang = lang;
	return world_read(w, &case_show);
}

static void shows(void **state)
{
	struct world *w = *state;
	char want[1024];
	world_expect(w, show(w, case_no, LANG_ZH));
	snprintf(want, sizeof(want), "{\"case_no\":\"%s\",\"matter\":{\"code\":\"M1\",\"name\":\"企业设立登记\"},\"department\":{\"name\":\"陇南市市场监督管理局\"},"
		 "\"region\":{\"code\":\"621202\",\"name\":\"武都区\"},\"type\":\"commitment\",\"status\":\"submitted\",\"status_text\":\"已提交\",\"state\":\"submitted\","
		 "\"state_text\":\"已提交申请\",\"opened_at\":\"2026-11-23T16:00:00.000+08:00\",\"updated_at\":\"2026-11-23T16:00:00.000+08:00\",\"last_seq\":1,\"limit\":{\"kind\":\"acceptance\",\"due_on\":null,\"light\":\"pending\"},"
		 "\"next\":{\"action\":\"wait\",\"text\":\"请等待窗口接件，五个工作日内会告知是否受理。\"}}", case_no);
	assert_string_equal(world_body(w), want);
	print_message("case_show: %zu bytes, arena %zu bytes\n", strlen(want), w->r.arena.used);
	assert_int_equal(w->r.owner, 1);
	uint64_t version = w->r.version;
	assert_true(version != 0);
	world_expect(w, show(w, case_no, LANG_EN)); /* from the row cache */
	assert_true(body_has(w, "\"status_text\":\"Submitted\"") && body_has(w, "企业设立登记"));
	assert_int_equal(w->r.version, version); /* the language is the runtime's part of the ETag */

	event(w, "C1", 2, "received"); /* the cached row is forgotten */
	world_expect(w, show(w, case_no, LANG_ZH));
	assert_true(body_has(w, "\"status\":\"checking\"") && body_has(w, "\"last_seq\":2") && body_has(w, "\"updated_at\":\"2026-11-23T16:00:01.000+08:00\""));
	assert_true(w->r.version != version);

	/* names stay as they were when the case was opened */
	world_import(w, "matters", "code,name,department,region,type,legal_days,promised_days,trips,online\nM1,新名称," DEPARTMENT_A ",621200,commitment,15,3,0,1\n");
	world_expect(w, show(w, case_no, LANG_ZH));
	assert_true(body_has(w, "企业设立登记"));
}

static int64_t names_rows(struct world *w)
{
	int64_t lines = 0;
	struct str rows = world_rows(w, WORLD_CASE_NAMES);
	for (size_t i = 0; i < rows.len; i++)
		lines += rows.at[i] == '\n';
	return lines;
}

/* Cases of one matter and region share a row of names until something is renamed; who was opened before keeps the old names. */
static void shares_names(void **state)
{
	struct world *w = *state;
	char old[CASE_NUMBER_BYTES];
	memcpy(old, case_no, sizeof(old));
	assert_int_equal(names_rows(w), 1);
	open_case(w, "C2", OTHER_RESIDENT);
	assert_int_equal(names_rows(w), 1);
	world_import(w, "matters", "code,name,department,region,type,legal_days,promised_days,trips,online\nM1,新名称," DEPARTMENT_A ",621200,commitment,15,3,0,1\n");
	open_case(w, "C3", RESIDENT);
	assert_int_equal(names_rows(w), 2);
	world_expect(w, show(w, case_no, LANG_ZH));
	assert_true(body_has(w, "\"name\":\"新名称\""));
	world_expect(w, show(w, old, LANG_ZH));
	assert_true(body_has(w, "\"name\":\"企业设立登记\""));
	open_case(w, "C4", RESIDENT);
	assert_int_equal(names_rows(w), 2);
}

static bool rename_all(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_names SET matter_name = 'x'", why);
	return q != NULL && stmt_run(q, why);
}

static bool drop_all(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM case_names", why);
	return q != NULL && stmt_run(q, why);
}

/* What is kept in memory without asking again must not change behind its back. */
static void names_never_change(void **state)
{
	struct world *w = *state;
	struct fail why;
	fail_clear(&why);
	assert_false(store_write(w->store, rename_all, NULL, &why));
	fail_clear(&why);
	assert_false(store_write(w->store, drop_all, NULL, &why));
}

static int64_t cache_hits(void)
{
	return metric_read(M_row_cache, 3 * ROW_CASE);
}

/* The finished answer is what the cache keeps: with its owner and version, one per language, and both forgotten when the case moves. */
static void shows_from_the_cache(void **state)
{
	struct world *w = *state;
	static const enum lang langs[] = { LANG_ZH, LANG_EN };
	char first[LANG_COUNT][1024], other[CASE_NUMBER_BYTES];
	struct fail why;
	for (int moves = 1; moves <= 2; moves++) {
		uint64_t version = 0;
		for (int i = 0; i < LANG_COUNT; i++) {
			int64_t hits = cache_hits();
			world_expect(w, show(w, case_no, langs[i]));
			assert_int_equal(cache_hits(), hits); /* new to it, or moved since */
			snprintf(first[i], sizeof(first[i]), "%s", world_body(w));
			version = w->r.version;
			world_expect(w, show(w, case_no, langs[i]));
			assert_int_equal(cache_hits(), hits + 1);
			assert_string_equal(world_body(w), first[i]);
			assert_true(w->r.owner == 1 && w->r.version == version && w->r.reply.status == 200);
		}
		assert_string_not_equal(first[0], first[1]);
		char want[32];
		snprintf(want, sizeof(want), "\"last_seq\":%d", moves);
		assert_non_null(strstr(first[0], want));
		assert_non_null(strstr(first[1], want));
		/* another number that leads to the same row: the cached answer is not its answer */
		fail_clear(&why);
		assert_true(case_number_format(1, 621221, NOW_MS, other, &why));
		expect_code(w, show(w, other, LANG_ZH), FAIL_NOT_FOUND, "");
		assert_int_equal(w->r.owner, 0);
		event(w, "C1", moves + 1, moves == 1 ? "received" : "accepted");
	}
	world_expect(w, show(w, case_no, LANG_EN));
	assert_true(body_has(w, "\"last_seq\":3") && body_has(w, "\"status\":\"in_progress\""));
	world_expect(w, show(w, case_no, LANG_ZH));
	assert_true(body_has(w, "\"last_seq\":3") && body_has(w, "\"status\":\"in_progress\""));
}

static void unknown_numbers(void **state)
{
	struct world *w = *state;
	struct fail why;
	char other[CASE_NUMBER_BYTES];
	expect_code(w, show(w, "LN123", LANG_ZH), FAIL_NOT_FOUND, "");
	fail_clear(&why);
	assert_true(case_number_format(77, 621202, NOW_MS, other, &why)); /* no such row */
	expect_code(w, show(w, other, LANG_ZH), FAIL_NOT_FOUND, "");
	assert_true(case_number_format(1, 621221, NOW_MS, other, &why));  /* that row, another region */
	expect_code(w, show(w, other, LANG_ZH), FAIL_NOT_FOUND, "");
	assert_int_equal(w->r.owner, 0);
}

static bool list(struct world *w, int64_t person, const char *target)
{
	world_ask(w, METHOD_GET, target, NULL, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = person };
	return world_read(w, &case_list);
}

/* The target of the Link header's next page. */
static const char *next_target(struct world *w, char out[256])
{
	for (int i = 0; i < w->r.reply.header_count; i++) {
		struct str v = w->r.reply.headers[i].value;
		if (str_eq(w->r.reply.headers[i].name, STR("link")) && v.len < 256) {
			size_t len = (size_t)((const char *)memchr(v.at, '>', v.len) - v.at) - 1;
			memcpy(out, v.at + 1, len);
			out[len] = '\0';
			return out;
		}
	}
	return NULL;
}

static void lists(void **state)
{
	struct world *w = *state;
	char ref[16], target[256];
	for (int i = 2; i <= 7; i++) {
		snprintf(ref, sizeof(ref), "C%d", i);
		open_case(w, ref, i % 2 == 0 ? OTHER_RESIDENT : RESIDENT);
	}
	world_expect(w, list(w, 1, "/v1/cases")); /* C1, C3, C5, C7 */
	assert_true(body_has(w, "\"next_cursor\":null}"));
	assert_null(strstr(world_body(w), "\"next\":"));
	int pages = 0, items = 0;
	const char *at = "/v1/cases?limit=3";
	while (at != NULL) {
		world_expect(w, list(w, 1, at));
		for (const char *p = strstr(world_body(w), "\"case_no\""); p != NULL; p = strstr(p + 1, "\"case_no\""))
			items++;
		at = next_target(w, target);
		pages++;
	}
	assert_int_equal(pages, 2);
	assert_int_equal(items, 4);
	world_expect(w, list(w, 3, "/v1/cases"));
	assert_string_equal(world_body(w), "{\"items\":[],\"next_cursor\":null}");
	expect_code(w, list(w, 1, "/v1/cases?cursor=AAAA"), FAIL_CURSOR, "cursor");
	expect_code(w, list(w, 1, "/v1/cases?limit=101"), FAIL_QUERY, "limit");
	expect_code(w, list(w, 1, "/v1/cases?state=x"), FAIL_QUERY, "state");
	/* a cursor of another person's list is not valid here */
	world_expect(w, list(w, 1, "/v1/cases?limit=3"));
	char *stolen = strdup(next_target(w, target));
	expect_code(w, list(w, 2, stolen), FAIL_CURSOR, "cursor");
	free(stolen);
}

static bool timeline(struct world *w, const char *target, enum lang lang)
{
	world_ask(w, METHOD_GET, target, case_no, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1 };
	w->r.lang = lang;
	return world_read(w, &case_events);
}

static void timelines(void **state)
{
	struct world *w = *state;
	char target[256];
	event(w, "C1", 2, "received");
	event(w, "C1", 3, "accepted");
	world_expect(w, timeline(w, "/v1/cases/x/events", LANG_ZH));
	assert_int_equal(w->r.owner, 1);
	assert_true(body_has(w, "{\"items\":[{\"seq\":1,\"event\":\"submitted\",\"state\":\"submitted\",\"state_text\":\"已提交申请\",\"status\":\"submitted\","
				"\"note\":\"网上提交 \\\"一窗\\\"\",\"occurred_at\":\"2026-11-23T15:00:00.000+08:00\",\"received_at\":\"2026-11-23T16:00:00.000+08:00\"},"));
	assert_true(body_has(w, "{\"seq\":3,\"event\":\"accepted\",\"state\":\"accepted\",\"state_text\":\"已受理\",\"status\":\"in_progress\",\"note\":null,"));
	world_expect(w, timeline(w, "/v1/cases/x/events?limit=2", LANG_EN));
	assert_true(body_has(w, "\"seq\":2,\"event\":\"received\",\"state\":\"received\",\"state_text\":\"Received\""));
	const char *next = next_target(w, target);
	assert_non_null(next);
	world_expect(w, timeline(w, next, LANG_EN));
	assert_true(body_has(w, "{\"items\":[{\"seq\":3,") && body_has(w, "\"next_cursor\":null"));
}

/* ---- look-up ---- */

static bool lookup(struct world *w, const char *no, const char *last4)
{
	char body[128];
	snprintf(body, sizeof(body), "{\"case_no\":\"%s\",\"id_last4\":\"%s\"}", no, last4);
	world_ask(w, METHOD_POST, "/v1/case-lookups", NULL, body);
	return world_read(w, &case_lookup);
}

static void looks_up(void **state)
{
	struct world *w = *state;
	struct fail why;
	char lower[CASE_NUMBER_BYTES], unknown[CASE_NUMBER_BYTES], other_region[CASE_NUMBER_BYTES], want[256];
	world_expect(w, lookup(w, case_no, "0131"));
	snprintf(want, sizeof(want), "{\"case_no\":\"%s\",\"matter\":{\"name\":\"企业设立登记\"},\"status\":\"submitted\",\"status_text\":\"已提交\","
		 "\"updated_at\":\"2026-11-23T16:00:00.000+08:00\",\"source\":\"gateway\"}", case_no);
	assert_string_equal(world_body(w), want);
	uint64_t rate_key = w->r.rate_key;
	assert_true(rate_key != 0);
	snprintf(lower, sizeof(lower), "ln%s", case_no + 2);
	world_expect(w, lookup(w, lower, "0131"));
	assert_int_equal(w->r.rate_key, rate_key); /* however it is written, it is counted as one */

	fail_clear(&why);
	assert_true(case_number_format(78, 621202, NOW_MS, unknown, &why));
	assert_true(case_number_format(1, 621221, NOW_MS, other_region, &why));
	expect_code(w, lookup(w, case_no, "0132"), FAIL_LOOKUP, "");
	assert_int_equal(w->r.rate_key, rate_key);
	expect_code(w, lookup(w, unknown, "0131"), FAIL_LOOKUP, "");
	assert_true(w->r.rate_key != rate_key && w->r.rate_key != 0);
	expect_code(w, lookup(w, other_region, "0131"), FAIL_LOOKUP, "");
	expect_code(w, lookup(w, "LN1", "0131"), FAIL_LOOKUP, "");
	assert_int_equal(w->r.why.fact_count, 0);
	expect_code(w, lookup(w, case_no, "131"), FAIL_FIELD, "/id_last4");

	open_case(w, "CX", OTHER_RESIDENT);
	world_expect(w, lookup(w, case_no, "006x"));
	world_expect(w, lookup(w, case_no, "006X"));
}

/* On an empty table too. */
static void looks_up_nothing(void **state)
{
	struct world *w = *state;
	struct fail why;
	char number[CASE_NUMBER_BYTES];
	fail_clear(&why);
	assert_true(case_number_format(1, 621202, NOW_MS, number, &why));
	expect_code(w, lookup(w, number, "0131"), FAIL_LOOKUP, "");
}

/* Names at their limits fit the row; the answer is too long for the cache then, and right all the same. */
static void long_names(void **state)
{
	struct world *w = *state;
	char name[301] = "", csv[1024];
	for (int i = 0; i < 100; i++)
		memcpy(name + 3 * i, "项", 3);
	name[300] = '\0';
	snprintf(csv, sizeof(csv), "code,name,department,region,type,legal_days,promised_days,trips,online\nM1,%s," DEPARTMENT_A ",621200,commitment,15,3,0,1\n", name);
	world_import(w, "matters", csv);
	open_case(w, "LONG", RESIDENT);
	int64_t hits = cache_hits();
	for (int twice = 0; twice < 2; twice++) {
		world_expect(w, show(w, case_no, LANG_ZH));
		assert_true(body_has(w, name) && body_has(w, "武都区"));
		assert_true(w->r.owner == 1 && w->r.version != 0);
	}
	assert_int_equal(cache_hits(), hits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shows, begin, world_end),
		cmocka_unit_test_setup_teardown(shares_names, begin, world_end),
		cmocka_unit_test_setup_teardown(names_never_change, begin, world_end),
		cmocka_unit_test_setup_teardown(shows_from_the_cache, begin, world_end),
		cmocka_unit_test_setup_teardown(unknown_numbers, begin, world_end),
		cmocka_unit_test_setup_teardown(lists, begin, world_end),
		cmocka_unit_test_setup_teardown(timelines, begin, world_end),
		cmocka_unit_test_setup_teardown(looks_up, begin, world_end),
		cmocka_unit_test_setup_teardown(looks_up_nothing, world_make, world_end),
		cmocka_unit_test_setup_teardown(long_names, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
