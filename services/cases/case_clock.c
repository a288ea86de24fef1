/* services/cases/case_clock.c - each clock by the table clocks.def, and its pauses. */
#include "services/cases/case_clock.h"

#include "base/config.h"
#include "services/cases/case_row.h"
#include "services/services.h"
#include "store/fact.h"

#include <assert.h>

static const struct clock_table table = {
	.read = "SELECT phase, begun, days, extended, region, department, stopped_on, told, due FROM case_clock WHERE case_id = $1 AND kind = $2",
	.write = "INSERT INTO case_clock (case_id, kind, phase, begun, days, extended, region, calendar, told, due, yellow, stopped_on, next_on, department, broken)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (case_id, kind) DO UPDATE SET phase = excluded.phase, begun = excluded.begun,"
		" days = excluded.days, extended = excluded.extended, calendar = excluded.calendar, told = excluded.told, due = excluded.due, yellow = excluded.yellow,"
		" stopped_on = excluded.stopped_on, next_on = excluded.next_on, broken = excluded.broken",
	.made_before = "SELECT case_id, kind FROM case_clock WHERE phase < 3 AND calendar < $1 ORDER BY calendar LIMIT $2",
	.next = "SELECT case_id, kind, begun, days, extended, region, department, told, due, yellow FROM case_clock WHERE phase = 1 AND next_on <= $1 ORDER BY next_on LIMIT $2",
	.told = "UPDATE case_clock SET told = $1, next_on = $2 WHERE case_id = $3 AND kind = $4 AND phase = 1 AND next_on <= $5",
	.pauses = "SELECT first, last FROM case_pause WHERE case_id = $1 ORDER BY n LIMIT $2",
	.has_department = true,
};

/* ---- what became of it: provable ---- */

struct clock_event {
	int64_t id, fact, case_id, kind, what, day, begun, days, department, region;
	bool has_due;
	int32_t due;
};

static bool event_insert(struct tx *tx, const struct clock_event *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO clock_event (fact, id, case_id, kind, what, day, begun, days, due, department, region)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { e->fact, e->id, e->case_id, e->kind, e->what, e->day, e->begun, e->days };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_day(q, 9, e->has_due, e->due);
	stmt_bind_int(q, 10, e->department);
	stmt_bind_int(q, 11, e->region);
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
static bool event_add(struct tx *tx, struct clock_event *e, int64_t now_ms, struct fail *why)
{
	struct fact_content content;
	if (!tx_next_id(tx, "clock_event", &e->id, why) || !fact_next(tx, &e->fact, why) || !event_insert(tx, e, why))
		return false;
	struct fact f = { FACT_CLOCK_EVENT, e->id, 0, e->department, e->region, now_ms };
	fact_content(&content, fact_row_of(FACT_CLOCK_EVENT));
	const int64_t numbers[] = { e->fact, e->id, e->case_id, e->kind, e->what, e->day, e->begun, e->days };
	for (int i = 0; i < 8; i++)
		fact_int(&content, numbers[i]);
	if (e->has_due)
		fact_int(&content, e->due);
	else
		fact_no_int(&content);
	fact_int(&content, e->department);
	fact_int(&content, e->region);
	return fact_add(tx, e->fact, &f, &content, why);
}

static struct clock_event event_of(const struct day_clock *c, const struct clock_made *made, enum clock_what what, int32_t day)
{
	return (struct clock_event){ .case_id = c->owner, .kind = c->kind, .what = what, .day = day, .begun = c->begun, .days = c->days + c->extended,
		.department = c->department, .region = c->region, .has_due = made->has_due, .due = made->due };
}

/* ---- what an event does ---- */

/* An event reads each clock and writes it; so does the job that carries a new calendar into it, of whichever case. */
static bool hold(struct tx *tx, int64_t case_id, struct fail *why)
{
	return tx_lock_row(tx, "case.clocks", case_id, why);
}

static bool days_of_guide(struct tx *tx, int64_t case_id, bool promised, int64_t *days, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COALESCE(g.promised_days, m.promised_days), COALESCE(g.legal_days, m.legal_days) FROM cases c JOIN matter m ON m.id = c.matter"
		" LEFT JOIN guide g ON g.id = c.guide WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld has no matter", (long long)case_id);
	*days = stmt_int(q, promised ? 0 : 1);
	return true;
}

static bool days_of_part(struct tx *tx, int64_t case_id, int64_t *days, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT g.days FROM case_part p JOIN cases c ON c.id = p.part JOIN guide_part g ON g.guide = c.guide AND g.n = p.n WHERE p.part = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is a part of nothing", (long long)case_id);
	*days = stmt_int(q, 0);
	return true;
}

static bool days_for(struct tx *tx, const struct clock_move *m, enum clock_days from, int64_t *days, struct fail *why)
{
	const struct config *c = services_config();
	switch (from) {
	case CLOCK_DAYS_ACCEPTANCE: *days = c->clock_acceptance_days; return true;
	case CLOCK_DAYS_DELIVERY:   *days = c->clock_delivery_days; return true;
	case CLOCK_DAYS_PROMISED:   return m->is_part ? days_of_part(tx, m->case_id, days, why) : days_of_guide(tx, m->case_id, true, days, why);
	case CLOCK_DAYS_STATUTORY:  return days_of_guide(tx, m->case_id, false, days, why);
	}
	return false;
}

static bool clock_begin(struct tx *tx, const struct clock_move *m, enum clock_kind kind, struct fail *why)
{
	struct clock_made made;
	struct day_clock c = { .owner = m->case_id, .kind = kind, .phase = CLOCK_RUNS, .begun = m->day, .region = m->region, .department = m->department };
	return days_for(tx, m, clock_kind_row(kind)->days, &c.days, why) && day_clock_write(tx, &table, &c, &made, why);
}

static bool clock_move(struct tx *tx, const struct clock_move *m, enum clock_kind kind, struct fail *why)
{
	struct clock_made made;
	struct day_clock c = { .owner = m->case_id, .kind = kind };
	enum clock_phase to = clock_phase_in(kind, m->state);
	if (!day_clock_read(tx, &table, &c, why))
		return false;
	if (!c.is_there || (c.phase == CLOCK_STOPPED && clock_kind_row(kind)->anew && to == CLOCK_RUNS))
		return to != CLOCK_RUNS || clock_begin(tx, m, kind, why);
	if (c.phase == CLOCK_STOPPED || (to == c.phase && m->extend_days == 0))
		return true;
	c.phase = to;
	c.extended += m->extend_days;
	c.stopped_on = to == CLOCK_STOPPED ? m->day : 0;
	if (!day_clock_write(tx, &table, &c, &made, why))
		return false;
	struct clock_event e = event_of(&c, &made, made.broken ? CLOCK_LATE : CLOCK_IN_TIME, c.stopped_on);
	return to != CLOCK_STOPPED || event_add(tx, &e, m->now_ms, why);
}

/* ---- pauses: of the case, so that all its clocks agree ---- */

static bool is_pause(enum case_state s)
{
	return clock_phase_in(CLOCK_STATUTORY, s) == CLOCK_STANDS;
}

/* *n is the last one's; *open whether it is open, and *first its first day. */
static bool pause_last(struct tx *tx, int64_t case_id, int64_t *n, bool *open, int32_t *first, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n, first, last FROM case_pause WHERE case_id = $1 ORDER BY n DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	*n = 0;
	*open = false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*n = stmt_int(q, 0);
	*first = (int32_t)stmt_int(q, 1);
	*open = stmt_is_null(q, 2);
	return true;
}

static bool pause_open(struct tx *tx, const struct clock_move *m, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_pause (case_id, n, state, first) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->case_id);
	stmt_bind_int(q, 2, n);
	stmt_bind_int(q, 3, m->state);
	stmt_bind_int(q, 4, m->day + 1);
	return stmt_run(q, why);
}

/* Until the day before; one that was over on its first day took nothing out. */
static bool pause_close(struct tx *tx, const struct clock_move *m, int64_t n, int32_t first, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_pause SET last = $1 WHERE case_id = $2 AND n = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->day - 1 < first ? first - 1 : m->day - 1);
	stmt_bind_int(q, 2, m->case_id);
	stmt_bind_int(q, 3, n);
	return stmt_run(q, why);
}

static bool pauses_move(struct tx *tx, const struct clock_move *m, struct fail *why)
{
	int64_t n;
	bool open;
	int32_t first = 0;
	if (!pause_last(tx, m->case_id, &n, &open, &first, why))
		return false;
	if (open && !is_pause(m->state))
		return pause_close(tx, m, n, first, why);
	/* more pauses than are ever counted together are refused by nobody: from there on the clock just stands until it is over */
	return open || !is_pause(m->state) || n >= PAUSES_MAX || pause_open(tx, m, n + 1, why);
}

static bool extension_keep(struct tx *tx, const struct clock_move *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_extension (case_id, seq, days, document) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->case_id);
	stmt_bind_int(q, 2, m->seq);
	stmt_bind_int(q, 3, m->extend_days);
	stmt_bind_text(q, 4, m->document);
	return stmt_run(q, why);
}

bool clocks_move(struct tx *tx, const struct clock_move *m, struct fail *why)
{
	if (!hold(tx, m->case_id, why) || !pauses_move(tx, m, why) || (m->extend_days > 0 && !extension_keep(tx, m, why)))
		return false;
	for (int kind = CLOCK_NONE_SHOWN + 1; kind < CLOCK_KINDS; kind++)
		if (!(m->is_part && clock_kind_row((enum clock_kind)kind)->of_whole) && !clock_move(tx, m, (enum clock_kind)kind, why))
			return false;
	return true;
}

/* ---- what a citizen sees ---- */

bool clocks_show(struct tx *tx, int64_t case_id, struct fail *why)
{
	int64_t kind = CLOCK_NONE_SHOWN;
	bool has_due = false;
	int32_t due = 0, yellow = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"SELECT kind, due, yellow FROM case_clock WHERE case_id = $1 AND phase < 3 ORDER BY CASE kind WHEN 2 THEN 0 ELSE kind END LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, case_id);
		if (stmt_row(q, why)) {
			kind = stmt_int(q, 0);
			has_due = !stmt_is_null(q, 1);
			due = has_due ? (int32_t)stmt_int(q, 1) : 0;
			yellow = has_due ? (int32_t)stmt_int(q, 2) : 0;
		}
		if (why->code != FAIL_NONE)
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE cases SET clock = $1, clock_due = $2, clock_yellow = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, kind);
	stmt_bind_day(q, 2, has_due, due);
	stmt_bind_day(q, 3, has_due, yellow);
	stmt_bind_int(q, 4, case_id);
	return stmt_run(q, why);
}

/* ---- when the calendar has changed ---- */

/* One that was stopped meanwhile is as it is. */
static bool renew_one(struct tx *tx, struct day_clock *c, struct fail *why)
{
	struct clock_made made;
	if (!hold(tx, c->owner, why) || !day_clock_read(tx, &table, c, why))
		return false;
	if (c->phase == CLOCK_STOPPED)
		return true;
	if (!day_clock_write(tx, &table, c, &made, why) || !clocks_show(tx, c->owner, why))
		return false;
	for (enum lang lang = 0; lang < LANG_COUNT; lang++)
		tx_touch(tx, ROW_CASE, case_shown_key(c->owner, lang));
	return true;
}

bool clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why)
{
	struct clocks_found found;
	*renewed = 0;
	if (!day_clocks_behind(tx, &table, most, &found, why))
		return false;
	for (int i = 0; i < found.count; i++)
		if (!renew_one(tx, &found.at[i].clock, why))
			return false;
	*renewed = found.count;
	return true;
}

/* ---- lights that change with the days ---- */

/* Its last day may have moved away and come back. */
static bool was_told(struct tx *tx, const struct clock_event *e, bool *is_told, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM clock_event WHERE case_id = $1 AND kind = $2 AND what = $3 AND due = $4 AND what <= 3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->case_id);
	stmt_bind_int(q, 2, e->kind);
	stmt_bind_int(q, 3, e->what);
	stmt_bind_int(q, 4, e->due);
	*is_told = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool tell(struct tx *tx, const struct day_clock *c, const struct clock_made *made, int32_t today, int64_t now_ms, struct fail *why)
{
	struct clock_event e = event_of(c, made, day_clock_light(made, today), today);
	bool is_told, was;
	if (!day_clock_tell(tx, &table, c, made, e.what, today, &is_told, why))
		return false;
	return !is_told || (was_told(tx, &e, &was, why) && (was || event_add(tx, &e, now_ms, why)));
}

bool clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
{
	struct clocks_found found;
	if (!day_clocks_due(tx, &table, today, most, &found, why))
		return false;
	for (int i = 0; i < found.count; i++)
		if (!tell(tx, &found.at[i].clock, &found.at[i].made, today, now_ms, why))
			return false;
	*told = found.count;
	return true;
}
