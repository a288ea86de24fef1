/* Goal: who is rooted in a place sees it and what lies in it. Method: rows. */
#include "auth/tenancy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void rows(void **state)
{
	(void)state;
	static const struct { int64_t root, code; bool within; } at[] = {
		{ 0, 621202, true }, { 0, 621202001, true }, { 0, 0, false }, { 0, 62, false }, { 0, 6212020011, false }, { 0, -621202, false },
		{ 621200, 621200, true }, { 621200, 621202, true }, { 621200, 621228999, true }, { 621200, 621102, false }, { 621200, 621100, false },
		{ 621202, 621202, true }, { 621202, 621202001, true }, { 621202, 621221, false }, { 621202, 621221001, false }, { 621202, 621200, false },
		{ 621202001, 621202001, true }, { 621202001, 621202002, false }, { 621202001, 621202, false },
		{ 620000, 621202001, true }, { 620000, 610100, false },
	};
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (region_is_within(at[i].root, at[i].code) != at[i].within)
			fail_msg("root %lld, code %lld", (long long)at[i].root, (long long)at[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
