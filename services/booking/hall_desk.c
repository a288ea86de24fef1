/* services/booking/hall_desk.c - the clerks' side of a day: who has come gets a number, and numbers are called. */
#include "auth/audit.h"
#include "base/day.h"
#include "services/booking/booking_day.h"
#include "services/booking/booking_inside.h"
#include "services/booking/hall_place.h"
#include "services/booking/hall_queue.h"
#include "services/booking/ticket.h"
#include "services/handlers.h"
#include "services/services.h"

static const char *const no_query[] = { NULL };

/* ---- a number, as it is told ---- */

static void number_members(struct json_out *j, const struct queue_number *n)
{
	char id[ID_TEXT_BYTES], label[QUEUE_LABEL_BYTES];
	id_text(n->key, "qn", id);
	queue_label(n, label);
	json_add_text(j, "id", str_c(id));
	json_add_text(j, "number", str_c(label));
	json_add_text(j, "state", str_c(queue_state_text(n->state)));
	json_add_text(j, "rank", str_c(queue_rank_text(n->rank)));
	if (n->desk[0] != '\0')
		json_add_text(j, "desk", str_c(n->desk));
	else
		json_add_nothing(j, "desk");
	json_add_number(j, "calls", n->calls);
}

enum { N_STATE, N_RANK, N_CALLS, N_NUMBER, N_NEXT };

static void decided(struct request *r, const struct queue_number *n, int status)
{
	r->outcome = (struct outcome){ .code = 1, .status = status,
				       .n = { [N_STATE] = n->state, [N_RANK] = n->rank, [N_CALLS] = n->calls, [N_NUMBER] = n->number * 256 + (unsigned char)n->letter } };
	id_text(n->key, "qn", r->outcome.text);
}

static bool decided_render(struct request *r, struct fail *why)
{
	const int64_t *o = r->outcome.n;
	struct queue_number n = { .state = (enum queue_state)o[N_STATE], .rank = (enum queue_rank)o[N_RANK], .number = o[N_NUMBER] / 256, .letter = (char)(o[N_NUMBER] % 256) };
	char label[QUEUE_LABEL_BYTES];
	struct json_out j = reply_json(r, r->outcome.status);
	queue_label(&n, label);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_text(&j, "number", str_c(label));
	json_add_text(&j, "state", str_c(queue_state_text(n.state)));
	json_add_text(&j, "rank", str_c(queue_rank_text(n.rank)));
	json_add_number(&j, "calls", o[N_CALLS]);
	if (o[N_NEXT] != 0) {
		n.number = o[N_NEXT] / 256;
		n.letter = (char)(o[N_NEXT] % 256);
		queue_label(&n, label);
		json_add_text(&j, "next_number", str_c(label));
	} else {
		json_add_nothing(&j, "next_number");
	}
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- check-in ---- */

struct coming {
	struct str hall, window, ticket, booking;
	bool priority;
	bool by_booking;
	struct id key;
};

static bool checkin_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, PLACE_CODE_MAX, offsetof(struct coming, hall), NULL },
		{ "window", JSON_F_TEXT, false, 1, 20, offsetof(struct coming, window), NULL },
		{ "ticket", JSON_F_TEXT, false, 1, TICKET_TEXT_MAX, offsetof(struct coming, ticket), NULL },
		{ "booking", JSON_F_TEXT, false, 1, 32, offsetof(struct coming, booking), NULL },
		{ "priority", JSON_F_BOOL, false, 0, 0, offsetof(struct coming, priority), NULL },
	};
	struct coming *c = request_state(r, sizeof(*c), why);
	struct ticket t;
	if (c == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why))
		return false;
	if ((c->window.at != NULL) + (c->ticket.at != NULL) + (c->booking.at != NULL) != 1)
		return FAILS_FIELD(why, FIELD_MISSING, "/ticket", "a ticket, a booking or, for who comes without, a window: one of them");
	c->by_booking = c->window.at == NULL;
	if (c->ticket.at != NULL) {
		if (!ticket_read(c->ticket, &t))
			return FAILS_FIELD(why, FIELD, "/ticket", "not a ticket of ours");
		c->key = t.booking;
	}
	return c->booking.at == NULL || id_from_text(c->booking, "bk", &c->key) || FAILS_FIELD(why, FIELD, "/booking", "not the id of a booking");
}

static bool refuse_state(const struct booking *b, struct fail *why)
{
	FAILS(why, BOOKING_STATE, "it is %s", booking_state_text(b->state));
	fail_fact_text(why, "state", booking_state_text(b->state));
	return false;
}

static bool attended(struct tx *tx, const struct booking *b, int64_t now_ms, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET state = 5, changed_ms = $1 WHERE id = $2 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, b->id);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

/* Early or late is a number too, but not one that goes before others. */
static enum queue_rank rank_of(const struct booking *b, int64_t now_ms)
{
	return now_ms >= b->starts_ms - ARRIVAL_MS && now_ms <= b->starts_ms + ARRIVAL_MS ? QUEUE_RANK_BOOKED : QUEUE_RANK_WALK_IN;
}

static bool booked_comes(struct tx *tx, struct request *r, const struct coming *c, const struct hall_place *p, struct queue_number *n, struct fail *why)
{
	struct booking b;
	bool moved;
	if (!booking_by_key(tx, c->key, r->now_ms, &b, why))
		return false;
	if (b.hall != p->hall)
		return FAILS(why, NOT_FOUND, "a booking of another hall");
	if (b.state != BOOKING_BOOKED || b.day != n->day)
		return refuse_state(&b, why);
	if (!attended(tx, &b, r->now_ms, &moved, why))
		return false;
	if (!moved)
		return refuse_state(&b, why);
	n->booking = b.id;
	n->group = b.group;
	n->rank = c->priority ? QUEUE_RANK_PRIORITY : rank_of(&b, r->now_ms);
	return booking_audit(tx, r, &b, AUDIT_CHECKED_IN, 201, why);
}

static bool checkin_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct coming *c = r->state;
	struct hall_place p;
	struct queue_number n = { .day = day_of(r->now_ms), .made_ms = r->now_ms };
	uint8_t random[32];
	request_bytes(r, "queue number", random);
	n.key = id_make(r->now_ms, random);
	if (!hall_place(tx, r, c->hall, c->window, &p, why))
		return false;
	n.group = p.group;
	n.rank = c->priority ? QUEUE_RANK_PRIORITY : QUEUE_RANK_WALK_IN;
	if ((c->by_booking && !booked_comes(tx, r, c, &p, &n, why)) || !queue_join(tx, &n, why))
		return false;
	decided(r, &n, 201);
	return true;
}

const struct handler hall_checkin = { .parse = checkin_parse, .apply = checkin_apply, .render = decided_render };

/* ---- calling the next ---- */

struct calling {
	struct str hall, window, desk;
};

static bool call_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, PLACE_CODE_MAX, offsetof(struct calling, hall), NULL },
		{ "window", JSON_F_TEXT, true, 1, 20, offsetof(struct calling, window), NULL },
		{ "desk", JSON_F_TEXT, true, 1, QUEUE_DESK_MAX, offsetof(struct calling, desk), check_plain_text },
	};
	struct calling *c = request_state(r, sizeof(*c), why);
	return c != NULL && request_query_only(r, no_query, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why);
}

static bool call_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct calling *c = r->state;
	struct hall_place p;
	struct queue_number n;
	if (!hall_place(tx, r, c->hall, c->window, &p, why) || !queue_call(tx, p.group, day_of(r->now_ms), c->desk, r->now_ms, &n, why))
		return false;
	decided(r, &n, 200);
	return true;
}

const struct handler hall_queue_call = { .parse = call_parse, .apply = call_apply, .render = decided_render };

/* ---- what is done with a number ---- */

static bool deed_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	if (key == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "qn", key) || FAILS(why, NOT_FOUND, "not the id of a number");
}

static bool deed_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	struct queue_number n;
	return queue_by_key(tx, *key, &n, why) && group_region(tx, n.group, &r->owner, why);
}

static bool deed_apply(struct tx *tx, struct request *r, enum queue_deed deed, struct fail *why)
{
	const struct id *key = r->state;
	struct queue_number n, next;
	uint8_t random[32];
	bool is_there = false;
	request_bytes(r, "next queue number", random);
	if (!queue_by_key(tx, *key, &n, why) || !queue_do(tx, &n, deed, r->now_ms, why) ||
	    (deed == QUEUE_FINISH && !queue_next_stop(tx, &n, r->now_ms, id_make(r->now_ms, random), &next, &is_there, why)))
		return false;
	decided(r, &n, 200);
	if (is_there)
		r->outcome.n[N_NEXT] = next.number * 256 + (unsigned char)next.letter;
	return true;
}

#define DEED(route, deed)                                                                                                     \
	static bool route##_apply(struct tx *tx, struct request *r, struct fail *why) { return deed_apply(tx, r, deed, why); } \
	const struct handler route = { .parse = deed_parse, .look = deed_look, .apply = route##_apply, .render = decided_render }
DEED(hall_queue_recall, QUEUE_RECALL);
DEED(hall_queue_skip, QUEUE_SKIP);
DEED(hall_queue_back, QUEUE_BACK);
DEED(hall_queue_done, QUEUE_FINISH);
#undef DEED

/* ---- the line ---- */

enum { LINE_MAX_SHOWN = 200 };

struct line {
	struct str hall, window;
	int count;
	struct queue_number items[LINE_MAX_SHOWN];
};

static bool line_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "hall", "window", NULL };
	struct line *l = request_state(r, sizeof(*l), why);
	if (l == NULL || !request_query_only(r, names, why) || !request_query(r, "hall", &l->hall, why) || !request_query(r, "window", &l->window, why))
		return false;
	return (l->hall.at != NULL && l->window.at != NULL) || FAILS_FIELD(why, QUERY, l->hall.at == NULL ? "hall" : "window", "a hall and a window");
}

static bool line_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct line *l = r->state;
	struct hall_place p;
	return hall_place(tx, r, l->hall, l->window, &p, why) && queue_list(tx, p.group, day_of(r->now_ms), l->items, LINE_MAX_SHOWN, &l->count, why);
}

static bool line_render(struct request *r, struct fail *why)
{
	const struct line *l = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < l->count; i++) {
		json_put_object(&j);
		number_members(&j, &l->items[i]);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_queue_list = { .parse = line_parse, .look = line_look, .render = line_render };
