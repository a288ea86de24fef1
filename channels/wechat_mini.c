/* channels/wechat_mini.c - why this exists: everything there comes as 200, and what it means is a number in the body. */
#include "channels/wechat_mini.h"
#include "channels/wechat_inside.h"

#include "base/arena.h"
#include "base/cipher.h"
#include "base/hash.h"
#include "base/json.h"
#include "channels/url.h"

#include <openssl/crypto.h>

enum { ANSWER_MAX = 16 << 10, CLOCK_SLACK_MS = 300000, COUNTRY_MAX = 8, PHONE_MAX = 20, LIFE_S_MAX = 86400 };

/* ---- what the numbers mean ---- */

static const struct { int64_t code; enum wechat_means means[WECHAT_QUESTIONS]; } codes[] = {
#define CODE(number, login, phone, token) { number, { WECHAT_##login, WECHAT_##phone, WECHAT_##token } },
#include "channels/wechat_mini_codes.def"
#undef CODE
};

static struct wechat_said said_of(enum wechat_question q, int64_t errcode)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == errcode)
			return (struct wechat_said){ codes[i].means[q], errcode };
	return (struct wechat_said){ WECHAT_NONSENSE, errcode };
}

static const struct wechat_said nonsense = { WECHAT_NONSENSE, 0 };

/* The content type is text/plain as often as not, so it is not asked. */
struct wechat_said wechat_answer_read(enum wechat_question q, const struct http_answer *answer, json_t **object)
{
	struct fail inner;
	fail_clear(&inner);
	*object = answer->status == 200 ? json_read(answer->body, &inner) : NULL;
	if (*object == NULL || !json_is_object(*object))
		return nonsense;
	const json_t *code = json_object_get(*object, "errcode");
	if (code == NULL)
		return said_of(q, 0);
	return json_is_integer(code) ? said_of(q, json_integer_value(code)) : nonsense;
}

/* ---- questions ---- */

bool wechat_code_is_right(struct str code)
{
	return code.len <= WECHAT_CODE_MAX && str_is_visible_ascii(code);
}

bool wechat_is_account(struct str base, struct str appid, struct secret secret, struct fail *why)
{
	return (url_base_is_right(base) && appid.len > 0 && secret.secret.len > 0) || FAILS(why, CONFIG, "WeChat: an address, an appid and a secret belong together");
}

static bool is_configured(const struct config *c, struct secret secret, struct fail *why)
{
	return wechat_is_account(str_c(c->wechat_url), str_c(c->wechat_mini_appid), secret, why);
}

bool wechat_call(const struct buf *url, const struct buf *body, struct http_call *out, struct fail *why)
{
	if (!buf_ok(url) || (body != NULL && !buf_ok(body)))
		return FAILS(why, MEMORY, "a question to WeChat");
	*out = (struct http_call){ .method = body == NULL ? METHOD_GET : METHOD_POST, .url = buf_text(url), .answer_max = ANSWER_MAX };
	if (body != NULL) {
		out->body = buf_text(body);
		out->headers[out->header_count++] = (struct header){ STR("content-type"), STR("application/json") };
	}
	return true;
}

bool wechat_login_build(const struct config *c, struct secret app_secret, struct str code, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf url;
	if (!is_configured(c, app_secret, why))
		return false;
	buf_init(&url, a, 512);
	buf_str(&url, str_c(c->wechat_url));
	buf_str(&url, STR("/sns/jscode2session"));
	url_field(&url, '?', "appid", str_c(c->wechat_mini_appid));
	url_field(&url, '&', "secret", app_secret.secret);
	url_field(&url, '&', "js_code", code);
	url_field(&url, '&', "grant_type", STR("authorization_code"));
	return wechat_call(&url, NULL, out, why);
}

bool wechat_phone_build(const struct config *c, struct secret token, struct str code, struct str openid, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf url, body;
	if (!is_configured(c, token, why))
		return false;
	buf_init(&url, a, 512);
	buf_str(&url, str_c(c->wechat_url));
	buf_str(&url, STR("/wxa/business/getuserphonenumber"));
	url_field(&url, '?', "access_token", token.secret);
	buf_init(&body, a, 128);
	struct json_out j = json_begin(&body);
	json_put_object(&j);
	json_add_text(&j, "code", code);
	json_add_text(&j, "openid", openid);
	json_put_object_end(&j);
	return wechat_call(&url, &body, out, why);
}

bool wechat_token_build(struct str base, struct str appid, struct secret app_secret, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf url, body;
	if (!wechat_is_account(base, appid, app_secret, why))
		return false;
	buf_init(&url, a, 128);
	buf_str(&url, base);
	buf_str(&url, STR("/cgi-bin/stable_token"));
	buf_init(&body, a, 256);
	struct json_out j = json_begin(&body);
	json_put_object(&j);
	json_add_text(&j, "grant_type", STR("client_credential"));
	json_add_text(&j, "appid", appid);
	json_add_text(&j, "secret", app_secret.secret);
	json_add_boolean(&j, "force_refresh", false);
	json_put_object_end(&j);
	return wechat_call(&url, &body, out, why);
}

/* ---- answers ---- */

bool wechat_is_id(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= WECHAT_ID_MAX && str_is_visible_ascii(s);
}

static bool is_session_key(struct str s, struct fail *why)
{
	uint8_t bytes[WECHAT_SESSION_KEY_BYTES];
	(void)why;
	bool ok = base64_bytes(s, bytes, sizeof(bytes)) == WECHAT_SESSION_KEY_BYTES;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return ok;
}

static bool is_token(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= WECHAT_TOKEN_MAX && str_is_visible_ascii(s);
}

static bool is_phone(struct str s, struct fail *why)
{
	(void)why;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return s.len >= 1 && s.len <= PHONE_MAX;
}

static bool take(json_t *object, const struct json_field *fields, size_t count, void *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	return json_take(object, fields, count, JSON_IGNORE_UNKNOWN, "", out, a, &inner);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct wechat_said wechat_login_judge(const struct http_answer *answer, struct arena *a, struct wechat_session *out)
{
	static const struct json_field fields[] = {
		{ "openid", JSON_F_TEXT, true, 0, 0, offsetof(struct wechat_session, openid), wechat_is_id },
		{ "unionid", JSON_F_TEXT, false, 0, 0, offsetof(struct wechat_session, unionid), wechat_is_id },
		{ "session_key", JSON_F_TEXT, true, 0, 0, offsetof(struct wechat_session, session_key), is_session_key },
	};
	DROP(json) json_t *object = NULL;
	struct wechat_said said = wechat_answer_read(WECHAT_LOGIN, answer, &object);
	*out = (struct wechat_session){ STR_NONE, STR_NONE, { STR_NONE } };
	return said.means != WECHAT_OK || take(object, fields, COUNT(fields), out, a) ? said : nonsense;
}

struct wechat_said wechat_token_judge(const struct http_answer *answer, struct arena *a, struct wechat_token *out)
{
	static const struct json_field fields[] = {
		{ "access_token", JSON_F_TEXT, true, 0, 0, offsetof(struct wechat_token, token), is_token },
		{ "expires_in", JSON_F_INT, true, 1, LIFE_S_MAX, offsetof(struct wechat_token, expires_in_s), NULL },
	};
	DROP(json) json_t *object = NULL;
	struct wechat_said said = wechat_answer_read(WECHAT_TOKEN, answer, &object);
	*out = (struct wechat_token){ { STR_NONE }, 0 };
	return said.means != WECHAT_OK || take(object, fields, COUNT(fields), out, a) ? said : nonsense;
}

struct watermark {
	struct str appid;
	int64_t timestamp_s;
};

static bool read_watermark(json_t *object, struct watermark *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "appid", JSON_F_TEXT, true, 0, 0, offsetof(struct watermark, appid), wechat_is_id },
		{ "timestamp", JSON_F_INT, true, 0, INT64_MAX / 1000, offsetof(struct watermark, timestamp_s), NULL },
	};
	return take(json_object_get(object, "watermark"), fields, COUNT(fields), out, a);
}

/* Documented as a number, seen as a text. */
static bool read_country(json_t *info, struct arena *a, struct str *out)
{
	const json_t *v = json_object_get(info, "countryCode");
	char digits[21];
	struct str text = json_is_integer(v) && json_integer_value(v) > 0 ? (struct str){ digits, i64_text(json_integer_value(v), digits) } :
		json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NONE;
	*out = text.len > 0 && text.len <= COUNTRY_MAX && is_phone(text, NULL) ? str_copy(a, text) : STR_NONE;
	return out->at != NULL;
}

struct wechat_said wechat_phone_judge(const struct config *c, const struct http_answer *answer, struct arena *a, struct wechat_phone *out)
{
	static const struct json_field fields[] = { { "purePhoneNumber", JSON_F_TEXT, true, 0, 0, offsetof(struct wechat_phone, phone), is_phone } };
	struct watermark mark = { STR_NONE, 0 };
	DROP(json) json_t *object = NULL;
	struct wechat_said said = wechat_answer_read(WECHAT_PHONE, answer, &object);
	*out = (struct wechat_phone){ STR_NONE, STR_NONE };
	if (said.means != WECHAT_OK)
		return said;
	json_t *info = json_object_get(object, "phone_info");
	if (!json_is_object(info) || !take(info, fields, COUNT(fields), out, a) || !read_country(info, a, &out->country) || !read_watermark(info, &mark, a))
		return nonsense;
	return str_eq(mark.appid, str_c(c->wechat_mini_appid)) ? said : nonsense;
}

static bool is_answered(enum wechat_question q, const struct http_answer *answer, const char *member)
{
	DROP(json) json_t *object = NULL;
	return wechat_answer_read(q, answer, &object).means == WECHAT_OK && json_object_get(object, member) != NULL;
}

bool wechat_login_is_answered(const struct http_answer *answer)
{
	return is_answered(WECHAT_LOGIN, answer, "openid");
}

bool wechat_phone_is_answered(const struct http_answer *answer)
{
	return is_answered(WECHAT_PHONE, answer, "phone_info");
}

/* ---- encryptedData ---- */

static bool is_ours(const struct config *c, struct str json, int64_t now_ms, int64_t max_age_ms, struct arena *a)
{
	struct fail inner;
	struct watermark mark = { STR_NONE, 0 };
	fail_clear(&inner);
	DROP(json) json_t *object = json_read(json, &inner);
	if (object == NULL || !json_is_object(object) || !read_watermark(object, &mark, a) || !str_eq(mark.appid, str_c(c->wechat_mini_appid)))
		return false;
	int64_t age_ms = now_ms - mark.timestamp_s * 1000;
	return age_ms <= max_age_ms && age_ms >= -CLOCK_SLACK_MS;
}

bool wechat_open(const struct config *c, struct secret session_key, struct str iv, struct str sealed, int64_t now_ms, int64_t max_age_ms,
		 struct arena *a, struct str *json)
{
	uint8_t key[WECHAT_SESSION_KEY_BYTES], start[16];
	uint8_t *bytes = sealed.len <= WECHAT_SEALED_MAX ? arena_alloc(a, sealed.len + 1) : NULL;
	uint8_t *plain = bytes != NULL ? arena_alloc(a, sealed.len + 1) : NULL;
	int64_t len = plain != NULL ? base64_bytes(sealed, bytes, sealed.len) : -1;
	bool ok = len > 0 && base64_bytes(session_key.secret, key, sizeof(key)) == sizeof(key) && base64_bytes(iv, start, sizeof(start)) == sizeof(start);
	if (ok)
		len = aes_128_cbc_open(key, start, (struct str){ (const char *)bytes, (size_t)len }, plain);
	OPENSSL_cleanse(key, sizeof(key));
	*json = ok && len >= 0 ? (struct str){ (const char *)plain, (size_t)len } : STR_NONE;
	return json->at != NULL && is_ours(c, *json, now_ms, max_age_ms, a);
}
