/* Goal: every kind of number is read as its standard says. Method: the vectors of tests/unit/vectors/government.json, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/identity_number.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

static json_t *all;
static int32_t today;

static int load(void **state)
{
	(void)state;
	json_error_t e;
	all = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/vectors/government.json", 0, &e);
	assert_non_null(all);
	today = (int32_t)json_integer_value(json_object_get(all, "today"));
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(all);
	return 0;
}

static json_t *rows(const char *name)
{
	json_t *v = json_object_get(json_object_get(all, "vectors"), name);
	assert_true(json_array_size(v) > 0);
	return v;
}

static struct str text_of(json_t *row, const char *name)
{
	const char *c = json_string_value(json_object_get(row, name));
	assert_non_null(c);
	return str_c(c);
}

static enum identity_kind kind_from(struct str s)
{
	return str_eq(s, STR("RESIDENT")) ? IDENTITY_RESIDENT : str_eq(s, STR("HMT_RESIDENCE")) ? IDENTITY_HMT_RESIDENCE : IDENTITY_FOREIGN_PR;
}

static void valid_persons(void **state)
{
	(void)state;
	static const char *const names[] = { "resident_id18_valid", "hmt_residence_valid", "foreign_pr18_valid" };
	for (size_t n = 0; n < 3; n++) {
		size_t i;
		json_t *row;
		json_array_foreach(rows(names[n]), i, row) {
			struct identity got;
			struct str id = text_of(row, "id");
			assert_int_equal(identity_person(id, today, &got), IDENTITY_FINE);
			assert_int_equal(got.kind, kind_from(text_of(row, "kind")));
			assert_true(str_eq_nocase(id, str_c(got.number)));
			assert_int_equal(got.number[17], toupper((unsigned char)id.at[17]));
			if (json_object_get(row, "birth") != NULL)
				assert_int_equal(got.birth, atoi(text_of(row, "birth").at));
			if (json_object_get(row, "sex") != NULL)
				assert_int_equal(got.is_female, text_of(row, "sex").at[0] == 'F');
			assert_false(got.is_area_unknown);
		}
	}
}

static void invalid_persons(void **state)
{
	(void)state;
	size_t i;
	json_t *row;
	json_array_foreach(rows("id18_invalid"), i, row) {
		struct identity got;
		struct str wrong = identity_wrong_text(identity_person(text_of(row, "id"), today, &got));
		assert_string_equal(wrong.at, text_of(row, "error").at);
		assert_int_equal(got.kind, IDENTITY_NONE);
	}
}

static void old_numbers(void **state)
{
	(void)state;
	size_t i;
	json_t *row;
	json_array_foreach(rows("id15"), i, row) {
		char now[IDENTITY_NUMBER_MAX + 1];
		struct identity got;
		assert_true(identity_15_to_18(text_of(row, "id15"), now));
		assert_string_equal(now, text_of(row, "id18").at);
		assert_int_equal(identity_person(text_of(row, "id15"), today, &got), IDENTITY_WRONG_OLD15);
	}
	json_array_foreach(rows("foreign_pr15_old"), i, row) {
		struct identity got;
		bool valid = json_is_true(json_object_get(row, "valid"));
		assert_int_equal(identity_person(text_of(row, "id"), today, &got), valid ? IDENTITY_FINE : IDENTITY_WRONG_CHECK);
		assert_int_equal(got.kind, valid ? IDENTITY_FOREIGN_PR_OLD : IDENTITY_NONE);
	}
}

static void organisations(void **state)
{
	(void)state;
	size_t i;
	json_t *row;
	struct identity got;
	json_array_foreach(rows("uscc_valid"), i, row) {
		assert_int_equal(identity_organisation(text_of(row, "uscc"), &got), IDENTITY_FINE);
		assert_int_equal(got.kind, IDENTITY_ORGANISATION);
		assert_string_equal(got.number, text_of(row, "uscc").at);
	}
	json_array_foreach(rows("uscc_invalid"), i, row)
		assert_string_equal(identity_wrong_text(identity_organisation(text_of(row, "uscc"), &got)).at, text_of(row, "error").at);
}

/* An address code of no known province is flagged and accepted; spaces around are nobody's fault; a day after today is one. */
static void edges(void **state)
{
	(void)state;
	static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	struct identity got;
	char number[19] = "77000119900615013";
	int sum = 0;
	for (int i = 0; i < 17; i++)
		sum += weights[i] * (number[i] - '0');
	number[17] = "10X98765432"[sum % 11];
	assert_int_equal(identity_person(str_c(number), today, &got), IDENTITY_FINE);
	assert_true(got.is_area_unknown);
	assert_int_equal(identity_person(STR(" 62129919850101006x\t"), today, &got), IDENTITY_FINE);
	assert_string_equal(got.number, "62129919850101006X");
	assert_int_equal(identity_person(STR("621299199006150131"), 19900615, &got), IDENTITY_FINE);
	assert_int_equal(identity_person(STR("621299199006150131"), 19900614, &got), IDENTITY_WRONG_BIRTHDATE);
	assert_int_equal(identity_person(STR(""), today, &got), IDENTITY_WRONG_FORMAT);
	assert_int_equal(identity_organisation(STR(""), &got), IDENTITY_WRONG_LENGTH);
	assert_int_equal(identity_organisation(((struct str){ "91621299MA00000\0005U", 18 }), &got), IDENTITY_WRONG_CHARSET);
}

/* Every single wrong digit and every swap of neighbours is found (the promise of MOD 11-2). */
static void typing_errors(void **state)
{
	(void)state;
	struct identity got;
	char good[] = "621299199006150131", bad[sizeof(good)];
	for (int at = 0; at < 18; at++)
		for (char c = '0'; c <= '9'; c++) {
			memcpy(bad, good, sizeof(bad));
			bad[at] = c;
			assert_int_equal(identity_person(str_c(bad), today, &got) == IDENTITY_FINE, c == good[at]);
		}
	for (int at = 0; at < 17; at++) {
		memcpy(bad, good, sizeof(bad));
		bad[at] = good[at + 1];
		bad[at + 1] = good[at];
		assert_int_equal(identity_person(str_c(bad), today, &got) == IDENTITY_FINE, good[at] == good[at + 1]);
	}
}

/* What a note must not hold, and what it may. */
static void numbers_in_text(void **state)
{
	(void)state;
	static const struct { const char *text; bool holds; } rows[] = {
		{ "", false }, { "请带齐材料", false }, { "申请人621299199006150131的材料", true }, { "62129919850101006X", true }, { "62129919850101006x。", true },
		{ "621299199006150130", false /* no such check character */ }, { "1621299199006150131", false }, { "LN62120220261123481516236", false },
		{ "电话13912345678", true }, { "139123456789", false }, { "12345", false }, { "0939-8212345", false }, { "20261123", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (holds_personal_number(str_c(rows[i].text)) != rows[i].holds)
			fail_msg("\"%s\"", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_persons), cmocka_unit_test(invalid_persons), cmocka_unit_test(old_numbers),
		cmocka_unit_test(organisations), cmocka_unit_test(edges),           cmocka_unit_test(typing_errors), cmocka_unit_test(numbers_in_text),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
