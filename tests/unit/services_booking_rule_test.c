/* Goal: sessions become the same slots always: none on a day off, a Monday's on a weekend day that is worked, none reaching past its session, the horizon
 * counted in working days and ended by what is known of the calendar; and text that is no sessions is refused. Method: rows; a calendar of 2026 as the notice has it. */
#include "services/booking/booking_rule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { MINUTE_MS = 60000 };

static struct workdays calendar(void)
{
	struct workyear y;
	struct workdays w;
	workyear_plain(&y, 2026);
	workyear_set(&y, day_from_civil(2026, 1, 1), false);
	workyear_set(&y, day_from_civil(2026, 1, 4), true);  /* a Sunday that is worked */
	for (int d = 1; d <= 7; d++)
		workyear_set(&y, day_from_civil(2026, 10, d), false);
	workdays_clear(&w);
	assert_true(workdays_add(&w, &y));
	return w;
}

static void texts(void **state)
{
	(void)state;
	static const struct { const char *text; int count; } cases[] = {
		{ "1-5 08:30-12:00;1-5 14:30-17:30", 2 }, { "3 09:00-10:00", 1 }, { "1-5 00:00-24:00", 1 }, { "1-2 09:00-10:00;3-5 09:00-10:00", 2 },
		{ "", 0 }, { "6 09:00-10:00", 0 }, { "0-3 09:00-10:00", 0 }, { "5-1 09:00-10:00", 0 }, { "1-5 9:00-10:00", 0 }, { "1-5 10:00-10:00", 0 },
		{ "1-5 10:00-09:00", 0 }, { "1-5 09:60-10:00", 0 }, { "1-5 09:00-24:01", 0 }, { "1-5 09:00-10:00;", 0 }, { ";1-5 09:00-10:00", 0 },
		{ "1-5 09:00-10:00;5 09:30-11:00", 0 }, { "1-5  09:00-10:00", 0 }, { "1-5 09:00", 0 }, { "1-5 0a:00-10:00", 0 }, { "1-5 -1:00-10:00", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct booking_sessions s;
		bool ok = sessions_parse(str_c(cases[i].text), &s);
		if (ok != (cases[i].count > 0) || (ok && s.count != cases[i].count))
			fail_msg("\"%s\": %s", cases[i].text, ok ? "taken" : "refused");
	}
	char long_text[300] = "";
	for (int i = 0; i < SESSIONS_MAX + 1; i++)
		snprintf(long_text + strlen(long_text), sizeof long_text - strlen(long_text), "%s1 %02d:00-%02d:30", i > 0 ? ";" : "", i, i);
	struct booking_sessions s;
	assert_false(sessions_parse(str_c(long_text), &s));
}

static void days(void **state)
{
	(void)state;
	struct workdays w = calendar();
	struct booking_sessions s;
	struct slot_time t[SLOTS_A_DAY_MAX];
	static const struct { int month, day, slots; } cases[] = {
		{ 11, 26, 13 /* a Thursday */ }, { 11, 27, 11 /* a Friday */ }, { 11, 28, 0 }, { 10, 1, 0 }, { 1, 4, 13 /* as a Monday */ }, { 1, 1, 0 }, { 12, 31, 13 },
	};
	assert_true(sessions_parse(STR("1-4 14:30-17:30;1-5 08:30-12:10;5 14:30-16:40"), &s));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t day = day_from_civil(2026, cases[i].month, cases[i].day);
		int count = slots_of_day(&s, 30, &w, day, t);
		if (count != cases[i].slots)
			fail_msg("2026-%d-%d: %d slots", cases[i].month, cases[i].day, count);
		for (int n = 0; n < count; n++)
			assert_true(t[n].ends_ms - t[n].starts_ms == 30 * MINUTE_MS && (n == 0 || t[n].starts_ms >= t[n - 1].ends_ms));
		if (count > 0)
			assert_int_equal(t[0].starts_ms, day_begins_ms(day) + 510 * MINUTE_MS);
	}
	assert_int_equal(slots_of_day(&s, 30, &w, day_from_civil(2027, 1, 4), t), 0); /* no notice of that year */
}

static void horizons(void **state)
{
	(void)state;
	struct workdays w = calendar();
	int32_t last;
	static const struct { int month, day, ahead, last_month, last_day; } cases[] = {
		{ 11, 26, 1, 11, 27 }, { 11, 26, 2, 11, 30 }, { 11, 28, 1, 11, 30 }, { 9, 30, 1, 10, 8 }, { 12, 30, 7, 12, 31 /* what is known ends there */ },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(horizon_day(&w, day_from_civil(2026, cases[i].month, cases[i].day), cases[i].ahead, &last));
		assert_int_equal(last, day_from_civil(2026, cases[i].last_month, cases[i].last_day));
	}
	assert_false(horizon_day(&w, day_from_civil(2027, 1, 1), 1, &last));
	workdays_clear(&w);
	assert_false(horizon_day(&w, day_from_civil(2026, 11, 26), 1, &last));
}

static void shares(void **state)
{
	(void)state;
	static const struct { int64_t capacity, percent, left; } cases[] = { { 10, 30, 7 }, { 4, 30, 2 }, { 1, 0, 1 }, { 1, 1, 0 }, { 5, 100, 0 }, { 3, 33, 2 }, { 2, 50, 1 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bookable_capacity(cases[i].capacity, cases[i].percent), cases[i].left);
	struct booking_sessions s;
	assert_true(sessions_parse(STR("1-5 00:00-24:00"), &s));
	assert_true(sessions_fit(&s, 15));
	assert_false(sessions_fit(&s, 14));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(days), cmocka_unit_test(horizons), cmocka_unit_test(shares) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
