/* services/grant_otp.c - a code on one's phone opens a session. A wrong code that leaves tries fails at once and writes nothing, so that guessing costs us one
 * operation in memory; the one that used up the last try leaves a trace. */
#include "auth/audit.h"
#include "auth/login.h"
#include "services/grant.h"

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
	return true;
}

static bool otp_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	int64_t left;
	switch (otp_tried(&b->op[0], &left)) {
	case OTP_RIGHT:
		return true;
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

static bool otp_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct login_found found;
	uint8_t salt[32];
	if (t->is_refused) {
		struct audit a = { AUDIT_LOGIN_REFUSED, AUDIT_OF_NOTHING, 0, .result = 400, .detail = STR("otp: last try") };
		out->is_refused = true;
		return audit_add(tx, r, &a, why);
	}
	request_bytes(r, "login", salt);
	return login_enter(tx, LOGIN_PHONE, str_c(t->otp.phone), t->device, r->now_ms, salt, &found, why) && grant_citizen(tx, r, t, &found, out, why);
}

const struct grant grant_otp = { .parse = otp_parse, .recall = otp_recall, .recalled = otp_recalled, .apply = otp_apply };
