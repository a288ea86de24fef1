/* services/booking/booking_replan.c - why this exists: nobody shall stand before a closed door because a table was changed. */
#include "services/booking/booking_replan.h"
#include "services/booking/booking_tell.h"
#include "services/booking/slot_make.h"
#include <assert.h>

enum { REPLAN_MAX = 20, ARENA_BYTES = 192 << 10 };

/* ---- closing ---- */

static bool slots_close(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_slot SET is_open = 0 WHERE grp = $1 AND starts_ms < $2 AND ends_ms > $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, to_ms);
	stmt_bind_int(q, 3, from_ms);
	return stmt_run(q, why);
}

#define SITS_THERE                                                                                            \
	" AND EXISTS (SELECT 1 FROM booking_seat x JOIN booking_slot s ON s.id = x.slot WHERE x.booking = booking.id" \
	" AND s.grp = $2 AND s.starts_ms < $3 AND s.ends_ms > $4)"

static bool holds_end(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET held_until_ms = $1 WHERE state = 1" SITS_THERE, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, group);
	stmt_bind_int(q, 3, to_ms);
	stmt_bind_int(q, 4, from_ms);
	return stmt_run(q, why);
}

static bool orphans_mark(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, int64_t now_ms, int64_t *orphans, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET orphaned = 1 WHERE state = 2 AND starts_ms > $1" SITS_THERE, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, group);
	stmt_bind_int(q, 3, to_ms);
	stmt_bind_int(q, 4, from_ms);
	if (!stmt_run(q, why))
		return false;
	*orphans += tx_changes(tx);
	return true;
}

static bool blackout_add(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, struct str note, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO booking_blackout (grp, from_ms, to_ms, note) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (grp, from_ms, to_ms) DO UPDATE SET note = excluded.note", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, from_ms);
	stmt_bind_int(q, 3, to_ms);
	stmt_bind_text(q, 4, note);
	return stmt_run(q, why);
}

bool group_close(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, struct str note, int64_t now_ms, int64_t *orphans, struct fail *why)
{
	return blackout_add(tx, group, from_ms, to_ms, note, why) && slots_outdated(tx, group, why) && slots_close(tx, group, from_ms, to_ms, why) &&
	       holds_end(tx, group, from_ms, to_ms, now_ms, why) && orphans_mark(tx, group, from_ms, to_ms, now_ms, orphans, why);
}

/* ---- merging ---- */

static bool group_of_kind(struct tx *tx, int64_t hall, int64_t kind, int64_t *group, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking_group WHERE hall = $1 AND kind = $2 AND merged_into IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, kind);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such window that can be booked");
	*group = stmt_int(q, 0);
	return true;
}

static bool matters_move(struct tx *tx, int64_t hall, int64_t from_kind, int64_t into_kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE window_matter SET kind = $1 WHERE hall = $2 AND kind = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, into_kind);
	stmt_bind_int(q, 2, hall);
	stmt_bind_int(q, 3, from_kind);
	return stmt_run(q, why);
}

static bool merged(struct tx *tx, int64_t group, int64_t into, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_group SET merged_into = $1, version = version + 1, pass_day = 0 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, into);
	stmt_bind_int(q, 2, group);
	return stmt_run(q, why);
}

static bool waits_move(struct tx *tx, int64_t group, int64_t into, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_wait SET grp = $1 WHERE grp = $2 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, into);
	stmt_bind_int(q, 2, group);
	return stmt_run(q, why);
}

bool group_merge(struct tx *tx, int64_t hall, int64_t from_kind, int64_t into_kind, int64_t now_ms, int64_t *orphans, struct fail *why)
{
	int64_t group = 0, into = 0;
	return group_of_kind(tx, hall, from_kind, &group, why) && group_of_kind(tx, hall, into_kind, &into, why) && matters_move(tx, hall, from_kind, into_kind, why) &&
	       merged(tx, group, into, why) && waits_move(tx, group, into, why) && slots_close(tx, group, now_ms, INT64_MAX, why) &&
	       holds_end(tx, group, now_ms, INT64_MAX, now_ms, why) && orphans_mark(tx, group, now_ms, INT64_MAX, now_ms, orphans, why);
}

/* ---- another time ---- */

static bool orphans_read(struct tx *tx, int64_t rows_max, int64_t ids[REPLAN_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE orphaned = 1 ORDER BY id LIMIT $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, rows_max);
	for (*count = 0; stmt_row(q, why);)
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool no_orphan(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET orphaned = 0 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

static bool replan_one(struct tx *tx, int64_t id, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct booking b;
	uint8_t random[32];
	bool found = false;
	if (!no_orphan(tx, id, why) || !booking_by_id(tx, id, now_ms, &b, why))
		return false;
	if (b.state != BOOKING_BOOKED || b.starts_ms <= now_ms)
		return true; /* its person was faster */
	if (!booking_move_near(tx, &b, now_ms, &found, why))
		return false;
	if (!found && !booking_give_up(tx, &b, BOOKING_REASON_HALL_CLOSED, now_ms, why))
		return false;
	booking_random(&b, found ? "moved by the hall" : "closed by the hall", now_ms, random);
	return booking_tell(tx, &b, found ? TEMPLATE_hall_moved : TEMPLATE_hall_cancelled, now_ms, random, a, why);
}

bool bookings_replan(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int64_t ids[REPLAN_MAX];
	struct arena arena;
	int count;
	assert(rows_max <= REPLAN_MAX);
	if (!orphans_read(tx, rows_max, ids, &count, why))
		return false;
	arena_init(&arena, ARENA_BYTES);
	bool ok = true;
	for (int i = 0; i < count && ok; i++) {
		ok = replan_one(tx, ids[i], now_ms, &arena, why);
		arena_reset(&arena);
	}
	arena_free(&arena);
	*rows = count;
	return ok;
}
