/* Goal: what is stored opens for the one password, is what any argon2id reads, and what may be chosen is what the rule says. Method: rows; the
 * library's own verifier as the other reader; a cheaper hash is told to be old. */
#include "auth/password.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>

#define SECRET(text) ((struct secret){ STR(text) })

static void round_trip(void **state)
{
	(void)state;
	static const uint8_t salt[16] = "0123456789abcdef";
	char stored[PASSWORD_TEXT_BYTES], again[PASSWORD_TEXT_BYTES];
	bool is_right, is_old;
	struct fail why;
	fail_clear(&why);
	assert_true(password_hash(SECRET("窗口Window-17"), salt, stored, &why));
	assert_true(password_hash(SECRET("窗口Window-17"), salt, again, &why));
	assert_string_equal(stored, again); /* work may be run again */
	assert_int_equal(crypto_pwhash_str_verify(stored, "窗口Window-17", strlen("窗口Window-17")), 0);
	assert_true(password_check(SECRET("窗口Window-17"), stored, &is_right, &is_old, &why));
	assert_true(is_right && !is_old);
	assert_true(password_check(SECRET("窗口Window-18"), stored, &is_right, &is_old, &why));
	assert_false(is_right || is_old);
	assert_true(password_check(SECRET(""), stored, &is_right, &is_old, &why));
	assert_false(is_right);
	assert_true(password_check(SECRET("x"), "no such text", &is_right, &is_old, &why));
	assert_false(is_right);
	assert_true(password_check_nobody(SECRET("x"), &why));
}

static void cheaper_is_old(void **state)
{
	(void)state;
	char stored[PASSWORD_TEXT_BYTES];
	bool is_right, is_old;
	struct fail why;
	fail_clear(&why);
	assert_int_equal(crypto_pwhash_str_alg(stored, "Old-pass-1", 10, 1, 8 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
	assert_true(password_check(SECRET("Old-pass-1"), stored, &is_right, &is_old, &why));
	assert_true(is_right && is_old);
}

static void choosing(void **state)
{
	(void)state;
	static const struct { const char *password, *reason; } rows[] = {
		{ "Tr0ub-adour&3", NULL }, { "一二三四五六七八Ab1", NULL }, { "Short-1a", "length" }, { "", "length" }, { "alllowercase", "classes" },
		{ "onlylower123", "classes" }, { "Zhangwei-2026", "name" }, { "xxZHANGWEI-1y", "name" }, { "Aa1Aa1Aa1Aa1", "simple" }, { "abcdefGHIJ12345", "simple" },
		{ "\xff\xfe" "Aa1aaaaaaaaa", "length" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fail why;
		fail_clear(&why);
		bool fits = password_fits((struct secret){ str_c(rows[i].password) }, STR("zhangwei"), "/password", &why);
		if (fits != (rows[i].reason == NULL) || (!fits && strcmp(why.facts[0].text, rows[i].reason) != 0))
			fail_msg("%s: %s", rows[i].password, why.log);
		assert_null(strstr(why.log, rows[i].password[0] != '\0' ? rows[i].password : "\x01"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip), cmocka_unit_test(cheaper_is_old), cmocka_unit_test(choosing) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
