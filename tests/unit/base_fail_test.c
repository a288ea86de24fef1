/* Goal: the first reason wins, texts end on whole characters, and every row of fail.def is fit to be shown.
 * Method: notes, points and facts by hand; then a walk over the table. */
#include "base/fail.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void first_reason_wins(void **state)
{
	(void)state;
	struct fail why = { .code = FAIL_NONE };
	assert_false(FAILS(&why, NOT_FOUND, "order %d", 7));
	assert_false(FAILS(&why, STORE, "later"));
	assert_int_equal(why.code, FAIL_NOT_FOUND);
	assert_string_equal(why.log, "order 7");
	assert_true(why.line > 0 && str_ends(str_c(why.file), STR("base_fail_test.c")));
	fail_clear(&why);
	assert_false(FAILS_FIELD(&why, FIELD, "/a", "first"));
	assert_false(FAILS_FIELD(&why, FIELD, "/b", "second"));
	assert_string_equal(why.pointer, "/a");
}

static void note_empties_what_is_old(void **state)
{
	(void)state;
	struct fail why;
	memset(&why, 0xa5, sizeof why);
	fail_clear(&why);
	FAILS(&why, GONE, "x");
	assert_int_equal(why.fact_count, 0);
	assert_string_equal(why.pointer, "");
	fail_fact_number(&why, "n", -3);
	fail_fact_text(&why, "t", "text");
	assert_int_equal(why.fact_count, 2);
	assert_true(why.facts[0].is_number && why.facts[0].number == -3);
	assert_false(why.facts[1].is_number);
	assert_string_equal(why.facts[1].text, "text");
}

static void long_text_ends_whole(void **state)
{
	(void)state;
	char text[400] = "";
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		for (size_t at = shift; at + 4 < sizeof text; at += 3)
			memcpy(text + at, "\xe5\x8a\x9e", 4); /* U+529E */
		struct fail why = { .code = FAIL_NONE };
		FAILS_FIELD(&why, FIELD, text, "%s", text);
		fail_fact_text(&why, "t", text);
		assert_true(strlen(why.log) > FAIL_LOG_MAX - 5 && str_is_utf8(str_c(why.log)));
		assert_true(strlen(why.pointer) > FAIL_POINTER_MAX - 5 && str_is_utf8(str_c(why.pointer)));
		assert_true(strlen(why.facts[0].text) > 90 && str_is_utf8(str_c(why.facts[0].text)));
	}
}

static void rows_are_fit(void **state)
{
	(void)state;
	for (enum fail_code c = FAIL_NONE + 1; c < FAIL_COUNT; c++) {
		const struct fail_row *row = fail_row(c);
		assert_in_range(row->http, 400, 599);
		assert_true(row->slug[0] != '\0' && row->title_en[0] != '\0' && row->advice_en[0] != '\0');
		assert_true(str_is_utf8(str_c(row->title_zh)) && str_is_utf8(str_c(row->advice_zh)));
		for (const char *s = row->slug; *s != '\0'; s++)
			assert_true((*s >= 'a' && *s <= 'z') || *s == '_');
		for (enum fail_code other = FAIL_NONE + 1; other < c; other++)
			assert_string_not_equal(fail_row(other)->slug, row->slug);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_reason_wins),
		cmocka_unit_test(note_empties_what_is_old),
		cmocka_unit_test(long_text_ends_whole),
		cmocka_unit_test(rows_are_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
