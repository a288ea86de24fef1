/* Goal: what an event wants of its applicant is told once, in the guide's words and with a last day; what the guide does not hold, and a second asking, are counted and
 * not refused; its person is told again before the end, on the last day and after it, then the department too, each once, and by the calendar of the day.
 * Method: cases of a matter with a guide, by their department's events (each written twice); the job by a clock that is set. */
#include "tests/unit/services_world.h"
#include "base/day.h"
#include "services/cases/demand.h"

#include <stdio.h>

static void import_file(struct world *w, const char *kind, const char *name)
{
	static char text[1 << 16];
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	world_import(w, kind, text);
}

static void import_guide(struct world *w)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "places", json_array());
	json_object_set_new(g, "form", json_loads("[{\"key\":\"owner\",\"label\":\"姓名\",\"type\":\"text\",\"required\":true}]", 0, NULL));
	char *text = json_dumps(g, JSON_COMPACT);
	world_ask(w, METHOD_POST, "/control/imports/x?line=1", "guides", text);
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
	free(text);
	json_decref(g);
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	import_file(*state, "calendar", "data/calendar.csv");
	import_guide(*state);
	return 0;
}

/* Of department 1; 23 November 2026 is a Monday. */
static bool event(struct world *w, const char *ref, int seq, const char *name, const char *demand)
{
	char body[4096];
	snprintf(body, sizeof body, "{\"event_id\":\"%s-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\"%s%s%s}", ref, seq, ref, seq, name,
		 seq == 1 ? ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}" : "", demand != NULL ? ",\"demand\":" : "",
		 demand != NULL ? demand : "");
	return world_post(w, 1, body);
}

static int table_of(const char *from)
{
	for (int t = 0; t < (int)(sizeof(world_tables) / sizeof(world_tables[0])); t++)
		if (strstr(world_tables[t], from) != NULL)
			return t;
	fail_msg("the world knows nothing%s", from);
	return -1;
}
#define DEMANDS table_of(" FROM case_demand ORDER")
#define DEMAND_ITEMS table_of(" FROM case_demand_item ORDER")
#define TALLIES table_of(" FROM case_tally ORDER")

static bool has(struct world *w, int table, const char *text)
{
	return strstr(world_rows(w, table).at, text) != NULL;
}

static int count(const char *in, const char *text)
{
	int n = 0;
	for (; (in = strstr(in, text)) != NULL; in++)
		n++;
	return n;
}

/* ---- what may be said ---- */

static const struct {
	const char *event, *demand;
	enum fail_code want;
	const char *pointer;
} wrongs[] = {
	{ "received", "{\"days\":5,\"items\":[{\"material\":1,\"reason\":\"缺少\"}]}", FAIL_FIELD, "/demand" },
	{ "correct_pre_asked", "{\"items\":[{\"material\":1,\"reason\":\"缺少\"}]}", FAIL_FIELD_MISSING, "/demand/days" },
	{ "correct_pre_asked", "{\"days\":0,\"items\":[{\"material\":1,\"reason\":\"缺少\"}]}", FAIL_FIELD, "/demand/days" },
	{ "correct_pre_asked", "{\"days\":5}", FAIL_FIELD_MISSING, "/demand/items" },
	{ "correct_pre_asked", "{\"days\":5,\"items\":[]}", FAIL_FIELD, "/demand/items" },
	{ "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":1}]}", FAIL_FIELD_MISSING, "/demand/items/0/reason" },
	{ "correct_pre_asked", "{\"days\":5,\"items\":[{\"reason\":\"缺少\"}]}", FAIL_FIELD, "/demand/items/0" },
	{ "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":1,\"field\":\"owner\",\"reason\":\"缺少\"}]}", FAIL_FIELD, "/demand/items/0" },
	{ "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":1,\"reason\":\"电话13900000000\"}]}", FAIL_FIELD, "/demand/items/0/reason" },
	{ "correct_pre_asked", "{\"days\":5,\"when\":1,\"items\":[{\"material\":1,\"reason\":\"缺少\"}]}", FAIL_FIELD_UNKNOWN, "/demand/when" },
	{ "not_accepted", "{\"days\":5,\"items\":[{\"condition\":1,\"reason\":\"不符\"}]}", FAIL_FIELD, "/demand/days" },
};

static void refused(void **state)
{
	struct world *w = *state;
	world_expect(w, event(w, "W", 1, "submitted", NULL));
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++)
		expect_code(w, event(w, "W", 2, wrongs[i].event, wrongs[i].demand), wrongs[i].want, wrongs[i].pointer);
	assert_int_equal(world_rows(w, DEMANDS).len, 0);
}

/* ---- told once, in the guide's words ---- */

static void told(void **state)
{
	struct world *w = *state;
	world_expect(w, event(w, "A", 1, "submitted", NULL));
	world_expect(w, event(w, "A", 2, "correct_pre_asked",
		"{\"days\":5,\"items\":[{\"material\":2,\"reason\":\"已过期\"},{\"field\":\"owner\",\"reason\":\"与证件不符\"},{\"name\":\"公司登记（备案）申请书\",\"reason\":\"未签字\"},"
		"{\"material\":9,\"reason\":\"没有\"},{\"name\":\"居委会证明\",\"reason\":\"没有\"},{\"condition\":1,\"reason\":\"不符\"}]}"));
	/* five working days after Monday is the next Monday; reminded on Thursday, 26 November = day 20783 */
	assert_true(has(w, DEMANDS, "|2|1|0|20780|5|20787|0|20783|-"));
	assert_true(has(w, DEMAND_ITEMS, "|1|1|2|-|住所使用证明|已过期|0"));
	assert_true(has(w, DEMAND_ITEMS, "|2|2|0|owner|姓名|与证件不符|0"));
	assert_true(has(w, DEMAND_ITEMS, "|3|1|1|-|公司登记（备案）申请书|未签字|0")); /* by its name */
	assert_true(has(w, DEMAND_ITEMS, "|4|1|9|-|第9项材料|没有|1"));
	assert_true(has(w, DEMAND_ITEMS, "|5|5|0|-|居委会证明|没有|1"));
	assert_true(has(w, DEMAND_ITEMS, "|6|3|1|-|有符合法律规定的名称和住所。|不符|0"));
	assert_int_equal(count(world_rows(w, TALLIES).at, "|2|5|"), 2); /* added, and nothing else of this event but */
	assert_int_equal(count(world_rows(w, TALLIES).at, "|2|2|1|"), 1);
	assert_true(has(w, WORLD_MESSAGES, "|29|"));
	/* the same again is known; other items are other content */
	expect_code(w, event(w, "A", 2, "correct_pre_asked", "{\"days\":6,\"items\":[{\"material\":2,\"reason\":\"已过期\"}]}"), FAIL_EVENT_REUSED, "");
	world_expect(w, event(w, "A", 3, "correct_pre_done", NULL));
	assert_true(has(w, DEMANDS, "|2|1|0|20780|5|20787|0|-|3"));
	/* a second time: said, counted, not refused */
	world_expect(w, event(w, "A", 4, "correct_pre_asked", "{\"days\":2,\"items\":[{\"material\":1,\"reason\":\"未盖章\"}]}"));
	assert_true(has(w, DEMANDS, "|4|1|1|20780|2|20782|1|20782|-")); /* too short for an earlier word */
	assert_int_equal(count(world_rows(w, TALLIES).at, "|4|6|1|"), 1);
	/* and then refused for something */
	world_expect(w, event(w, "A", 5, "not_accepted", "{\"items\":[{\"condition\":1,\"reason\":\"住所不合法\"}]}"));
	assert_true(has(w, DEMANDS, "|4|1|1|20780|2|20782|1|-|5"));
	assert_true(has(w, DEMANDS, "|5|3|0|20780|0|-|0|-|5"));
	assert_true(has(w, WORLD_MESSAGES, "|32|"));
}

/* What came early brings what it wants when its turn comes; a matter without a guide has nothing beside it. */
static void held(void **state)
{
	struct world *w = *state;
	world_expect(w, event(w, "H", 1, "submitted", NULL));
	world_expect(w, event(w, "H", 3, "correct_asked", "{\"days\":3,\"items\":[{\"material\":2,\"reason\":\"看不清\"}]}"));
	assert_int_equal(w->r.reply.status, 202);
	world_expect(w, event(w, "H", 2, "accepted", "{\"days\":10,\"items\":[{\"material\":2,\"reason\":\"容缺\"}]}"));
	assert_true(body_has(w, "\"released\":[3]"));
	assert_true(has(w, DEMANDS, "|2|2|0|20780|10|20794|0|20790|-"));
	assert_true(has(w, DEMANDS, "|3|1|0|20780|3|20783|0|20781|-"));
	world_expect(w, event(w, "H", 4, "correct_done", NULL));
	assert_true(has(w, DEMANDS, "|2|2|0|20780|10|20794|0|20790|-")); /* what may follow is another thing */
	world_expect(w, event(w, "H", 5, "decided_ok", NULL));
	assert_true(has(w, DEMANDS, "|2|2|0|20780|10|20794|0|-|5"));
	world_expect(w, world_post(w, 2, "{\"event_id\":\"n1\",\"case_ref\":\"N\",\"seq\":1,\"event\":\"received\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\",\"matter\":\"M3\",\"region\":\"621221\","
		"\"applicant\":{\"id_type\":\"uscc\",\"id_number\":\"" COMPANY "\"}}"));
	world_expect(w, world_post(w, 2, "{\"event_id\":\"n2\",\"case_ref\":\"N\",\"seq\":2,\"event\":\"correct_pre_asked\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\","
		"\"demand\":{\"days\":5,\"items\":[{\"material\":1,\"reason\":\"缺少\"},{\"name\":\"房产证\",\"reason\":\"缺少\"}]}}"));
	assert_true(has(w, DEMAND_ITEMS, "|1|1|1|-|第1项材料|缺少|0"));
	assert_true(has(w, DEMAND_ITEMS, "|2|5|0|-|房产证|缺少|0"));
}

/* ---- the clock ---- */

static int64_t at(const char *day, int hour)
{
	int32_t d;
	assert_true(day_from_text(str_c(day), &d));
	return day_begins_ms(d) + hour * INT64_C(3600000);
}

static int64_t rows;

static bool tell(struct tx *tx, void *ctx, struct fail *why)
{
	return demands_tell(tx, ((struct world *)ctx)->now_ms, 20, &rows, why);
}

static int64_t run(struct world *w, const char *day, int hour)
{
	struct fail why;
	fail_clear(&why);
	w->now_ms = at(day, hour);
	world_must(store_write(w->store, tell, w, &why), &why);
	return rows;
}

static bool hook_it(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM effect WHERE kind = 3", why);
	assert_non_null(q);
	assert_true(stmt_row(q, why));
	rows = stmt_int(q, 0);
	(void)w;
	return true;
}

static void add_hook(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/department/hooks", NULL, "{\"url\":\"https://d.example/told\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}");
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1 };
	world_expect(w, world_write(w, &hook_add_handler));
}

static void reminded(void **state)
{
	struct world *w = *state;
	add_hook(w);
	world_expect(w, event(w, "R", 1, "submitted", NULL));
	world_expect(w, event(w, "R", 2, "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":2,\"reason\":\"已过期\"}]}"));
	assert_int_equal(run(w, "2026-11-25", 12), 0);
	assert_int_equal(run(w, "2026-11-26", 8), 0); /* nobody is rung out of bed */
	assert_int_equal(run(w, "2026-11-26", 9), 1);
	assert_int_equal(run(w, "2026-11-26", 10), 0);
	assert_true(has(w, WORLD_MESSAGES, "|35|"));
	assert_int_equal(run(w, "2026-11-30", 9), 1);
	assert_true(has(w, WORLD_MESSAGES, "|36|"));
	assert_int_equal(run(w, "2026-12-01", 9), 1);
	assert_true(has(w, WORLD_MESSAGES, "|37|"));
	assert_int_equal(run(w, "2026-12-20", 9), 0);
	assert_true(has(w, DEMANDS, "|2|1|0|20780|5|20787|3|-|-")); /* nothing is withdrawn */
	assert_true(has(w, WORLD_CASES, "|4|2|"));
	assert_int_equal(count(world_rows(w, TALLIES).at, "|2|7|1|"), 1);
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, hook_it, w, &why), &why);
	assert_int_equal(rows, 1);
	world_ask(w, METHOD_GET, "/v1/cases/x/demands", NULL, NULL);
}

/* Away for a week: one word, the newest. Handed in meanwhile: none. */
static void late_and_done(void **state)
{
	struct world *w = *state;
	world_expect(w, event(w, "L", 1, "submitted", NULL));
	world_expect(w, event(w, "L", 2, "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":2,\"reason\":\"已过期\"}]}"));
	world_expect(w, event(w, "D", 1, "submitted", NULL));
	world_expect(w, event(w, "D", 2, "correct_pre_asked", "{\"days\":5,\"items\":[{\"material\":2,\"reason\":\"已过期\"}]}"));
	world_expect(w, event(w, "D", 3, "correct_pre_done", NULL));
	assert_int_equal(run(w, "2026-12-03", 9), 1);
	assert_true(has(w, WORLD_MESSAGES, "|37|"));
	assert_false(has(w, WORLD_MESSAGES, "|35|"));
	assert_int_equal(run(w, "2026-12-03", 9), 0);
}

/* A year whose calendar is missing has no last day, until it is loaded. */
static void pending(void **state)
{
	struct world *w = *state;
	world_expect(w, event(w, "P", 1, "submitted", NULL));
	world_expect(w, event(w, "P", 2, "correct_pre_asked", "{\"days\":60,\"items\":[{\"material\":2,\"reason\":\"已过期\"}]}"));
	assert_true(has(w, DEMANDS, "|2|1|0|20780|60|-|0|-|-"));
	assert_int_equal(run(w, "2026-12-01", 9), 0);
	world_import(w, "calendar", "date,kind,name,source,region\n2027-01-01,off,元旦,国办发明电,\n");
	assert_int_equal(run(w, "2026-12-02", 9), 1);
	assert_false(has(w, DEMANDS, "|60|-|"));
	assert_int_equal(run(w, "2026-12-02", 9), 0);
	assert_false(has(w, WORLD_MESSAGES, "|35|"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused, begin, world_end),       cmocka_unit_test_setup_teardown(told, begin, world_end),
		cmocka_unit_test_setup_teardown(held, begin, world_end),          cmocka_unit_test_setup_teardown(reminded, begin, world_end),
		cmocka_unit_test_setup_teardown(late_and_done, begin, world_end), cmocka_unit_test_setup_teardown(pending, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
