/* services/people/otp_send.c - POST /v1/otp: a code to a phone. Known and unknown phones take the same way, to the same answer.
 *
 * Without an account for SMS there are no codes (503); in development, the answer itself bears the code then. */
#include "auth/login.h"
#include "auth/otp.h"
#include "auth/session.h"
#include "channels/sms_aliyun.h"
#include "notify/account.h"
#include "notify/effect.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { SENT = 1, SMS_BYTES = 160 };

struct sending {
	struct str phone, purpose, device_id;
	struct otp_asking asking;
	struct otp_code code;
	bool by_sms;
};

static const struct json_field fields[] = {
	{ "phone", JSON_F_TEXT, true, 1, 20, offsetof(struct sending, phone), NULL },
	{ "purpose", JSON_F_TEXT, true, 1, 16, offsetof(struct sending, purpose), NULL },
	{ "device_id", JSON_F_TEXT, true, 1, 64, offsetof(struct sending, device_id), NULL },
};

static bool purpose_parse(const struct request *r, struct sending *s, struct fail *why)
{
	const struct otp_purpose_row *row = otp_purpose_named(s->purpose);
	if (row == NULL)
		return FAILS_FIELD(why, FIELD, "/purpose", "no such purpose");
	s->asking.purpose = row->number;
	return (row->who & WHO_ANYONE) || (row->who & (int)r->who.kind) || FAILS(why, LOGIN, "a code for %s needs a session", row->text);
}

static bool otp_send_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	const struct config *c = services_config();
	struct sending *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), s, why))
		return false;
	if (!phone_normal(s->phone, s->asking.phone))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mainland mobile number");
	if (!device_id_is_good(s->device_id))
		return FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url");
	s->by_sms = account_is_configured(ACCOUNT_sms_aliyun) && sms_aliyun_has_template(c, STR("otp"));
	if (!s->by_sms && !c->development)
		return FAILS(why, SMS_OFF, "sms.aliyun.url or sms.aliyun.template.otp is not configured");
	device_hash(s->device_id, s->asking.device);
	s->asking.peer = r->peer;
	s->asking.per_address = c->otp_address;
	return purpose_parse(r, s, why);
}

static bool otp_send_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct sending *s = r->state;
	otp_code(r->seed, &s->code);
	otp_ask(&s->asking, &s->code, b);
	return true;
}

static bool otp_send_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return otp_asked(b, why);
}

static bool sms_write(struct tx *tx, const struct request *r, const struct sending *s, struct fail *why)
{
	char text[SMS_BYTES];
	uint8_t random[16];
	int64_t effect;
	int len = snprintf(text, sizeof(text), "{\"phone\":\"%s\",\"template\":\"otp\",\"params\":{\"code\":\"%s\",\"minutes\":\"%d\"}}", s->asking.phone, s->code.digits,
		OTP_LIFE_S / 60);
	struct effect_new e = { .kind = KIND_sms_aliyun, .payload = { text, (size_t)len }, .expires_ms = r->now_ms + OTP_LIFE_S * 1000 };
	effect_random(r->random, 0, random);
	bool ok = effect_add(tx, &e, r->now_ms, random, &effect, why);
	wipe(text, sizeof(text));
	return ok;
}

static bool otp_send_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct sending *s = r->state;
	struct str phone = str_c(s->asking.phone);
	bool knows;
	if (!login_knows_device(tx, LOGIN_PHONE, phone, s->asking.device, &knows, why) || !otp_count(tx, phone, knows, r->now_ms, why))
		return false;
	r->outcome = (struct outcome){ .code = SENT, .status = 202 };
	return !s->by_sms || sms_write(tx, r, s, why);
}

static bool otp_send_render(struct request *r, struct fail *why)
{
	const struct sending *s = r->state;
	struct json_out j = reply_json(r, 202);
	json_put_object(&j);
	json_add_text(&j, "challenge", str_c(s->code.challenge));
	json_add_number(&j, "expires_in", OTP_LIFE_S);
	json_add_number(&j, "resend_in", OTP_RESEND_S);
	if (!s->by_sms)
		json_add_text(&j, "development_code", str_c(s->code.digits));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler otp_send = { .parse = otp_send_parse, .recall = otp_send_recall, .recalled = otp_send_recalled, .apply = otp_send_apply,
	.render = otp_send_render };
