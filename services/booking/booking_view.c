/* services/booking/booking_view.c - why this exists: a person, a clerk and a message say the same of one visit. */
#include "services/booking/booking_view.h"
#include "services/guides/guide_rows.h"
#include "services/guides/guide_words.h"

enum { N_STATE, N_STARTS, N_ENDS, N_UNTIL, N_REASON };

static bool hall_look(struct tx *tx, struct arena *a, struct booking_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code, name, address FROM hall WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->b.hall);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "hall %lld of a booking", (long long)v->b.hall);
	v->hall = str_copy(a, stmt_text(q, 0));
	v->hall_name = str_copy(a, stmt_text(q, 1));
	v->hall_address = str_copy(a, stmt_text(q, 2));
	return v->hall_address.at != NULL || FAILS(why, MEMORY, "a hall");
}

static bool stops_look(struct tx *tx, struct arena *a, struct booking_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT MIN(t.starts_ms), MIN(t.ends_ms), COUNT(*), MIN(g.kind), MIN(COALESCE(u.version, 0)), MIN(m.code), MIN(COALESCE(u.name, m.name)), MIN(s.n)"
		" FROM booking_seat s JOIN booking_slot t ON t.id = s.slot JOIN booking_group g ON g.id = t.grp JOIN matter m ON m.id = s.matter LEFT JOIN guide u ON u.id = s.guide"
		" WHERE s.booking = $1 GROUP BY s.slot, s.matter ORDER BY 8", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->b.id);
	while (v->stop_count < VISIT_SEATS_MAX && stmt_row(q, why)) {
		struct booking_stop *s = &v->stops[v->stop_count++];
		*s = (struct booking_stop){ .starts_ms = stmt_int(q, 0), .ends_ms = stmt_int(q, 1), .people = stmt_int(q, 2), .window = stmt_int(q, 3), .guide_version = stmt_int(q, 4),
					    .matter = str_copy(a, stmt_text(q, 5)), .matter_name = str_copy(a, stmt_text(q, 6)) };
		if (s->matter.at == NULL || s->matter_name.at == NULL)
			return FAILS(why, MEMORY, "a stop");
	}
	return why->code == FAIL_NONE;
}

bool booking_view_look(struct tx *tx, struct arena *a, const struct booking *b, struct booking_view *to, struct fail *why)
{
	*to = (struct booking_view){ .b = *b };
	return hall_look(tx, a, to, why) && stops_look(tx, a, to, why);
}

/* ---- what to bring ---- */

static int64_t number_of(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

static bool is_brought(const json_t *material)
{
	const char *form = json_string_value(json_object_get(material, "form"));
	return (number_of(material, "originals") > 0 || number_of(material, "copies") > 0) && (form == NULL || strcmp(form, "electronic") != 0);
}

static bool item_add(struct arena *a, struct booking_view *v, const json_t *material, struct fail *why)
{
	struct str name = str_c(json_string_value(json_object_get(material, "name")));
	int i = 0;
	while (i < v->item_count && !str_eq(v->items[i].name, name))
		i++;
	if (i == BRING_MAX || name.at == NULL)
		return true;
	if (i == v->item_count) {
		v->items[v->item_count++] = (struct booking_item){ .name = str_copy(a, name) };
		if (v->items[i].name.at == NULL)
			return FAILS(why, MEMORY, "a paper");
	}
	int64_t originals = number_of(material, "originals"), copies = number_of(material, "copies");
	if (originals > v->items[i].originals)
		v->items[i].originals = originals;
	if (copies > v->items[i].copies)
		v->items[i].copies = copies;
	return true;
}

static bool guide_bring(struct tx *tx, struct arena *a, struct booking_view *v, int64_t guide, struct fail *why)
{
	DROP(json) json_t *body = guide_body(tx, guide, why);
	const json_t *materials = json_object_get(body, "materials");
	if (body == NULL)
		return false;
	for (size_t i = 0; i < json_array_size(materials); i++) {
		const json_t *material = json_array_get(materials, i);
		if (is_brought(material) && !item_add(a, v, material, why))
			return false;
	}
	return true;
}

bool booking_view_bring(struct tx *tx, struct arena *a, struct booking_view *v, struct fail *why)
{
	int64_t guides[VISIT_MATTERS_MAX];
	int count = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT guide, MIN(n) FROM booking_seat WHERE booking = $1 AND guide IS NOT NULL GROUP BY guide ORDER BY 2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, v->b.id);
		while (count < VISIT_MATTERS_MAX && stmt_row(q, why))
			guides[count++] = stmt_int(q, 0);
	}
	bool ok = why->code == FAIL_NONE;
	for (int i = 0; ok && i < count; i++)
		ok = guide_bring(tx, a, v, guides[i], why);
	return ok;
}

void booking_bring(struct json_out *j, const struct booking_view *v)
{
	json_put_name(j, "bring");
	json_put_array(j);
	for (int i = 0; i < v->item_count; i++) {
		json_put_object(j);
		json_add_text(j, "name", v->items[i].name);
		json_add_number(j, "originals", v->items[i].originals);
		json_add_number(j, "copies", v->items[i].copies);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

/* ---- members ---- */

static void stop_members(struct json_out *j, const struct booking_stop *s)
{
	json_put_object(j);
	json_add_text(j, "window", guide_word(GUIDE_WINDOW, s->window)->text);
	json_add_text(j, "matter", s->matter);
	json_add_text(j, "name", s->matter_name);
	if (s->guide_version != 0)
		json_add_number(j, "guide_version", s->guide_version);
	else
		json_add_nothing(j, "guide_version");
	json_add_time(j, "starts_at", s->starts_ms);
	json_add_time(j, "ends_at", s->ends_ms);
	json_add_number(j, "people", s->people);
	json_put_object_end(j);
}

static const char *next_of(enum booking_state state)
{
	return state == BOOKING_HELD ? "confirm" : state == BOOKING_BOOKED ? "come" : state == BOOKING_EXPIRED || state == BOOKING_MISSED ? "hold_again" : "none";
}

/* What every answer about a booking begins with. */
static void head_members(struct json_out *j, struct str id, enum booking_state state, int64_t reason, int64_t starts_ms, int64_t ends_ms, int64_t until_ms)
{
	json_add_text(j, "id", id);
	json_add_text(j, "state", str_c(booking_state_text(state)));
	if (reason != 0)
		json_add_text(j, "reason", str_c(booking_reason_text((int)reason)));
	else
		json_add_nothing(j, "reason");
	json_add_time(j, "starts_at", starts_ms);
	json_add_time(j, "ends_at", ends_ms);
	if (state == BOOKING_HELD)
		json_add_time(j, "held_until", until_ms);
	else
		json_add_nothing(j, "held_until");
	json_add_plain(j, "next", str_c(next_of(state)));
}

void booking_members(struct json_out *j, const struct booking_view *v)
{
	char id[ID_TEXT_BYTES];
	id_text(v->b.key, "bk", id);
	head_members(j, str_c(id), v->b.state, v->b.reason, v->b.starts_ms, v->b.ends_ms, v->b.held_until_ms);
	json_put_name(j, "hall");
	json_put_object(j);
	json_add_text(j, "code", v->hall);
	json_add_text(j, "name", v->hall_name);
	json_add_text(j, "address", v->hall_address);
	json_put_object_end(j);
	json_add_number(j, "people", v->b.people);
	json_add_time(j, "made_at", v->b.made_ms);
	json_put_name(j, "route");
	json_put_array(j);
	for (int i = 0; i < v->stop_count; i++)
		stop_members(j, &v->stops[i]);
	json_put_array_end(j);
}

bool booking_question(struct request *r, struct id *key, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	if (!request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "bk", key) || FAILS(why, NOT_FOUND, "not the id of a booking");
}

void booking_decided(struct request *r, const struct booking *b, int status)
{
	r->outcome = (struct outcome){ .code = 1, .status = status,
				       .n = { [N_STATE] = b->state, [N_STARTS] = b->starts_ms, [N_ENDS] = b->ends_ms, [N_UNTIL] = b->held_until_ms, [N_REASON] = b->reason } };
	id_text(b->key, "bk", r->outcome.text);
}

bool booking_decided_render(struct request *r, struct fail *why)
{
	const int64_t *n = r->outcome.n;
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	head_members(&j, str_c(r->outcome.text), (enum booking_state)n[N_STATE], n[N_REASON], n[N_STARTS], n[N_ENDS], n[N_UNTIL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}
