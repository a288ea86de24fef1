/* services/booking/slot_make.c - a pass goes over a group's days, a day in a bite, and may be interrupted and begun anew at any of them. */
#include "services/booking/slot_make.h"
#include "services/booking/booking_rule.h"
#include "services/cases/calendar.h"
#include <assert.h>

struct group {
	int64_t id, region, slot_minutes, capacity, version, pass_calendar;
	int32_t pass_day, last_day;
	struct booking_sessions sessions;
};

struct pass {
	int64_t calendar;
	int32_t today;
	struct workdays w;
	struct group g;
	bool is_there; /* a group to make */
};

static bool group_next(struct tx *tx, struct pass *p, int *horizon, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT g.id, h.region, g.slot_minutes, g.capacity, g.walk_in_percent, g.version, g.pass_day, g.pass_calendar, g.horizon_days, g.sessions"
		" FROM booking_group g JOIN hall h ON h.id = g.hall WHERE (g.made_day <> $1 OR g.made_version <> g.version OR g.made_calendar <> $2) AND g.merged_into IS NULL ORDER BY g.id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->today);
	stmt_bind_int(q, 2, p->calendar);
	p->is_there = stmt_row(q, why);
	if (!p->is_there)
		return why->code == FAIL_NONE;
	p->g = (struct group){ .id = stmt_int(q, 0), .region = stmt_int(q, 1), .slot_minutes = stmt_int(q, 2), .version = stmt_int(q, 5),
			       .capacity = bookable_capacity(stmt_int(q, 3), stmt_int(q, 4)), .pass_day = (int32_t)stmt_int(q, 6), .pass_calendar = stmt_int(q, 7) };
	*horizon = (int)stmt_int(q, 8);
	return sessions_parse(stmt_text(q, 9), &p->g.sessions) || FAILS(why, STORE, "booking_group %lld: its sessions", (long long)p->g.id);
}

/* One under way with another calendar, or of a day gone by, begins anew. */
static bool pass_find(struct tx *tx, struct pass *p, struct fail *why)
{
	int horizon = 0;
	if (!calendar_version(tx, &p->calendar, why) || !group_next(tx, p, &horizon, why) || !p->is_there)
		return why->code == FAIL_NONE;
	if (!calendar_load(tx, p->g.region, &p->w, why))
		return false;
	if (p->g.pass_calendar != p->calendar || p->g.pass_day < p->today)
		p->g.pass_day = p->today;
	if (!horizon_day(&p->w, p->today, horizon, &p->g.last_day))
		p->g.last_day = p->today - 1; /* no calendar: nothing is made */
	return true;
}

static bool pass_note(struct tx *tx, const struct pass *p, struct fail *why)
{
	bool is_over = p->g.pass_day > p->g.last_day;
	DROP(stmt) struct stmt *q = is_over ?
		tx_query(tx, "UPDATE booking_group SET made_day = $1, made_version = $2, made_calendar = $3, pass_day = 0 WHERE id = $4", why) :
		tx_query(tx, "UPDATE booking_group SET pass_day = $1, pass_calendar = $2 WHERE id = $3", why);
	int n = 1;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, is_over ? p->today : p->g.pass_day);
	if (is_over)
		stmt_bind_int(q, n++, p->g.version);
	stmt_bind_int(q, n++, p->calendar);
	stmt_bind_int(q, n, p->g.id);
	return stmt_run(q, why);
}

/* ---- a day ---- */

static bool blacked_out(struct tx *tx, int64_t group, const struct slot_time *t, bool *is_out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM booking_blackout WHERE grp = $1 AND from_ms < $2 AND to_ms > $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, t->ends_ms);
	stmt_bind_int(q, 3, t->starts_ms);
	*is_out = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool slot_new(struct tx *tx, const struct group *g, const struct slot_time *t, bool is_open, struct fail *why)
{
	int64_t id;
	if (!tx_next_id(tx, "booking_slot", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO booking_slot (id, grp, starts_ms, ends_ms, is_open, capacity, held, booked) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, g->id);
	stmt_bind_int(q, 3, t->starts_ms);
	stmt_bind_int(q, 4, t->ends_ms);
	stmt_bind_int(q, 5, is_open);
	stmt_bind_int(q, 6, g->capacity);
	return stmt_run(q, why);
}

/* By its own row, so that whoever takes a seat at this moment is seen. A length that differs is another slot: the old one closes when it is passed over. */
static bool slot_renew(struct tx *tx, const struct group *g, const struct slot_time *t, bool is_open, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE booking_slot SET ends_ms = $1, is_open = $2, capacity = CASE WHEN $3 < held + booked THEN held + booked ELSE $3 END WHERE grp = $4 AND starts_ms = $5"
		" AND (ends_ms <> $1 OR is_open <> $2 OR capacity <> CASE WHEN $3 < held + booked THEN held + booked ELSE $3 END)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->ends_ms);
	stmt_bind_int(q, 2, is_open);
	stmt_bind_int(q, 3, g->capacity);
	stmt_bind_int(q, 4, g->id);
	stmt_bind_int(q, 5, t->starts_ms);
	return stmt_run(q, why);
}

/* What is there of the day: bit i of *seen for the i-th time. What is there and should not be is closed. */
static bool day_compare(struct tx *tx, const struct group *g, const struct slot_time *times, int count, bool *seen, int64_t *close, int *closes, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, starts_ms, is_open FROM booking_slot WHERE grp = $1 AND starts_ms >= $2 AND starts_ms < $3 ORDER BY starts_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, g->id);
	stmt_bind_int(q, 2, day_begins_ms(g->pass_day));
	stmt_bind_int(q, 3, day_begins_ms(g->pass_day + 1));
	for (int i = 0; stmt_row(q, why);) {
		int64_t starts_ms = stmt_int(q, 1);
		while (i < count && times[i].starts_ms < starts_ms)
			i++;
		if (i < count && times[i].starts_ms == starts_ms)
			seen[i] = true;
		else if (stmt_int(q, 2) != 0 && *closes < SLOTS_A_DAY_MAX)
			close[(*closes)++] = stmt_int(q, 0);
	}
	return why->code == FAIL_NONE;
}

static bool slot_close(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_slot SET is_open = 0 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

static bool day_make(struct tx *tx, const struct pass *p, struct fail *why)
{
	struct slot_time times[SLOTS_A_DAY_MAX];
	bool seen[SLOTS_A_DAY_MAX] = { false }, is_out;
	int64_t close[SLOTS_A_DAY_MAX];
	int closes = 0, count = slots_of_day(&p->g.sessions, (int)p->g.slot_minutes, &p->w, p->g.pass_day, times);
	if (!day_compare(tx, &p->g, times, count, seen, close, &closes, why))
		return false;
	for (int i = 0; i < closes; i++)
		if (!slot_close(tx, close[i], why))
			return false;
	for (int i = 0; i < count; i++)
		if (!blacked_out(tx, p->g.id, &times[i], &is_out, why) || !(seen[i] ? slot_renew : slot_new)(tx, &p->g, &times[i], !is_out, why))
			return false;
	return true;
}

bool slots_make(struct tx *tx, int64_t now_ms, int64_t days_max, int64_t *days, struct fail *why)
{
	struct pass p = { .today = day_of(now_ms) };
	assert(days_max > 0);
	*days = 0;
	if (!pass_find(tx, &p, why) || !p.is_there)
		return why->code == FAIL_NONE;
	for (; *days < days_max && p.g.pass_day <= p.g.last_day; p.g.pass_day++, ++*days)
		if (!day_make(tx, &p, why))
			return false;
	*days = days_max; /* the next group may wait */
	return pass_note(tx, &p, why);
}

bool slots_outdated(struct tx *tx, int64_t group, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking_group SET version = version + 1, pass_day = 0 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	return stmt_run(q, why);
}

bool slots_forget(struct tx *tx, int64_t before_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM booking_slot WHERE id IN (SELECT s.id FROM booking_slot s WHERE s.ends_ms < $1"
		" AND NOT EXISTS (SELECT 1 FROM booking_seat x WHERE x.slot = s.id) ORDER BY s.ends_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, before_ms);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}
