/* services/cases/case_clock.c - each clock by the table (clocks.c); what is written is what is known, and what follows from it beside it. */
#include "services/cases/case_clock.h"

#include "base/config.h"
#include "services/cases/calendar.h"
#include "services/cases/case_row.h"
#include "services/cases/outage.h"
#include "services/services.h"
#include "store/fact.h"

#include <assert.h>

/* ---- one clock, read and written ---- */

struct case_clock {
	enum clock_kind kind;
	enum clock_phase phase;
	bool is_there;
	int32_t begun, stopped_on;
	int64_t days, extended, region, department;
	int64_t told;              /* as it was; 0 again when its last day moves */
	bool had_due;
	int32_t due_before;
};

static bool clock_read(struct tx *tx, int64_t case_id, struct case_clock *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT phase, begun, days, extended, region, department, stopped_on, told, due FROM case_clock WHERE case_id = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	stmt_bind_int(q, 2, c->kind);
	c->is_there = stmt_row(q, why);
	if (!c->is_there)
		return why->code == FAIL_NONE;
	c->phase = (enum clock_phase)stmt_int(q, 0);
	c->begun = (int32_t)stmt_int(q, 1);
	c->days = stmt_int(q, 2);
	c->extended = stmt_int(q, 3);
	c->region = stmt_int(q, 4);
	c->department = stmt_int(q, 5);
	c->stopped_on = stmt_is_null(q, 6) ? 0 : (int32_t)stmt_int(q, 6);
	c->told = stmt_int(q, 7);
	c->had_due = !stmt_is_null(q, 8);
	c->due_before = c->had_due ? (int32_t)stmt_int(q, 8) : 0;
	return true;
}

/* Pauses of a case, those of all its clocks alike. */
static bool pauses_read(struct tx *tx, int64_t case_id, struct day_span out[PAUSES_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT first, last FROM case_pause WHERE case_id = $1 ORDER BY n LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	stmt_bind_int(q, 2, PAUSES_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		out[*count] = (struct day_span){ (int32_t)stmt_int(q, 0), stmt_is_null(q, 1) ? DAY_OPEN : (int32_t)stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

struct made {
	int64_t calendar;
	bool has_due, broken;
	int32_t due, yellow;
};

/* Looked at on the day it began, which is always known: one that stops in a year whose calendar is missing is late all the same. No pause is open but of one that stands. */
static bool clock_make(struct tx *tx, int64_t case_id, const struct case_clock *c, struct made *out, struct fail *why)
{
	struct workdays w;
	struct day_span pauses[PAUSES_MAX];
	struct time_limit l = { .begun = c->begun, .unit = LIMIT_WORKING_DAYS, .days = (int32_t)c->days, .extended = (int32_t)c->extended, .pauses = pauses };
	*out = (struct made){ 0 };
	if (!calendar_version(tx, &out->calendar, why))
		return false;
	if (c->phase == CLOCK_STANDS)
		return true;
	if (!calendar_load(tx, c->region, &w, why) || !pauses_read(tx, case_id, pauses, &l.pause_count, why) ||
	    !outages_add(tx, c->region, c->begun, pauses, PAUSES_MAX, &l.pause_count, why))
		return false;
	struct limit_now now = limit_look(&w, &l, c->begun);
	out->has_due = !now.pending;
	out->due = now.due;
	out->yellow = now.yellow;
	out->broken = c->phase == CLOCK_STOPPED && out->has_due && c->stopped_on > now.due;
	return true;
}

static void bind_day(struct stmt *q, int n, bool has, int32_t day)
{
	if (has)
		stmt_bind_int(q, n, day);
	else
		stmt_bind_null(q, n);
}

/* The day from which there is another light to tell of. */
static bool next_light(const struct made *made, int64_t told, int32_t *day)
{
	static const int32_t behind_due[] = { [CLOCK_TOLD_YELLOW] = 0, [CLOCK_TOLD_ORANGE] = 1 };
	if (!made->has_due || told >= CLOCK_TOLD_RED)
		return false;
	*day = told == 0 ? made->yellow : made->due + behind_due[told];
	return true;
}

static bool clock_write(struct tx *tx, int64_t case_id, const struct case_clock *c, struct made *made, struct fail *why)
{
	int32_t next = 0;
	if (!clock_make(tx, case_id, c, made, why))
		return false;
	int64_t told = c->had_due && made->has_due && c->due_before == made->due ? c->told : 0;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO case_clock (case_id, kind, phase, begun, days, extended, region, department, calendar, due, yellow, stopped_on, broken, told, next_on)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		" ON CONFLICT (case_id, kind) DO UPDATE SET phase = excluded.phase, begun = excluded.begun, days = excluded.days,"
		" extended = excluded.extended, calendar = excluded.calendar, due = excluded.due, yellow = excluded.yellow,"
		" stopped_on = excluded.stopped_on, broken = excluded.broken, told = excluded.told, next_on = excluded.next_on", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { case_id, c->kind, c->phase, c->begun, c->days, c->extended, c->region, c->department, made->calendar };
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	bind_day(q, 10, made->has_due, made->due);
	bind_day(q, 11, made->has_due, made->yellow);
	bind_day(q, 12, c->phase == CLOCK_STOPPED, c->stopped_on);
	stmt_bind_int(q, 13, made->broken);
	stmt_bind_int(q, 14, told);
	bool has_next = next_light(made, told, &next);
	bind_day(q, 15, has_next, next);
	return stmt_run(q, why);
}

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
	bind_day(q, 9, e->has_due, e->due);
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

static struct clock_event event_of(int64_t case_id, const struct case_clock *c, const struct made *made, enum clock_what what, int32_t day)
{
	return (struct clock_event){ .case_id = case_id, .kind = c->kind, .what = what, .day = day, .begun = c->begun, .days = c->days + c->extended,
		.department = c->department, .region = c->region, .has_due = made->has_due, .due = made->due };
}

/* ---- what an event does ---- */

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

static bool clock_begin(struct tx *tx, const struct clock_move *m, struct case_clock *c, struct fail *why)
{
	struct made made;
	*c = (struct case_clock){ .kind = c->kind, .phase = CLOCK_RUNS, .begun = m->day, .region = m->region, .department = m->department };
	return days_for(tx, m, clock_kind_row(c->kind)->days, &c->days, why) && clock_write(tx, m->case_id, c, &made, why);
}

static bool clock_move(struct tx *tx, const struct clock_move *m, enum clock_kind kind, struct fail *why)
{
	struct made made;
	struct case_clock c = { .kind = kind };
	enum clock_phase to = clock_phase_in(kind, m->state);
	if (!clock_read(tx, m->case_id, &c, why))
		return false;
	if (!c.is_there || (c.phase == CLOCK_STOPPED && clock_kind_row(kind)->anew && to == CLOCK_RUNS))
		return to != CLOCK_RUNS || clock_begin(tx, m, &c, why);
	if (c.phase == CLOCK_STOPPED || (to == c.phase && m->extend_days == 0))
		return true;
	c.phase = to;
	c.extended += m->extend_days;
	c.stopped_on = to == CLOCK_STOPPED ? m->day : 0;
	if (!clock_write(tx, m->case_id, &c, &made, why))
		return false;
	struct clock_event e = event_of(m->case_id, &c, &made, made.broken ? CLOCK_LATE : CLOCK_IN_TIME, c.stopped_on);
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
	if (!pauses_move(tx, m, why) || (m->extend_days > 0 && !extension_keep(tx, m, why)))
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
	bind_day(q, 2, has_due, due);
	bind_day(q, 3, has_due, yellow);
	stmt_bind_int(q, 4, case_id);
	return stmt_run(q, why);
}

/* ---- when the calendar has changed ---- */

static bool renew_one(struct tx *tx, int64_t case_id, enum clock_kind kind, struct fail *why)
{
	struct made made;
	struct case_clock c = { .kind = kind };
	if (!clock_read(tx, case_id, &c, why) || !clock_write(tx, case_id, &c, &made, why) || !clocks_show(tx, case_id, why))
		return false;
	for (enum lang lang = 0; lang < LANG_COUNT; lang++)
		tx_touch(tx, ROW_CASE, case_shown_key(case_id, lang));
	return true;
}

bool clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why)
{
	enum { RENEW_MAX = 100 };
	struct { int64_t case_id, kind; } found[RENEW_MAX];
	int64_t version;
	int count = 0;
	*renewed = 0;
	if (!calendar_version(tx, &version, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT case_id, kind FROM case_clock WHERE phase < 3 AND calendar < $1 ORDER BY calendar LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, version);
		stmt_bind_int(q, 2, most < RENEW_MAX ? most : RENEW_MAX);
		for (; stmt_row(q, why); count++) {
			found[count].case_id = stmt_int(q, 0);
			found[count].kind = stmt_int(q, 1);
		}
	}
	for (int i = 0; why->code == FAIL_NONE && i < count; i++)
		if (!renew_one(tx, found[i].case_id, (enum clock_kind)found[i].kind, why))
			return false;
	*renewed = count;
	return why->code == FAIL_NONE;
}

/* ---- lights that change with the days ---- */

enum { TELL_MAX = 100 };

struct telling {
	int64_t case_id;
	struct case_clock clock;
	struct made made;
};

static bool telling_read(struct tx *tx, int32_t today, int64_t most, struct telling *out, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT case_id, kind, begun, days, extended, region, department, told, due, yellow FROM case_clock WHERE phase = 1 AND next_on <= $1"
		" ORDER BY next_on LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, today);
	stmt_bind_int(q, 2, most < TELL_MAX ? most : TELL_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		out[*count] = (struct telling){ stmt_int(q, 0),
			{ .kind = (enum clock_kind)stmt_int(q, 1), .begun = (int32_t)stmt_int(q, 2), .days = stmt_int(q, 3), .extended = stmt_int(q, 4),
			  .region = stmt_int(q, 5), .department = stmt_int(q, 6), .told = stmt_int(q, 7) },
			{ .has_due = true, .due = (int32_t)stmt_int(q, 8), .yellow = (int32_t)stmt_int(q, 9) } };
	return why->code == FAIL_NONE;
}

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

/* Only the light of today is told: of one that was passed over while nobody looked there is nothing to say any more. */
static bool tell(struct tx *tx, const struct telling *t, int32_t today, int64_t now_ms, struct fail *why)
{
	int32_t next = 0;
	enum light light = light_on(today, true, t->made.due, t->made.yellow, false);
	enum clock_what what = light == LIGHT_RED ? CLOCK_TOLD_RED : light == LIGHT_ORANGE ? CLOCK_TOLD_ORANGE : CLOCK_TOLD_YELLOW;
	struct clock_event e = event_of(t->case_id, &t->clock, &t->made, what, today);
	bool is_told;
	if (!was_told(tx, &e, &is_told, why) || (!is_told && !event_add(tx, &e, now_ms, why)))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_clock SET told = $1, next_on = $2 WHERE case_id = $3 AND kind = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, what);
	bool has_next = next_light(&t->made, what, &next);
	bind_day(q, 2, has_next, next);
	stmt_bind_int(q, 3, t->case_id);
	stmt_bind_int(q, 4, t->clock.kind);
	return stmt_run(q, why);
}

bool clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
{
	struct telling all[TELL_MAX];
	int count;
	if (!telling_read(tx, today, most, all, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!tell(tx, &all[i], today, now_ms, why))
			return false;
	*told = count;
	return true;
}
