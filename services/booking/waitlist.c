/* services/booking/waitlist.c - /v1/waitlist: a citizen waits for a seat, sees what he waits for, and leaves the line. */
#include "auth/mandate.h"
#include "base/day.h"
#include "services/booking/booking_wait.h"
#include "services/handlers.h"
#include "services/services.h"

enum { CODE_MAX = 64, N_STATE = 0, N_FROM, N_TO };

struct joining {
	struct str hall, matter, from, to;
	int64_t people;
	struct booking_wait w;
};

static bool days_parse(const struct request *r, struct joining *j, struct fail *why)
{
	int32_t from, to, today = day_of(r->now_ms);
	if (!day_from_text(j->from, &from))
		return FAILS_FIELD(why, FIELD, "/from", "not a date");
	if (!day_from_text(j->to, &to) || to < from || to < today)
		return FAILS_FIELD(why, FIELD, "/to", "not a date, or one before");
	if (to > today + WAIT_DAYS_MAX)
		return FAILS_FIELD(why, FIELD, "/to", "more than %d days from now", WAIT_DAYS_MAX);
	j->w.from_ms = day_begins_ms(from);
	j->w.to_ms = day_begins_ms(to + 1);
	return true;
}

static bool join_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, CODE_MAX, offsetof(struct joining, hall), NULL },
		{ "matter", JSON_F_TEXT, true, 1, CODE_MAX, offsetof(struct joining, matter), NULL },
		{ "from", JSON_F_TEXT, true, 10, 10, offsetof(struct joining, from), NULL },
		{ "to", JSON_F_TEXT, true, 10, 10, offsetof(struct joining, to), NULL },
		{ "people", JSON_F_INT, false, 1, VISIT_PEOPLE_MAX, offsetof(struct joining, people), NULL },
	};
	struct joining *j = request_state(r, sizeof(*j), why);
	if (j == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), j, why))
		return false;
	j->w.people = j->people != 0 ? j->people : 1;
	return days_parse(r, j, why);
}

static bool place_find(struct tx *tx, struct joining *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT h.id, m.id, g.id FROM hall h JOIN window_matter x ON x.hall = h.id JOIN matter m ON m.id = x.matter"
		" JOIN booking_group g ON g.hall = h.id AND g.kind = x.kind WHERE h.code = $1 AND m.code = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, j->hall);
	stmt_bind_text(q, 2, j->matter);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/matter", "no such matter there");
	j->w.hall = stmt_int(q, 0);
	j->w.matter = stmt_int(q, 1);
	j->w.group = stmt_int(q, 2);
	return true;
}

static void decided(struct request *r, const struct booking_wait *w, int status)
{
	r->outcome = (struct outcome){ .code = 1, .status = status, .n = { [N_STATE] = w->state, [N_FROM] = w->from_ms, [N_TO] = w->to_ms } };
	id_text(w->key, "bw", r->outcome.text);
}

static bool join_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct joining *j = r->state;
	uint8_t random[32];
	bool covers;
	request_bytes(r, "waitlist", random);
	j->w.key = id_make(r->now_ms, random);
	j->w.person = principal_whose(&r->who);
	j->w.made_ms = r->now_ms;
	j->w.state = WAIT_WAITING;
	if (!place_find(tx, j, why) || !mandate_covers(tx, &r->who, j->w.matter, &covers, why))
		return false;
	if (!covers)
		return FAILS_FIELD(why, FIELD, "/matter", "no matter of that mandate");
	if (!wait_join(tx, &j->w, why))
		return false;
	decided(r, &j->w, 201);
	return true;
}

static void members(struct json_out *j, struct str id, enum wait_state state, int64_t from_ms, int64_t to_ms)
{
	char day[DAY_TEXT_BYTES];
	json_add_text(j, "id", id);
	json_add_text(j, "state", str_c(wait_state_text(state)));
	day_text(day_of(from_ms), day);
	json_add_text(j, "from", str_c(day));
	day_text(day_of(to_ms - 1), day);
	json_add_text(j, "to", str_c(day));
}

static bool decided_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	members(&j, str_c(r->outcome.text), (enum wait_state)r->outcome.n[N_STATE], r->outcome.n[N_FROM], r->outcome.n[N_TO]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler waitlist_join = { .parse = join_parse, .apply = join_apply, .render = decided_render };

/* ---- leaving ---- */

static bool leave_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct id *key = request_state(r, sizeof(*key), why);
	if (key == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "bw", key) || FAILS(why, NOT_FOUND, "not the id of a place in a waiting list");
}

static bool is_his(struct tx *tx, const struct request *r, const struct booking_wait *w, struct fail *why)
{
	bool covers = false;
	if (w->person == principal_whose(&r->who) && !mandate_covers(tx, &r->who, w->matter, &covers, why))
		return false;
	return covers || FAILS(why, NOT_FOUND, "another's place");
}

static bool leave_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	struct booking_wait w;
	if (!wait_by_key(tx, *key, &w, why) || !is_his(tx, r, &w, why) || !wait_leave(tx, &w, r->now_ms, why))
		return false;
	r->outcome = (struct outcome){ .code = 1, .status = 204 };
	return true;
}

static bool leave_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = r->outcome.status;
	return true;
}

const struct handler waitlist_leave = { .parse = leave_parse, .apply = leave_apply, .render = leave_render };

/* ---- list ---- */

struct item {
	struct booking_wait w;
	struct str hall, matter, name;
	struct id booking;
	bool has_booking;
};

struct page {
	struct cursor from;
	int limit, count;
	bool is_more;
	struct booking_wait *found;
	struct item items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct page *p = request_state(r, sizeof(*p) + (size_t)limit * sizeof(p->items[0]), why);
	if (p == NULL)
		return false;
	p->from = from;
	p->limit = limit;
	p->found = arena_alloc(&r->arena, ((size_t)limit + 1) * sizeof(*p->found));
	return p->found != NULL || FAILS(why, MEMORY, "%d places", limit);
}

static bool item_look(struct tx *tx, struct request *r, const struct booking_wait *w, struct item *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT h.code, m.code, m.name, b.key FROM booking_wait w JOIN hall h ON h.id = w.hall JOIN matter m ON m.id = w.matter"
		" LEFT JOIN booking b ON b.id = w.booking WHERE w.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->id);
	if (!stmt_row(q, why))
		return false;
	*to = (struct item){ .w = *w, .hall = str_copy(&r->arena, stmt_text(q, 0)), .matter = str_copy(&r->arena, stmt_text(q, 1)), .name = str_copy(&r->arena, stmt_text(q, 2)),
			     .has_booking = !stmt_is_null(q, 3) };
	if (to->has_booking)
		memcpy(to->booking.bytes, stmt_blob(q, 3).at, ID_BYTES);
	return to->name.at != NULL || FAILS(why, MEMORY, "a place");
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	bool covers;
	int count;
	if (!wait_list(tx, principal_whose(&r->who), p->from.id, p->found, p->limit + 1, &count, why))
		return false;
	p->is_more = count > p->limit;
	for (int i = 0; i < count && i < p->limit; i++) {
		if (!mandate_covers(tx, &r->who, p->found[i].matter, &covers, why) || (covers && !item_look(tx, r, &p->found[i], &p->items[p->count++], why)))
			return false;
	}
	return true;
}

static void item_members(struct json_out *j, const struct item *i)
{
	char id[ID_TEXT_BYTES];
	json_put_object(j);
	id_text(i->w.key, "bw", id);
	members(j, str_c(id), i->w.state, i->w.from_ms, i->w.to_ms);
	json_add_text(j, "hall", i->hall);
	json_add_text(j, "matter", i->matter);
	json_add_text(j, "name", i->name);
	json_add_number(j, "people", i->w.people);
	if (i->has_booking) {
		id_text(i->booking, "bk", id);
		json_add_text(j, "booking", str_c(id));
	} else {
		json_add_nothing(j, "booking");
	}
	json_add_time(j, "made_at", i->w.made_ms);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->count; i++)
		item_members(&j, &p->items[i]);
	struct cursor next = { 0, p->is_more ? p->found[p->limit - 1].id : 0 };
	return reply_list_end(r, &j, p->is_more ? &next : NULL, why);
}

const struct handler waitlist_list = { .parse = list_parse, .look = list_look, .render = list_render };
