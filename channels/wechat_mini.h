/* channels/wechat_mini.h - a mini-program's server side at WeChat: whose login code is this, what is his phone number, and the access token. Pure.
 *
 * Secret, code and token stand in the query there: an address built here is never logged, and no error text holds a part of it.
 * Thread: any.
 * Source: developers.weixin.qq.com, code2Session, getPhoneNumber, getStableAccessToken, "encrypted data"; wechat_mini_codes.def. */
#ifndef CHANNELS_WECHAT_MINI_H
#define CHANNELS_WECHAT_MINI_H
#include "base/config.h"
#include "base/log.h"
#include "channels/http.h"

enum { WECHAT_CODE_MAX = 256, WECHAT_ID_MAX = 64, WECHAT_TOKEN_MAX = 1024, WECHAT_SESSION_KEY_BYTES = 16, WECHAT_SEALED_MAX = 8192 };

enum wechat_question { WECHAT_LOGIN, WECHAT_PHONE, WECHAT_TOKEN, WECHAT_QUESTIONS };
enum wechat_means { WECHAT_OK, WECHAT_BUSY, WECHAT_STALE, WECHAT_CODE, WECHAT_USER, WECHAT_QUOTA, WECHAT_CONFIG, WECHAT_OURS, WECHAT_NONSENSE };

struct wechat_said {
	enum wechat_means means;
	int64_t errcode;               /* 0 when it said none */
};

/* The text is the mini-program's; the key must not leave this process, and the request's arena is where it ends. */
struct wechat_session {
	struct str openid, unionid;    /* unionid at NULL: the mini-program is bound to no Open Platform account */
	struct secret session_key;     /* base64, as it came */
};

struct wechat_phone {
	struct str phone;              /* digits, without the country's code */
	struct str country;            /* "86" */
};

struct wechat_token {
	struct secret token;
	int64_t expires_in_s;
};

/* What the person said, in visible ASCII. */
bool wechat_code_is_right(struct str code);
/* Texts are made in `a`. Fails: CONFIG url, appid or secret are none; MEMORY. */
MUST_USE bool wechat_login_build(const struct config *c, struct secret app_secret, struct str code, struct arena *a, struct http_call *out, struct fail *why);
/* `openid`: whose code it must be. */
MUST_USE bool wechat_phone_build(const struct config *c, struct secret token, struct str code, struct str openid, struct arena *a, struct http_call *out,
				 struct fail *why);
/* Of whatever account `appid` is. Always the token everybody has: a forced refresh would end it under the others. */
MUST_USE bool wechat_token_build(struct str base, struct str appid, struct secret app_secret, struct arena *a, struct http_call *out, struct fail *why);

/* Of a whole answer. Texts of `out` are copied into `a`; they are there only when it means OK. */
struct wechat_said wechat_login_judge(const struct http_answer *answer, struct arena *a, struct wechat_session *out);
struct wechat_said wechat_phone_judge(const struct config *c, const struct http_answer *answer, struct arena *a, struct wechat_phone *out);
struct wechat_said wechat_token_judge(const struct http_answer *answer, struct arena *a, struct wechat_token *out);
/* Is it what was asked for, so that a repeat may be told the same? A refusal is not: the next may be another. */
bool wechat_login_is_answered(const struct http_answer *answer);
bool wechat_phone_is_answered(const struct http_answer *answer);

/* Opens encryptedData. false: not sealed with this session's key (wx.login again), of another mini-program, or not from now_ms - max_age_ms on. The JSON
 * lies in `a`; nothing authenticates it but its watermark, so what it says counts only beside what WeChat itself answered. */
MUST_USE bool wechat_open(const struct config *c, struct secret session_key, struct str iv, struct str sealed, int64_t now_ms, int64_t max_age_ms,
			  struct arena *a, struct str *json);
#endif
