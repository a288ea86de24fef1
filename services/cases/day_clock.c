/* services/cases/day_clock.c - a clock is read, made by its calendar, and written; what its owner does with it is his. */
#include "services/cases/day_clock.h"

#include "services/cases/calendar.h"
#include "services/cases/outage.h"

struct str clock_what_name(int64_t what)
{
	static const struct str names[] = { [CLOCK_TOLD_YELLOW] = STR("yellow"), [CLOCK_TOLD_ORANGE] = STR("orange"), [CLOCK_TOLD_RED] = STR("red"),
					    [CLOCK_IN_TIME] = STR("stopped_in_time"), [CLOCK_LATE] = STR("stopped_late") };
	return names[what];
}

struct str light_name(enum light l)
{
	static const struct str names[] = { [LIGHT_GREEN] = STR("green"), [LIGHT_YELLOW] = STR("yellow"), [LIGHT_ORANGE] = STR("orange"),
					    [LIGHT_RED] = STR("red"), [LIGHT_STANDING] = STR("standing"), [LIGHT_PENDING] = STR("pending") };
	return names[l];
}

enum light light_on(int32_t today, bool has_due, int32_t due, int32_t yellow, bool standing)
{
	if (!has_due)
		return standing ? LIGHT_STANDING : LIGHT_PENDING;
	return today > due ? LIGHT_RED : today == due ? LIGHT_ORANGE : today >= yellow ? LIGHT_YELLOW : LIGHT_GREEN;
}

void stmt_bind_day(struct stmt *q, int n, bool has, int32_t day)
{
	if (has)
		stmt_bind_int(q, n, day);
	else
		stmt_bind_null(q, n);
}

/* ---- one clock ---- */

bool day_clock_read(struct tx *tx, const struct clock_table *t, struct day_clock *c, struct fail *why)
{
	enum { PHASE, BEGUN, DAYS, EXTENDED, REGION, DEPARTMENT, STOPPED_ON, TOLD, DUE };
	DROP(stmt) struct stmt *q = tx_query(tx, t->read, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->owner);
	stmt_bind_int(q, 2, c->kind);
	c->is_there = stmt_row(q, why);
	if (!c->is_there)
		return why->code == FAIL_NONE;
	c->phase = (enum clock_phase)stmt_int(q, PHASE);
	c->begun = (int32_t)stmt_int(q, BEGUN);
	c->days = stmt_int(q, DAYS);
	c->extended = stmt_int(q, EXTENDED);
	c->region = stmt_int(q, REGION);
	c->department = stmt_int(q, DEPARTMENT);
	c->stopped_on = (int32_t)stmt_int(q, STOPPED_ON);
	c->told = stmt_int(q, TOLD);
	c->had_due = !stmt_is_null(q, DUE);
	c->due_before = (int32_t)stmt_int(q, DUE);
	return true;
}

/* Of its owner, those of all his clocks alike. */
static bool pauses_read(struct tx *tx, const struct clock_table *t, int64_t owner, struct day_span out[PAUSES_MAX], int *count, struct fail *why)
{
	*count = 0;
	if (t->pauses == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, t->pauses, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, owner);
	stmt_bind_int(q, 2, PAUSES_MAX);
	for (; stmt_row(q, why); ++*count)
		out[*count] = (struct day_span){ (int32_t)stmt_int(q, 0), stmt_is_null(q, 1) ? DAY_OPEN : (int32_t)stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

/* Looked at on the day it began, which is always known: one that stops in a year whose calendar is missing is late all the same. No pause is open but of one that stands. */
static bool clock_make(struct tx *tx, const struct clock_table *t, const struct day_clock *c, struct clock_made *out, struct fail *why)
{
	struct workdays w;
	struct day_span pauses[PAUSES_MAX];
	struct time_limit l = { .begun = c->begun, .unit = LIMIT_WORKING_DAYS, .days = (int32_t)c->days, .extended = (int32_t)c->extended, .pauses = pauses };
	*out = (struct clock_made){ 0 };
	if (!calendar_version(tx, &out->calendar, why))
		return false;
	if (c->phase == CLOCK_STANDS)
		return true;
	if (!calendar_load(tx, c->region, &w, why) || !pauses_read(tx, t, c->owner, pauses, &l.pause_count, why) ||
	    !outages_add(tx, c->region, c->begun, pauses, PAUSES_MAX, &l.pause_count, why))
		return false;
	struct limit_now now = limit_look(&w, &l, c->begun);
	out->has_due = !now.pending;
	out->due = now.due;
	out->yellow = now.yellow;
	out->broken = c->phase == CLOCK_STOPPED && out->has_due && c->stopped_on > now.due;
	return true;
}

/* The day from which there is another light to tell of. */
static bool next_light(const struct clock_made *made, int64_t told, int32_t *day)
{
	static const int32_t behind_due[] = { [CLOCK_TOLD_YELLOW] = 0, [CLOCK_TOLD_ORANGE] = 1 };
	if (!made->has_due || told >= CLOCK_TOLD_RED)
		return false;
	*day = told == 0 ? made->yellow : made->due + behind_due[told];
	return true;
}

bool day_clock_write(struct tx *tx, const struct clock_table *t, const struct day_clock *c, struct clock_made *made, struct fail *why)
{
	int32_t next = 0;
	if (!clock_make(tx, t, c, made, why))
		return false;
	int64_t told = c->had_due && made->has_due && c->due_before == made->due ? c->told : 0;
	DROP(stmt) struct stmt *q = tx_query(tx, t->write, why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->owner, c->kind, c->phase, c->begun, c->days, c->extended, c->region, made->calendar, told };
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_day(q, 10, made->has_due, made->due);
	stmt_bind_day(q, 11, made->has_due, made->yellow);
	stmt_bind_day(q, 12, c->phase == CLOCK_STOPPED, c->stopped_on);
	bool has_next = next_light(made, told, &next);
	stmt_bind_day(q, 13, has_next, next);
	if (t->has_department) {
		stmt_bind_int(q, 14, c->department);
		stmt_bind_int(q, 15, made->broken);
	}
	return stmt_run(q, why);
}

/* ---- jobs ---- */

static int64_t bite(int64_t most)
{
	return most < CLOCKS_BITE_MAX ? most : CLOCKS_BITE_MAX;
}

bool day_clocks_behind(struct tx *tx, const struct clock_table *t, int64_t most, struct clocks_found *out, struct fail *why)
{
	int64_t version;
	out->count = 0;
	if (!calendar_version(tx, &version, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, t->made_before, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, version);
	stmt_bind_int(q, 2, bite(most));
	while (stmt_row(q, why))
		out->at[out->count++].clock = (struct day_clock){ .owner = stmt_int(q, 0), .kind = stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

bool day_clocks_due(struct tx *tx, const struct clock_table *t, int32_t today, int64_t most, struct clocks_found *out, struct fail *why)
{
	enum { OWNER, KIND, BEGUN, DAYS, EXTENDED, REGION, DEPARTMENT, TOLD, DUE, YELLOW };
	out->count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, t->next, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, today);
	stmt_bind_int(q, 2, bite(most));
	for (; stmt_row(q, why); out->count++) {
		out->at[out->count].clock = (struct day_clock){ .owner = stmt_int(q, OWNER), .kind = stmt_int(q, KIND), .begun = (int32_t)stmt_int(q, BEGUN), .days = stmt_int(q, DAYS),
			.extended = stmt_int(q, EXTENDED), .region = stmt_int(q, REGION), .department = stmt_int(q, DEPARTMENT), .told = stmt_int(q, TOLD) };
		out->at[out->count].made = (struct clock_made){ .has_due = true, .due = (int32_t)stmt_int(q, DUE), .yellow = (int32_t)stmt_int(q, YELLOW) };
	}
	return why->code == FAIL_NONE;
}

enum clock_what day_clock_light(const struct clock_made *made, int32_t today)
{
	enum light light = light_on(today, true, made->due, made->yellow, false);
	return light == LIGHT_RED ? CLOCK_TOLD_RED : light == LIGHT_ORANGE ? CLOCK_TOLD_ORANGE : CLOCK_TOLD_YELLOW;
}

bool day_clock_tell(struct tx *tx, const struct clock_table *t, const struct day_clock *c, const struct clock_made *made, enum clock_what what, int32_t today, bool *is_told,
	struct fail *why)
{
	int32_t next = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, t->told, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, what);
	bool has_next = next_light(made, what, &next);
	stmt_bind_day(q, 2, has_next, next);
	stmt_bind_int(q, 3, c->owner);
	stmt_bind_int(q, 4, c->kind);
	stmt_bind_int(q, 5, today);
	if (!stmt_run(q, why))
		return false;
	*is_told = tx_changes(tx) > 0;
	return true;
}
