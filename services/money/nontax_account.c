/* services/money/nontax_account.c - an account of WeChat like any other, under its own appid. */
#include "services/money/nontax_account.h"

#include "notify/account.h"
#include "services/people/wechat_account.h"
#include "services/services.h"

static const char NAME[] = "wechat_nontax";

static bool token_build(struct arena *a, struct http_call *out, struct fail *why)
{
	const struct config *c = services_config();
	return wechat_token_build(str_c(c->wechat_url), str_c(c->wechat_nontax_appid), account_settings(ACCOUNT_wechat_nontax)->key, a, out, why);
}

static bool token_judge(const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why)
{
	return wechat_token_taken(NAME, answer, a, token, life_s, why);
}

const struct token_source wechat_nontax_token = { .name = NAME, .build = token_build, .judge = token_judge };
