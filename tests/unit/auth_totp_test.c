/* Goal: an authenticator app and this program say the same digits, and each digits serve once. Method: RFC 6238 appendix B (its eight digits, of which
 * six are ours), base 32 of RFC 4648, and the steps around now. */
#include "auth/totp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";

static void rfc_6238(void **state)
{
	(void)state;
	static const struct { int64_t s; const char *code; } rows[] = {
		{ 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" }, { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char code[TOTP_DIGITS + 1];
		totp_code(secret, rows[i].s / TOTP_STEP_S, code);
		assert_string_equal(code, rows[i].code);
		assert_int_equal(totp_check(secret, str_c(code), rows[i].s * 1000, 0), rows[i].s / TOTP_STEP_S);
	}
}

static void near_now_and_once(void **state)
{
	(void)state;
	enum { NOW_STEP = 41152263 };
	int64_t now_ms = (int64_t)NOW_STEP * TOTP_STEP_S * 1000 + 12345;
	static const struct { int64_t step, last, want; } rows[] = {
		{ NOW_STEP, 0, NOW_STEP }, { NOW_STEP - 1, 0, NOW_STEP - 1 }, { NOW_STEP + 1, 0, NOW_STEP + 1 }, { NOW_STEP - 2, 0, 0 }, { NOW_STEP + 2, 0, 0 },
		{ NOW_STEP, NOW_STEP, 0 }, { NOW_STEP - 1, NOW_STEP, 0 }, { NOW_STEP + 1, NOW_STEP, NOW_STEP + 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char code[TOTP_DIGITS + 1];
		totp_code(secret, rows[i].step, code);
		assert_int_equal(totp_check(secret, str_c(code), now_ms, rows[i].last), rows[i].want);
	}
	assert_int_equal(totp_check(secret, STR(""), now_ms, 0), 0);
	assert_int_equal(totp_check(secret, STR("12345"), now_ms, 0), 0);
	assert_int_equal(totp_check(secret, STR("abcdef"), now_ms, 0), 0);
}

static void typed_secret(void **state)
{
	(void)state;
	char text[TOTP_SECRET_TEXT];
	totp_secret_text(secret, text);
	assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc_6238), cmocka_unit_test(near_now_and_once), cmocka_unit_test(typed_secret) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
