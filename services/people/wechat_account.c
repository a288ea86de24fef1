/* services/people/wechat_account.c - one mini-program and one official account, read once. */
#include "services/people/wechat_account.h"
#include "base/secret_file.h"
#include "services/services.h"

enum { QUOTA_AGAIN_S = 60 /* of the minute's; the day's is an event as well */, BUSY_AGAIN_S = 1 };

static struct secret secret, official_secret;

bool wechat_account_open(const struct config *c, struct fail *why)
{
	return (c->wechat_mini_appid[0] == '\0' || secret_read(c->wechat_mini_secret_file, &secret, why)) &&
	       (c->wechat_official_appid[0] == '\0' || secret_read(c->wechat_official_secret_file, &official_secret, why));
}

void wechat_account_close(void)
{
	if (secret.secret.at != NULL)
		secret_drop(&secret);
	if (official_secret.secret.at != NULL)
		secret_drop(&official_secret);
}

bool wechat_is_there(void)
{
	return secret.secret.at != NULL;
}

struct secret wechat_secret(void)
{
	return secret;
}

bool wechat_official_is_there(void)
{
	return official_secret.secret.at != NULL;
}

struct secret wechat_official_secret(void)
{
	return official_secret;
}

/* ---- refusals ---- */

static bool later(int seconds, const char *what, long long errcode, struct fail *why)
{
	why->retry_after_s = seconds;
	return FAILS(why, PEER_AWAY, "WeChat, %s: %lld", what, errcode);
}

bool wechat_refused(struct wechat_said said, const char *what, const char *code, struct fail *why)
{
	return wechat_account_refused(said, "wechat_mini", what, code, why);
}

bool wechat_account_refused(struct wechat_said said, const char *account, const char *what, const char *code, struct fail *why)
{
	bool is_ours = said.means == WECHAT_CONFIG || said.means == WECHAT_OURS || said.means == WECHAT_STALE || said.means == WECHAT_QUOTA;
	if (is_ours)
		LOG_EVENT(provider_refused, STR_NONE, L_C(account), L_C(what), L_INT(said.errcode));
	switch (said.means) {
	case WECHAT_CODE:
		FAILS(why, GRANT, "WeChat, %s: %lld", what, (long long)said.errcode);
		fail_fact_text(why, "wrong", code);
		return false;
	case WECHAT_USER:
		return FAILS(why, ACCOUNT_AT_RISK, "WeChat, %s: %lld", what, (long long)said.errcode);
	case WECHAT_BUSY:
		return later(BUSY_AGAIN_S, what, said.errcode, why);
	case WECHAT_QUOTA:
	case WECHAT_CONFIG:
	case WECHAT_STALE:
		return later(QUOTA_AGAIN_S, what, said.errcode, why);
	case WECHAT_OK:
	case WECHAT_OURS:
	case WECHAT_NONSENSE:
		break;
	}
	return FAILS(why, PEER_NONSENSE, "WeChat, %s: %lld", what, (long long)said.errcode);
}

/* ---- the access token ---- */

static bool token_build(struct arena *a, struct http_call *out, struct fail *why)
{
	return wechat_token_build(str_c(services_config()->wechat_url), str_c(services_config()->wechat_mini_appid), secret, a, out, why);
}

bool wechat_token_taken(const char *account, const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why)
{
	struct wechat_token t;
	if (answer->status >= 500 || answer->status == 429)
		return FAILS(why, PEER_AWAY, "WeChat, token: status %d", answer->status);
	struct wechat_said said = wechat_token_judge(answer, a, &t);
	if (said.means != WECHAT_OK)
		return wechat_account_refused(said, account, "token", "access_token", why);
	*token = t.token;
	*life_s = t.expires_in_s;
	return true;
}

static bool token_judge(const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why)
{
	return wechat_token_taken("wechat_mini", answer, a, token, life_s, why);
}

const struct token_source wechat_token = { .name = "wechat_mini", .build = token_build, .judge = token_judge };
