/* services/booking/booking.c - the states of a visit, and what each move does to its seats. */
#include "services/booking/booking.h"
#include "auth/vault.h"
#include "services/booking/booking_seats.h"
#include <assert.h>

enum { EXPIRE_BITE_MAX = 100 };

#define TO(state) (1u << BOOKING_##state)
static const struct { const char *text; unsigned may; } states[BOOKING_STATES] = {
	[BOOKING_HELD] = { "held", TO(BOOKED) | TO(EXPIRED) | TO(CANCELLED) },           /* woken by its person, by whoever needs the seat, by a job; held_until_ms */
	[BOOKING_BOOKED] = { "booked", TO(CANCELLED) | TO(ATTENDED) | TO(MISSED) },      /* by its person, the hall's clerk, or the day that is over */
	[BOOKING_EXPIRED] = { "expired", 0 },
	[BOOKING_CANCELLED] = { "cancelled", 0 },
	[BOOKING_ATTENDED] = { "attended", 0 },
	[BOOKING_MISSED] = { "missed", 0 },
};

const char *booking_state_text(enum booking_state state)
{
	assert(state >= BOOKING_HELD && state < BOOKING_STATES);
	return states[state].text;
}

enum { PERSON, HALL };
static const struct { const char *text; int who; } reasons[BOOKING_REASONS] = {
#define REASON(name, number, text, zh, who) [number] = { text, who },
#include "services/booking/booking_reasons.def"
#undef REASON
};

const char *booking_reason_text(int reason)
{
	return reason > 0 && reason < BOOKING_REASONS && reasons[reason].text != NULL ? reasons[reason].text : "";
}

int booking_reason_of_person(struct str text)
{
	for (int i = 1; i < BOOKING_REASONS; i++)
		if (reasons[i].text != NULL && reasons[i].who == PERSON && str_eq(text, str_c(reasons[i].text)))
			return i;
	return 0;
}

/* ---- reading ---- */

#define COLUMNS "id, key, person, hall, grp, state, day, starts_ms, ends_ms, people, held_until_ms, reason, moves, made_ms"

static void fill(struct stmt *q, int64_t now_ms, struct booking *b)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*b = (struct booking){ .id = stmt_int(q, 0), .person = stmt_int(q, 2), .hall = stmt_int(q, 3), .group = stmt_int(q, 4), .state = (enum booking_state)stmt_int(q, 5),
			       .day = stmt_int(q, 6), .starts_ms = stmt_int(q, 7), .ends_ms = stmt_int(q, 8), .people = stmt_int(q, 9), .held_until_ms = stmt_int(q, 10),
			       .reason = (int)stmt_int(q, 11), .moves = stmt_int(q, 12), .made_ms = stmt_int(q, 13) };
	memcpy(b->key.bytes, key.at, ID_BYTES);
	if (b->state == BOOKING_HELD && b->held_until_ms <= now_ms)
		b->state = BOOKING_EXPIRED;
}

bool booking_by_key(struct tx *tx, struct id key, int64_t now_ms, struct booking *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM booking WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such booking");
	fill(q, now_ms, out);
	return true;
}

bool booking_by_id(struct tx *tx, int64_t id, int64_t now_ms, struct booking *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM booking WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "booking %lld", (long long)id);
	fill(q, now_ms, out);
	return true;
}

bool booking_is_his(struct tx *tx, const struct principal *who, const struct booking *b, bool *is_his, struct fail *why)
{
	*is_his = b->person == principal_whose(who);
	if (!*is_his || !who->by_matter)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM booking_seat s WHERE s.booking = $1"
		" AND NOT EXISTS (SELECT 1 FROM mandate_matter m WHERE m.mandate = $2 AND m.matter = s.matter) LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, b->id);
	stmt_bind_int(q, 2, who->mandate);
	*is_his = !stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool booking_of(struct tx *tx, const struct principal *who, struct id key, int64_t now_ms, struct booking *out, struct fail *why)
{
	bool is_his;
	return booking_by_key(tx, key, now_ms, out, why) && booking_is_his(tx, who, out, &is_his, why) && (is_his || FAILS(why, NOT_FOUND, "another's booking"));
}

/* ---- moves ---- */

struct ending {
	int64_t id;
	enum booking_state from, to;
	int reason;
};

/* The row first: whoever has it may count its seats. *moved false: somebody else has moved it. */
static bool move(struct tx *tx, const struct ending *e, int64_t now_ms, bool *moved, struct fail *why)
{
	assert((states[e->from].may & 1u << e->to) != 0);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET state = $1, reason = $2, changed_ms = $3 WHERE id = $4 AND state = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->to);
	stmt_bind_int(q, 2, e->reason);
	stmt_bind_int(q, 3, now_ms);
	stmt_bind_int(q, 4, e->id);
	stmt_bind_int(q, 5, e->from);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

static bool end(struct tx *tx, const struct ending *e, int64_t now_ms, bool *moved, struct fail *why)
{
	return move(tx, e, now_ms, moved, why) && (!*moved || seats_give_back(tx, e->id, e->from == BOOKING_HELD ? SEATS_HELD : SEATS_BOOKED, why));
}

static bool refuse_state(const struct booking *b, struct fail *why)
{
	FAILS(why, BOOKING_STATE, "it is %s", booking_state_text(b->state));
	fail_fact_text(why, "state", booking_state_text(b->state));
	return false;
}

static bool contact_seal(int64_t id, struct str contact, const uint8_t salt[VAULT_SALT_BYTES], struct buf *out, struct fail *why)
{
	return vault_seal("booking.contact", id, contact, salt, out, why);
}

bool booking_keep(struct tx *tx, struct booking *b, struct str contact, int64_t now_ms, const uint8_t salt[16], struct fail *why)
{
	char bytes[CONTACT_TEXT_MAX + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	assert(contact.len <= CONTACT_TEXT_MAX);
	if (b->state == BOOKING_EXPIRED)
		return FAILS(why, HOLD_EXPIRED, "until %lld", (long long)b->held_until_ms);
	if (b->state != BOOKING_HELD)
		return FAILS(why, NOT_A_HOLD, "it is %s", booking_state_text(b->state));
	if (!contact_seal(b->id, contact, salt, &sealed, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET state = 2, contact = $1, changed_ms = $2 WHERE id = $3 AND state = 1", why);
		if (q == NULL)
			return false;
		stmt_bind_blob(q, 1, sealed.at, sealed.len);
		stmt_bind_int(q, 2, now_ms);
		stmt_bind_int(q, 3, b->id);
		if (!stmt_run(q, why))
			return false;
	}
	if (tx_changes(tx) != 1) /* two requests at once: the other one has it */
		return FAILS(why, NOT_A_HOLD, "no longer held");
	b->state = BOOKING_BOOKED;
	return seats_confirm(tx, b->id, why);
}

bool booking_give_up(struct tx *tx, struct booking *b, int reason, int64_t now_ms, struct fail *why)
{
	bool moved;
	if ((b->state != BOOKING_HELD && b->state != BOOKING_BOOKED) || b->starts_ms <= now_ms)
		return refuse_state(b, why);
	if (!end(tx, &(struct ending){ b->id, b->state, BOOKING_CANCELLED, reason }, now_ms, &moved, why))
		return false;
	if (!moved)
		return refuse_state(b, why);
	b->state = BOOKING_CANCELLED;
	b->reason = reason;
	return true;
}

/* ---- in numbers ---- */

static bool ids_read(struct stmt *q, int64_t ids[EXPIRE_BITE_MAX], int *count, struct fail *why)
{
	for (*count = 0; *count < EXPIRE_BITE_MAX && stmt_row(q, why);)
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool overdue(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t ids[EXPIRE_BITE_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE state = 1 AND held_until_ms <= $1 ORDER BY held_until_ms, id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, rows_max);
	return ids_read(q, ids, count, why);
}

bool bookings_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int64_t ids[EXPIRE_BITE_MAX];
	int count;
	bool moved;
	assert(rows_max <= EXPIRE_BITE_MAX);
	if (!overdue(tx, now_ms, rows_max, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!end(tx, &(struct ending){ ids[i], BOOKING_HELD, BOOKING_EXPIRED, 0 }, now_ms, &moved, why))
			return false;
	*rows = count;
	return true;
}

static bool to_come(struct tx *tx, int64_t person, int64_t now_ms, int64_t ids[EXPIRE_BITE_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE person = $1 AND state IN (1, 2) AND starts_ms > $2 ORDER BY id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, now_ms);
	return ids_read(q, ids, count, why);
}

bool booking_cancel_all(struct tx *tx, int64_t person, int64_t now_ms, struct fail *why)
{
	int64_t ids[EXPIRE_BITE_MAX];
	int count;
	struct booking b;
	bool moved;
	if (!to_come(tx, person, now_ms, ids, &count, why)) /* services/booking/booking_caps.def allows far fewer than a bite */
		return false;
	for (int i = 0; i < count; i++) {
		if (!booking_by_id(tx, ids[i], INT64_MIN, &b, why) ||
		    !end(tx, &(struct ending){ b.id, b.state, BOOKING_CANCELLED, BOOKING_REASON_ERASED }, now_ms, &moved, why))
			return false;
	}
	return true;
}
