/* services/money/refund.c - a refund as its parties have it: the payer's (/v1/refunds), the unit's (/v1/department/refunds), the payment office's (/v1/office/refunds), the hall's
 * (/v1/hall/refunds/{id}/paid). What two people decide is services/money/refund_deed.c. */
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "services/handlers.h"
#include "services/money/refunding.h"
#include "services/services.h"

/* ---- asking, lists, one ---- */

static bool one_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct refund_one *o = r->state;
	struct refund f;
	if (!refund_find(tx, o->key, &f, &r->arena, why))
		return false;
	if (f.id == 0)
		return FAILS(why, NOT_FOUND, "no such refund");
	r->owner = r->who.kind == WHO_CITIZEN ? f.person : r->who.kind == WHO_DEPARTMENT ? f.department : f.division;
	return refund_view_look(tx, r, &f, &o->view, why);
}

const struct handler refund_create = { .parse = refunding_parse, .apply = refunding_apply, .render = refunding_render };
const struct handler refund_list_handler = { .parse = refund_page_parse, .look = refund_page_look, .render = refund_page_render };
const struct handler refund_show = { .parse = refund_one_parse, .look = one_look, .render = refund_one_render };

/* ---- withdrawn by whoever asked ---- */

/* The office is one: who asked may be away. */
static bool has_asked(const struct request *r, const struct refund *f)
{
	switch (r->who.kind) {
	case WHO_CITIZEN:
		return f->asker == REFUND_ASKED_BY_PERSON && f->asked_by == principal_whose(&r->who);
	case WHO_DEPARTMENT:
		return f->asker == REFUND_ASKED_BY_UNIT && f->asked_by == r->who.id;
	default:
		return f->asker == REFUND_ASKED_BY_OFFICE && region_is_within(r->who.region, f->division);
	}
}

static bool withdraw_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct refund f;
	if (!refund_one_again(tx, r, &f, why))
		return false;
	if (!has_asked(r, &f))
		return FAILS(why, NOT_FOUND, "another asked for it");
	return refund_given_up(tx, &f, REFUND_WITHDRAWN, r->now_ms, why) && refund_one_done(tx, r, &f, AUDIT_REFUND_WITHDRAWN, STR_NONE, why);
}

const struct handler refund_withdraw = { .parse = refund_one_parse, .apply = withdraw_apply, .render = refund_done_render };

/* ---- verified by the unit ---- */

static bool review_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "verdict", JSON_F_TEXT, true, 1, 16, offsetof(struct refund_one, verdict), NULL },
		{ "note", JSON_F_TEXT, false, 2, REFUND_REASON_MAX, offsetof(struct refund_one, note), check_plain_text },
	};
	struct refund_one *o;
	if (!refund_one_parse(r, why) || !request_json(r, fields, 2, r->state, why))
		return false;
	o = r->state;
	if (!str_eq(o->verdict, STR("verified")) && !str_eq(o->verdict, STR("refused")))
		return FAILS_FIELD(why, FIELD, "/verdict", "neither verified nor refused");
	return o->note.at != NULL || !str_eq(o->verdict, STR("refused")) || FAILS_FIELD(why, FIELD_MISSING, "/note", "why it is refused");
}

/* The office reviews only what no unit brought. */
static bool review_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct refund_one *o = r->state;
	struct refund f;
	bool is_verified = str_eq(o->verdict, STR("verified"));
	if (!refund_one_again(tx, r, &f, why))
		return false;
	if (r->who.kind == WHO_STAFF && f.department != 0)
		return FAILS(why, NOT_FOUND, "its unit reviews it");
	if (f.state != REFUND_ASKED && !is_verified) { /* what was verified is refused by two */
		FAILS(why, REFUND_STATE, "refund %lld is %s", (long long)f.id, refund_state_text(f.state).at);
		fail_fact_text(why, "state", refund_state_text(f.state).at);
		return false;
	}
	uint8_t salt[32];
	request_bytes(r, "refund refused", salt);
	return (is_verified ? refund_reviewed(tx, &f, r->now_ms, why)
			    : refund_given_up(tx, &f, REFUND_REFUSED, r->now_ms, why) && refund_refused_for(tx, &f, o->note, salt, &r->arena, why)) &&
	       refund_one_done(tx, r, &f, is_verified ? AUDIT_REFUND_REVIEWED : AUDIT_REFUND_REFUSED, o->note, why);
}

const struct handler refund_review = { .parse = review_parse, .look = one_look, .apply = review_apply, .render = refund_done_render };

/* ---- sent again under its number ---- */

static bool again_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct refund f;
	return refund_one_again(tx, r, &f, why) && refund_send_again(tx, &f, r->now_ms, &r->arena, why) && refund_one_done(tx, r, &f, AUDIT_REFUND_SENT_AGAIN, STR_NONE, why);
}

const struct handler office_refund_again = { .parse = refund_one_parse, .look = one_look, .apply = again_apply, .render = refund_done_render };

/* ---- paid out at a counter ---- */

static bool paid_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "reference", JSON_F_TEXT, false, 4, REFUND_NUMBER_MAX, offsetof(struct refund_one, number), check_visible_ascii } };
	return refund_one_parse(r, why) && request_json(r, fields, 1, r->state, why);
}

static bool paid_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct refund_one *o = r->state;
	struct refund f;
	if (!refund_one_again(tx, r, &f, why))
		return false;
	if (f.channel == PAY_BY_POS && o->number.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/reference", "the terminal's number of the refund");
	if (f.channel != PAY_BY_POS && o->number.at != NULL)
		return FAILS_FIELD(why, FIELD, "/reference", "cash has none");
	return refund_by_hand(tx, &f, REFUND_BY_COUNTER, o->number, r->now_ms, why) && refund_one_done(tx, r, &f, AUDIT_REFUND_PAID, STR_NONE, why);
}

const struct handler hall_refund_paid = { .parse = paid_parse, .look = one_look, .apply = paid_apply, .render = refund_done_render };
