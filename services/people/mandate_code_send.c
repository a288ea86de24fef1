/* services/people/mandate_code_send.c - why this exists: sending costs a look and a row more than not sending, and nobody who asks may feel which it was. */
#include "services/people/mandate_code_send.h"
#include "auth/mandate_code.h"
#include "auth/mask.h"
#include "base/json.h"
#include "channels/sms_aliyun.h"
#include "notify/account.h"
#include "notify/effect.h"
#include "services/services.h"

enum { SMS_BYTES = 1024, NAME_BYTES = PERSON_NAME_BYTES + 1 };

bool mandate_codes_by_sms(void)
{
	return account_is_configured(ACCOUNT_sms_aliyun) && sms_aliyun_has_template(services_config(), STR("mandate_code"));
}

static bool holder_masked(struct tx *tx, int64_t holder, struct buf *name, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	bool ok = person_facts_get(tx, holder, text, &facts, why);
	if (ok && facts.name.at != NULL)
		mask_name(IDENTITY_RESIDENT, facts.name, name);
	wipe(text, sizeof(text));
	return ok;
}

static bool sms_write(struct tx *tx, const struct mandate_code_due *due, const char *phone, int64_t now_ms, struct fail *why)
{
	char text[SMS_BYTES], name_bytes[NAME_BYTES];
	struct buf name = { .at = name_bytes, .cap = sizeof(name_bytes) }, b = { .at = text, .cap = sizeof(text) };
	int64_t effect;
	if (!holder_masked(tx, due->m.holder, &name, why))
		return false;
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "phone", str_c(phone));
	json_add_text(&j, "template", STR("mandate_code"));
	json_put_name(&j, "params");
	json_put_object(&j);
	json_add_text(&j, "name", buf_text(&name));
	json_add_text(&j, "code", str_c(due->digits));
	json_put_object_end(&j);
	json_put_object_end(&j);
	if (!json_end(&j))
		return FAILS(why, INTERNAL, "an SMS of more than %d bytes", SMS_BYTES);
	struct effect_new e = { .kind = KIND_sms_aliyun, .person = due->m.giver, .payload = buf_text(&b), .expires_ms = due->m.ends_ms };
	bool ok = effect_add(tx, &e, now_ms, due->random, &effect, why);
	wipe(text, sizeof(text));
	return ok;
}

/* Out it goes, or it does not: to nobody known, to nobody's confirmed phone, or to one that had enough today. */
static bool send(struct tx *tx, const struct mandate_code_due *due, int64_t now_ms, struct fail *why)
{
	char phone[PHONE_DIGITS + 1] = "";
	bool goes = due->m.giver != 0 && due->m.state == MANDATE_OFFERED && due->digits[0] != '\0';
	if (goes && !mandate_phone(tx, &due->m, now_ms, phone, &goes, why))
		return false;
	if (goes && !mandate_code_fits(tx, str_c(phone), now_ms, &goes, why))
		return false;
	bool ok = !goes || ((!mandate_codes_by_sms() || sms_write(tx, due, phone, now_ms, why)) && mandate_code_sent(tx, due->m.id, now_ms, why));
	wipe(phone, sizeof(phone));
	return ok;
}

bool mandate_codes_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct mandate_code_due due;
	bool found = true, ok = true;
	for (*rows = 0; ok && found && *rows < rows_max; *rows += found)
		ok = mandate_code_next(tx, now_ms, &due, &found, why) && (!found || send(tx, &due, now_ms, why));
	wipe(&due, sizeof(due));
	return ok;
}
