/* services/booking/booking_seats.c - why this exists: held + booked of a slot are what its seats say, after every transaction. */
#include "services/booking/booking_seats.h"
#include <assert.h>

enum { MS_A_MINUTE = 60000 };

/* ---- what is free ---- */

static bool group_slots(struct tx *tx, struct visit_group *g, int64_t from_ms, int64_t to_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, starts_ms, ends_ms, capacity - held - booked FROM booking_slot WHERE grp = $1 AND starts_ms >= $2 AND starts_ms < $3"
		" AND is_open = 1 ORDER BY starts_ms LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, g->id);
	stmt_bind_int(q, 2, from_ms);
	stmt_bind_int(q, 3, to_ms);
	stmt_bind_int(q, 4, VISIT_SLOTS_MAX);
	for (g->count = 0; stmt_row(q, why); g->count++)
		g->slots[g->count] = (struct visit_slot){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3) };
	return why->code == FAIL_NONE;
}

static bool group_notice(struct tx *tx, int64_t group, int64_t *notice_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT notice_minutes FROM booking_group WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	if (!stmt_row(q, why))
		return false;
	int64_t ms = stmt_int(q, 0) * MS_A_MINUTE;
	if (ms > *notice_ms)
		*notice_ms = ms;
	return true;
}

static int group_index(const struct seat_groups *g, int64_t id)
{
	int i = 0;
	while (i < g->count && g->at[i].id != id)
		i++;
	return i;
}

bool seats_look(struct tx *tx, const struct booking_wish *w, int64_t from_ms, int64_t to_ms, struct seat_groups *out, struct fail *why)
{
	out->count = 0;
	out->notice_ms = 0;
	for (int m = 0; m < w->matter_count; m++) {
		int i = group_index(out, w->matters[m].group);
		if (i < out->count)
			continue;
		out->at[i].id = w->matters[m].group;
		out->count++;
		if (!group_notice(tx, w->matters[m].group, &out->notice_ms, why) || !group_slots(tx, &out->at[i], from_ms, to_ms, why))
			return false;
	}
	return true;
}

void seats_wish(const struct booking_wish *w, const struct seat_groups *g, struct visit_wish *out)
{
	*out = (struct visit_wish){ .people = w->people, .matters = w->matter_count };
	for (int m = 0; m < w->matter_count; m++)
		out->group_of[m] = &g->at[group_index(g, w->matters[m].group)];
}

/* ---- taking ---- */

/* A slot and how many of its seats. */
struct taking {
	int64_t slot, seats;
};

/* By the slots' numbers, so that two visits never wait for each other in a circle. */
static int takings_of(const struct visit_plan *p, struct taking out[VISIT_SEATS_MAX])
{
	int count = 0;
	for (int s = 0; s < p->count; s++) {
		int i = 0;
		while (i < count && out[i].slot < p->seats[s].slot->id)
			i++;
		if (i < count && out[i].slot == p->seats[s].slot->id) {
			out[i].seats++;
			continue;
		}
		for (int n = count++; n > i; n--)
			out[n] = out[n - 1];
		out[i] = (struct taking){ p->seats[s].slot->id, 1 };
	}
	return count;
}

static bool slot_take(struct tx *tx, const struct taking *t, enum seat_column column, bool *taken, struct fail *why)
{
	DROP(stmt) struct stmt *q = column == SEATS_HELD ?
		tx_query(tx, "UPDATE booking_slot SET held = held + $1 WHERE id = $2 AND is_open = 1 AND held + booked + $1 <= capacity", why) :
		tx_query(tx, "UPDATE booking_slot SET booked = booked + $1 WHERE id = $2 AND is_open = 1 AND held + booked + $1 <= capacity", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->seats);
	stmt_bind_int(q, 2, t->slot);
	if (!stmt_run(q, why))
		return false;
	*taken = tx_changes(tx) == 1;
	return true;
}

static bool seat_add(struct tx *tx, int64_t booking, int n, int64_t slot, const struct booking_matter *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO booking_seat (booking, n, slot, matter, guide) VALUES ($1, $2, $3, $4, $5)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, booking);
	stmt_bind_int(q, 2, n);
	stmt_bind_int(q, 3, slot);
	stmt_bind_int(q, 4, m->id);
	if (m->guide != 0)
		stmt_bind_int(q, 5, m->guide);
	else
		stmt_bind_null(q, 5);
	return stmt_run(q, why);
}

bool seats_take(struct tx *tx, int64_t booking, const struct booking_wish *w, const struct visit_plan *p, enum seat_column column, bool *taken, struct fail *why)
{
	struct taking takings[VISIT_SEATS_MAX];
	int count = takings_of(p, takings);
	*taken = true;
	for (int i = 0; i < count && *taken; i++)
		if (!slot_take(tx, &takings[i], column, taken, why))
			return false;
	for (int s = 0; s < p->count && *taken; s++)
		if (!seat_add(tx, booking, s, p->seats[s].slot->id, &w->matters[p->seats[s].matter], why))
			return false;
	return true;
}

/* ---- what is taken ---- */

static bool takings_read(struct tx *tx, int64_t booking, struct taking out[VISIT_SEATS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT slot, COUNT(*) FROM booking_seat WHERE booking = $1 GROUP BY slot ORDER BY slot", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, booking);
	for (*count = 0; stmt_row(q, why); ++*count) {
		assert(*count < VISIT_SEATS_MAX);
		out[*count] = (struct taking){ stmt_int(q, 0), stmt_int(q, 1) };
	}
	return why->code == FAIL_NONE;
}

enum change { CHANGE_CONFIRM, CHANGE_FREE_HELD, CHANGE_FREE_BOOKED };

static bool slot_change(struct tx *tx, const struct taking *t, enum change change, struct fail *why)
{
	DROP(stmt) struct stmt *q =
		change == CHANGE_CONFIRM ? tx_query(tx, "UPDATE booking_slot SET held = held - $1, booked = booked + $1 WHERE id = $2", why) :
		change == CHANGE_FREE_HELD ? tx_query(tx, "UPDATE booking_slot SET held = held - $1 WHERE id = $2", why) :
					     tx_query(tx, "UPDATE booking_slot SET booked = booked - $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->seats);
	stmt_bind_int(q, 2, t->slot);
	return stmt_run(q, why);
}

static bool slots_change(struct tx *tx, int64_t booking, enum change change, struct fail *why)
{
	struct taking takings[VISIT_SEATS_MAX];
	int count;
	if (!takings_read(tx, booking, takings, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!slot_change(tx, &takings[i], change, why))
			return false;
	return true;
}

bool seats_confirm(struct tx *tx, int64_t booking, struct fail *why)
{
	return slots_change(tx, booking, CHANGE_CONFIRM, why);
}

bool seats_give_back(struct tx *tx, int64_t booking, enum seat_column column, struct fail *why)
{
	return slots_change(tx, booking, column == SEATS_HELD ? CHANGE_FREE_HELD : CHANGE_FREE_BOOKED, why);
}

bool seats_forget(struct tx *tx, int64_t booking, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM booking_seat WHERE booking = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, booking);
	return stmt_run(q, why);
}

/* A matter that has left the hall's lists meanwhile stays where it was booked. */
bool seats_wish_of(struct tx *tx, const struct booking *b, struct booking_wish *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.matter, MIN(COALESCE(s.guide, 0)), MIN(COALESCE(g.id, t.grp)), MIN(s.n) FROM booking_seat s JOIN booking_slot t ON t.id = s.slot"
		" JOIN booking_group o ON o.id = t.grp LEFT JOIN window_matter x ON x.hall = o.hall AND x.matter = s.matter"
		" LEFT JOIN booking_group g ON g.hall = x.hall AND g.kind = x.kind WHERE s.booking = $1 GROUP BY s.matter ORDER BY 4", why);
	if (q == NULL)
		return false;
	*out = (struct booking_wish){ .hall = b->hall, .people = (int)b->people };
	stmt_bind_int(q, 1, b->id);
	while (stmt_row(q, why)) {
		assert(out->matter_count < VISIT_MATTERS_MAX);
		out->matters[out->matter_count++] = (struct booking_matter){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2) };
	}
	return why->code == FAIL_NONE;
}
