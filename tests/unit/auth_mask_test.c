/* Goal: no more of a personal value is shown than may be. Method: rows. */
#include "auth/mask.h"
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum what { NAME, PHONE, NUMBER };

static const struct { enum what what; enum identity_kind kind; const char *open, *masked; } rows[] = {
	{ NAME, IDENTITY_RESIDENT, "张三", "张*" },
	{ NAME, IDENTITY_RESIDENT, "王小明", "王*明" },
	{ NAME, IDENTITY_RESIDENT, "欧阳小明", "欧**明" },
	{ NAME, IDENTITY_RESIDENT, "阿卜杜拉·买买提", "阿******提" },
	{ NAME, IDENTITY_RESIDENT, "𠮷田", "𠮷*" }, /* four bytes in UTF-8 */
	{ NAME, IDENTITY_RESIDENT, "小𠮷𠮷", "小*𠮷" },
	{ NAME, IDENTITY_RESIDENT, "明", "*" },
	{ NAME, IDENTITY_FOREIGN_PR, "Li", "L*" },
	{ NAME, IDENTITY_RESIDENT, "", "" },
	{ NAME, IDENTITY_ORGANISATION, "陇南市某某有限公司", "陇南市某某有限公司" },
	{ PHONE, IDENTITY_RESIDENT, "13900000000", "139****0000" },
	{ PHONE, IDENTITY_RESIDENT, "1390000000", "**********" },
	{ PHONE, IDENTITY_RESIDENT, "+8613900000000", "**************" },
	{ PHONE, IDENTITY_RESIDENT, "", "" },
	{ NUMBER, IDENTITY_RESIDENT, "621299199006150131", "6****************1" },
	{ NUMBER, IDENTITY_RESIDENT, "62129919850101006X", "6****************X" },
	{ NUMBER, IDENTITY_FOREIGN_PR_OLD, "CHN110012345678", "C*************8" },
	{ NUMBER, IDENTITY_RESIDENT, "6212", "****" },
	{ NUMBER, IDENTITY_PASSPORT, "CAN:AB1234567", "A*******7" },
	{ NUMBER, IDENTITY_PASSPORT, "CHN:E1234", "E***4" },
	{ NUMBER, IDENTITY_HM_TRAVEL, "H12345678", "H*******8" },
	{ NUMBER, IDENTITY_TW_TRAVEL, "1234567", "*******" },
	{ NUMBER, IDENTITY_ORGANISATION, "91621299MA0000015U", "91621299MA0000015U" },
};

static void all_rows(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 64 << 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		buf_init(&b, &a, 16);
		struct str open = str_c(rows[i].open);
		if (rows[i].what == NAME)
			mask_name(rows[i].kind, open, &b);
		else if (rows[i].what == PHONE)
			mask_phone(open, &b);
		else
			mask_number(rows[i].kind, open, &b);
		if (!str_eq(buf_text(&b), str_c(rows[i].masked)))
			fail_msg("%s became %.*s", rows[i].open, STR_ARG(buf_text(&b)));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
