/* services/booking/booking_take.c - POST /v1/holds and /v1/bookings/:id/confirm: the seats first, the form after. */
#include "auth/mandate.h"
#include "auth/person.h"
#include "base/phone.h"
#include "services/booking/booking_inside.h"
#include "services/booking/booking_tell.h"
#include "services/booking/booking_view.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/services.h"

enum { CODE_MAX = 64, LIST_MAX = 300, NAMES_MAX = 200, NOTE_MAX = 200 };

/* ---- hold ---- */

struct holding {
	struct str hall, matters;
	int64_t starts_ms, people;
	struct str codes[VISIT_MATTERS_MAX];
	struct booking_wish w;
};

static bool codes_parse(struct holding *h, struct fail *why)
{
	struct str rest = h->matters;
	while (rest.len > 0) {
		if (h->w.matter_count == VISIT_MATTERS_MAX)
			return FAILS_FIELD(why, FIELD, "/matters", "more than %d", VISIT_MATTERS_MAX);
		struct str *code = &h->codes[h->w.matter_count++];
		str_cut(rest, ',', code, &rest);
		for (int i = 0; i < h->w.matter_count - 1; i++)
			if (str_eq(h->codes[i], *code))
				return FAILS_FIELD(why, FIELD, "/matters", "one matter twice");
	}
	return true;
}

static bool hold_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, CODE_MAX, offsetof(struct holding, hall), NULL },
		{ "matters", JSON_F_TEXT, true, 1, LIST_MAX, offsetof(struct holding, matters), NULL },
		{ "starts_at", JSON_F_TIME, true, 0, 0, offsetof(struct holding, starts_ms), NULL },
		{ "people", JSON_F_INT, false, 1, VISIT_PEOPLE_MAX, offsetof(struct holding, people), NULL },
	};
	struct holding *h = request_state(r, sizeof(*h), why);
	if (h == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), h, why))
		return false;
	h->w.starts_ms = h->starts_ms;
	h->w.people = h->people != 0 ? (int)h->people : 1;
	return codes_parse(h, why);
}

static bool hall_find(struct tx *tx, struct holding *h, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, region FROM hall WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, h->hall);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/hall", "no such hall");
	h->w.hall = stmt_int(q, 0);
	h->w.region = stmt_int(q, 1);
	return true;
}

/* Taken at a window of that hall, with the version of its guide that is current now. */
static bool matter_find(struct tx *tx, int64_t hall, struct str code, struct booking_matter *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT m.id, COALESCE(u.id, 0), g.id FROM matter m" GUIDE_CURRENT_JOIN " JOIN window_matter x ON x.matter = m.id"
		" JOIN booking_group g ON g.hall = x.hall AND g.kind = x.kind WHERE x.hall = $1 AND m.code = $2 AND " MATTER_IS_SHOWN, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_text(q, 2, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/matters", "no such matter there");
	*m = (struct booking_matter){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2) };
	return true;
}

static bool wish_complete(struct tx *tx, const struct request *r, struct holding *h, struct fail *why)
{
	if (!hall_find(tx, h, why))
		return false;
	for (int i = 0; i < h->w.matter_count; i++) {
		bool covers;
		if (!matter_find(tx, h->w.hall, h->codes[i], &h->w.matters[i], why) || !mandate_covers(tx, &r->who, h->w.matters[i].id, &covers, why))
			return false;
		if (!covers)
			return FAILS_FIELD(why, FIELD, "/matters", "no matter of that mandate");
	}
	return true;
}

static bool hold_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct holding *h = r->state;
	struct booking b;
	uint8_t random[32];
	request_bytes(r, "booking", random);
	if (!wish_complete(tx, r, h, why) || !booking_take(tx, r, &h->w, HOLD_MS, id_make(r->now_ms, random), &b, why))
		return false;
	booking_decided(r, &b, 201);
	return true;
}

const struct handler hold_create = { .parse = hold_parse, .apply = hold_apply, .render = booking_decided_render };

/* ---- confirm ---- */

struct confirming {
	struct id key;
	struct str phone, names, note;
	char digits[PHONE_DIGITS + 1];
};

static bool confirm_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "phone", JSON_F_TEXT, false, PHONE_DIGITS, 2 * PHONE_DIGITS, offsetof(struct confirming, phone), NULL },
		{ "names", JSON_F_TEXT, false, 1, NAMES_MAX, offsetof(struct confirming, names), check_plain_text },
		{ "note", JSON_F_TEXT, false, 1, NOTE_MAX, offsetof(struct confirming, note), check_plain_text },
	};
	struct confirming *c = request_state(r, sizeof(*c), why);
	return c != NULL && booking_question(r, &c->key, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why) &&
	       (c->phone.at == NULL || phone_normal(c->phone, c->digits) || FAILS_FIELD(why, FIELD, "/phone", "not a mobile number"));
}

/* Whoever brings his family says who they are: as many names as people. */
static bool names_fit(const struct confirming *c, const struct booking *b, struct fail *why)
{
	struct str one, rest = c->names;
	int64_t count = 0;
	if (c->names.at == NULL)
		return b->people == 1 || FAILS_FIELD(why, FIELD_MISSING, "/names", "names of %lld people", (long long)b->people);
	for (; rest.len > 0; count++) {
		str_cut(rest, ',', &one, &rest);
		if (one.len == 0 || str_trim(one).len != one.len || one.len > PERSON_NAME_BYTES)
			return FAILS_FIELD(why, FIELD, "/names", "an empty or overlong name");
	}
	return count == b->people || FAILS_FIELD(why, FIELD, "/names", "%lld names for %lld people", (long long)count, (long long)b->people);
}

static struct str contact_text(const struct confirming *c, char *bytes)
{
	struct buf b = { .at = bytes, .cap = CONTACT_TEXT_MAX };
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	if (c->phone.at != NULL)
		json_add_text(&j, "phone", str_c(c->digits));
	if (c->names.at != NULL)
		json_add_text(&j, "names", c->names);
	if (c->note.at != NULL)
		json_add_text(&j, "note", c->note);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

static bool region_of(struct tx *tx, int64_t hall, int64_t *region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region FROM hall WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	*region = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool booking_audit(struct tx *tx, const struct request *r, const struct booking *b, enum audit_act act, int status, struct fail *why)
{
	struct audit a = { .act = act, .subject = AUDIT_OF_BOOKING, .subject_id = b->id, .result = status };
	return region_of(tx, b->hall, &a.region, why) && audit_add(tx, r, &a, why);
}

static bool confirm_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct confirming *c = r->state;
	char *bytes = arena_alloc(&r->arena, CONTACT_TEXT_MAX);
	struct booking b;
	uint8_t random[32];
	request_bytes(r, "booking contact", random);
	if (bytes == NULL)
		return FAILS(why, MEMORY, "a booking's contact");
	if (!booking_of(tx, &r->who, c->key, r->now_ms, &b, why) || !names_fit(c, &b, why))
		return false;
	struct str contact = contact_text(c, bytes);
	if (contact.at == NULL)
		return FAILS_FIELD(why, FIELD, "/note", "too long, written as JSON");
	if (!booking_keep(tx, &b, contact, r->now_ms, random, why) || !booking_audit(tx, r, &b, AUDIT_BOOKED, 200, why) ||
	    !booking_tell(tx, &b, TEMPLATE_booked, r->now_ms, r->random, &r->arena, why))
		return false;
	booking_decided(r, &b, 200);
	return true;
}

const struct handler booking_confirm = { .parse = confirm_parse, .apply = confirm_apply, .render = booking_decided_render };
