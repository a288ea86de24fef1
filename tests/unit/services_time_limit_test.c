/* Goal: a limit ends on the day on which a clerk with a wall calendar would end it. Method: the published year, computed cases, and 10,000 random lives
 * beside a walk from day to day. */
#include "services/cases/time_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int32_t at(const char *text)
{
	int32_t day;
	assert_true(day_from_text(str_c(text), &day));
	return day;
}

/* The shipped file, read without siban's own reader. */
static void shipped(struct workyear *y)
{
	FILE *f = fopen(SIBAN_SOURCE_DIR "/data/calendar.csv", "r");
	char row[256], kind[8], date[11];
	assert_non_null(f);
	workyear_plain(y, 2026);
	assert_non_null(fgets(row, sizeof row, f));
	while (fgets(row, sizeof row, f) != NULL) {
		assert_int_equal(sscanf(row, "%10[^,],%7[^,]", date, kind), 2);
		workyear_set(y, at(date), strcmp(kind, "work") == 0);
	}
	fclose(f);
}

static void world(struct workdays *w, int plain_until)
{
	struct workyear y;
	workdays_clear(w);
	shipped(&y);
	assert_true(workdays_add(w, &y));
	for (int year = 2027; year <= plain_until; year++) { /* no notice for these years exists: they stand for any later ones */
		workyear_plain(&y, year);
		assert_true(workdays_add(w, &y));
	}
}

/* Figures of 国办发明电〔2025〕7号: 33 days off, 6 days worked instead, 248 working days. */
static void published_year(void **state)
{
	(void)state;
	static const int per_month[] = { 21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23 };
	struct workdays w;
	world(&w, 2026);
	int32_t before = 0;
	for (int month = 1; month <= 12; month++) {
		int32_t here = workdays_rank(&w, day_from_civil(2026, month, month_days(2026, month)));
		assert_int_equal(here - before, per_month[month - 1]);
		before = here;
	}
	assert_int_equal(before, 248);
	assert_int_equal(workdays_rank(&w, at("2025-12-31")), 0);
}

/* Rank and select undo each other on each day of several years. */
static void rank_and_select(void **state)
{
	(void)state;
	struct workdays w;
	world(&w, 2030);
	int32_t rank = 0, day;
	for (int32_t d = w.first; d < w.end; d++) {
		rank += workday_is(&w, d);
		assert_int_equal(workdays_rank(&w, d), rank);
		if (workday_is(&w, d)) {
			assert_true(workdays_select(&w, rank, &day));
			assert_int_equal(day, d);
		}
	}
	assert_false(workdays_select(&w, rank + 1, &day));
	assert_false(workdays_know(&w, w.end));
	struct workyear gap;
	workyear_plain(&gap, 2032);
	assert_false(workdays_add(&w, &gap));
}

static void known_cases(void **state)
{
	(void)state;
	static const struct { const char *begun; int days; const char *first, *last, *due; } rows[] = {
		{ "2026-03-02", 3, NULL, NULL, "2026-03-05" },
		{ "2026-03-06", 5, NULL, NULL, "2026-03-13" },
		{ "2026-02-12", 5, NULL, NULL, "2026-02-26" },               /* over Spring Festival */
		{ "2026-02-13", 1, NULL, NULL, "2026-02-14" },               /* a Saturday that is worked */
		{ "2026-09-24", 5, NULL, NULL, "2026-10-09" },               /* over National Day */
		{ "2026-09-18", 1, NULL, NULL, "2026-09-20" },               /* a Sunday that is worked */
		{ "2026-10-03", 3, NULL, NULL, "2026-10-10" },               /* accepted on a day off */
		{ "2026-03-02", 50, NULL, NULL, "2026-05-14" },
		{ "2026-03-02", 50, "2026-03-16", "2026-03-27", "2026-05-28" },
		{ "2026-04-29", 5, NULL, NULL, "2026-05-09" },
	};
	struct workdays w;
	world(&w, 2026);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct day_span pause = { 0, 0 };
		struct time_limit l = { .begun = at(rows[i].begun), .unit = LIMIT_WORKING_DAYS, .days = rows[i].days, .pauses = &pause };
		if (rows[i].first != NULL) {
			pause = (struct day_span){ at(rows[i].first), at(rows[i].last) };
			l.pause_count = 1;
		}
		struct limit_now now = limit_look(&w, &l, l.begun);
		assert_false(now.pending);
		assert_int_equal(now.due, at(rows[i].due));
		assert_int_equal(now.left, rows[i].days);
	}
}

static void lights(void **state)
{
	(void)state;
	static const struct { const char *today; enum light light; int left; } rows[] = {
		{ "2026-03-02", LIGHT_GREEN, 10 }, { "2026-03-10", LIGHT_GREEN, 4 }, { "2026-03-11", LIGHT_YELLOW, 3 }, { "2026-03-13", LIGHT_YELLOW, 1 },
		{ "2026-03-16", LIGHT_ORANGE, 0 }, { "2026-03-17", LIGHT_RED, -1 },  { "2026-03-21", LIGHT_RED, -4 }, { "2026-03-22", LIGHT_RED, -4 },
	};
	struct workdays w;
	world(&w, 2026);
	struct time_limit l = { .begun = at("2026-03-02"), .unit = LIMIT_WORKING_DAYS, .days = 10 };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct limit_now now = limit_look(&w, &l, at(rows[i].today));
		assert_int_equal(now.light, rows[i].light);
		assert_int_equal(now.left, rows[i].left);
	}
	struct day_span open = { at("2026-03-05"), DAY_OPEN };
	l.pauses = &open;
	l.pause_count = 1;
	struct limit_now now = limit_look(&w, &l, at("2026-03-19"));
	assert_int_equal(now.light, LIGHT_STANDING);
	assert_int_equal(now.left, 8); /* as many as on the day before the pause */
}

/* A pause that opens when the limit is broken already heals nothing. */
static void too_late_to_pause(void **state)
{
	(void)state;
	struct workdays w;
	world(&w, 2026);
	struct day_span late = { at("2026-03-06"), DAY_OPEN };
	struct time_limit l = { .begun = at("2026-03-02"), .unit = LIMIT_WORKING_DAYS, .days = 3, .pauses = &late, .pause_count = 1 };
	struct limit_now now = limit_look(&w, &l, at("2026-03-20"));
	assert_int_equal(now.due, at("2026-03-05"));
	assert_int_equal(now.light, LIGHT_RED);
}

static void same_day(void **state)
{
	(void)state;
	struct workdays w;
	world(&w, 2026);
	struct time_limit l = { .begun = at("2026-03-02"), .unit = LIMIT_WORKING_DAYS };
	assert_int_equal(limit_look(&w, &l, l.begun).due, l.begun);
	assert_int_equal(limit_look(&w, &l, l.begun).light, LIGHT_ORANGE);
	assert_int_equal(limit_look(&w, &l, l.begun + 1).light, LIGHT_RED);
}

static void calendar_days(void **state)
{
	(void)state;
	struct workdays w;
	world(&w, 2026);
	struct time_limit l = { .begun = at("2026-09-20"), .unit = LIMIT_CALENDAR_DAYS, .days = 12 };
	assert_int_equal(limit_look(&w, &l, l.begun).due, at("2026-10-02"));
	l.to_next_workday = true;
	assert_int_equal(limit_look(&w, &l, l.begun).due, at("2026-10-08"));
	struct time_limit beyond = { .begun = at("2026-12-31"), .unit = LIMIT_CALENDAR_DAYS, .days = 2 };
	assert_int_equal(limit_look(&w, &beyond, beyond.begun).due, at("2027-01-02"));
	beyond.to_next_workday = true;
	assert_true(limit_look(&w, &beyond, beyond.begun).pending);
}

/* Past the last notice nothing is guessed; when the notice comes, the day is there. */
static void pending(void **state)
{
	(void)state;
	struct workdays w;
	struct time_limit l = { .begun = at("2026-10-26"), .unit = LIMIT_WORKING_DAYS, .days = 50 };
	world(&w, 2026);
	struct limit_now now = limit_look(&w, &l, at("2026-11-02"));
	assert_true(now.pending);
	assert_int_equal(now.light, LIGHT_PENDING);
	world(&w, 2027);
	now = limit_look(&w, &l, at("2026-11-02"));
	assert_false(now.pending);
	assert_true(now.due > at("2026-12-31"));
	workdays_clear(&w);
	assert_true(limit_look(&w, &l, l.begun).pending);
	struct time_limit old = { .begun = at("2025-12-01"), .unit = LIMIT_WORKING_DAYS, .days = 50 };
	world(&w, 2027);
	assert_true(limit_look(&w, &old, at("2026-03-01")).pending);
}

/* ---- 10,000 lives beside a clerk who walks from day to day ---- */

static uint64_t seed = 20261126;

static int any(int below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (uint64_t)below);
}

static bool in_a_pause(const struct time_limit *l, int32_t day, int32_t today)
{
	for (int i = 0; i < l->pause_count; i++)
		if (day >= l->pauses[i].first && day <= (l->pauses[i].last == DAY_OPEN ? today : l->pauses[i].last))
			return true;
	return false;
}

static bool counts(const struct workdays *w, const struct time_limit *l, int32_t day, int32_t today)
{
	return !in_a_pause(l, day, today) && (l->unit == LIMIT_CALENDAR_DAYS || workday_is(w, day));
}

static int32_t clerk_due(const struct workdays *w, const struct time_limit *l, int32_t today)
{
	int left = l->days + l->extended;
	int32_t day = l->begun;
	while (left > 0)
		left -= counts(w, l, ++day, today);
	return day;
}

static void lives(void **state)
{
	(void)state;
	struct workdays w;
	world(&w, 2034);
	for (int life = 0; life < 10000; life++) {
		struct day_span pauses[6];
		struct time_limit l = { .begun = w.first + any(365), .unit = 1 + (enum limit_unit)any(2), .days = any(60), .extended = any(3) == 0 ? any(20) : 0,
			.pauses = pauses, .pause_count = any(7) };
		for (int i = 0; i < l.pause_count; i++) {
			pauses[i].first = l.begun - 10 + any(150);
			pauses[i].last = any(6) == 0 ? DAY_OPEN : pauses[i].first - 1 + any(40); /* some are empty */
		}
		int32_t today = l.begun + any(300), due = clerk_due(&w, &l, today);
		struct limit_now now = limit_look(&w, &l, today);
		assert_false(now.pending);
		assert_int_equal(now.due, due);
		int left = 0;
		for (int32_t day = today + 1; day <= due; day++)
			left += counts(&w, &l, day, today);
		for (int32_t day = due + 1; day <= today; day++)
			left -= counts(&w, &l, day, today);
		assert_int_equal(now.left, left);
		assert_int_equal(now.light == LIGHT_RED, today > due);
		if (now.light == LIGHT_GREEN || now.light == LIGHT_YELLOW)
			assert_int_equal(now.light == LIGHT_YELLOW, today >= now.yellow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_year), cmocka_unit_test(rank_and_select), cmocka_unit_test(known_cases), cmocka_unit_test(lights),
		cmocka_unit_test(too_late_to_pause), cmocka_unit_test(same_day), cmocka_unit_test(calendar_days), cmocka_unit_test(pending), cmocka_unit_test(lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
