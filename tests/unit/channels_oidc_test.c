/* Goal: a person is sent away with state, nonce and challenge; his code is exchanged as a confidential client does it; and of what comes back only that counts
 * which is for this client, this login and one person.
 * Method: rows of answers; the challenge of RFC 7636, appendix B; id_tokens put together here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/hash.h"
#include "channels/oidc.h"
#include <stdio.h>

#define NOW_MS INT64_C(1764000000000)
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
static struct arena a;
static struct fail why;
static struct oidc_site site;
static const struct oidc_login login = { { "https://app.example.cn/back?x=1", 31 }, { "st-1", 4 }, { "n-1", 3 }, { VERIFIER, sizeof(VERIFIER) - 1 } };

static void site_anew(void)
{
	site = (struct oidc_site){ .authorize_url = STR("https://p.example.cn/oauth/authorize"), .token_url = STR("https://p.example.cn/oauth/token"),
		.userinfo_url = STR("https://p.example.cn/oauth/me?v=2"), .client_id = STR("siban:1"), .scope = STR("openid profile"), .client_secret = { STR("s&c t") },
		.claim = { .subject = STR("sub"), .name = STR("name"), .number = STR("id_number"), .phone = STR("phone_number"), .level = STR("level") } };
}

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	fail_clear(&why);
	site_anew();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static struct str header(const struct http_call *c, const char *name)
{
	for (int i = 0; i < c->header_count; i++)
		if (str_eq(c->headers[i].name, str_c(name)))
			return c->headers[i].value;
	return STR_NONE;
}

#define IS(got, want) if (!str_eq(got, str_c(want))) fail_msg("%.*s, not %s", STR_ARG(got), want)

static void questions(void **state)
{
	(void)state;
	struct str url;
	struct http_call call;
	assert_true(oidc_authorization(&site, &login, &a, &url, &why));
	IS(url, "https://p.example.cn/oauth/authorize?response_type=code&client_id=siban%3A1&redirect_uri=https%3A%2F%2Fapp.example.cn%2Fback%3Fx%3D1&scope=openid%20profile"
		"&state=st-1&nonce=n-1&code_challenge=" CHALLENGE "&code_challenge_method=S256");
	site.authorize_url = STR("https://p.example.cn/a?tenant=1");
	assert_true(oidc_authorization(&site, &login, &a, &url, &why) && str_starts(url, STR("https://p.example.cn/a?tenant=1&response_type=code&")));
#define FORM "grant_type=authorization_code&code=c%2B1&redirect_uri=https%3A%2F%2Fapp.example.cn%2Fback%3Fx%3D1&code_verifier=" VERIFIER
	assert_true(oidc_token_build(&site, &login, STR("c+1"), &a, &call, &why) && call.method == METHOD_POST);
	IS(call.url, "https://p.example.cn/oauth/token");
	IS(call.body, FORM);
	IS(header(&call, "authorization"), "Basic c2liYW4lM0ExOnMlMjZjJTIwdA=="); /* siban%3A1:s%26c%20t */
	IS(header(&call, "content-type"), "application/x-www-form-urlencoded");
	site.secret_in_form = true;
	assert_true(oidc_token_build(&site, &login, STR("c+1"), &a, &call, &why) && header(&call, "authorization").at == NULL);
	IS(call.body, FORM "&client_id=siban%3A1&client_secret=s%26c%20t");
	assert_true(oidc_userinfo_build(&site, (struct secret){ STR("at-1") }, &a, &call, &why) && call.method == METHOD_GET);
	IS(call.url, "https://p.example.cn/oauth/me?v=2");
	IS(header(&call, "authorization"), "Bearer at-1");
}

static void what_is_configured(void **state)
{
	(void)state;
	static const struct { const char *url; bool fine; } rows[] = { { "https://p.example.cn", true }, { "https://p.example.cn/", true }, { "https://p.example.cn/t?x=1", true },
		{ "https://p.example.cn/t?", false }, { "https://p.example.cn/t#f", false }, { "https://p.example.cn/t?a#f", false }, { "https://u@p.example.cn/t", false }, { "ftp://p/t", false },
		{ "", false }, { "https://p/ t", false } };
	assert_true(oidc_site_is_whole(&site));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		site.token_url = str_c(rows[i].url);
		if (oidc_site_is_whole(&site) != rows[i].fine)
			fail_msg("%s", rows[i].url);
	}
	site.token_url = site.authorize_url;
	site.client_secret.secret = STR_NONE;
	assert_false(oidc_site_is_whole(&site));
	assert_true(oidc_code_is_right(STR("a.b-c/=+")) && !oidc_code_is_right(STR("a b")) && !oidc_code_is_right(STR("")));
}

static struct http_answer answered(int status, struct str body)
{
	return (struct http_answer){ .end = HTTP_ANSWERED, .status = status, .body = body };
}

static void refusals(void **state)
{
	(void)state;
#define ERR(word) "{\"error\":\"" word "\",\"error_description\":\"\xe8\xaf\x8d\"}"
	static const struct { int status; const char *body; enum oidc_means token, person; } rows[] = {
		{ 400, ERR("invalid_grant"), OIDC_AGAIN, OIDC_AGAIN }, { 400, ERR("access_denied"), OIDC_AGAIN, OIDC_AGAIN }, { 401, ERR("invalid_client"), OIDC_CONFIG, OIDC_CONFIG },
		{ 400, ERR("invalid_client"), OIDC_CONFIG, OIDC_CONFIG }, { 400, ERR("unauthorized_client"), OIDC_CONFIG, OIDC_CONFIG }, { 400, ERR("invalid_scope"), OIDC_CONFIG, OIDC_CONFIG },
		{ 400, ERR("temporarily_unavailable"), OIDC_BUSY, OIDC_BUSY }, { 400, ERR("server_error"), OIDC_BUSY, OIDC_BUSY }, { 400, ERR("invalid_request"), OIDC_OURS, OIDC_OURS },
		{ 400, ERR("unsupported_grant_type"), OIDC_OURS, OIDC_OURS }, { 200, ERR("invalid_grant"), OIDC_AGAIN, OIDC_AGAIN }, { 401, "", OIDC_CONFIG, OIDC_AGAIN },
		{ 401, ERR("invalid_token"), OIDC_AGAIN, OIDC_AGAIN }, { 403, ERR("insufficient_scope"), OIDC_CONFIG, OIDC_CONFIG }, { 403, "", OIDC_NONSENSE, OIDC_NONSENSE },
		{ 400, ERR("no_such_word"), OIDC_NONSENSE, OIDC_NONSENSE }, { 400, "{\"error\":1}", OIDC_NONSENSE, OIDC_NONSENSE }, { 302, "", OIDC_NONSENSE, OIDC_NONSENSE },
		{ 200, "<html>", OIDC_NONSENSE, OIDC_NONSENSE }, { 200, "[]", OIDC_NONSENSE, OIDC_NONSENSE }, { 200, "", OIDC_NONSENSE, OIDC_NONSENSE }, { 200, "{}", OIDC_NONSENSE, OIDC_NONSENSE },
		{ 200, "{\"access_token\":\"t\"}", OIDC_NONSENSE, OIDC_NONSENSE }, { 200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}", OIDC_NONSENSE, OIDC_NONSENSE },
		{ 200, "{\"access_token\":\"t t\",\"token_type\":\"Bearer\"}", OIDC_NONSENSE, OIDC_NONSENSE }, { 201, "{\"sub\":\"x\"}", OIDC_NONSENSE, OIDC_NONSENSE },
		{ 200, "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"sub\":\"s\"}", OIDC_OK, OIDC_OK },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = answered(rows[i].status, str_c(rows[i].body));
		struct oidc_token t, none = { .subject = STR_NONE };
		struct oidc_person p;
		struct oidc_said token = oidc_token_judge(&site, &login, &answer, NOW_MS, &a, &t), person = oidc_userinfo_judge(&site, &none, &answer, &a, &p);
		if (token.means != rows[i].token || person.means != rows[i].person)
			fail_msg("%d %s: %d, %d", rows[i].status, rows[i].body, token.means, person.means);
		assert_true((t.access.secret.at != NULL) == (token.means == OIDC_OK) && token.word[0] != '\0');
	}
}

/* ---- the id_token ---- */

static struct oidc_said with_id_token(const char *claims, const char *before, const char *after, struct oidc_token *t)
{
	char middle[1024], body[2048];
	size_t len = base64url_text((const uint8_t *)claims, strlen(claims), middle);
	snprintf(body, sizeof(body), "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\",\"expires_in\":60,\"id_token\":\"%s%.*s%s\"}", before, (int)len, middle, after);
	struct http_answer answer = answered(200, str_copy(&a, str_c(body)));
	return oidc_token_judge(&site, &login, &answer, NOW_MS, &a, t);
}

#define CLAIMS(iss, aud, more) "{\"iss\":\"" iss "\",\"sub\":\"u-7\",\"aud\":" aud more "}"
#define LIVE ",\"exp\":1764000060,\"nonce\":\"n-1\""

static void id_tokens(void **state)
{
	(void)state;
	static const struct { const char *claims; bool fine; } rows[] = {
		{ CLAIMS("https://p", "\"siban:1\"", LIVE), true }, { CLAIMS("https://p", "[\"siban:1\"]", LIVE), true },
		{ CLAIMS("https://p", "[\"x\",\"siban:1\"]", LIVE ",\"azp\":\"siban:1\""), true }, { CLAIMS("https://p", "[\"x\",\"siban:1\"]", LIVE), false },
		{ CLAIMS("https://p", "\"siban:1\"", LIVE ",\"azp\":\"x\""), false }, { CLAIMS("https://p", "\"siban\"", LIVE), false }, { CLAIMS("https://p", "[]", LIVE), false },
		{ CLAIMS("https://p", "1", LIVE), false }, { CLAIMS("https://p/", "\"siban:1\"", LIVE), false },
		{ CLAIMS("https://p", "\"siban:1\"", ",\"exp\":1764000060,\"nonce\":\"n-2\""), false }, { CLAIMS("https://p", "\"siban:1\"", ",\"exp\":1764000060"), false },
		{ CLAIMS("https://p", "\"siban:1\"", ",\"exp\":1763999700,\"nonce\":\"n-1\""), true }, { CLAIMS("https://p", "\"siban:1\"", ",\"exp\":1763999699,\"nonce\":\"n-1\""), false },
		{ CLAIMS("https://p", "\"siban:1\"", ",\"nonce\":\"n-1\""), false }, { CLAIMS("https://p", "\"siban:1\"", ",\"exp\":\"1764000060\",\"nonce\":\"n-1\""), false },
		{ "{\"iss\":\"https://p\",\"aud\":\"siban:1\"" LIVE "}", false }, { "nothing", false }, { "[]", false }, { "", false },
	};
	struct oidc_token t;
	site.issuer = STR("https://p");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oidc_said said = with_id_token(rows[i].claims, "e30.", ".c2ln", &t);
		if ((said.means == OIDC_OK) != rows[i].fine)
			fail_msg("%s: %s", rows[i].claims, said.word);
		assert_true(rows[i].fine ? str_eq(t.subject, STR("u-7")) && str_eq(t.access.secret, STR("at-1")) : t.access.secret.at == NULL);
	}
	static const char good[] = CLAIMS("https://p", "\"siban:1\"", LIVE);
	assert_int_equal(with_id_token(good, "", ".c2ln", &t).means, OIDC_NONSENSE);
	assert_int_equal(with_id_token(good, ".", ".c2ln", &t).means, OIDC_NONSENSE);
	assert_int_equal(with_id_token(good, "e30.", "", &t).means, OIDC_NONSENSE);
	assert_int_equal(with_id_token(good, "e30.", "=.c2ln", &t).means, OIDC_NONSENSE);
	struct http_answer bare = answered(200, STR("{\"access_token\":\"at-1\",\"token_type\":\"Bearer\"}"));
	assert_int_equal(oidc_token_judge(&site, &login, &bare, NOW_MS, &a, &t).means, OIDC_NONSENSE);
	site.issuer = STR_NONE;
	assert_int_equal(with_id_token("nothing", "", "", &t).means, OIDC_OK);
	assert_null(t.subject.at);
}

/* ---- the person ---- */

static void persons(void **state)
{
	(void)state;
	struct oidc_person p;
	struct oidc_token named = { .subject = STR("u-7") }, none = { .subject = STR_NONE };
	struct http_answer answer = answered(200, STR("{\"sub\":\"u-7\",\"name\":\"\xe5\xbc\xa0\xe4\xb8\x89\",\"id_number\":\"621299199006150131\",\"phone_number\":13900000001,\"level\":\"\",\"more\":[1]}"));
	assert_int_equal(oidc_userinfo_judge(&site, &named, &answer, &a, &p).means, OIDC_OK);
	IS(p.subject, "u-7");
	IS(p.name, "\xe5\xbc\xa0\xe4\xb8\x89");
	IS(p.number, "621299199006150131");
	IS(p.phone, "13900000001");
	assert_null(p.level.at);
	named.subject = STR("u-8");
	assert_int_equal(oidc_userinfo_judge(&site, &named, &answer, &a, &p).means, OIDC_NONSENSE);
	site.claim.subject = STR("data.user.uid");
	site.claim.name = STR("data.name");
	site.claim.number = STR("a.b");
	site.claim.phone = STR("data.name.x");
	answer.body = STR("{\"code\":0,\"a.b\":\"whole\",\"a\":{\"b\":\"path\"},\"data\":{\"name\":\"n\",\"user\":{\"uid\":42}}}");
	named.subject = STR("42");
	assert_int_equal(oidc_userinfo_judge(&site, &named, &answer, &a, &p).means, OIDC_OK);
	IS(p.subject, "42");
	IS(p.name, "n");
	IS(p.number, "whole");
	assert_null(p.phone.at);
	static const char *const wrong[] = { "{\"sub\":\"\"}", "{\"sub\":null}", "{\"sub\":\"a b\"}", "{\"sub\":{}}", "{\"sub\":\"u\",\"name\":[]}", "{\"sub\":\"u\",\"id_number\":true}", "{\"sub\":1.5}", "{}" };
	site_anew();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer.body = str_c(wrong[i]);
		if (oidc_userinfo_judge(&site, &none, &answer, &a, &p).means != OIDC_NONSENSE)
			fail_msg("%s", wrong[i]);
	}
	char longest[OIDC_SUBJECT_MAX + 32];
	for (int more = 0; more < 2; more++) {
		int len = snprintf(longest, sizeof(longest), "{\"sub\":\"%0*d\"}", OIDC_SUBJECT_MAX + more, 7);
		answer.body = (struct str){ longest, (size_t)len };
		assert_int_equal(oidc_userinfo_judge(&site, &none, &answer, &a, &p).means, more == 0 ? OIDC_OK : OIDC_NONSENSE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(questions, begin, end), cmocka_unit_test_setup_teardown(what_is_configured, begin, end),
		cmocka_unit_test_setup_teardown(refusals, begin, end), cmocka_unit_test_setup_teardown(id_tokens, begin, end), cmocka_unit_test_setup_teardown(persons, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
