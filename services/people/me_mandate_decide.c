/* services/people/me_mandate_decide.c - yes, no, and no longer: what either side says to a mandate. */
#include "auth/mandate_code.h"
#include "services/handlers.h"
#include "services/people/mandate_tell.h"
#include "services/people/mandate_view.h"

static bool decide_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	return key != NULL && mandate_question(r, key, why);
}

static bool refuse_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct mandate m;
	const struct id *key = r->state;
	if (!mandate_find(tx, r, *key, &m, why) || !mandate_refuse(tx, r, &m, why))
		return false;
	mandate_decided(r, &m);
	return true;
}

static bool revoke_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct mandate m;
	const struct id *key = r->state;
	if (!mandate_find(tx, r, *key, &m, why))
		return false;
	bool was_active = m.state == MANDATE_ACTIVE;
	if (!mandate_revoke(tx, r, &m, why) || (was_active && !mandate_tell(tx, &m, TEMPLATE_mandate_ended, r->now_ms, r->random, &r->arena, why)))
		return false;
	mandate_decided(r, &m);
	return true;
}

const struct handler me_mandate_refuse = { .parse = decide_parse, .apply = refuse_apply, .render = mandate_decided_render, .own_device = true };
const struct handler me_mandate_revoke = { .parse = decide_parse, .apply = revoke_apply, .render = mandate_decided_render, .own_device = true };

/* ---- accept: the holder by the code that the giver told him, or the giver in his own session ---- */

struct yes {
	struct id key;
	struct str digits;     /* at NULL: none came */
	struct mandate_code code;
	enum otp_verdict verdict;
	int64_t tries_left;
};

static bool is_code(struct str s, struct fail *why)
{
	(void)why;
	int64_t n;
	return s.len == OTP_DIGITS && s.at[0] != '-' && str_to_i64(s, 0, 999999, &n);
}

static bool accept_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "code", JSON_F_TEXT, false, OTP_DIGITS, OTP_DIGITS, offsetof(struct yes, digits), is_code } };
	struct yes *y = request_state(r, sizeof(*y), why);
	if (y == NULL || !mandate_question(r, &y->key, why) || (r->body.len > 0 && !request_json(r, fields, 1, y, why)))
		return false;
	if (y->digits.at == NULL)
		return true;
	y->code = (struct mandate_code){ .mandate = y->key, .holder = r->who.id };
	memcpy(y->code.digits, y->digits.at, OTP_DIGITS);
	return true;
}

static bool accept_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct yes *y = r->state;
	if (y->digits.at != NULL)
		mandate_code_try(&y->code, &b->op[b->count++]);
	return true;
}

/* What the code was worth is said in apply, to whom it concerns. */
static bool accept_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct yes *y = r->state;
	if (b->count > 0)
		y->verdict = otp_tried(&b->op[0], &y->tries_left);
	return true;
}

/* Right digits that did not go out, to somebody unknown or who had enough codes today, were guessed. */
static bool code_proves(const struct yes *y, const struct mandate *m, struct fail *why)
{
	if (y->verdict == OTP_RIGHT && m->giver != 0 && m->code_sent_ms != 0)
		return true;
	FAILS(why, MANDATE_CODE, "mandate %lld: verdict %d", (long long)m->id, (int)y->verdict);
	fail_fact_number(why, "tries_left", y->tries_left);
	return false;
}

static bool accept_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct yes *y = r->state;
	struct mandate m;
	if (!mandate_find(tx, r, y->key, &m, why))
		return false;
	bool is_holder = mandate_is_holder(&r->who, &m);
	if (is_holder && y->digits.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/code", "the code that the other side was sent");
	if ((is_holder && !code_proves(y, &m, why)) || !mandate_accept(tx, r, &m, is_holder ? BY_CODE : BY_SESSION, why) ||
	    !mandate_tell(tx, &m, TEMPLATE_mandate_accepted, r->now_ms, r->random, &r->arena, why))
		return false;
	mandate_decided(r, &m);
	return true;
}

const struct handler me_mandate_accept = { .parse = accept_parse, .recall = accept_recall, .recalled = accept_recalled, .apply = accept_apply,
	.render = mandate_decided_render, .own_device = true };
