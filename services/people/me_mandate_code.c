/* services/people/me_mandate_code.c - POST …/code: a code to the giver's phone, asked for by the holder. Whom the mandate names is not seen from the answer, nor from its time.
 *
 * Without an account for SMS there are no codes (503); in development, the answer itself bears the code then. */
#include "auth/mandate_code.h"
#include "services/handlers.h"
#include "services/people/mandate_code_send.h"
#include "services/people/mandate_view.h"
#include "services/services.h"

enum { ASKED = 1 };

static bool code_parse(struct request *r, struct fail *why)
{
	struct mandate_code *c = request_state(r, sizeof(*c), why);
	if (c == NULL || !mandate_question(r, &c->mandate, why))
		return false;
	c->holder = r->who.id;
	return mandate_codes_by_sms() || services_is_development() || FAILS(why, SMS_OFF, "sms.aliyun.url or sms.aliyun.template.mandate_code is not configured");
}

static bool code_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct mandate_code *c = r->state;
	mandate_code_make(r->seed, c);
	mandate_code_ask(c, b);
	return true;
}

static bool code_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return mandate_code_asked(b, why);
}

static bool code_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct mandate_code *c = r->state;
	struct mandate m;
	uint8_t salt[32];
	request_bytes(r, "mandate code", salt);
	r->outcome = (struct outcome){ .code = ASKED, .status = 202 };
	return mandate_find(tx, r, c->mandate, &m, why) && mandate_code_wait(tx, r, &m, c, salt, why);
}

static bool code_render(struct request *r, struct fail *why)
{
	const struct mandate_code *c = r->state;
	struct json_out j = reply_json(r, 202);
	json_put_object(&j);
	json_add_number(&j, "expires_in", MANDATE_CODE_LIFE_MS / 1000);
	json_add_number(&j, "resend_in", MANDATE_CODE_RESEND_S);
	if (!mandate_codes_by_sms())
		json_add_text(&j, "development_code", str_c(c->digits));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_mandate_code = { .parse = code_parse, .recall = code_recall, .recalled = code_recalled, .apply = code_apply, .render = code_render };
