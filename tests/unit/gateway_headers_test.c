/* Goal: headers from strangers are read one way. Method: tables of values. */
#include "gateway/door/headers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void languages(void **state)
{
	(void)state;
	static const struct { const char *value; enum lang want; } rows[] = {
		{ "", LANG_ZH }, { "en", LANG_EN }, { "en-GB,en;q=0.9", LANG_EN }, { "zh-CN,en", LANG_ZH }, { "fr, en;q=0.5", LANG_EN },
		{ "fr", LANG_ZH }, { "EN-us", LANG_EN }, { ",,,", LANG_ZH }, { " en", LANG_EN },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(header_lang(str_c(rows[i].value)), rows[i].want);
}

static void traces(void **state)
{
	(void)state;
	char out[33];
	assert_true(header_trace(STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), out));
	assert_string_equal(out, "0af7651916cd43dd8448eb211c80319c");
	assert_true(header_trace(STR("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"), out));
	static const char *const wrong[] = { "", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333z-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-\"\xff", "zz-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(header_trace(str_c(wrong[i]), out));
		assert_string_equal(out, "");
	}
}

static void bearers(void **state)
{
	(void)state;
	struct secret s;
	assert_true(header_bearer(STR_NONE, &s));
	assert_null(s.secret.at);
	assert_true(header_bearer(STR("Bearer sbc_x"), &s));
	assert_true(str_eq(s.secret, STR("sbc_x")));
	assert_true(header_bearer(STR("bearer sbc_x"), &s));
	static const char *const wrong[] = { "", "Basic abc", "Bearer", "Bearer ", "Bearer a b", "Bearer  x" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(header_bearer(str_c(wrong[i]), &s));
}

static void keys(void **state)
{
	(void)state;
	struct str key;
	assert_true(header_idempotency_key(STR("8e03978e-40d5"), &key));
	assert_true(header_idempotency_key(STR("\"8e03978e-40d5\""), &key));
	assert_true(str_eq(key, STR("8e03978e-40d5")));
	assert_false(header_idempotency_key(STR("short"), &key));
	assert_false(header_idempotency_key(STR("has a space"), &key));
	assert_false(header_idempotency_key(STR("\"\""), &key));
	char long_key[300];
	memset(long_key, 'k', sizeof(long_key));
	assert_true(header_idempotency_key((struct str){ long_key, 255 }, &key));
	assert_false(header_idempotency_key((struct str){ long_key, 256 }, &key));
}

static void etags(void **state)
{
	(void)state;
	struct str mine = STR("W/\"7-zh\"");
	assert_true(header_has_etag(STR("W/\"7-zh\""), mine));
	assert_true(header_has_etag(STR("\"7-zh\""), mine));
	assert_true(header_has_etag(STR("\"1\", W/\"7-zh\" ,\"9\""), mine));
	assert_true(header_has_etag(STR("*"), mine));
	assert_false(header_has_etag(STR("\"7-en\""), mine));
	assert_false(header_has_etag(STR(""), mine));
	assert_false(header_has_etag(STR("7-zh"), mine));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(languages), cmocka_unit_test(traces), cmocka_unit_test(bearers), cmocka_unit_test(keys), cmocka_unit_test(etags) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
