/* services/booking/booking_hold.c - taking seats: the plan, what stands against it, and the nearest times instead. */
#include "base/clock.h"
#include "base/day.h"
#include "services/booking/booking.h"
#include "services/booking/booking_day.h"
#include "services/booking/booking_seats.h"
#include <assert.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)
enum { LOOK_BACK_DAYS = 3, LOOK_AHEAD_DAYS = 14, LAZY_EXPIRE = 20 };

enum cap {
#define CAP(name, ...) CAP_##name,
#include "services/booking/booking_caps.def"
#undef CAP
	CAPS
};
static const struct { int most; const char *text; } caps[CAPS] = {
#define CAP(name, most, text, what) [CAP_##name] = { most, text },
#include "services/booking/booking_caps.def"
#undef CAP
};

static bool cap_allows(enum cap cap, int64_t has, struct fail *why)
{
	if (has < caps[cap].most)
		return true;
	FAILS(why, BOOKINGS_MAX, "%s: %d", caps[cap].text, caps[cap].most);
	fail_fact_text(why, "cap", caps[cap].text);
	fail_fact_number(why, "most", caps[cap].most);
	return false;
}

/* ---- what the person has already ---- */

static bool count_on_day(struct tx *tx, int64_t person, int64_t day, int64_t but, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM booking WHERE person = $1 AND day = $2 AND state IN (1, 2, 5, 6) AND id <> $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, day);
	stmt_bind_int(q, 3, but);
	*count = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool count_to_come(struct tx *tx, int64_t person, int64_t now_ms, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM booking WHERE person = $1 AND state IN (1, 2) AND ends_ms > $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, now_ms);
	*count = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool count_for_matter(struct tx *tx, int64_t person, int64_t matter, int64_t now_ms, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM booking b WHERE b.person = $1 AND b.state IN (1, 2) AND b.ends_ms > $2"
		" AND EXISTS (SELECT 1 FROM booking_seat s WHERE s.booking = b.id AND s.matter = $3)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, matter);
	*count = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

/* Whoever did not come has to wait, or may have little at a time (booking_noshow.def). */
static bool came_before(struct tx *tx, int64_t person, int64_t now_ms, struct fail *why)
{
	struct no_show n;
	int64_t count;
	char until[RFC3339_BYTES];
	if (!no_show_of(tx, person, now_ms, &n, why))
		return false;
	if (n.open < 0)
		return true;
	if (!count_to_come(tx, person, now_ms, &count, why))
		return false;
	if (count < n.open)
		return true;
	time_rfc3339(n.until_ms, until);
	FAILS(why, NO_SHOWS, "did not come");
	fail_fact_number(why, "most", n.open);
	fail_fact_text(why, "until", until);
	return false;
}

static bool within_caps(struct tx *tx, int64_t person, const struct booking_wish *w, int64_t now_ms, struct fail *why)
{
	int64_t count;
	if (!came_before(tx, person, now_ms, why) || !count_on_day(tx, person, day_of(w->starts_ms), 0, &count, why) || !cap_allows(CAP_DAY, count, why) ||
	    !count_to_come(tx, person, now_ms, &count, why) || !cap_allows(CAP_OPEN, count, why))
		return false;
	for (int m = 0; m < w->matter_count; m++)
		if (!count_for_matter(tx, person, w->matters[m].id, now_ms, &count, why) || !cap_allows(CAP_MATTER, count, why))
			return false;
	return true;
}

/* One hold at a time in a group: whoever has one confirms it or gives it back. */
static bool no_other_hold(struct tx *tx, int64_t person, int64_t group, struct fail *why)
{
	struct id key;
	char text[ID_TEXT_BYTES];
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM booking WHERE person = $1 AND grp = $2 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, group);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	memcpy(key.bytes, stmt_blob(q, 0).at, ID_BYTES);
	id_text(key, "bk", text);
	FAILS(why, HOLD_EXISTS, "a hold in that group");
	fail_fact_text(why, "hold", text);
	return false;
}

/* ---- the plan ---- */

/* A time that may be booked by now and by its notice; what else is wrong with it the slots say. */
static bool refuse_closed(const char *reason, struct fail *why)
{
	FAILS_FIELD(why, SLOT_CLOSED, "/starts_at", "slot: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

static bool refuse_full(struct tx *tx, const struct booking_wish *w, int64_t now_ms, struct fail *why)
{
	struct seat_groups g;
	struct visit_wish v;
	int64_t starts[VISIT_ALTERNATIVES], from_ms = w->starts_ms - LOOK_BACK_DAYS * DAY_MS;
	char text[VISIT_ALTERNATIVES * (RFC3339_BYTES + 1)];
	size_t len = 0;
	if (!seats_look(tx, w, now_ms, now_ms, &g, why)) /* for its notice */
		return false;
	if (from_ms < now_ms + g.notice_ms)
		from_ms = now_ms + g.notice_ms;
	if (!seats_look(tx, w, from_ms, w->starts_ms + LOOK_AHEAD_DAYS * DAY_MS, &g, why))
		return false;
	seats_wish(w, &g, &v);
	int count = visit_alternatives(&v, w->starts_ms, starts);
	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		if (i > 0)
			text[len++] = ',';
		len += time_rfc3339(starts[i], text + len);
	}
	text[len] = '\0';
	FAILS(why, SLOT_FULL, "no seat left");
	fail_fact_text(why, "alternatives", text);
	return false;
}

static bool begins_somewhere(const struct seat_groups *g, int64_t starts_ms)
{
	for (int i = 0; i < g->count; i++)
		for (int s = 0; s < g->at[i].count; s++)
			if (g->at[i].slots[s].starts_ms == starts_ms)
				return true;
	return false;
}

static bool plan_once(struct tx *tx, const struct booking_wish *w, int64_t now_ms, struct seat_groups *g, struct visit_plan *p, bool *found, struct fail *why)
{
	int32_t day = day_of(w->starts_ms);
	struct visit_wish v;
	if (!seats_look(tx, w, day_begins_ms(day), day_begins_ms(day + 1), g, why))
		return false;
	if (w->starts_ms < now_ms + g->notice_ms)
		return refuse_closed(w->starts_ms <= now_ms ? "past" : "notice", why);
	if (!begins_somewhere(g, w->starts_ms))
		return refuse_closed("no_such_slot", why);
	seats_wish(w, g, &v);
	*found = visit_plan(&v, w->starts_ms, p);
	return true;
}

/* Whoever finds no seat looks for holds whose time is over before he is told so. */
static bool plan(struct tx *tx, const struct booking_wish *w, int64_t now_ms, struct seat_groups *g, struct visit_plan *p, struct fail *why)
{
	bool found;
	int64_t freed = 0;
	if (!plan_once(tx, w, now_ms, g, p, &found, why) || (!found && !bookings_expire(tx, now_ms, LAZY_EXPIRE, &freed, why)) ||
	    (freed > 0 && !plan_once(tx, w, now_ms, g, p, &found, why)))
		return false;
	return found || refuse_full(tx, w, now_ms, why);
}

/* ---- hold ---- */

static bool insert(struct tx *tx, const struct request *r, const struct booking *b, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO booking (id, key, person, made_by, hall, grp, state, day, starts_ms, ends_ms, people, held_until_ms, reason, moves, reminded, contact, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, 0, 0, 0, $12, $13, $13)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, b->id);
	stmt_bind_blob(q, 2, b->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, b->person);
	stmt_bind_int(q, 4, r->who.kind == WHO_CITIZEN ? r->who.id : b->person);
	stmt_bind_int(q, 5, b->hall);
	stmt_bind_int(q, 6, b->group);
	stmt_bind_int(q, 7, b->day);
	stmt_bind_int(q, 8, b->starts_ms);
	stmt_bind_int(q, 9, b->ends_ms);
	stmt_bind_int(q, 10, b->people);
	stmt_bind_int(q, 11, b->held_until_ms);
	stmt_bind_blob(q, 12, "", 0);
	stmt_bind_int(q, 13, b->made_ms);
	return stmt_run(q, why);
}

static bool own_overdue(struct tx *tx, int64_t person, int64_t now_ms, bool *is_there, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE person = $1 AND state = 1 AND held_until_ms <= $2 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, now_ms);
	*is_there = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* His own holds whose time is over stand in nobody's way, first of all not in his own. */
static bool own_expired(struct tx *tx, int64_t person, int64_t now_ms, struct fail *why)
{
	bool is_there;
	int64_t rows = 1;
	for (;;) {
		if (!own_overdue(tx, person, now_ms, &is_there, why))
			return false;
		if (!is_there || rows == 0)
			return true;
		if (!bookings_expire(tx, now_ms, LAZY_EXPIRE, &rows, why))
			return false;
	}
}

bool booking_take(struct tx *tx, const struct request *r, const struct booking_wish *w, int64_t hold_ms, struct id key, struct booking *out, struct fail *why)
{
	struct seat_groups g;
	struct visit_plan p;
	bool taken;
	int64_t person = principal_whose(&r->who);
	if (!tx_lock_row(tx, "person.bookings", person, why) || !own_expired(tx, person, r->now_ms, why) || !plan(tx, w, r->now_ms, &g, &p, why) ||
	    !no_other_hold(tx, person, w->matters[p.seats[0].matter].group, why) || !within_caps(tx, person, w, r->now_ms, why))
		return false;
	*out = (struct booking){ .person = person, .hall = w->hall, .group = w->matters[p.seats[0].matter].group, .day = day_of(p.starts_ms), .starts_ms = p.starts_ms,
				 .ends_ms = p.ends_ms, .people = w->people, .held_until_ms = r->now_ms + hold_ms, .made_ms = r->now_ms, .state = BOOKING_HELD, .key = key };
	if (!tx_next_id(tx, "booking", &out->id, why) || !insert(tx, r, out, why) || !seats_take(tx, out->id, w, &p, SEATS_HELD, &taken, why))
		return false;
	return taken || refuse_full(tx, w, r->now_ms, why);
}

/* ---- another time ---- */

static bool row_moved(struct tx *tx, const struct booking *b, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET grp = $1, day = $2, starts_ms = $3, ends_ms = $4, moves = $5, reminded = 0, changed_ms = $6 WHERE id = $7 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, b->group);
	stmt_bind_int(q, 2, b->day);
	stmt_bind_int(q, 3, b->starts_ms);
	stmt_bind_int(q, 4, b->ends_ms);
	stmt_bind_int(q, 5, b->moves);
	stmt_bind_int(q, 6, now_ms);
	stmt_bind_int(q, 7, b->id);
	if (!stmt_run(q, why))
		return false;
	return tx_changes(tx) == 1 || FAILS(why, BOOKING_STATE, "no longer booked");
}

static bool may_move(struct tx *tx, const struct booking *b, int64_t starts_ms, int64_t now_ms, struct fail *why)
{
	int64_t count;
	if (b->state != BOOKING_BOOKED || b->starts_ms <= now_ms) {
		FAILS(why, BOOKING_STATE, "it is %s", booking_state_text(b->state));
		fail_fact_text(why, "state", booking_state_text(b->state));
		return false;
	}
	return cap_allows(CAP_MOVES, b->moves, why) && count_on_day(tx, b->person, day_of(starts_ms), b->id, &count, why) && cap_allows(CAP_DAY, count, why);
}

static void seated(struct booking *b, const struct booking_wish *w, const struct visit_plan *p)
{
	b->group = w->matters[p->seats[0].matter].group;
	b->day = day_of(p->starts_ms);
	b->starts_ms = p->starts_ms;
	b->ends_ms = p->ends_ms;
}

bool booking_move(struct tx *tx, struct booking *b, int64_t starts_ms, int64_t now_ms, struct fail *why)
{
	struct booking_wish w;
	struct seat_groups g;
	struct visit_plan p;
	bool taken;
	if (!tx_lock_row(tx, "person.bookings", b->person, why) || !may_move(tx, b, starts_ms, now_ms, why) || !seats_wish_of(tx, b, &w, why))
		return false;
	w.starts_ms = starts_ms;
	b->moves++;
	/* its own seats are free for it: they are given back first, and come back with the transaction when there is no other */
	if (!row_moved(tx, b, now_ms, why) || !seats_give_back(tx, b->id, SEATS_BOOKED, why) || !seats_forget(tx, b->id, why) || !plan(tx, &w, now_ms, &g, &p, why) ||
	    !seats_take(tx, b->id, &w, &p, SEATS_BOOKED, &taken, why))
		return false;
	if (!taken)
		return refuse_full(tx, &w, now_ms, why);
	seated(b, &w, &p);
	return row_moved(tx, b, now_ms, why);
}

bool booking_move_near(struct tx *tx, struct booking *b, int64_t now_ms, bool *found, struct fail *why)
{
	struct booking_wish w;
	struct seat_groups g;
	struct visit_wish v;
	struct visit_plan p;
	int64_t starts[VISIT_ALTERNATIVES];
	bool taken;
	if (!seats_wish_of(tx, b, &w, why) || !seats_look(tx, &w, now_ms, now_ms, &g, why) ||
	    !seats_look(tx, &w, now_ms + g.notice_ms, b->starts_ms + LOOK_AHEAD_DAYS * DAY_MS, &g, why))
		return false;
	seats_wish(&w, &g, &v);
	*found = visit_alternatives(&v, b->starts_ms, starts) > 0 && visit_plan(&v, starts[0], &p);
	if (!*found)
		return true;
	b->moves++;
	if (!row_moved(tx, b, now_ms, why) || !seats_give_back(tx, b->id, SEATS_BOOKED, why) || !seats_forget(tx, b->id, why) ||
	    !seats_take(tx, b->id, &w, &p, SEATS_BOOKED, &taken, why))
		return false;
	if (!taken)
		return FAILS(why, STORE, "a seat went meanwhile"); /* the job comes again */
	seated(b, &w, &p);
	return row_moved(tx, b, now_ms, why);
}
