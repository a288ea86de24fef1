/* channels/wechat_official.h - a person in a page of our official account (公众号), opened in WeChat: where his phone goes for a code, and whose code it is. Pure.
 *
 *   his page opens  {authorize_url}?appid&redirect_uri&response_type=code&scope=snsapi_base&state#wechat_redirect    nothing is shown, he comes back at once
 *   we ask          GET {wechat.url}/sns/oauth2/access_token?appid&secret&code&grant_type=authorization_code
 *
 * WeChat compares the address by its form, so its parameters stand in this order, and a state is letters and digits. A code serves once. No more than his openid is
 * asked for; the token that comes along is for asking more about him, so it is not read. An openid is this account's: the same person has another in a mini-program.
 * Secret and code stand in the query: an address built here is never logged.
 * Thread: any.
 * Source: developers.weixin.qq.com, "snsAccessToken" and web authorization of a service account; wechat_mini_codes.def, the column of logins. */
#ifndef CHANNELS_WECHAT_OFFICIAL_H
#define CHANNELS_WECHAT_OFFICIAL_H
#include "channels/wechat_mini.h"

struct wechat_visitor {
	struct str openid, unionid;    /* unionid at NULL: none was told */
	int64_t is_snapshot;           /* 1: he sees a snapshot of the page, and the account is a made-up one that nobody must be linked to */
};

/* Texts are made in `a`. Fails: MEMORY. */
MUST_USE bool wechat_official_authorization(const struct config *c, struct str redirect_uri, struct str state, struct arena *a, struct str *url, struct fail *why);
/* Fails: CONFIG url, appid or secret are none; MEMORY. */
MUST_USE bool wechat_official_build(const struct config *c, struct secret app_secret, struct str code, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole answer. Texts of `out` are copied into `a`; they are there only when it means OK. */
struct wechat_said wechat_official_judge(const struct http_answer *answer, struct arena *a, struct wechat_visitor *out);
/* Is it what was asked for, so that a repeat may be told the same? */
bool wechat_official_is_answered(const struct http_answer *answer);
#endif
