/* Goal: one paper has one number, whatever door it comes to and however it is typed; and what is no such paper is refused by its reason. Method: rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/document.h"

enum { TODAY = 20261123, BOTH = DOCUMENTS_OF_RESIDENTS | DOCUMENTS_OF_ORGANISATIONS };

static const struct {
	const char *type, *country, *number;
	unsigned takes;
	enum identity_wrong wrong;
	const char *kept;
} rows[] = {
	{ NULL, NULL, " 62129919850101006x ", 0, IDENTITY_FINE, "62129919850101006X" },
	{ "resident", NULL, "621299199006150131", 0, IDENTITY_FINE, "621299199006150131" },
	{ "resident", NULL, "810000199408230021", 0, IDENTITY_WRONG_TYPE, NULL },
	{ "resident", NULL, "810000199408230021", DOCUMENTS_OF_RESIDENTS, IDENTITY_FINE, "810000199408230021" },
	{ "hmt_residence", NULL, "810000199408230021", BOTH, IDENTITY_FINE, "810000199408230021" },
	{ "hmt_residence", NULL, "621299199006150131", BOTH, IDENTITY_WRONG_TYPE, NULL },
	{ "uscc", NULL, "91621299MA0000015U", BOTH, IDENTITY_FINE, "91621299MA0000015U" },
	{ "uscc", NULL, "91621299MA0000015U", DOCUMENTS_OF_RESIDENTS, IDENTITY_WRONG_TYPE, NULL },
	{ "hm_travel", NULL, "h12345678", 0, IDENTITY_FINE, "H12345678" },
	{ "hm_travel", NULL, "M1234567801", BOTH, IDENTITY_FINE, "M1234567801" },
	{ "hm_travel", NULL, "H123456789", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "hm_travel", NULL, "A12345678", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "hm_travel", "CHN", "H12345678", 0, IDENTITY_WRONG_COUNTRY, NULL },
	{ "tw_travel", NULL, "12345678", 0, IDENTITY_FINE, "12345678" },
	{ "tw_travel", NULL, "0123456789b", 0, IDENTITY_FINE, "0123456789B" },
	{ "tw_travel", NULL, "0123456789", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "passport", "CHN", "E12345678", 0, IDENTITY_FINE, "CHN:E12345678" },
	{ "passport", "usa", " 123456789 ", BOTH, IDENTITY_FINE, "USA:123456789" },
	{ "passport", "USA", "12345678901234567", 0, IDENTITY_FINE, "USA:12345678901234567" },
	{ "passport", "USA", "123456789012345678", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "passport", "USA", "1234", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "passport", "USA", "E 1234567", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "passport", "USA", "\xef\xbc\x91" "234567", 0, IDENTITY_WRONG_FORMAT, NULL },
	{ "passport", NULL, "E12345678", 0, IDENTITY_WRONG_COUNTRY, NULL },
	{ "passport", "US", "E12345678", 0, IDENTITY_WRONG_COUNTRY, NULL },
	{ "passport", "U:A", "E12345678", 0, IDENTITY_WRONG_COUNTRY, NULL },
	{ NULL, NULL, "H12345678", BOTH, IDENTITY_WRONG_FORMAT, NULL },
	{ NULL, "CHN", "621299199006150131", 0, IDENTITY_WRONG_COUNTRY, NULL },
	{ "", NULL, "621299199006150131", 0, IDENTITY_WRONG_TYPE, NULL },
	{ "diplomat", NULL, "621299199006150131", BOTH, IDENTITY_WRONG_TYPE, NULL },
};

static struct str said(const char *text) { return text != NULL ? str_c(text) : STR_NONE; }

static void numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct document_said d = { said(rows[i].type), said(rows[i].country), said(rows[i].number) };
		struct identity got;
		enum identity_wrong wrong = document_identity(&d, rows[i].takes, TODAY, &got);
		if (wrong != rows[i].wrong || (wrong == IDENTITY_FINE && strcmp(got.number, rows[i].kept) != 0))
			fail_msg("%zu: %s, %s", i, identity_wrong_text(wrong).at, got.number);
		if (wrong == IDENTITY_FINE && rows[i].type != NULL && strcmp(rows[i].type, "resident") != 0)
			assert_string_equal(identity_kind_text(got.kind), rows[i].type);
	}
}

static void apart(void **state)
{
	(void)state;
	struct document_number n = document_number(IDENTITY_PASSPORT, STR("CAN:AB1234567"));
	assert_true(str_eq(n.country, STR("CAN")) && str_eq(n.bare, STR("AB1234567")));
	n = document_number(IDENTITY_HM_TRAVEL, STR("H12345678"));
	assert_true(n.country.len == 0 && str_eq(n.bare, STR("H12345678")));
	n = document_number(IDENTITY_PASSPORT, STR_NONE); /* a person who was forgotten */
	assert_true(n.country.len == 0 && n.bare.len == 0);
	assert_string_equal(identity_kind_text(IDENTITY_NONE), "");
	assert_string_equal(identity_kind_text((enum identity_kind)99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers), cmocka_unit_test(apart) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
