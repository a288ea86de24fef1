/* Goal: both protocols refuse the same targets and hosts. Method: every byte at every place; the table of hosts that parsers disagree about. */
#include "gateway/door/http_rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void target_bytes(void **state)
{
	(void)state;
	char text[26];
	assert_false(http_target_is_valid(STR("")));
	for (size_t len = 1; len <= sizeof(text); len++)
		for (size_t at = 0; at < len; at++)
			for (int c = 0; c < 256; c++) {
				memset(text, '/', len);
				text[at] = (char)c;
				bool want = c > 0x20 && c < 0x7f && c != '#';
				if (http_target_is_valid((struct str){ text, len }) != want)
					fail_msg("byte 0x%02x at %zu of %zu", (unsigned)c, at, len);
			}
}

static void host_bytes(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool want = alnum || c == '-' || c == '.' || c == '_';
		int lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
		assert_int_equal(http_host_bytes[c], want ? lower : 0);
		assert_int_equal(http_authority_is_valid((struct str){ (const char[]){ 'a', (char)c, 'b' }, 3 }), want);
	}
}

static void authorities(void **state)
{
	(void)state;
	static const struct { const char *text; bool ok; } rows[] = {
		{ "", false }, { "a", true }, { "EXAMPLE.gov.cn", true }, { "a:443", true }, { "a:", false }, { "a:0", true }, { "a:65535", true }, { "a:65536", false },
		{ "a:065535", false }, { "a:-1", false }, { "a:+1", false }, { "a:4 3", false }, { "a:443:1", false }, { ":443", false }, { "u@a", false }, { "a/b", false },
		{ "[::1]", true }, { "[::1]:443", true }, { "[::ffff:10.0.0.1]", true }, { "[::1", false }, { "[]", false }, { "[:]", false }, { "[::1]x", false },
		{ "[fe80::1%eth0]", false }, { "[a-b]", false }, { "[a_b]", false }, { "[::1]:", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_authority_is_valid(str_c(rows[i].text)) != rows[i].ok)
			fail_msg("%s", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(target_bytes), cmocka_unit_test(host_bytes), cmocka_unit_test(authorities) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
