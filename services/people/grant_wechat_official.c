/* services/people/grant_wechat_official.c - a person in a page of our official account opens a session with what WeChat says of his code; to whom the account leads, auth/provider.h.
 * A phone is shown by a code on it, afterwards: such a page is given no number by WeChat. */
#include "auth/audit.h"
#include "services/people/grant_wechat.h"
#include "services/people/wechat_account.h"

static bool official_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	(void)r;
	if (!wechat_official_is_there())
		return FAILS_FIELD(why, GRANT_TYPE, "/grant_type", "wechat.official.appid is not configured");
	t->official.state = t->form.state;
	t->official.code = t->form.code;
	return wechat_login_parse(&t->official, why) && grant_device(t, why);
}

static bool official_recall(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why)
{
	(void)r, (void)why;
	wechat_login_recall(&t->official, b);
	return true;
}

static bool official_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	if (!wechat_login_recalled(&t->official, b, t->device, 0, why))
		return false;
	t->account.account = t->official.account;
	return true;
}

static bool ask_build(struct request *r, struct question *q, struct fail *why)
{
	return wechat_login_ask(r, &((struct token_asking *)r->state)->official, q, why);
}

static bool ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct token_asking *t = r->state;
	if (!wechat_login_answered(r, &t->official, "web login", answer, why))
		return false;
	t->account.account = t->official.account;
	return true;
}

static const struct ask ask_wechat = { .build = ask_build, .judge = ask_judge, .asks_again = true };

static bool official_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct audit a = { AUDIT_LOGIN_REFUSED, AUDIT_OF_NOTHING, 0, .result = 400, .detail = STR("wechat: code") };
	if (t->official.refused_as == FAIL_NONE)
		return grant_wechat_apply(tx, r, t, out, why);
	*out = (struct granted){ .is_refused = true, .refused_as = t->official.refused_as };
	return audit_add(tx, r, &a, why);
}

static void official_settle(const struct request *r, struct token_asking *t, struct expiring_batch *b)
{
	wechat_login_settle(r, &t->official, &b->op[b->count++]);
	grant_wechat_settle(r, t, b);
}

const struct grant grant_wechat_official = { .parse = official_parse, .recall = official_recall, .recalled = official_recalled, .ask = &ask_wechat, .apply = official_apply,
	.settle = official_settle };
