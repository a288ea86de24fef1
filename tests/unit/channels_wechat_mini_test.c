/* Goal: what is asked of WeChat is what it expects, each number it answers means what the table says, and sealed data opens only for its own key,
 * mini-program and time.
 * Method: rows of answers; the vectors of tests/unit/vectors/wechat_mini_data_decrypt.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "channels/wechat_mini.h"
#include <stdio.h>

#define APPID "wx4f4bc4dec97d474b"
static struct arena a;
static struct config c;
static struct fail why;
static const struct secret key = { { "s&cret", 6 } };

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	config_defaults(&c);
	fail_clear(&why);
	strcpy(c.wechat_url, "https://api.weixin.qq.com");
	strcpy(c.wechat_mini_appid, APPID);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void questions(void **state)
{
	(void)state;
	struct http_call call;
	assert_true(wechat_login_build(&c, key, STR("0a+b"), &a, &call, &why));
	assert_true(call.method == METHOD_GET && str_eq(call.url, STR("https://api.weixin.qq.com/sns/jscode2session?appid=" APPID "&secret=s%26cret&js_code=0a%2Bb&grant_type=authorization_code")));
	assert_true(wechat_phone_build(&c, (struct secret){ STR("T-1") }, STR("p\"1"), STR("o-1"), &a, &call, &why));
	assert_true(str_eq(call.url, STR("https://api.weixin.qq.com/wxa/business/getuserphonenumber?access_token=T-1")) && str_eq(call.body, STR("{\"code\":\"p\\\"1\",\"openid\":\"o-1\"}")));
	assert_true(wechat_token_build(str_c(c.wechat_url), str_c(c.wechat_mini_appid), key, &a, &call, &why) && call.method == METHOD_POST);
	assert_true(str_eq(call.body, STR("{\"grant_type\":\"client_credential\",\"appid\":\"" APPID "\",\"secret\":\"s&cret\",\"force_refresh\":false}")));
	assert_false(wechat_code_is_right(STR("a b")) || wechat_code_is_right(STR("")));
	c.wechat_mini_appid[0] = '\0';
	assert_false(wechat_login_build(&c, key, STR("x"), &a, &call, &why));
	assert_true(why.code == FAIL_CONFIG && strstr(why.log, "s&cret") == NULL);
}

#define SESSION "{\"openid\":\"o-1\",\"session_key\":\"tiihtNczf5v6AKRyjwEUhQ==\""
#define PHONE(country, appid) "{\"errcode\":0,\"errmsg\":\"ok\",\"phone_info\":{\"phoneNumber\":\"+8613580006666\",\"purePhoneNumber\":\"13580006666\",\"countryCode\":" \
	country ",\"watermark\":{\"timestamp\":1477314187,\"appid\":\"" appid "\"}}}"
#define ERR(code) "{\"errcode\":" code ",\"errmsg\":\"words rid: 1\"}"

static void answers(void **state)
{
	(void)state;
	static const struct { enum wechat_question q; int status; const char *body; enum wechat_means want; } rows[] = {
		{ WECHAT_LOGIN, 200, SESSION "}", WECHAT_OK }, { WECHAT_LOGIN, 200, SESSION ",\"unionid\":\"u\",\"errcode\":0,\"new\":1}", WECHAT_OK },
		{ WECHAT_LOGIN, 200, "{\"openid\":\"o\"}", WECHAT_NONSENSE }, { WECHAT_LOGIN, 200, "{\"openid\":\"o 1\",\"session_key\":\"tiihtNczf5v6AKRyjwEUhQ==\"}", WECHAT_NONSENSE },
		{ WECHAT_LOGIN, 200, "{\"openid\":\"o\",\"session_key\":\"c2hvcnQ=\"}", WECHAT_NONSENSE },
		{ WECHAT_LOGIN, 200, ERR("40029"), WECHAT_CODE }, { WECHAT_LOGIN, 200, ERR("40163"), WECHAT_CODE }, { WECHAT_LOGIN, 200, ERR("40226"), WECHAT_USER },
		{ WECHAT_LOGIN, 200, ERR("-1"), WECHAT_BUSY }, { WECHAT_LOGIN, 200, ERR("45011"), WECHAT_QUOTA }, { WECHAT_LOGIN, 200, ERR("40013"), WECHAT_CONFIG },
		{ WECHAT_LOGIN, 200, ERR("40164"), WECHAT_CONFIG }, { WECHAT_LOGIN, 200, ERR("41008"), WECHAT_OURS }, { WECHAT_LOGIN, 200, ERR("31337"), WECHAT_NONSENSE },
		{ WECHAT_LOGIN, 200, ERR("\"40029\""), WECHAT_NONSENSE }, { WECHAT_LOGIN, 302, SESSION "}", WECHAT_NONSENSE }, { WECHAT_LOGIN, 200, "<html>", WECHAT_NONSENSE },
		{ WECHAT_LOGIN, 200, "[]", WECHAT_NONSENSE }, { WECHAT_LOGIN, 200, "", WECHAT_NONSENSE },
		{ WECHAT_PHONE, 200, PHONE("\"86\"", APPID), WECHAT_OK }, { WECHAT_PHONE, 200, PHONE("86", APPID), WECHAT_OK }, { WECHAT_PHONE, 200, PHONE("86", "wx0"), WECHAT_NONSENSE },
		{ WECHAT_PHONE, 200, PHONE("null", APPID), WECHAT_NONSENSE }, { WECHAT_PHONE, 200, "{\"errcode\":0}", WECHAT_NONSENSE },
		{ WECHAT_PHONE, 200, ERR("40001"), WECHAT_STALE }, { WECHAT_PHONE, 200, ERR("42001"), WECHAT_STALE }, { WECHAT_PHONE, 200, ERR("40014"), WECHAT_STALE },
		{ WECHAT_PHONE, 200, ERR("40029"), WECHAT_CODE }, { WECHAT_PHONE, 200, ERR("40013"), WECHAT_CODE },
		{ WECHAT_TOKEN, 200, "{\"access_token\":\"T\",\"expires_in\":7200}", WECHAT_OK }, { WECHAT_TOKEN, 200, "{\"access_token\":\"T\",\"expires_in\":0}", WECHAT_NONSENSE },
		{ WECHAT_TOKEN, 200, "{\"access_token\":\"\",\"expires_in\":7200}", WECHAT_NONSENSE }, { WECHAT_TOKEN, 200, ERR("40001"), WECHAT_CONFIG },
		{ WECHAT_TOKEN, 200, ERR("89503"), WECHAT_CONFIG }, { WECHAT_TOKEN, 200, ERR("45009"), WECHAT_QUOTA },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = rows[i].status, .body = str_c(rows[i].body), .content_type = STR("text/plain") };
		struct wechat_session s;
		struct wechat_phone p;
		struct wechat_token t;
		struct wechat_said said = rows[i].q == WECHAT_LOGIN ? wechat_login_judge(&answer, &a, &s) : rows[i].q == WECHAT_PHONE ? wechat_phone_judge(&c, &answer, &a, &p) :
			wechat_token_judge(&answer, &a, &t);
		if (said.means != rows[i].want)
			fail_msg("%s: %d, not %d", rows[i].body, said.means, rows[i].want);
		if (said.means == WECHAT_OK && rows[i].q == WECHAT_PHONE)
			assert_true(str_eq(p.phone, STR("13580006666")) && str_eq(p.country, STR("86")));
		if (said.means == WECHAT_OK && rows[i].q == WECHAT_LOGIN)
			assert_true(str_eq(s.openid, STR("o-1")) && s.session_key.secret.len == 24);
	}
}

static struct str text_of(const json_t *j, const char *name)
{
	return str_c(json_string_value(json_object_get(j, name)));
}

static void sealed(void **state)
{
	(void)state;
	static char text[16 << 10];
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/wechat_mini_data_decrypt.json", "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f), i, seen = 0;
	fclose(f);
	DROP(json) json_t *all = json_read((struct str){ text, n }, &why);
	assert_non_null(all);
	json_t *row;
	json_array_foreach(json_object_get(all, "cases"), i, row) {
		struct secret session_key = { text_of(row, "session_key") };
		struct str iv = text_of(row, "iv"), data = text_of(row, "encryptedData"), plain = text_of(row, "plaintext"), appid = text_of(row, "expect_appid"), json;
		int64_t at_ms = i == 2 ? INT64_C(1778207696000) : INT64_C(1477314187000);
		seen++;
		strcpy(c.wechat_mini_appid, appid.len > 0 ? appid.at : APPID);
		if (text_of(row, "expect").at != NULL) {
			assert_false(wechat_open(&c, session_key, iv, data, at_ms, 300000, &a, &json));
			strcpy(c.wechat_mini_appid, APPID);
			assert_int_equal(wechat_open(&c, session_key, iv, data, at_ms, 300000, &a, &json), plain.len > 0); /* the right mini-program, if the key was right */
			continue;
		}
		assert_true(wechat_open(&c, session_key, iv, data, at_ms + 300000, 300000, &a, &json) && str_eq(json, plain));
		assert_false(wechat_open(&c, session_key, iv, data, at_ms + 300001, 300000, &a, &json));
		assert_false(wechat_open(&c, session_key, iv, data, at_ms - 300001, 300000, &a, &json));
		assert_false(wechat_open(&c, session_key, iv, (struct str){ data.at, data.len - 4 }, at_ms, 300000, &a, &json));
	}
	assert_int_equal(seen, 3);
}

static void base64(void **state)
{
	(void)state;
	static const struct { const char *text, *want; } rows[] = { { "", "" }, { "TQ==", "M" }, { "TWE=", "Ma" }, { "+/8=", "\xfb\xff" }, { "TQ=", NULL }, { "TQ", NULL }, { "TR==", NULL }, { "-_8=", NULL },
		{ "=TQ=", NULL }, { "T===", NULL }, { "====", NULL } };
	uint8_t out[4];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t n = base64_bytes(str_c(rows[i].text), out, sizeof(out));
		if (n != (rows[i].want == NULL ? -1 : (int64_t)strlen(rows[i].want)) || (n > 0 && memcmp(out, rows[i].want, (size_t)n) != 0))
			fail_msg("%s: %lld", rows[i].text, (long long)n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(questions, begin, end), cmocka_unit_test_setup_teardown(answers, begin, end),
		cmocka_unit_test_setup_teardown(sealed, begin, end), cmocka_unit_test(base64) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
