/* services/money/nontax_account.c - an account of WeChat like any other, under its own appid. */
#include "services/money/nontax_account.h"

#include "base/log.h"
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

/* ---- its calls ---- */

static const struct nontax_profile *profile(void)
{
	return account_is_configured(ACCOUNT_wechat_nontax) ? nontax_profile_of(services_config()->wechat_nontax_calls) : NULL;
}

bool nontax_call_begin(struct request *r, struct str *word, struct fail *why)
{
	struct str got;
	*word = STR_NONE;
	if (profile() == NULL)
		return FAILS(why, NO_ROUTE, "nobody calls us from there");
	if (!request_query(r, "wxnontaxstr", &got, why))
		return false;
	if (got.len > NONTAX_WORD_MAX || !str_is_visible_ascii(got))
		return FAILS_FIELD(why, QUERY, "wxnontaxstr", "1 to %d visible characters", NONTAX_WORD_MAX);
	*word = got;
	return true;
}

enum nontax_reply nontax_call_open(struct request *r, struct str word, struct str *plain)
{
	return profile()->open(*account_callback_secret(ACCOUNT_wechat_nontax), word, r->body, plain, &r->arena);
}

bool nontax_call_answer(struct request *r, struct str word, enum nontax_reply reply, const struct nontax_notice *due, const uint8_t nonce[NONTAX_NONCE_BYTES], struct fail *why)
{
	struct str body = profile()->seal(*account_callback_secret(ACCOUNT_wechat_nontax), word, nontax_reply_plain(reply, due, &r->arena), nonce, &r->arena);
	if (body.at == NULL)
		return FAILS(why, MEMORY, "an answer to the platform");
	LOG_EVENT(nontax_call, str_c(r->id), L_STR(word), L_INT((int64_t)reply));
	reply_json_text(r, 200, body);
	return true;
}

const struct token_source wechat_nontax_token = { .name = NAME, .build = token_build, .judge = token_judge };
