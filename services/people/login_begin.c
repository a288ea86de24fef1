/* services/people/login_begin.c - the same for whoever the login goes on at. */
#include "services/people/login_begin.h"

#include "services/handlers.h"
#include "services/services.h"

enum { PER_ADDRESS = 1000 };

void login_begin_keep(const struct request *r, struct expiring_batch *batch, struct str what, uint8_t (*keys)[SHA256_BYTES], struct str value)
{
	struct str address[] = { what, r->peer };
	hash_parts(HASH_SHA256, address, 2, keys[1]);
	batch->all_or_nothing = true;
	batch->op[batch->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_LOGIN_STATE, .key = { (const char *)keys[1], SHA256_BYTES }, .limit = PER_ADDRESS };
	batch->op[batch->count++] = (struct expiring_op){ .verb = EXPIRING_ADD, .class = KEY_LOGIN_STATE, .key = { (const char *)keys[0], SHA256_BYTES }, .value = value };
}

bool login_begin_judge(const struct expiring_batch *batch, struct fail *why)
{
	if (batch->op[0].end != EXPIRING_NO)
		return true;
	why->retry_after_s = (int)(batch->op[0].left_ms / 1000) + 1;
	return FAILS(why, RATE, "more than %d logins begun from one address", PER_ADDRESS);
}

bool login_begin_reply(struct request *r, struct str url, struct str state, int64_t lives_ms, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "authorization_url", url);
	json_add_text(&j, "state", state);
	json_add_number(&j, "expires_in", lives_ms / 1000);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}
