/* Goal: the address a page goes to has the form WeChat compares it with, the question is what it expects, and of an answer only a real account of ours counts.
 * Method: rows of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "channels/wechat_official.h"

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
	strcpy(c.wechat_official_appid, "wx520c15f417810387");
	strcpy(c.wechat_mini_appid, "wx4f4bc4dec97d474b");
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void an_address_and_a_question(void **state)
{
	(void)state;
	struct str url;
	struct http_call call;
	assert_true(wechat_official_authorization(&c, STR("https://app.example.cn/l?a=1&b"), STR("5f0c"), &a, &url, &why));
	assert_true(str_eq(url, STR("https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx520c15f417810387&redirect_uri=https%3A%2F%2Fapp.example.cn%2Fl%3Fa%3D1%26b"
		"&response_type=code&scope=snsapi_base&state=5f0c#wechat_redirect")));
	assert_true(wechat_official_build(&c, key, STR("0a+b"), &a, &call, &why) && call.method == METHOD_GET);
	assert_true(str_eq(call.url, STR("https://api.weixin.qq.com/sns/oauth2/access_token?appid=wx520c15f417810387&secret=s%26cret&code=0a%2Bb&grant_type=authorization_code")));
	c.wechat_official_appid[0] = '\0';
	assert_false(wechat_official_build(&c, key, STR("x"), &a, &call, &why));
	assert_true(why.code == FAIL_CONFIG && strstr(why.log, "s&cret") == NULL);
}

#define TOKENS "{\"access_token\":\"A\",\"expires_in\":7200,\"refresh_token\":\"R\",\"scope\":\"snsapi_base\",\"openid\":"
#define ERR(code) "{\"errcode\":" code ",\"errmsg\":\"words, rid: 1\"}"

static void answers(void **state)
{
	(void)state;
	static const struct { int status; const char *body; enum wechat_means want; int64_t snapshot; const char *unionid; } rows[] = {
		{ 200, TOKENS "\"o-1\"}", WECHAT_OK, 0, NULL }, { 200, TOKENS "\"o-1\",\"unionid\":\"u-1\",\"new\":[1]}", WECHAT_OK, 0, "u-1" },
		{ 200, TOKENS "\"o-1\",\"is_snapshotuser\":1}", WECHAT_OK, 1, NULL }, { 200, TOKENS "\"o-1\",\"is_snapshotuser\":0,\"errcode\":0}", WECHAT_OK, 0, NULL },
		{ 200, TOKENS "\"o-1\",\"is_snapshotuser\":2}", WECHAT_NONSENSE, 0, NULL }, { 200, TOKENS "\"o-1\",\"is_snapshotuser\":\"1\"}", WECHAT_NONSENSE, 0, NULL },
		{ 200, TOKENS "\"o 1\"}", WECHAT_NONSENSE, 0, NULL }, { 200, TOKENS "null}", WECHAT_NONSENSE, 0, NULL }, { 200, "{\"access_token\":\"A\"}", WECHAT_NONSENSE, 0, NULL },
		{ 200, ERR("40029"), WECHAT_CODE, 0, NULL }, { 200, ERR("40163"), WECHAT_CODE, 0, NULL }, { 200, ERR("40226"), WECHAT_USER, 0, NULL }, { 200, ERR("-1"), WECHAT_BUSY, 0, NULL },
		{ 200, ERR("45011"), WECHAT_QUOTA, 0, NULL }, { 200, ERR("40013"), WECHAT_CONFIG, 0, NULL }, { 200, ERR("40125"), WECHAT_CONFIG, 0, NULL }, { 200, ERR("41008"), WECHAT_OURS, 0, NULL },
		{ 200, ERR("31337"), WECHAT_NONSENSE, 0, NULL }, { 302, TOKENS "\"o-1\"}", WECHAT_NONSENSE, 0, NULL }, { 200, "<html>", WECHAT_NONSENSE, 0, NULL }, { 200, "", WECHAT_NONSENSE, 0, NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = rows[i].status, .body = str_c(rows[i].body), .content_type = STR("text/plain") };
		struct wechat_visitor v;
		struct wechat_said said = wechat_official_judge(&answer, &a, &v);
		if (said.means != rows[i].want)
			fail_msg("%s: %d, not %d", rows[i].body, said.means, rows[i].want);
		if (said.means == WECHAT_OK)
			assert_true(str_eq(v.openid, STR("o-1")) && v.is_snapshot == rows[i].snapshot && (rows[i].unionid == NULL ? v.unionid.at == NULL : str_eq(v.unionid, str_c(rows[i].unionid))));
		assert_int_equal(wechat_official_is_answered(&answer), rows[i].status == 200 && strstr(rows[i].body, "\"openid\":") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(an_address_and_a_question, begin, end), cmocka_unit_test_setup_teardown(answers, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
