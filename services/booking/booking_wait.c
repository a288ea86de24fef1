/* services/booking/booking_wait.c - why this exists: who was told that all is taken need not look again and again. */
#include "services/booking/booking_wait.h"
#include "base/hash.h"
#include "services/booking/booking_seats.h"
#include "services/booking/booking_tell.h"
#include "services/guides/guide_rows.h"
#include <assert.h>

enum { ARENA_BYTES = 192 << 10 };

static const char *const states[WAIT_STATES] = { [WAIT_WAITING] = "waiting", [WAIT_OFFERED] = "offered", [WAIT_TAKEN] = "taken", [WAIT_LEFT] = "left", [WAIT_OVER] = "over" };

const char *wait_state_text(enum wait_state state)
{
	assert(state >= WAIT_WAITING && state < WAIT_STATES);
	return states[state];
}

#define COLUMNS "id, key, person, hall, grp, matter, people, from_ms, to_ms, state, COALESCE(booking, 0), made_ms"

static void fill(struct stmt *q, struct booking_wait *w)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*w = (struct booking_wait){ .id = stmt_int(q, 0), .person = stmt_int(q, 2), .hall = stmt_int(q, 3), .group = stmt_int(q, 4), .matter = stmt_int(q, 5), .people = stmt_int(q, 6),
				    .from_ms = stmt_int(q, 7), .to_ms = stmt_int(q, 8), .state = (enum wait_state)stmt_int(q, 9), .booking = stmt_int(q, 10), .made_ms = stmt_int(q, 11) };
	memcpy(w->key.bytes, key.at, ID_BYTES);
}

bool wait_by_key(struct tx *tx, struct id key, struct booking_wait *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM booking_wait WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "nobody waits under that name");
	fill(q, out);
	return true;
}

bool wait_list(struct tx *tx, int64_t person, int64_t below, struct booking_wait *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM booking_wait WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, below);
	stmt_bind_int(q, 3, max);
	for (*count = 0; stmt_row(q, why); ++*count)
		fill(q, &out[*count]);
	return why->code == FAIL_NONE;
}

/* ---- joining, leaving ---- */

static bool waits_already(struct tx *tx, const struct booking_wait *w, bool *is_there, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking_wait WHERE person = $1 AND matter = $2 AND state IN (1, 2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->person);
	stmt_bind_int(q, 2, w->matter);
	*is_there = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool wait_join(struct tx *tx, struct booking_wait *w, struct fail *why)
{
	bool is_there;
	if (!tx_lock_row(tx, "person.bookings", w->person, why) || !waits_already(tx, w, &is_there, why))
		return false;
	if (is_there)
		return FAILS(why, CONFLICT, "waits for that matter already");
	if (!tx_next_id(tx, "booking_wait", &w->id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO booking_wait (id, key, person, hall, grp, matter, people, from_ms, to_ms, state, booking, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, NULL, $10, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->id);
	stmt_bind_blob(q, 2, w->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, w->person);
	stmt_bind_int(q, 4, w->hall);
	stmt_bind_int(q, 5, w->group);
	stmt_bind_int(q, 6, w->matter);
	stmt_bind_int(q, 7, w->people);
	stmt_bind_int(q, 8, w->from_ms);
	stmt_bind_int(q, 9, w->to_ms);
	stmt_bind_int(q, 10, w->made_ms);
	return stmt_run(q, why);
}

/* `booking` 0: leaves it as it is. */
static bool row_move(struct tx *tx, const struct booking_wait *w, enum wait_state to, int64_t booking, int64_t now_ms, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_wait SET state = $1, changed_ms = $2, booking = COALESCE($3, booking) WHERE id = $4 AND state = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	stmt_bind_int(q, 2, now_ms);
	if (booking != 0)
		stmt_bind_int(q, 3, booking);
	else
		stmt_bind_null(q, 3);
	stmt_bind_int(q, 4, w->id);
	stmt_bind_int(q, 5, w->state);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

bool wait_leave(struct tx *tx, struct booking_wait *w, int64_t now_ms, struct fail *why)
{
	bool moved;
	if (w->state != WAIT_WAITING) {
		FAILS(why, BOOKING_STATE, "it is %s", wait_state_text(w->state));
		fail_fact_text(why, "state", wait_state_text(w->state));
		return false;
	}
	if (!row_move(tx, w, WAIT_LEFT, 0, now_ms, &moved, why))
		return false;
	return moved || FAILS(why, BOOKING_STATE, "offered meanwhile");
}

/* ---- offering ---- */

/* Those in line for whom something may be free, the first first. */
static bool line_read(struct tx *tx, int64_t now_ms, struct booking_wait *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM booking_wait w WHERE w.state = 1 AND (w.to_ms <= $1 OR EXISTS (SELECT 1 FROM booking_slot s"
		" WHERE s.grp = w.grp AND s.starts_ms >= w.from_ms AND s.starts_ms < w.to_ms AND s.starts_ms > $1 AND s.is_open = 1 AND s.held + s.booked < s.capacity))"
		" ORDER BY w.id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, max);
	for (*count = 0; stmt_row(q, why); ++*count)
		fill(q, &out[*count]);
	return why->code == FAIL_NONE;
}

static bool wish_of(struct tx *tx, const struct booking_wait *w, struct booking_wish *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(u.id, 0) FROM matter m" GUIDE_CURRENT_JOIN " WHERE m.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->matter);
	if (!stmt_row(q, why))
		return false;
	*out = (struct booking_wish){ .hall = w->hall, .people = (int)w->people, .matter_count = 1, .matters = { { w->matter, stmt_int(q, 0), w->group } } };
	return true;
}

/* The first beginning of his days at which all of them find a seat. */
static bool first_free(struct tx *tx, const struct booking_wait *w, struct booking_wish *wish, int64_t now_ms, bool *found, struct fail *why)
{
	struct seat_groups g;
	struct visit_wish v;
	struct visit_plan p;
	if (!seats_look(tx, wish, w->from_ms > now_ms ? w->from_ms : now_ms, w->to_ms, &g, why))
		return false;
	seats_wish(wish, &g, &v);
	*found = false;
	for (int i = 0; i < g.at[0].count && !*found; i++) {
		wish->starts_ms = g.at[0].slots[i].starts_ms;
		*found = wish->starts_ms > now_ms + g.notice_ms && visit_plan(&v, wish->starts_ms, &p);
	}
	return true;
}

static struct id offer_key(const struct booking_wait *w, int64_t now_ms)
{
	uint8_t random[SHA256_BYTES];
	char number[21];
	struct str parts[] = { STR("waitlist offer"), { (const char *)w->key.bytes, ID_BYTES }, { number, i64_text(now_ms, number) } };
	hash_parts(HASH_SHA256, parts, 3, random);
	return id_make(now_ms, random);
}

static bool is_his_own_doing(enum fail_code code)
{
	return code == FAIL_HOLD_EXISTS || code == FAIL_BOOKINGS_MAX || code == FAIL_NO_SHOWS;
}

/* Nothing was written yet when the reason is his own. */
static bool offer(struct tx *tx, const struct booking_wait *w, const struct booking_wish *wish, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct request r = { .who = { .kind = WHO_CITIZEN, .id = w->person }, .now_ms = now_ms };
	struct booking b;
	struct fail what;
	uint8_t random[SHA256_BYTES];
	bool moved;
	fail_clear(&what);
	if (!booking_take(tx, &r, wish, OFFER_MS, offer_key(w, now_ms), &b, &what)) {
		if (is_his_own_doing(what.code))
			return row_move(tx, w, WAIT_OVER, 0, now_ms, &moved, why);
		*why = what;
		return false;
	}
	booking_random(&b, "offer", 0, random);
	return row_move(tx, w, WAIT_OFFERED, b.id, now_ms, &moved, why) && (moved || FAILS(why, STORE, "left meanwhile")) &&
	       booking_tell(tx, &b, TEMPLATE_seat_offered, now_ms, random, a, why);
}

static bool serve(struct tx *tx, const struct booking_wait *w, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct booking_wish wish;
	bool found, moved;
	if (w->to_ms <= now_ms)
		return row_move(tx, w, WAIT_OVER, 0, now_ms, &moved, why);
	return wish_of(tx, w, &wish, why) && first_free(tx, w, &wish, now_ms, &found, why) && (!found || offer(tx, w, &wish, now_ms, a, why));
}

/* What became of the holds that were offered. */
static bool offers_end(struct tx *tx, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_wait SET changed_ms = $1, state = CASE WHEN EXISTS (SELECT 1 FROM booking b WHERE b.id = booking_wait.booking"
		" AND b.state IN (2, 5, 6)) THEN 3 ELSE 5 END WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM booking b WHERE b.id = booking_wait.booking AND b.state = 1)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	return stmt_run(q, why);
}

bool waits_offer(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct booking_wait line[OFFERS_BITE];
	struct arena arena;
	int count;
	assert(rows_max <= OFFERS_BITE);
	*rows = 0;
	if (!offers_end(tx, now_ms, why) || !line_read(tx, now_ms, line, (int)rows_max, &count, why))
		return false;
	arena_init(&arena, ARENA_BYTES);
	bool ok = true;
	for (int i = 0; i < count && ok; i++) {
		ok = serve(tx, &line[i], now_ms, &arena, why);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return ok;
}
