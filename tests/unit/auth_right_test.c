/* Goal: levels rise one by one, but a face is fresh for minutes and then asked for again; a right is held or it is not, and nobody holds what is
 * not of his kind.
 * Method: rows of principals against what is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/right.h"
#include <string.h>

#define NOW INT64_C(1795420800000)

static void levels(void **state)
{
	(void)state;
	static const struct { int level; int64_t face_until; bool suffices[LEVEL_COUNT]; } rows[] = {
		{ LEVEL_L0, 0,       { true, false, false, false, false } },
		{ LEVEL_L1, 0,       { true, true,  false, false, false } },
		{ LEVEL_L1, NOW + 1, { true, true,  false, false, false } }, /* a face without a name is nobody's */
		{ LEVEL_L2, 0,       { true, true,  true,  false, false } },
		{ LEVEL_L2, NOW + 1, { true, true,  true,  true,  false } },
		{ LEVEL_L2, NOW,     { true, true,  true,  false, false } },
		{ LEVEL_L4, 0,       { true, true,  true,  false, true } },  /* seen at a window once is not: here now */
		{ LEVEL_L4, NOW + 1, { true, true,  true,  true,  true } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct principal who = { .kind = WHO_CITIZEN, .level = rows[i].level, .level3_until_ms = rows[i].face_until };
		for (int needed = 0; needed < LEVEL_COUNT; needed++)
			assert_int_equal(level_suffices(&who, needed, NOW), rows[i].suffices[needed]);
	}
	for (int i = 0; i < LEVEL_COUNT; i++)
		assert_int_equal(level_row(i)->step[0] == '\0', i == LEVEL_L0); /* whoever is refused is told what to do */
}

static void rights(void **state)
{
	(void)state;
	struct principal nobody = { .kind = WHO_DEPARTMENT }, all = { .kind = WHO_DEPARTMENT, .rights = rights_all(WHO_DEPARTMENT) };
	assert_true(right_is_held(&nobody, RIGHT_NONE));
	assert_int_equal(rights_all(WHO_CITIZEN), 0);
	for (int i = RIGHT_NONE + 1; i < RIGHT_COUNT; i++) {
		const struct right_row *row = right_row((enum right)i);
		struct principal one = { .kind = WHO_DEPARTMENT, .rights = UINT64_C(1) << i };
		assert_false(right_is_held(&nobody, (enum right)i));
		assert_int_equal(right_is_held(&all, (enum right)i), (row->holders & WHO_DEPARTMENT) != 0);
		for (int other = RIGHT_NONE + 1; other < RIGHT_COUNT; other++) {
			assert_int_equal(right_is_held(&one, (enum right)other), i == other);
			assert_true(i == other || strcmp(row->text, right_row((enum right)other)->text) != 0);
		}
		assert_int_equal(right_from(str_c(row->text)), i);
	}
	assert_int_equal(right_from(STR("everything")), RIGHT_NONE);
	assert_int_equal(right_from(STR("")), RIGHT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(levels), cmocka_unit_test(rights) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
