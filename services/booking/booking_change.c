/* services/booking/booking_change.c - POST /v1/bookings/:id/cancel and /reschedule: a seat is given back with a reason that can be counted, or exchanged for another. */
#include "services/booking/booking_inside.h"
#include "services/booking/booking_tell.h"
#include "services/booking/booking_view.h"
#include "services/handlers.h"
#include "services/services.h"

struct changing {
	struct id key;
	struct str reason_text;
	int reason;
	int64_t starts_ms;
};

static bool cancel_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "reason", JSON_F_TEXT, true, 1, 20, offsetof(struct changing, reason_text), NULL } };
	struct changing *c = request_state(r, sizeof(*c), why);
	if (c == NULL || !booking_question(r, &c->key, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why))
		return false;
	c->reason = booking_reason_of_person(c->reason_text);
	return c->reason != 0 || FAILS_FIELD(why, FIELD, "/reason", "no such reason");
}

static bool cancel_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct changing *c = r->state;
	struct booking b;
	if (!booking_of(tx, &r->who, c->key, r->now_ms, &b, why))
		return false;
	bool was_booked = b.state == BOOKING_BOOKED;
	if (!booking_give_up(tx, &b, c->reason, r->now_ms, why) || !booking_audit(tx, r, &b, AUDIT_BOOKING_CANCELLED, 200, why) ||
	    (was_booked && !booking_tell(tx, &b, TEMPLATE_booking_cancelled, r->now_ms, r->random, &r->arena, why)))
		return false;
	booking_decided(r, &b, 200);
	return true;
}

const struct handler booking_cancel = { .parse = cancel_parse, .apply = cancel_apply, .render = booking_decided_render };

static bool reschedule_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "starts_at", JSON_F_TIME, true, 0, 0, offsetof(struct changing, starts_ms), NULL } };
	struct changing *c = request_state(r, sizeof(*c), why);
	return c != NULL && booking_question(r, &c->key, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why);
}

static bool reschedule_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct changing *c = r->state;
	struct booking b;
	if (!booking_of(tx, &r->who, c->key, r->now_ms, &b, why) || !booking_move(tx, &b, c->starts_ms, r->now_ms, why) ||
	    !booking_audit(tx, r, &b, AUDIT_BOOKING_MOVED, 200, why) || !booking_tell(tx, &b, TEMPLATE_booking_moved, r->now_ms, r->random, &r->arena, why))
		return false;
	booking_decided(r, &b, 200);
	return true;
}

const struct handler booking_reschedule = { .parse = reschedule_parse, .apply = reschedule_apply, .render = booking_decided_render };
