/* Goal: however a mainland mobile number is written, it is kept in its eleven digits; what is none is told apart.
 * Method: rows. */
#include "base/phone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct { const char *text, *want; } rows[] = {
	{ "13900000000", "13900000000" }, { "+8613900000000", "13900000000" }, { "8613900000000", "13900000000" }, { "008613900000000", "13900000000" },
	{ "138 0013 8000", "13800138000" }, { "138-0013-8000", "13800138000" }, { "+86 138-0013-8000", "13800138000" }, { " 13800138000 ", "13800138000" },
	{ "19900000000", "19900000000" }, { "12900000000", NULL }, { "1390000000", NULL }, { "139000000000", NULL }, { "1390000000a", NULL }, { "09391234567", NULL },
	{ "+8512900000000", NULL }, { "+85261234567", NULL }, { "868613900000000", NULL }, { "139+00000000", NULL }, { "++13900000000", NULL }, { "0086", NULL },
	{ "", NULL }, { "+", NULL }, { "１３９００００００００", NULL }, { "99999999999999999999999999999", NULL }, { "13900000000\n", NULL },
};

static void phones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[PHONE_DIGITS + 1];
		bool ok = phone_normal(str_c(rows[i].text), out);
		if (ok != (rows[i].want != NULL) || (ok && strcmp(out, rows[i].want) != 0))
			fail_msg("\"%s\"", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(phones) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
