/* Goal: each clock of a case begins, stands, goes on and stops on the days its events say, in whatever order they came; a missing calendar is waited for; what a
 * citizen sees is the clock that counts. Method: lives of cases by their events, with the shipped calendar of 2026. */
#include "tests/unit/services_world.h"
#include "services/cases/case_clock.h"
#include "services/cases/case_number.h"

#include <stdio.h>

#define CALENDAR_HEAD "date,kind,name,source,region\n"

static char *file_text(const char *name)
{
	static char text[1 << 16];
	char path[512];
	snprintf(path, sizeof(path), "%s/data/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	return text;
}

static void import(struct world *w, const char *text)
{
	world_ask(w, METHOD_POST, "/control/imports/x", "calendar", text);
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
}

/* M1: promised 3 days, statutory 15. */
static bool event(struct world *w, const char *ref, int seq, const char *name, const char *day, const char *more)
{
	char body[640];
	snprintf(body, sizeof body, "{\"event_id\":\"%s-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"%sT10:00:00+08:00\"%s%s}", ref, seq, ref, seq,
		 name, day, seq == 1 ? ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}" : "", more);
	return world_post(w, 1, body);
}

static struct seen {
	bool is_there, has_due, broken;
	int64_t phase, begun, due, days, stopped_on;
} seen;

struct asked {
	const char *ref;
	int kind;
};

static bool look(struct tx *tx, void *ctx, struct fail *why)
{
	const struct asked *a = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT k.phase, k.begun, k.due, k.days + k.extended, k.stopped_on, k.broken FROM case_clock k JOIN cases c ON c.id = k.case_id"
		" WHERE c.case_ref = $1 AND k.kind = $2", why);
	assert_non_null(q);
	stmt_bind_text(q, 1, str_c(a->ref));
	stmt_bind_int(q, 2, a->kind);
	seen = (struct seen){ .is_there = stmt_row(q, why) };
	if (!seen.is_there)
		return why->code == FAIL_NONE;
	seen.phase = stmt_int(q, 0);
	seen.begun = stmt_int(q, 1);
	seen.has_due = !stmt_is_null(q, 2);
	seen.due = seen.has_due ? stmt_int(q, 2) : 0;
	seen.days = stmt_int(q, 3);
	seen.stopped_on = stmt_is_null(q, 4) ? 0 : stmt_int(q, 4);
	seen.broken = stmt_int(q, 5) != 0;
	return true;
}

static int32_t day(const char *text)
{
	int32_t d;
	assert_true(day_from_text(str_c(text), &d));
	return d;
}

/* due NULL: none; phase 0: there is no such clock */
static void expect(struct world *w, const char *ref, enum clock_kind kind, int phase, const char *due)
{
	struct asked a = { ref, kind };
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, look, &a, &why));
	if (seen.is_there != (phase != 0) || (seen.is_there && seen.phase != phase))
		fail_msg("%s %s: phase %lld", ref, clock_kind_row(kind)->name.at, (long long)seen.phase);
	if (phase == 0)
		return;
	char text[DAY_TEXT_BYTES] = "none";
	if (seen.has_due)
		day_text((int32_t)seen.due, text);
	if (strcmp(text, due == NULL ? "none" : due) != 0)
		fail_msg("%s %s: due %s, wanted %s", ref, clock_kind_row(kind)->name.at, text, due == NULL ? "none" : due);
}

static void begin(struct world *w)
{
	world_import_small(w);
	import(w, file_text("calendar.csv"));
}

static void a_plain_life(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "a", 1, "submitted", "2026-03-02", ""));
	expect(w, "a", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-03-09");
	expect(w, "a", CLOCK_PROMISED, 0, NULL);
	world_expect(w, event(w, "a", 2, "accepted", "2026-03-06", ""));
	expect(w, "a", CLOCK_ACCEPTANCE, CLOCK_STOPPED, "2026-03-09");
	assert_false(seen.broken);
	expect(w, "a", CLOCK_PROMISED, CLOCK_RUNS, "2026-03-11");
	expect(w, "a", CLOCK_STATUTORY, CLOCK_RUNS, "2026-03-27");
	world_expect(w, event(w, "a", 3, "decided_ok", "2026-03-12", ""));
	expect(w, "a", CLOCK_PROMISED, CLOCK_STOPPED, "2026-03-11");
	assert_true(seen.broken);
	assert_int_equal(seen.stopped_on, day("2026-03-12"));
	expect(w, "a", CLOCK_STATUTORY, CLOCK_STOPPED, "2026-03-27");
	assert_false(seen.broken);
	expect(w, "a", CLOCK_DELIVERY, CLOCK_RUNS, "2026-03-26");
	world_expect(w, event(w, "a", 4, "done", "2026-03-13", ""));
	expect(w, "a", CLOCK_DELIVERY, CLOCK_STOPPED, "2026-03-26");
}

/* Told on Monday the 9th what is missing, brought on Friday the 13th: Tuesday to Thursday do not count. */
static void what_stands_is_not_counted(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "b", 1, "submitted", "2026-03-05", ""));
	world_expect(w, event(w, "b", 2, "accepted", "2026-03-06", ""));
	world_expect(w, event(w, "b", 3, "correct_asked", "2026-03-09", ""));
	expect(w, "b", CLOCK_PROMISED, CLOCK_STANDS, NULL);
	expect(w, "b", CLOCK_STATUTORY, CLOCK_STANDS, NULL);
	world_expect(w, event(w, "b", 4, "correct_done", "2026-03-13", ""));
	expect(w, "b", CLOCK_PROMISED, CLOCK_RUNS, "2026-03-16");
	/* asked and brought on one day: nothing is taken out */
	world_expect(w, event(w, "b", 5, "special_started", "2026-03-13", ""));
	world_expect(w, event(w, "b", 6, "special_ended", "2026-03-13", ""));
	expect(w, "b", CLOCK_PROMISED, CLOCK_RUNS, "2026-03-16");
	/* withdrawn while it stands */
	world_expect(w, event(w, "b", 7, "paused", "2026-03-13", ""));
	world_expect(w, event(w, "b", 8, "withdrawn", "2026-03-20", ""));
	expect(w, "b", CLOCK_PROMISED, CLOCK_STOPPED, "2026-03-20"); /* the last day moved on with it: 16 to 19 March did not count */
	assert_false(seen.broken);
	expect(w, "b", CLOCK_DELIVERY, 0, NULL);
}

static void papers_before_acceptance_begin_anew(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "c", 1, "submitted", "2026-03-02", ""));
	world_expect(w, event(w, "c", 2, "correct_pre_asked", "2026-03-04", ""));
	expect(w, "c", CLOCK_ACCEPTANCE, CLOCK_STOPPED, "2026-03-09");
	world_expect(w, event(w, "c", 3, "correct_pre_done", "2026-03-16", ""));
	expect(w, "c", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-03-23");
}

static void extended_once_with_its_document(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "d", 1, "submitted", "2026-03-02", ""));
	world_expect(w, event(w, "d", 2, "accepted", "2026-03-02", ""));
	expect_code(w, event(w, "d", 3, "extended", "2026-03-03", ""), FAIL_FIELD_MISSING, "/extend_days");
	expect_code(w, event(w, "d", 3, "extended", "2026-03-03", ",\"extend_days\":10"), FAIL_FIELD_MISSING, "/document");
	expect_code(w, event(w, "d", 3, "done", "2026-03-03", ",\"extend_days\":10"), FAIL_FIELD, "/extend_days");
	world_expect(w, event(w, "d", 3, "extended", "2026-03-03", ",\"extend_days\":10,\"document\":\"陇市监延〔2026〕3号\""));
	expect(w, "d", CLOCK_PROMISED, CLOCK_RUNS, "2026-03-19");
	assert_int_equal(seen.days, 13);
	expect(w, "d", CLOCK_STATUTORY, CLOCK_RUNS, "2026-04-07"); /* over Qingming */
}

/* Events that overtake each other make the same clocks. */
static void any_order(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "e", 4, "correct_done", "2026-03-13", ""));
	world_expect(w, event(w, "e", 3, "correct_asked", "2026-03-09", ""));
	world_expect(w, event(w, "e", 5, "extended", "2026-03-13", ",\"extend_days\":2,\"document\":\"延〔1〕号\""));
	world_expect(w, event(w, "e", 2, "accepted", "2026-03-06", ""));
	world_expect(w, event(w, "e", 1, "submitted", "2026-03-05", ""));
	expect(w, "e", CLOCK_PROMISED, CLOCK_RUNS, "2026-03-18");
	assert_int_equal(seen.days, 5);
}

static bool renew(struct tx *tx, void *ctx, struct fail *why)
{
	return clocks_renew(tx, 100, ctx, why);
}

static int64_t renewed(struct world *w)
{
	int64_t count;
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, renew, &count, &why));
	return count;
}

static void a_missing_calendar_is_waited_for(void **state)
{
	struct world *w = *state;
	world_import_small(w);
	world_expect(w, event(w, "f", 1, "submitted", "2026-03-02", ""));
	expect(w, "f", CLOCK_ACCEPTANCE, CLOCK_RUNS, NULL);
	assert_int_equal(renewed(w), 0);
	import(w, file_text("calendar.csv"));
	assert_int_equal(renewed(w), 1);
	expect(w, "f", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-03-09");
	assert_int_equal(renewed(w), 0);
	/* a county's closure moves its last days on, and nobody else's; what has stopped stays as it was */
	world_expect(w, event(w, "g", 1, "submitted", "2026-03-02", ""));
	world_expect(w, event(w, "g", 2, "not_accepted", "2026-03-03", ""));
	import(w, CALENDAR_HEAD "2026-03-04,off,暴雨停办,陇政办〔2026〕1号,621202\n");
	assert_int_equal(renewed(w), 1);
	expect(w, "f", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-03-10");
	expect(w, "g", CLOCK_ACCEPTANCE, CLOCK_STOPPED, "2026-03-09");
}

/* Two days on which nobody could be served are not counted for whom they covered. The world's now is 23 November 2026. */
static void outages_are_not_counted(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "o", 1, "submitted", "2026-11-16", "")); /* 621202, until the 23rd */
	expect(w, "o", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-11-23");
	static const struct { const char *body, *pointer; } wrong[] = {
		{ "{\"from\":\"2026-11-18\",\"to\":\"2026-11-17\",\"reason\":\"机房断电\"}", "/to" }, { "{\"from\":\"x\",\"to\":\"2026-11-17\",\"reason\":\"机房断电\"}", "/from" },
		{ "{\"from\":\"2026-11-18\",\"to\":\"2026-11-24\",\"reason\":\"机房断电\"}", "/to" }, { "{\"from\":\"2026-11-18\",\"to\":\"2026-11-18\",\"reason\":\"x\"}", "/reason" },
		{ "{\"from\":\"2026-11-18\",\"to\":\"2026-11-18\",\"reason\":\"机房断电\",\"region\":\"62120\"}", "/region" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		world_ask(w, METHOD_POST, "/control/outages", NULL, wrong[i].body);
		w->r.who.kind = WHO_OPERATOR;
		expect_code(w, world_write(w, &control_outage_declare), FAIL_FIELD, wrong[i].pointer);
	}
	static const struct { const char *region, *due; } rows[] = { { "621221", "2026-11-23" }, { "621200", "2026-11-25" }, { "621202", "2026-11-25" } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char body[160];
		snprintf(body, sizeof body, "{\"from\":\"2026-11-17\",\"to\":\"2026-11-18\",\"reason\":\"机房断电\",\"region\":\"%s\"}", rows[i].region);
		world_ask(w, METHOD_POST, "/control/outages", NULL, body);
		w->r.who.kind = WHO_OPERATOR;
		world_expect(w, world_write(w, &control_outage_declare));
		assert_int_equal(renewed(w), 1);
		expect(w, "o", CLOCK_ACCEPTANCE, CLOCK_RUNS, rows[i].due);
	}
	world_ask(w, METHOD_GET, "/v1/outages?limit=2", NULL, NULL);
	world_expect(w, world_read(w, &outage_list));
	assert_true(body_has(w, "\"from\":\"2026-11-17\",\"to\":\"2026-11-18\",\"region\":\"621202\",\"reason\":\"机房断电\""));
}

/* The world's now is 23 November 2026. */
static void what_a_citizen_sees(void **state)
{
	struct world *w = *state;
	begin(w);
	static const struct { const char *ref, *event, *on, *want; } rows[] = {
		{ "h", "submitted", "2026-11-23", "\"limit\":{\"kind\":\"acceptance\",\"due_on\":\"2026-11-30\",\"light\":\"green\"}" },
		{ "i", "submitted", "2026-11-17", "\"limit\":{\"kind\":\"acceptance\",\"due_on\":\"2026-11-24\",\"light\":\"yellow\"}" },
		{ "j", "submitted", "2026-11-16", "\"limit\":{\"kind\":\"acceptance\",\"due_on\":\"2026-11-23\",\"light\":\"orange\"}" },
		{ "k", "submitted", "2026-11-13", "\"limit\":{\"kind\":\"acceptance\",\"due_on\":\"2026-11-20\",\"light\":\"red\"}" },
		{ "h", "accepted", "2026-11-23", "\"limit\":{\"kind\":\"promised\",\"due_on\":\"2026-11-26\",\"light\":\"green\"}" },
		{ "h", "paused", "2026-11-23", "\"limit\":{\"kind\":\"promised\",\"due_on\":null,\"light\":\"standing\"}" },
		{ "h", "withdrawn", "2026-11-23", "\"limit\":null" },
	};
	int seq[26] = { 0 };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		world_expect(w, event(w, rows[i].ref, ++seq[rows[i].ref[0] - 'a'], rows[i].event, rows[i].on, ""));
		const char *no = strstr(world_body(w), "\"case_no\":\"");
		char number[CASE_NUMBER_BYTES];
		assert_non_null(no);
		snprintf(number, sizeof number, "%.25s", no + 11);
		world_ask(w, METHOD_GET, "/v1/cases/x", number, NULL);
		w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
		world_expect(w, world_read(w, &case_show));
		if (!body_has(w, rows[i].want))
			fail_msg("%s %s: %s", rows[i].ref, rows[i].event, world_body(w));
	}
}

struct telling {
	int32_t today;
	int64_t told;
};

static bool tell(struct tx *tx, void *ctx, struct fail *why)
{
	struct telling *t = ctx;
	return clocks_tell(tx, t->today, day_begins_ms(t->today), 100, &t->told, why);
}

static int64_t told(struct world *w, const char *today)
{
	struct telling t = { day(today), 0 };
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, tell, &t, &why));
	return t.told;
}

static bool whats(struct tx *tx, void *ctx, struct fail *why)
{
	char *to = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, what FROM clock_event ORDER BY id", why);
	assert_non_null(q);
	while (stmt_row(q, why))
		to += sprintf(to, "%lld:%lld ", (long long)stmt_int(q, 0), (long long)stmt_int(q, 1));
	*to = '\0';
	return why->code == FAIL_NONE;
}

/* Each light once; one that nobody looked at on its day is not told afterwards; a last day that moves is told of anew. */
static void each_light_is_told_once(void **state)
{
	struct world *w = *state;
	char all[256];
	struct fail why;
	fail_clear(&why);
	begin(w);
	world_expect(w, event(w, "t", 1, "submitted", "2026-03-02", "")); /* until the 9th, yellow from the 6th */
	expect(w, "t", CLOCK_ACCEPTANCE, CLOCK_RUNS, "2026-03-09");
	assert_int_equal(told(w, "2026-03-05"), 0);
	assert_int_equal(told(w, "2026-03-06"), 1);
	assert_int_equal(told(w, "2026-03-06"), 0);
	assert_int_equal(told(w, "2026-03-08"), 0);
	assert_int_equal(told(w, "2026-03-09"), 1);
	assert_int_equal(told(w, "2026-03-12"), 1);
	assert_int_equal(told(w, "2026-06-01"), 0);
	world_expect(w, event(w, "t", 2, "accepted", "2026-03-12", ""));  /* late; promised until the 17th, which is never little before it is nothing */
	assert_int_equal(told(w, "2026-03-16"), 0);
	assert_int_equal(told(w, "2026-03-17"), 1);
	world_expect(w, event(w, "t", 3, "extended", "2026-03-17", ",\"extend_days\":1,\"document\":\"延〔1〕号\"")); /* until the 18th now, and yellow */
	assert_int_equal(told(w, "2026-03-17"), 1);
	assert_int_equal(told(w, "2026-03-17"), 0);
	assert_int_equal(told(w, "2026-03-20"), 1);
	assert_true(store_write(w->store, whats, all, &why));
	assert_string_equal(all, "1:1 1:2 1:3 1:5 2:2 2:1 2:3 ");
}

/* What a case is called elsewhere comes with any event, also with one that waits; the newest stays. */
static void numbers_elsewhere(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, event(w, "n", 2, "received", "2026-11-23", ",\"project_code\":\"2026-621202-48-03-000001\""));
	world_expect(w, event(w, "n", 1, "submitted", "2026-11-23", ",\"provincial_no\":\"GS1\""));
	world_expect(w, event(w, "n", 3, "accepted", "2026-11-23", ",\"provincial_no\":\"GS2\""));
	expect_code(w, event(w, "n", 4, "paused", "2026-11-23", ",\"provincial_no\":\"a b\""), FAIL_FIELD, "/provincial_no");
	world_ask(w, METHOD_GET, "/v1/cases", NULL, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	world_expect(w, world_read(w, &case_list));
	if (!body_has(w, "\"provincial_no\":\"GS2\",\"project_code\":\"2026-621202-48-03-000001\""))
		fail_msg("%s", world_body(w));
}

static void lights(void **state)
{
	(void)state;
	assert_int_equal(light_on(10, true, 12, 11, false), LIGHT_GREEN);
	assert_int_equal(light_on(11, true, 12, 11, false), LIGHT_YELLOW);
	assert_int_equal(light_on(12, true, 12, 11, false), LIGHT_ORANGE);
	assert_int_equal(light_on(13, true, 12, 11, false), LIGHT_RED);
	assert_int_equal(light_on(12, true, 12, 12, false), LIGHT_ORANGE);
	assert_int_equal(light_on(1, false, 0, 0, true), LIGHT_STANDING);
	assert_int_equal(light_on(1, false, 0, 0, false), LIGHT_PENDING);
}

/* What was due in a known year is late in one whose calendar is missing, too. */
static void late_in_a_year_that_is_not_known(void **state)
{
	struct world *w = *state;
	begin(w);
	w->now_ms = day_begins_ms(day("2027-01-06"));
	world_expect(w, event(w, "y", 1, "submitted", "2026-12-24", ""));
	world_expect(w, event(w, "y", 2, "accepted", "2026-12-25", ""));
	expect(w, "y", CLOCK_PROMISED, CLOCK_RUNS, "2026-12-30");
	expect(w, "y", CLOCK_STATUTORY, CLOCK_RUNS, NULL);
	world_expect(w, event(w, "y", 3, "decided_ok", "2027-01-05", ""));
	expect(w, "y", CLOCK_PROMISED, CLOCK_STOPPED, "2026-12-30");
	assert_true(seen.broken);
	expect(w, "y", CLOCK_STATUTORY, CLOCK_STOPPED, NULL);
	assert_false(seen.broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(late_in_a_year_that_is_not_known, world_make, world_end),
		cmocka_unit_test_setup_teardown(a_plain_life, world_make, world_end),
		cmocka_unit_test_setup_teardown(what_stands_is_not_counted, world_make, world_end),
		cmocka_unit_test_setup_teardown(papers_before_acceptance_begin_anew, world_make, world_end),
		cmocka_unit_test_setup_teardown(extended_once_with_its_document, world_make, world_end),
		cmocka_unit_test_setup_teardown(any_order, world_make, world_end),
		cmocka_unit_test_setup_teardown(a_missing_calendar_is_waited_for, world_make, world_end),
		cmocka_unit_test_setup_teardown(what_a_citizen_sees, world_make, world_end),
		cmocka_unit_test_setup_teardown(numbers_elsewhere, world_make, world_end),
		cmocka_unit_test_setup_teardown(outages_are_not_counted, world_make, world_end),
		cmocka_unit_test_setup_teardown(each_light_is_told_once, world_make, world_end), cmocka_unit_test(lights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
