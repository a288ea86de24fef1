/* Goal: a voice moves as the words below say and no other way; its clocks begin, go on, are lengthened and stop on the days that follow, with the calendar of 2026; lights are told
 * once, what is late is late; an answer that nobody says anything about closes; tags fit their level.
 * Method: the table walked against a list in words; lives of work orders by their handlers on a clock of the test's. */
#include "services_world.h"

#include "auth/right.h"
#include "services/cases/case_number.h"
#include "services/voices/rating.h"
#include "services/voices/voice_clock.h"

#define DAY_MS INT64_C(86400000)

/* ---- the table, in words ---- */

static const struct { const char *state, *events; } may[] = {
	{ "received",  "assigned urged refused withdrawn" },
	{ "assigned",  "assigned handed_over returned accepted urged marked_wrong withdrawn" },
	{ "handling",  "handed_over complex called extended urged answered marked_wrong withdrawn" },
	{ "answered",  "satisfied reopened dissatisfied lapsed marked_wrong" },
	{ "closed",    "" }, { "refused", "" }, { "wrong", "" }, { "withdrawn", "" },
};

static bool is_word(const char *list, struct str word)
{
	struct str one, rest = str_c(list);
	while (rest.len > 0) {
		str_cut(rest, ' ', &one, &rest);
		if (str_eq(one, word))
			return true;
	}
	return false;
}

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
		enum voice_state s = voice_state_from(str_c(may[i].state)), to;
		assert_int_not_equal(s, VOICE_IS_NEW);
		assert_int_equal(voice_is_over(s), may[i].events[0] == '\0');
		for (int e = 1; e < VOICE_EVENTS; e++)
			if (voice_may_move(s, (enum voice_event)e, &to) != is_word(may[i].events, voice_event_row((enum voice_event)e)->text))
				fail_msg("%s in %s", voice_event_row((enum voice_event)e)->text.at, may[i].state);
	}
	assert_int_equal(voice_kind_from(STR("rating")), 0); /* nobody files one */
	assert_int_equal(voice_kind_from(STR("report")), VOICE_REPORT);
	assert_false(voice_kind_row(VOICE_REPORT)->shows_speaker);
}

static void tags(void **state)
{
	(void)state;
	static const struct { const char *text; int level; bool fits; } rows[] = {
		{ "quick,friendly", 5, true }, { "quick", 2, false }, { "slow", 4, false }, { "slow,quick", 3, true }, { "slow", 1, true }, { "", 3, true }, { "nice", 3, false }, { "slow,", 1, true },
		{ ",slow", 1, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t bits;
		struct fail why;
		fail_clear(&why);
		if (rating_tags_from(str_c(rows[i].text), rows[i].level, &bits, &why) != rows[i].fits)
			fail_msg("%s with level %d", rows[i].text, rows[i].level);
	}
}

/* ---- lives ---- */

static char *calendar_text(void)
{
	static char text[1 << 16];
	FILE *f = fopen(SIBAN_SOURCE_DIR "/data/calendar.csv", "rb");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static char case_no[CASE_NUMBER_BYTES], number[VOICE_NUMBER_BYTES];

static void event(struct world *w, int seq, const char *name, const char *more)
{
	char body[640];
	snprintf(body, sizeof(body), "{\"event_id\":\"v-%d\",\"case_ref\":\"V\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\"%s}", seq, seq, name, more);
	world_expect(w, world_post(w, 1, body));
	const char *at = strstr(world_body(w), "\"case_no\":\"");
	assert_non_null(at);
	snprintf(case_no, sizeof(case_no), "%.25s", at + 11);
}

static void a_case_that_is_over(struct world *w)
{
	world_import_small(w);
	world_import(w, "calendar", calendar_text());
	event(w, 1, "submitted", ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}");
	event(w, 2, "not_accepted", "");
}

static bool rate(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/cases/x/rating", case_no, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	return world_write(w, &rating_create);
}

static bool move(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/tickets/x/moves", number, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .rights = UINT64_C(1) << RIGHT_VOICES_WORK };
	return world_write(w, &office_voice_move);
}

static void a_poor_rating(struct world *w)
{
	a_case_that_is_over(w);
	world_expect(w, rate(w, "{\"level\":1,\"tags\":\"slow\",\"text\":\"等了很久\"}"));
	memcpy(number, w->r.outcome.text, sizeof(number));
	assert_true(voice_number_from(str_c(number)));
}

static struct clock_seen {
	bool is_there;
	int64_t phase, due, told;
} seen;

static bool clock_look(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT phase, due, told FROM voice_clock WHERE kind = $1", why);
	assert_non_null(q);
	stmt_bind_int(q, 1, *(int *)ctx);
	seen = (struct clock_seen){ .is_there = stmt_row(q, why) };
	if (seen.is_there)
		seen = (struct clock_seen){ true, stmt_int(q, 0), stmt_is_null(q, 1) ? 0 : stmt_int(q, 1), stmt_int(q, 2) };
	return why->code == FAIL_NONE;
}

static void expect(struct world *w, int kind, int phase, const char *due)
{
	char text[DAY_TEXT_BYTES] = "none";
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, clock_look, &kind, &why));
	if (seen.due != 0)
		day_text((int32_t)seen.due, text);
	if (seen.is_there != (phase != 0) || (phase != 0 && (seen.phase != phase || strcmp(text, due) != 0)))
		fail_msg("clock %d: phase %lld, due %s, wanted %d, %s", kind, (long long)seen.phase, text, phase, due);
}

static bool sql_number(struct tx *tx, void *ctx, struct fail *why)
{
	struct { const char *sql; int64_t n; } *a = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, a->sql, why);
	assert_non_null(q);
	a->n = stmt_row(q, why) ? stmt_int(q, 0) : -1;
	return why->code == FAIL_NONE;
}

static int64_t count(struct world *w, const char *sql)
{
	struct { const char *sql; int64_t n; } a = { sql, 0 };
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, sql_number, &a, &why));
	return a.n;
}

struct job {
	int64_t now_ms, done;
};
static bool tell(struct tx *tx, void *ctx, struct fail *why)
{
	struct job *j = ctx;
	return voice_clocks_tell(tx, day_of(j->now_ms), j->now_ms, 100, &j->done, why);
}
static bool renew(struct tx *tx, void *ctx, struct fail *why)
{
	struct job *j = ctx;
	return voice_clocks_renew(tx, 100, &j->done, why);
}
static bool close_old(struct tx *tx, void *ctx, struct fail *why)
{
	struct job *j = ctx;
	return voices_close(tx, j->now_ms, 7, 100, &j->done, why);
}

static int64_t run(struct world *w, bool (*job)(struct tx *, void *, struct fail *))
{
	struct job j = { w->now_ms, 0 };
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, job, &j, &why), &why);
	return j.done;
}

/* The world's now is Monday 23 November 2026. */
static void a_work_order_in_time(void **state)
{
	struct world *w = *state;
	a_poor_rating(w);
	expect(w, VOICE_CLOCK_ACCEPT, CLOCK_RUNS, "2026-11-24");
	expect(w, VOICE_CLOCK_HANDLE, 0, NULL);
	world_expect(w, move(w, "{\"event\":\"accepted\"}"));
	expect(w, VOICE_CLOCK_ACCEPT, CLOCK_STOPPED, "2026-11-24");
	expect(w, VOICE_CLOCK_HANDLE, CLOCK_RUNS, "2026-11-30");
	world_expect(w, move(w, "{\"event\":\"complex\",\"text\":\"多部门\"}"));
	expect(w, VOICE_CLOCK_HANDLE, CLOCK_RUNS, "2026-12-14");
	expect_code(w, move(w, "{\"event\":\"complex\",\"text\":\"再来\"}"), FAIL_VOICE_STATE, "");
	expect_code(w, move(w, "{\"event\":\"answered\",\"text\":\"已整改\"}"), FAIL_VOICE_CALL, "");
	expect_code(w, move(w, "{\"event\":\"called\"}"), FAIL_FIELD_MISSING, "/text");
	expect_code(w, move(w, "{\"event\":\"extended\",\"text\":\"自己延长\"}"), FAIL_FORBIDDEN, "");
	world_expect(w, move(w, "{\"event\":\"called\",\"text\":\"已回访\"}"));
	world_expect(w, move(w, "{\"event\":\"answered\",\"text\":\"已整改\"}"));
	expect(w, VOICE_CLOCK_HANDLE, CLOCK_STOPPED, "2026-12-14");
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what = 104"), 2);
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what = 105"), 0);
}

static void lights_and_lateness(void **state)
{
	struct world *w = *state;
	a_poor_rating(w);
	world_expect(w, move(w, "{\"event\":\"accepted\"}")); /* to be answered by Monday the 30th */
	assert_int_equal(run(w, tell), 0);
	w->now_ms += 4 * DAY_MS;                                /* Friday: little is left */
	assert_int_equal(run(w, tell), 1);
	assert_int_equal(run(w, tell), 0);
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what = 101 AND clock = 2"), 1);
	w->now_ms += 3 * DAY_MS;
	assert_int_equal(run(w, tell), 1);
	w->now_ms += DAY_MS;
	assert_int_equal(run(w, tell), 1);
	w->now_ms += DAY_MS;
	assert_int_equal(run(w, tell), 0);
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what IN (101, 102, 103)"), 3);
	world_expect(w, move(w, "{\"event\":\"called\",\"text\":\"已回访\"}"));
	world_expect(w, move(w, "{\"event\":\"answered\",\"text\":\"已整改\"}"));
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what = 105 AND clock = 2"), 1);
}

static void a_closure_moves_its_last_day(void **state)
{
	struct world *w = *state;
	a_poor_rating(w);
	assert_int_equal(run(w, renew), 0);
	world_import(w, "calendar", "date,kind,name,source,region\n2026-11-24,off,暴雨停办,陇政办〔2026〕1号,621202\n");
	assert_int_equal(run(w, renew), 1);
	expect(w, VOICE_CLOCK_ACCEPT, CLOCK_RUNS, "2026-11-25");
	assert_int_equal(run(w, renew), 0);
}

static void nobody_says_anything(void **state)
{
	struct world *w = *state;
	a_poor_rating(w);
	world_expect(w, move(w, "{\"event\":\"accepted\"}"));
	world_expect(w, move(w, "{\"event\":\"called\",\"text\":\"已回访\"}"));
	world_expect(w, move(w, "{\"event\":\"answered\",\"text\":\"已整改\"}"));
	w->now_ms += 7 * DAY_MS;
	assert_int_equal(run(w, close_old), 0);
	w->now_ms += DAY_MS;
	assert_int_equal(run(w, close_old), 1);
	assert_int_equal(run(w, close_old), 0);
	assert_int_equal(count(w, "SELECT state FROM voice"), VOICE_IS_CLOSED);
	assert_int_equal(count(w, "SELECT COUNT(*) FROM voice_event WHERE what = 14 AND by_kind = 0"), 1);
}

static void once_and_never_changed(void **state)
{
	struct world *w = *state;
	a_poor_rating(w);
	expect_code(w, rate(w, "{\"level\":5}"), FAIL_RATED, "");
	assert_int_equal(count(w, "SELECT COUNT(*) FROM rating"), 1);
	static const char *const never[] = { "UPDATE rating SET level = 5", "DELETE FROM rating", "UPDATE voice_event SET what = 1", "DELETE FROM voice_event",
		"INSERT INTO rating (id, fact, case_id, level, tags, channel, day, department, region) VALUES (9, 9, 1, 5, 0, 1, 1, 1, 621202)" };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		struct { const char *sql; int64_t n; } a = { never[i], 0 };
		struct fail why;
		fail_clear(&why);
		assert_false(store_write(w->store, sql_number, &a, &why));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table), cmocka_unit_test(tags), TEST(a_work_order_in_time), TEST(lights_and_lateness), TEST(a_closure_moves_its_last_day), TEST(nobody_says_anything),
		TEST(once_and_never_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
