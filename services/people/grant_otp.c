/* services/people/grant_otp.c - a code on one's phone opens a session. A wrong code that leaves tries fails at once and writes nothing, so that guessing costs us one
 * operation in memory; the one that used up the last try leaves a trace. */
#include "auth/audit.h"
#include "auth/login.h"
#include "services/people/grant.h"

static bool otp_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	(void)r;
	static const struct { const char *pointer; size_t offset; } needed[] = {
		{ "/phone", offsetof(struct token_form, phone) }, { "/challenge", offsetof(struct token_form, challenge) }, { "/code", offsetof(struct token_form, code) },
	};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (((const struct str *)(const void *)((const char *)&t->form + needed[i].offset))->at == NULL)
			return FAILS_FIELD(why, FIELD_MISSING, needed[i].pointer, "the grant needs it");
	if (!phone_normal(t->form.phone, t->otp.phone))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mainland mobile number");
	if (t->form.link.at != NULL && provider_named(t->form.link) == NULL)
		return FAILS_FIELD(why, FIELD, "/link", "no such provider");
	t->otp.purpose = OTP_LOGIN;
	t->otp.challenge = t->form.challenge;
	t->otp.digits = t->form.code;
	return grant_device(t, why);
}

static bool otp_recall(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why)
{
	(void)r;
	(void)why;
	otp_try(&t->otp, &b->op[b->count++]);
	if (t->form.link.at != NULL)
		provider_pending_get(&t->account.pending, t->device, &b->op[b->count++]);
	return true;
}

/* What waited may have gone meanwhile: that costs nobody his login. */
static bool account_recalled(struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	struct account_asking *a = &t->account;
	a->is_there = b->count > 1 && provider_pending_read(&a->pending, &b->op[1], t->device, provider_named(t->form.link)->kind, &a->account, why);
	return why->code == FAIL_NONE;
}

static bool otp_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	int64_t left;
	switch (otp_tried(&b->op[0], &left)) {
	case OTP_RIGHT:
		return account_recalled(t, b, why);
	case OTP_WRONG_AND_GONE:
		t->is_refused = true;
		return true;
	case OTP_WRONG:
		FAILS(why, GRANT, "a wrong code");
		fail_fact_number(why, "tries_left", left);
		return false;
	case OTP_GONE:
		break;
	}
	return FAILS(why, GRANT, "no such code");
}

/* Only to whom the phone leads to, and only when it does not lead to somebody else already. */
static bool link_is_free(struct tx *tx, const struct request *r, const struct token_asking *t, bool *is_free, struct login_found *linked, struct fail *why)
{
	struct login_found by_phone;
	if (!provider_find(tx, &t->account.account, t->device, r->now_ms, linked, why) ||
	    !login_find(tx, LOGIN_PHONE, str_c(t->otp.phone), t->device, r->now_ms, &by_phone, why))
		return false;
	*is_free = linked->login == 0 || linked->person == by_phone.person;
	return true;
}

static bool refuse(struct tx *tx, struct request *r, const char *word, enum fail_code code, struct granted *out, struct fail *why)
{
	struct audit a = { AUDIT_LOGIN_REFUSED, AUDIT_OF_NOTHING, 0, .result = fail_row(code)->http, .detail = str_c(word) };
	*out = (struct granted){ .is_refused = true, .refused_as = code };
	return audit_add(tx, r, &a, why);
}

static bool link_make(struct tx *tx, struct request *r, const struct token_asking *t, const struct login_found *found, const struct login_found *linked,
		      struct fail *why)
{
	const struct provider_account *a = &t->account.account;
	int64_t login = linked->login;
	return login != 0 ? provider_used(tx, r, a, login, why) : provider_link(tx, r, a, found->person, found->level, &login, why);
}

static bool otp_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct login_found found, linked = { .login = 0 };
	bool is_free = true;
	uint8_t salt[32];
	if (t->is_refused)
		return refuse(tx, r, "otp: last try", FAIL_GRANT, out, why);
	if (t->account.is_there && !link_is_free(tx, r, t, &is_free, &linked, why))
		return false;
	if (!is_free)
		return refuse(tx, r, "otp: the account is linked elsewhere", FAIL_LINKED_ELSEWHERE, out, why);
	request_bytes(r, "login", salt);
	if (!login_enter(tx, LOGIN_PHONE, str_c(t->otp.phone), t->device, r->now_ms, salt, &found, why) || !grant_citizen(tx, r, t, &found, out, why))
		return false;
	out->link = t->form.link.at == NULL ? LINK_NOT_ASKED : t->account.is_there ? LINK_MADE : LINK_NOT_MADE;
	return !t->account.is_there || link_make(tx, r, t, &found, &linked, why);
}

const struct grant grant_otp = { .parse = otp_parse, .recall = otp_recall, .recalled = otp_recalled, .apply = otp_apply };
