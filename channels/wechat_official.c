/* channels/wechat_official.c - one address, one question, one answer. */
#include "channels/wechat_official.h"

#include "channels/url.h"
#include "channels/wechat_inside.h"

enum { URL_FIRST = 512 };

bool wechat_official_authorization(const struct config *c, struct str redirect_uri, struct str state, struct arena *a, struct str *url, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, URL_FIRST);
	buf_str(&b, str_c(c->wechat_official_authorize_url));
	url_field(&b, '?', "appid", str_c(c->wechat_official_appid));
	url_field(&b, '&', "redirect_uri", redirect_uri);
	url_field(&b, '&', "response_type", STR("code"));
	url_field(&b, '&', "scope", STR("snsapi_base"));
	url_field(&b, '&', "state", state);
	buf_str(&b, STR("#wechat_redirect"));
	*url = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "an address at WeChat");
}

bool wechat_official_build(const struct config *c, struct secret app_secret, struct str code, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf url;
	if (!wechat_is_account(str_c(c->wechat_url), str_c(c->wechat_official_appid), app_secret, why))
		return false;
	buf_init(&url, a, URL_FIRST);
	buf_str(&url, str_c(c->wechat_url));
	buf_str(&url, STR("/sns/oauth2/access_token"));
	url_field(&url, '?', "appid", str_c(c->wechat_official_appid));
	url_field(&url, '&', "secret", app_secret.secret);
	url_field(&url, '&', "code", code);
	url_field(&url, '&', "grant_type", STR("authorization_code"));
	return wechat_call(&url, NULL, out, why);
}

struct wechat_said wechat_official_judge(const struct http_answer *answer, struct arena *a, struct wechat_visitor *out)
{
	static const struct json_field fields[] = {
		{ "openid", JSON_F_TEXT, true, 0, 0, offsetof(struct wechat_visitor, openid), wechat_is_id },
		{ "unionid", JSON_F_TEXT, false, 0, 0, offsetof(struct wechat_visitor, unionid), wechat_is_id },
		{ "is_snapshotuser", JSON_F_INT, false, 0, 1, offsetof(struct wechat_visitor, is_snapshot), NULL },
	};
	DROP(json) json_t *object = NULL;
	struct fail inner;
	fail_clear(&inner);
	struct wechat_said said = wechat_answer_read(WECHAT_LOGIN, answer, &object);
	*out = (struct wechat_visitor){ STR_NONE, STR_NONE, 0 };
	if (said.means == WECHAT_OK && !json_take(object, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", out, a, &inner))
		return (struct wechat_said){ WECHAT_NONSENSE, 0 };
	return said;
}

bool wechat_official_is_answered(const struct http_answer *answer)
{
	DROP(json) json_t *object = NULL;
	return wechat_answer_read(WECHAT_LOGIN, answer, &object).means == WECHAT_OK && json_object_get(object, "openid") != NULL;
}
