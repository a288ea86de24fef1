/* Goal: a handshake is judged by its headers alone, each read once; the token is found where a browser can put it, and only there.
 * Method: heads made of rows. (tests/flow/websocket.test.mjs shows the same over the wire.) */
#include "gateway/door/upgrade.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { FIELDS = 5 };

static const struct {
	const char *name;
	const char *fields[FIELDS * 2]; /* beside a whole handshake's; a value of "" takes the field away */
	enum fail_code code;
} rows[] = {
	{ "as it should be", { 0 }, FAIL_NONE },
	{ "a program names no page", { "origin", "" }, FAIL_NONE },
	{ "this host's own page", { "origin", "https://gw.example:8443" }, FAIL_NONE },
	{ "a listed page", { "origin", "https://fw.example" }, FAIL_NONE },
	{ "a page's name in capitals", { "origin", "https://FW.example" }, FAIL_NONE },
	{ "a foreign page", { "origin", "https://fw.example.evil" }, FAIL_ORIGIN },
	{ "null", { "origin", "null" }, FAIL_ORIGIN },
	{ "this host without TLS", { "origin", "http://gw.example:8443" }, FAIL_ORIGIN },
	{ "this host on another port", { "origin", "https://gw.example" }, FAIL_ORIGIN },
	{ "our mini-program", { "referer", "https://servicewechat.com/wx1/7/page-frame.html" }, FAIL_NONE },
	{ "another's mini-program", { "referer", "https://servicewechat.com/wx12/7/page-frame.html" }, FAIL_ORIGIN },
	{ "a mini-program's referer does not open a page", { "referer", "https://servicewechat.com/wx1/7/page-frame.html", "origin", "https://evil.example" }, FAIL_ORIGIN },
	{ "version 8", { "sec-websocket-version", "8" }, FAIL_UPGRADE },
	{ "no version", { "sec-websocket-version", "" }, FAIL_UPGRADE },
	{ "no key", { "sec-websocket-key", "" }, FAIL_BAD_REQUEST },
	{ "a key of 15 bytes", { "sec-websocket-key", "AAAAAAAAAAAAAAAAAAAA" }, FAIL_BAD_REQUEST },
	{ "siban.v1 among others", { "sec-websocket-protocol", "chat, siban.v1" }, FAIL_NONE },
	{ "only others", { "sec-websocket-protocol", "chat" }, FAIL_BAD_REQUEST },
	{ "two upgrades", { "upgrade", "websocket, h2c" }, FAIL_BAD_REQUEST },
};

static struct header headers[FIELDS + 8];

static struct request head_of(const char *const *fields)
{
	struct request r = { .method = METHOD_GET, .http_major = 1, .authority = STR("gw.example:8443"), .headers = headers };
	static const char *const whole[][2] = {
		{ "connection", "Upgrade" }, { "upgrade", "websocket" }, { "sec-websocket-version", "13" }, { "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==" },
	};
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		const char *value = whole[i][1];
		for (int n = 0; n < FIELDS && fields[2 * n] != NULL; n++)
			if (strcmp(fields[2 * n], whole[i][0]) == 0)
				value = fields[2 * n + 1];
		if (value[0] != '\0')
			headers[r.header_count++] = (struct header){ str_c(whole[i][0]), str_c(value) };
	}
	for (int n = 0; n < FIELDS && fields[2 * n] != NULL; n++) {
		bool known = false;
		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
			known = known || strcmp(fields[2 * n], whole[i][0]) == 0;
		if (!known && fields[2 * n + 1][0] != '\0')
			headers[r.header_count++] = (struct header){ str_c(fields[2 * n]), str_c(fields[2 * n + 1]) };
	}
	r.wants_tunnel = upgrade_is_asked(&r);
	return r;
}

static void test_rows(void **state)
{
	static struct config c;
	(void)state;
	config_defaults(&c);
	snprintf(c.ws_origins, sizeof(c.ws_origins), "https://fw.example , https://servicewechat.com/wx1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request r = head_of(rows[i].fields);
		struct upgrade u = { .names_protocol = false };
		struct fail why;
		fail_clear(&why);
		bool ok = upgrade_judge(&r, &c, &u, &why);
		if (ok != (rows[i].code == FAIL_NONE) || why.code != rows[i].code)
			fail_msg("%s: %s %s", rows[i].name, fail_row(why.code)->name, why.log);
	}
	c.ws_origins[0] = '\0'; /* without a list every mini-program may */
	const char *const any[FIELDS * 2] = { "referer", "https://servicewechat.com/wx99/7/page-frame.html" };
	struct request r = head_of(any);
	struct upgrade u = { .names_protocol = false };
	struct fail why;
	fail_clear(&why);
	assert_true(upgrade_judge(&r, &c, &u, &why));
}

static void test_asked(void **state)
{
	const char *const none[FIELDS * 2] = { "upgrade", "" }, *const other[FIELDS * 2] = { "upgrade", "h2c" }, *const kept[FIELDS * 2] = { "connection", "keep-alive" };
	const char *const both[FIELDS * 2] = { "connection", "keep-alive, Upgrade" };
	struct request r = head_of(none);
	(void)state;
	assert_false(r.wants_tunnel);
	r = head_of(other);
	assert_false(r.wants_tunnel);
	r = head_of(kept);
	assert_false(r.wants_tunnel);
	r = head_of(both);
	assert_true(r.wants_tunnel);
	r.method = METHOD_POST;
	assert_false(upgrade_is_asked(&r));
}

static void test_bearer(void **state)
{
	static const struct { const char *offered, *token; bool clear; } cases[] = {
		{ "siban.v1, bearer.abc", "abc", true }, { "bearer.abc", "abc", true }, { "siban.v1", NULL, true }, { "", NULL, true }, { "bearer.", "", true },
		{ "bearer.abc,bearer.abc", "abc", false }, { "Bearer.abc", NULL, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const fields[FIELDS * 2] = { "sec-websocket-protocol", cases[i].offered };
		struct request r = head_of(fields);
		struct secret token;
		assert_int_equal(upgrade_bearer(&r, &token), cases[i].clear);
		assert_true(str_eq(token.secret, str_c(cases[i].token)) && (token.secret.at == NULL) == (cases[i].token == NULL));
	}
}

static void test_accept(void **state)
{
	char accept[UPGRADE_ACCEPT_BYTES];
	(void)state;
	upgrade_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* RFC 6455 1.3 */
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_accept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
