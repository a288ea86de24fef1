/* Goal: a day's number and its date say the same. Method: every day of 400 years walked one by one beside a calendar kept in words; anchors; nonsense. */
#include "base/clock.h"
#include "base/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void every_day(void **state)
{
	(void)state;
	int year = 1970, month = 1, in_month = 1, week = 4; /* 1970-01-01 was a Thursday */
	for (int32_t day = 0; year < 2370; day++) {
		int y, m, d;
		day_civil(day, &y, &m, &d);
		assert_int_equal(y, year);
		assert_int_equal(m, month);
		assert_int_equal(d, in_month);
		assert_int_equal(day_from_civil(year, month, in_month), day);
		assert_int_equal(day_in_week(day), week);
		week = week == 7 ? 1 : week + 1;
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		int last = month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
		if (++in_month > last) {
			in_month = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
}

static void anchors(void **state)
{
	(void)state;
	static const struct { const char *text; int32_t day; int week; } rows[] = {
		{ "1970-01-01", 0, 4 }, { "2000-02-29", 11016, 2 }, { "2026-11-23", 20780, 1 }, { "2199-12-31", 84005, 2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int32_t day;
		char text[DAY_TEXT_BYTES];
		assert_true(day_from_text(str_c(rows[i].text), &day));
		assert_int_equal(day, rows[i].day);
		assert_int_equal(day_in_week(day), rows[i].week);
		day_text(day, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void moments(void **state)
{
	(void)state;
	int64_t ms;
	assert_true(time_from_rfc3339(STR("2026-11-23T23:59:59.999+08:00"), &ms));
	assert_int_equal(day_of(ms), 20780);
	assert_int_equal(day_of(ms + 1), 20781);
	assert_int_equal(day_begins_ms(20781), ms + 1);
	assert_int_equal(day_of(day_begins_ms(-1)), -1);
	assert_int_equal(day_of(day_begins_ms(0) - 1), -1);
}

static void nonsense(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"", "2026-11-2", "2026-11-233", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31", "1969-12-31", "2200-01-01",
		"2026/11/23", "20261123", " 2026-11-23", "+026-11-23", "2026-1a-23", "２026-11-23",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int32_t day;
		assert_false(day_from_text(str_c(rows[i]), &day));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_day), cmocka_unit_test(anchors), cmocka_unit_test(moments), cmocka_unit_test(nonsense) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
