/* Goal: the rules for text are exact at their edges.
 * Method: rows of input and answer; growth of a buf up to its arena's cap. */
#include "base/arena.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

static void numbers(void **state)
{
	(void)state;
	static const struct { const char *text; int64_t min, max; bool good; int64_t want; } rows[] = {
		{ "0", 0, 9, true, 0 }, { "-0", -1, 9, true, 0 }, { "007", 0, 9, true, 7 }, { "", 0, 9, false, 0 }, { "-", -9, 9, false, 0 },
		{ "+1", 0, 9, false, 0 }, { " 1", 0, 9, false, 0 }, { "1 ", 0, 9, false, 0 }, { "1x", 0, 9, false, 0 }, { "10", 0, 9, false, 0 },
		{ "-1", 0, 9, false, 0 }, { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 }, { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 }, { "99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t v = 0;
		assert_int_equal(str_to_i64(str_c(rows[i].text), rows[i].min, rows[i].max, &v), rows[i].good);
		assert_true(v == rows[i].want);
	}
	static const int64_t back[] = { 0, 1, -1, 10, 99, INT64_MAX, INT64_MIN, 1234567890123 };
	for (size_t i = 0; i < sizeof back / sizeof back[0]; i++) {
		char text[21];
		int64_t v = 0;
		struct str s = { text, i64_text(back[i], text) };
		assert_true(str_to_i64(s, INT64_MIN, INT64_MAX, &v) && v == back[i]);
	}
}

static void utf8_is_strict(void **state)
{
	(void)state;
	static const struct { struct str text; bool good; size_t points; } rows[] = {
		{ { "", 0 }, true, 0 },                        { { "plain ASCII, long enough for words", 34 }, true, 34 },
		{ { "\xc2\x80", 2 }, true, 1 },                { { "\xc1\xbf", 2 }, false, 0 },
		{ { "\xe5\x8a\x9e\xe4\xbb\xb6", 6 }, true, 2 }, { { "\xe0\x9f\xbf", 3 }, false, 0 },
		{ { "\xed\x9f\xbf", 3 }, true, 1 },            { { "\xed\xa0\x80", 3 }, false, 0 },
		{ { "\xed\xbf\xbf", 3 }, false, 0 },           { { "\xee\x80\x80", 3 }, true, 1 },
		{ { "\xf0\x90\x80\x80", 4 }, true, 1 },        { { "\xf0\x8f\xbf\xbf", 4 }, false, 0 },
		{ { "\xf4\x8f\xbf\xbf", 4 }, true, 1 },        { { "\xf4\x90\x80\x80", 4 }, false, 0 },
		{ { "\xf5\x80\x80\x80", 4 }, false, 0 },       { { "\xff", 1 }, false, 0 },
		{ { "\x80", 1 }, false, 0 },                   { { "\xe5\x8a", 2 }, false, 0 },
		{ { "1234567\xe5\x8a", 9 }, false, 0 },        { { "12345678\xc2", 9 }, false, 0 },
		{ { "a\0b", 3 }, true, 3 },                    { { "\xe5\x8a\xc2\x80", 4 }, false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(str_is_utf8(rows[i].text), rows[i].good);
		if (rows[i].good)
			assert_int_equal(str_utf8_length(rows[i].text), rows[i].points);
	}
}

static bool is_good_by_char(struct str s)
{
	while (s.len > 0) {
		size_t len = str_utf8_char(s.at, s.len);
		if (len == 0)
			return false;
		s = (struct str){ s.at + len, s.len - len };
	}
	return true;
}

/* Every pair of first bytes, cut at each length, behind every number of ASCII, with and without something after it: what is good alone is good anywhere. */
static void utf8_anywhere(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const char seen[] = { (char)(pair >> 8), (char)pair, (char)0x80, (char)0xbf };
		for (size_t len = 1; len <= sizeof seen; len++) {
			bool good = is_good_by_char((struct str){ seen, len });
			for (size_t before = 0; before <= 9; before++) {
				char cut[] = "0123456789abcdefghijklmn", text[] = "0123456789abcdefghijklmn";
				memcpy(cut + before, seen, sizeof seen); /* what would complete it lies behind the end */
				memcpy(text + before, seen, len);
				assert_int_equal(str_is_utf8((struct str){ cut, before + len }), good);
				assert_int_equal(str_is_utf8((struct str){ text, before + len + 9 }), good);
			}
		}
	}
}

static void cutting(void **state)
{
	(void)state;
	struct str before, after;
	assert_true(str_cut(STR("a=b=c"), '=', &before, &after));
	assert_true(str_eq(before, STR("a")) && str_eq(after, STR("b=c")));
	assert_false(str_cut(STR("abc"), '=', &before, &after));
	assert_true(str_eq(before, STR("abc")) && after.len == 0);
	assert_false(str_cut(STR_NONE, '=', &before, &after));
	assert_true(str_eq(str_trim(STR(" \t a b \t")), STR("a b")) && str_trim(STR("  ")).len == 0);
	assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")) && str_starts(STR("a"), STR_NONE));
	assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")) && str_ends(STR_NONE, STR("")));
	assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")) && !str_eq_nocase(STR("["), STR("{")));
	assert_true(str_is_visible_ascii(STR("!~")) && !str_is_visible_ascii(STR("")) && !str_is_visible_ascii(STR("a b")) && !str_is_visible_ascii(STR("\xe5")));
	assert_true(str_same_secret(STR("abc"), STR("abc")) && !str_same_secret(STR("abc"), STR("abd")) && !str_same_secret(STR("abc"), STR("ab")));
	assert_null(str_c(NULL).at);
}

static void hex(void **state)
{
	(void)state;
	uint8_t bytes[4];
	char text[9];
	assert_int_equal(str_hex(STR("00fFA5"), bytes, 4), 3);
	hex_text(bytes, 3, text);
	assert_string_equal(text, "00ffa5");
	assert_int_equal(str_hex(STR(""), bytes, 4), 0);
	assert_int_equal(str_hex(STR("0"), bytes, 4), -1);
	assert_int_equal(str_hex(STR("0g"), bytes, 4), -1);
	assert_int_equal(str_hex(STR("0011223344"), bytes, 4), -1);
}

static void growing(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	struct buf b, other;
	buf_init(&b, &a, 0);
	buf_init(&other, &a, 8);
	for (int i = 0; i < 5000; i++) {
		buf_int(&b, i);
		buf_char(&b, ',');
		buf_str(&other, STR("x")); /* two that grow in turn must not step on each other */
		buf_printf(&b, "%d;%s", i, "text");
	}
	assert_true(buf_ok(&b) && buf_ok(&other) && other.len == 5000);
	for (size_t i = 0; i < other.len; i++)
		assert_int_equal(other.at[i], 'x');
	size_t at = 0;
	for (int i = 0; i < 5000; i++) {
		char want[40];
		int len = snprintf(want, sizeof want, "%d,%d;text", i, i);
		assert_memory_equal(b.at + at, want, (size_t)len);
		at += (size_t)len;
	}
	assert_int_equal(at, b.len);
	arena_free(&a);
}

static void a_full_arena_is_told_at_the_end(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 20000);
	struct buf b;
	buf_init(&b, &a, 100);
	size_t put = 0;
	while (buf_ok(&b)) {
		buf_str(&b, STR("0123456789"));
		put += 10;
	}
	assert_in_range(put, 7000, 20000); /* a good part of the cap was usable */
	size_t len = b.len;
	buf_char(&b, 'x');
	buf_printf(&b, "%d", 1);
	buf_int(&b, 1);
	assert_int_equal(b.len, len);
	assert_null(buf_room(&b, 1));
	volatile size_t huge = SIZE_MAX; /* volatile: the compiler shall not reason about it */
	assert_null(str_copy(&a, (struct str){ b.at, huge }).at);
	assert_null(str_c_copy(&a, (struct str){ b.at, huge }));
	arena_reset(&a);
	assert_non_null(str_copy(&a, STR_NONE).at); /* empty is not absent */
	assert_string_equal(str_c_copy(&a, STR("abc")), "abc");
	arena_free(&a);
}

/* Eight bytes at a time must say what one at a time says: every byte at every place of every length. */
static void visible_everywhere(void **state)
{
	(void)state;
	char text[40];
	for (size_t len = 1; len <= sizeof text; len++)
		for (size_t at = 0; at < len; at++)
			for (int c = 0; c < 256; c++) {
				memset(text, c % 2 == 0 ? 0x21 : 0x7e, len);
				text[at] = (char)c;
				if (str_is_visible_ascii((struct str){ text, len }) != (c >= 0x21 && c <= 0x7e))
					fail_msg("byte 0x%02x at %zu of %zu", (unsigned)c, at, len);
			}
}

static void one_bit_tells_secrets_apart(void **state)
{
	(void)state;
	char one[40], two[40];
	for (size_t len = 0; len <= sizeof one; len++) {
		memset(one, 'k', sizeof one);
		memset(two, 'k', sizeof two);
		assert_true(str_same_secret((struct str){ one, len }, (struct str){ two, len }));
		for (size_t bit = 0; bit < 8 * len; bit++) {
			two[bit / 8] = (char)(one[bit / 8] ^ 1 << bit % 8);
			assert_false(str_same_secret((struct str){ one, len }, (struct str){ two, len }));
			two[bit / 8] = one[bit / 8];
		}
	}
}

static void numbers_around_powers_of_ten(void **state)
{
	(void)state;
	char text[21], want[24];
	for (int64_t power = 1;; power *= 10) {
		for (int64_t v = power - 2; v <= power + 1; v++)
			for (int sign = -1; sign <= 1; sign += 2) {
				size_t len = i64_text(sign * v, text);
				int wanted = snprintf(want, sizeof want, "%lld", (long long)(sign * v));
				assert_int_equal(len, wanted);
				assert_memory_equal(text, want, len);
			}
		if (power == INT64_C(1000000000000000000))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(utf8_is_strict), cmocka_unit_test(utf8_anywhere), cmocka_unit_test(cutting),
		cmocka_unit_test(visible_everywhere), cmocka_unit_test(one_bit_tells_secrets_apart), cmocka_unit_test(numbers_around_powers_of_ten),
		cmocka_unit_test(hex),     cmocka_unit_test(growing),        cmocka_unit_test(a_full_arena_is_told_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
