/* services/people/me_phone.c - POST /v1/me/phone: another number from now on.
 *
 * The new number answers with a code (purpose phone). That it is the owner who asks, the old number says with a code (purpose phone_old), or a face that was
 * shown within 15 minutes. Then the new number is the only one that leads to him, every other session ends, and the old number is told.
 *
 * Whoever lost his phone: a login with the new number on whatever device, name and number (POST /v1/me/identity), a face (POST /v1/me/step-up), and this, with
 * the number he came by: what the lost phone had open is over.
 * Both codes are tried at once, so a wrong one may cost the other: ask for both again. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/mask.h"
#include "auth/otp.h"
#include "auth/right.h"
#include "auth/session.h"
#include "channels/sms_aliyun.h"
#include "notify/account.h"
#include "notify/effect.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { CHANGED = 1, SMS_BYTES = 160 };

struct change {
	struct str phone, challenge, code, old_phone, old_challenge, old_code;
	struct otp_trying to, from; /* the codes of the new and the old number */
	bool by_old;                /* else by a face */
};

static const struct json_field fields[] = {
	{ "phone", JSON_F_TEXT, true, 1, 20, offsetof(struct change, phone), NULL },
	{ "challenge", JSON_F_TEXT, true, 1, OTP_CHALLENGE_TEXT, offsetof(struct change, challenge), NULL },
	{ "code", JSON_F_TEXT, true, OTP_DIGITS, OTP_DIGITS, offsetof(struct change, code), NULL },
	{ "old_phone", JSON_F_TEXT, false, 1, 20, offsetof(struct change, old_phone), NULL },
	{ "old_challenge", JSON_F_TEXT, false, 1, OTP_CHALLENGE_TEXT, offsetof(struct change, old_challenge), NULL },
	{ "old_code", JSON_F_TEXT, false, OTP_DIGITS, OTP_DIGITS, offsetof(struct change, old_code), NULL },
};

/* Without the old number it takes a face, and whoever is known by a phone alone has none to show. */
static bool proof_parse(const struct request *r, struct change *c, struct fail *why)
{
	c->by_old = c->old_phone.at != NULL;
	if (c->by_old != (c->old_challenge.at != NULL) || c->by_old != (c->old_code.at != NULL))
		return FAILS_FIELD(why, FIELD_MISSING, "/old_code", "old_phone, old_challenge and old_code come together");
	if (c->by_old)
		return phone_normal(c->old_phone, c->from.phone) || FAILS_FIELD(why, FIELD, "/old_phone", "not a mainland mobile number");
	if (level_suffices(&r->who, LEVEL_L3, r->now_ms))
		return true;
	if (r->who.level < LEVEL_L2)
		return FAILS_FIELD(why, FIELD_MISSING, "/old_code", "who is known by a phone alone needs its code");
	FAILS(why, LEVEL, "neither the old number's code nor a face");
	fail_fact_number(why, "needed_level", LEVEL_L3);
	fail_fact_text(why, "step", level_row(LEVEL_L3)->step);
	return false;
}

static bool change_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct change *c = request_state(r, sizeof(*c), why);
	if (c == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why))
		return false;
	if (r->who.session == 0)
		return FAILS(why, FORBIDDEN, "a token made by hand came by no phone");
	if (!phone_normal(c->phone, c->to.phone))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mainland mobile number");
	c->to.purpose = OTP_PHONE;
	c->to.challenge = c->challenge;
	c->to.digits = c->code;
	c->from.purpose = OTP_PHONE_OLD;
	c->from.challenge = c->old_challenge;
	c->from.digits = c->old_code;
	return proof_parse(r, c, why);
}

static bool change_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct change *c = r->state;
	(void)why;
	otp_try(&c->to, &b->op[b->count++]);
	if (c->by_old)
		otp_try(&c->from, &b->op[b->count++]);
	return true;
}

static bool change_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	static const char *const pointers[] = { "/code", "/old_code" };
	(void)r;
	for (int i = 0; i < b->count; i++) {
		int64_t left;
		if (otp_tried(&b->op[i], &left) == OTP_RIGHT)
			continue;
		FAILS_FIELD(why, FIELD, pointers[i], "a wrong code, or none any more");
		fail_fact_number(why, "tries_left", left);
		return false;
	}
	return true;
}

/* ---- apply ---- */

static bool session_moved(struct tx *tx, const struct request *r, int64_t login, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET login = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, login);
	stmt_bind_int(q, 2, r->who.session);
	return stmt_run(q, why);
}

static bool tell(struct tx *tx, const struct request *r, const char *phone, int n, struct fail *why)
{
	const struct change *c = r->state;
	char text[SMS_BYTES];
	uint8_t random[16];
	int64_t effect;
	if (!account_is_configured(ACCOUNT_sms_aliyun) || !sms_aliyun_has_template(services_config(), STR("phone_changed")))
		return true;
	int len = snprintf(text, sizeof(text), "{\"phone\":\"%s\",\"template\":\"phone_changed\",\"params\":{\"tail\":\"%s\"}}", phone, c->to.phone + PHONE_DIGITS - 4);
	struct effect_new e = { .kind = KIND_sms_aliyun, .person = r->who.id, .payload = { text, (size_t)len } };
	effect_random(r->random, n, random);
	bool ok = effect_add(tx, &e, r->now_ms, random, &effect, why);
	wipe(text, sizeof(text));
	return ok;
}

static bool is_one_of(char phones[LOGIN_PHONES_MAX][PHONE_DIGITS + 1], int count, const char *phone)
{
	for (int i = 0; i < count; i++)
		if (strcmp(phones[i], phone) == 0)
			return true;
	return false;
}

static bool change_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct change *c = r->state;
	char phones[LOGIN_PHONES_MAX][PHONE_DIGITS + 1];
	struct person_facts facts = { .phone = str_c(c->to.phone) };
	uint8_t salt[32];
	int64_t login, ended = 0;
	int count;
	if (!login_phones(tx, r->who.id, phones, &count, why))
		return false;
	if (c->by_old && !is_one_of(phones, count, c->from.phone))
		return FAILS_FIELD(why, FIELD, "/old_phone", "this number does not lead to him");
	request_bytes(r, "phone", salt);
	struct audit a = { AUDIT_PHONE_CHANGED, AUDIT_OF_PERSON, r->who.id, .result = 200, .detail = c->by_old ? STR("by the old number") : STR("by a face") };
	bool ok = login_change_phone(tx, r->who.id, facts.phone, r->who.level >= LEVEL_L2 ? LEVEL_L2 : LEVEL_L1, r->now_ms, salt, &login, why) &&
		  session_moved(tx, r, login, why) && person_facts_merge(tx, r->who.id, &facts, salt, why) &&
		  session_end_all(tx, WHO_CITIZEN, r->who.id, r->who.session, SESSION_ENDED_BY_OTHER, r->now_ms, &ended, why) && audit_add(tx, r, &a, why);
	for (int i = 0; ok && i < count; i++)
		ok = strcmp(phones[i], c->to.phone) == 0 || tell(tx, r, phones[i], i, why);
	wipe(phones, sizeof(phones));
	r->outcome = (struct outcome){ .code = CHANGED, .status = 200, .n = { ended } };
	return ok;
}

static bool change_render(struct request *r, struct fail *why)
{
	const struct change *c = r->state;
	char masked[PHONE_DIGITS + 1];
	struct buf phone = { .at = masked, .cap = sizeof(masked) };
	mask_phone(str_c(c->to.phone), &phone);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "phone", buf_text(&phone));
	json_add_number(&j, "sessions_ended", r->outcome.n[0]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_phone = { .parse = change_parse, .recall = change_recall, .recalled = change_recalled, .apply = change_apply, .render = change_render,
	.own_device = true };
