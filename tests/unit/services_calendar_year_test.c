/* Goal: a year's table is whole or is refused at the line that is wrong; what a real notice says passes.
 * Method: the shipped year, and that year with one thing wrong at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/cases/calendar_year.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char shipped[8192];

static int begin(void **state)
{
	(void)state;
	FILE *f = fopen(SIBAN_SOURCE_DIR "/data/calendar.csv", "rb");
	assert_non_null(f);
	shipped[fread(shipped, 1, sizeof(shipped) - 1, f)] = '\0';
	fclose(f);
	return 0;
}

/* The shipped table with `from`, once in it, written as `to`. */
static struct str with(const char *from, const char *to, char out[16384])
{
	char *at = strstr(shipped, from);
	assert_non_null(at);
	int len = snprintf(out, 16384, "%.*s%s%s", (int)(at - shipped), shipped, to, at + strlen(from));
	return (struct str){ out, (size_t)len };
}

static bool judged(struct str table, int year, struct fail *why)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	fail_clear(why);
	bool ok = calendar_year_check(table, year, &a, why);
	arena_free(&a);
	return ok;
}

static void the_real_one(void **state)
{
	(void)state;
	struct fail why;
	char text[16384];
	if (!judged(str_c(shipped), 2026, &why))
		fail_msg("%s", why.log);
	assert_true(judged(with("date,kind", "\xef\xbb\xbf" "date,kind", text), 2026, &why)); /* spreadsheets write a mark at the very start */
}

static void wrong_lines(void **state)
{
	(void)state;
	static const struct { const char *from, *to; int line; const char *column, *reason; } rows[] = {
		{ "2026-01-02,off,元旦", "2026-01-02,off,元旦,国办发明电〔2025〕7号,\n2026-01-02,work,元旦", 4, "date", "day_twice" },
		{ "2026-05-09,work", "2027-05-09,work", 25, "date", "not_of_this_year" },
		{ "2026-02-18,off,春节,国办发明电〔2025〕7号,\n", "", 10, "date", "holiday_with_a_gap" },     /* the day behind the gap */
		{ "2026-10-05,off", "2026-10-05,work", 38, "date", "holiday_with_a_gap" },
		{ "2026-05-01,off,劳动节,国办发明电〔2025〕7号,\n", "", 39, "date", "year_is_a_fragment" },
		{ "2026-01-03,off", "2026-02-30,off", 4, "date", "not_a_date" },
		{ "2026-01-03,off", "2026-01-03,plain", 4, "kind", "plain_in_a_whole_year" },
		{ "2026-01-03,off,元旦,国办发明电〔2025〕7号,", "2026-01-03,off,元旦,国办发明电〔2025〕7号,621202", 4, "region", "not_everywhere" },
		{ "2026-01-03,off,元旦", "2026-01-03,off,\xd4\xaa\xb5\xa9", 4, "3", "not_utf8" },          /* GBK */
		{ "2026-01-03,off", "\xef\xbb\xbf" "2026-01-03,off", 4, "date", "not_a_date" },             /* a mark in the middle: two files in one */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fail why;
		char text[16384], wants[128];
		if (judged(with(rows[i].from, rows[i].to, text), 2026, &why) || why.code != FAIL_IMPORT)
			fail_msg("row %zu: %s", i, why.log);
		if (rows[i].column[0] >= '0' && rows[i].column[0] <= '9')
			snprintf(wants, sizeof(wants), "csv line %d field %s: %s", rows[i].line, rows[i].column, rows[i].reason);
		else
			snprintf(wants, sizeof(wants), "line %d, %s: %s", rows[i].line, rows[i].column, rows[i].reason);
		assert_string_equal(why.log, wants);
	}
}

/* Six days by date are there, and too few in all. */
static void a_fragment(void **state)
{
	(void)state;
	struct fail why;
	static const char text[] = "date,kind,name,source,region\n2027-01-01,off,元旦,x,\n2027-05-01,off,劳动节,x,\n2027-05-02,off,劳动节,x,\n"
		"2027-10-01,off,国庆节,x,\n2027-10-02,off,国庆节,x,\n2027-10-03,off,国庆节,x,\n";
	assert_false(judged(str_c(text), 2027, &why));
	assert_string_equal(why.log, "line 7, date: year_is_a_fragment");
	assert_false(judged(str_c("date,kind,name,source,region\n"), 2027, &why));
	assert_false(judged(STR_NONE, 2027, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_real_one), cmocka_unit_test(wrong_lines), cmocka_unit_test(a_fragment) };
	return cmocka_run_group_tests(tests, begin, NULL);
}
