/* Goal: times are written and read exactly, by our own reckoning.
 * Method: edge rows; every day of 1970..9999 there and back against gmtime_r; bytes at random must not hurt. */
#include "base/clock.h"
#include "base/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

static void writing(void **state)
{
	(void)state;
	static const struct { int64_t ms; const char *want; } rows[] = {
		{ 0, "1970-01-01T08:00:00.000+08:00" },
		{ -1, "1970-01-01T07:59:59.999+08:00" },
		{ 951753599999, "2000-02-28T23:59:59.999+08:00" },
		{ 951753600000, "2000-02-29T00:00:00.000+08:00" },
		{ 1795392000007, "2026-11-23T08:00:00.007+08:00" },
		{ 253402300799999 - 28800000, "9999-12-31T23:59:59.999+08:00" },
		{ INT64_MAX, "9999-12-31T23:59:59.999+08:00" },
		{ INT64_MIN, "0001-01-01T00:00:00.000+08:00" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[RFC3339_BYTES];
		assert_int_equal(time_rfc3339(rows[i].ms, text), 29);
		assert_string_equal(text, rows[i].want);
	}
	assert_int_equal(time_yyyymmdd(1795392000007), 20261123);
	assert_int_equal(time_yyyymmdd(57599999), 19700101);
	assert_int_equal(time_yyyymmdd(57600000), 19700102);
}

static void reading(void **state)
{
	(void)state;
	static const struct { const char *text; int64_t want; /* -1: no time */ } rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T00:00:00+00:01", -1 }, /* before 1970 in UTC */
		{ "2026-11-23T08:00:00.007+08:00", 1795392000007 },
		{ "2026-11-23T00:00:00.0079999Z", 1795392000007 },
		{ "2026-11-22T20:30:00.1-03:30", 1795392000100 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
		{ "2023-02-29T00:00:00Z", -1 },
		{ "2100-02-29T00:00:00Z", -1 },
		{ "2000-02-29T00:00:00Z", 951782400000 },
		{ "2016-12-31T23:59:60Z", 1483228800000 },
		{ "2017-01-01T07:59:60.5+08:00", 1483228800500 },
		{ "2016-12-31T23:58:60Z", -1 },
		{ "2016-12-30T23:59:60Z", -1 },
		{ "2016-12-31T23:59:61Z", -1 },
		{ "9999-12-31T23:59:59.999+08:00", 253402300799999 - 28800000 },
		{ "9999-12-31T23:59:59.999Z", -1 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2026-11-23 08:00:00Z", -1 },
		{ "2026-11-23T08:00:00", -1 },
		{ "2026-11-23T08:00:00.Z", -1 },
		{ "2026-11-23T08:00:00,5Z", -1 },
		{ "2026-11-23T24:00:00Z", -1 },
		{ "2026-11-23T08:60:00Z", -1 },
		{ "2026-13-01T08:00:00Z", -1 },
		{ "2026-00-01T08:00:00Z", -1 },
		{ "2026-01-00T08:00:00Z", -1 },
		{ "2026-11-31T08:00:00Z", -1 },
		{ "2026-11-23T08:00:00+24:00", -1 },
		{ "2026-11-23T08:00:00+08:60", -1 },
		{ "2026-11-23T08:00:00+0800", -1 },
		{ "2026-11-23T08:00:00+08", -1 },
		{ "2026-11-23T08:00:00Zx", -1 },
		{ "2026-1-23T08:00:00.00Z", -1 },
		{ "+026-11-23T08:00:00Z", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ms = -1;
		assert_int_equal(time_from_rfc3339(str_c(rows[i].text), &ms), rows[i].want >= 0);
		assert_true(ms == rows[i].want);
	}
	assert_false(time_from_rfc3339(STR_NONE, &(int64_t){ 0 }));
}

static void every_day(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 2932896; day++) { /* to 9999-12-31 */
		time_t t = (time_t)(day * 86400);
		struct tm tm;
		gmtime_r(&t, &tm);
		int y, m, d;
		int64_t noon = day * 86400000 + 43200000 - 28800000, back;
		time_civil(noon, &y, &m, &d);
		if (y != tm.tm_year + 1900 || m != tm.tm_mon + 1 || d != tm.tm_mday)
			fail_msg("day %d", (int)day);
		char text[RFC3339_BYTES];
		struct str s = { text, time_rfc3339(noon, text) };
		if (!time_from_rfc3339(s, &back) || back != noon)
			fail_msg("%s", text);
	}
}

static void noise(void **state)
{
	(void)state;
	char text[48];
	for (int round = 0; round < 200000; round++) {
		uint8_t dice[8];
		random_bytes(dice, sizeof dice);
		size_t len = time_rfc3339((int64_t)dice[0] << 32, text);
		text[dice[1] % len] = (char)dice[2];
		text[dice[3] % len] = (char)dice[4];
		int64_t ms = -1;
		if (time_from_rfc3339((struct str){ text, dice[5] % 4 == 0 ? dice[6] % len : len }, &ms))
			assert_true(ms >= 0);
	}
}

static int64_t fixed_wall(void *ctx) { return *(int64_t *)ctx; }
static int64_t fixed_mono(void *ctx) { return *(int64_t *)ctx * 1000000; }

static void replacing(void **state)
{
	(void)state;
	int64_t now = 5;
	struct clock fixed = { fixed_wall, fixed_mono, &now };
	clock_replace(&fixed);
	assert_int_equal(clock_wall_ms(), 5);
	assert_int_equal(clock_mono_ms(), 5);
	clock_replace(NULL);
	assert_true(clock_wall_ms() > 1600000000000);
	int64_t before = clock_mono_ns(), cpu = clock_thread_cpu_ns();
	assert_true(clock_mono_ns() >= before && clock_thread_cpu_ns() >= cpu && cpu > 0);
}

/* The date is kept from one call to the next: days in any order must not see each other's. */
static void days_in_any_order(void **state)
{
	(void)state;
	static const struct { int64_t ms; const char *text; } rows[] = {
		{ 1795392000007, "2026-11-23T08:00:00.007+08:00" }, { 1795449599999, "2026-11-23T23:59:59.999+08:00" },
		{ 1795449600000, "2026-11-24T00:00:00.000+08:00" }, { 0, "1970-01-01T08:00:00.000+08:00" },
		{ -28800001, "1969-12-31T23:59:59.999+08:00" },     { INT64_MIN, "0001-01-01T00:00:00.000+08:00" },
		{ INT64_MAX, "9999-12-31T23:59:59.999+08:00" },
	};
	enum { ROWS = sizeof rows / sizeof rows[0] };
	char text[RFC3339_BYTES];
	for (size_t i = 0; i < ROWS * ROWS; i++) {
		time_rfc3339(rows[i / ROWS].ms, text);
		assert_memory_equal(text, rows[i / ROWS].text, RFC3339_BYTES - 1);
		time_rfc3339(rows[i % ROWS].ms, text);
		assert_memory_equal(text, rows[i % ROWS].text, RFC3339_BYTES - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writing), cmocka_unit_test(reading), cmocka_unit_test(every_day), cmocka_unit_test(noise), cmocka_unit_test(replacing),
		cmocka_unit_test(days_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
