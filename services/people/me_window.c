/* services/people/me_window.c - POST /v1/me/window-code: digits that let a clerk who has seen the card raise this session (services/booking/hall_identify.c). */
#include "base/hash.h"
#include "services/booking/window.h"
#include "services/handlers.h"
#include "store/expiring.h"
#include <stdio.h>

struct showing {
	char digits[WINDOW_DIGITS + 1];
	struct window_code code;
};

static bool code_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why))
		return false;
	s->code = (struct window_code){ WINDOW_CODE_VERSION, r->who.session };
	return r->who.session != 0 || FAILS(why, FORBIDDEN, "a token made by hand belongs to no session that could be raised");
}

static bool code_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct showing *s = r->state;
	struct str purpose = STR("window code");
	uint8_t bytes[SHA256_BYTES];
	uint64_t n;
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, bytes);
	memcpy(&n, bytes, sizeof(n));
	snprintf(s->digits, sizeof(s->digits), "%08u", (unsigned)(n % 100000000));
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_ADD, .class = KEY_WINDOW_CODE, .key = str_c(s->digits), .value = { (const char *)&s->code, sizeof(s->code) } };
	return true;
}

static bool code_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return b->op[0].end == EXPIRING_OK || FAILS(why, TRY_LATER, "these digits are shown elsewhere just now");
}

static bool code_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "code", str_c(s->digits));
	json_add_number(&j, "expires_in", WINDOW_CODE_S);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_window_code = { .parse = code_parse, .recall = code_recall, .recalled = code_recalled, .render = code_render };
