/* services/voices/voice_clock.c - as case_clock.c, of fewer clocks that never stand: what is written is when one began and how long it is, and what follows from it beside it. */
#include "services/voices/voice_clock.h"

#include "services/cases/calendar.h"
#include "services/cases/outage.h"
#include "services/services.h"
#include "services/voices/voice_inside.h"

#define WORDS(text) { text, sizeof(text) - 1 }
#define IN(state) (1u << VOICE_IS_##state)

static const struct clock_row {
	struct str text;
	uint32_t begins, runs;
	bool anew;
	size_t days, complex_days; /* of struct config */
} rows[VOICE_CLOCKS] = {
#define CLOCK(number, name, text_, begins_, runs_, anew_, days_, complex_, zh) \
	[number] = { WORDS(text_), begins_, runs_, anew_, offsetof(struct config, days_), offsetof(struct config, complex_) },
#include "services/voices/voice_clocks.def"
#undef CLOCK
};

struct str voice_clock_name(enum voice_clock k)
{
	return rows[k].text;
}

bool voice_clock_begins(enum voice_clock k, enum voice_state s)
{
	return (rows[k].begins >> s & 1) != 0;
}

bool voice_clock_runs(enum voice_clock k, enum voice_state s)
{
	return (rows[k].runs >> s & 1) != 0;
}

static int64_t days_of(enum voice_clock k, bool is_complex)
{
	return *(const int64_t *)((const char *)services_config() + (is_complex ? rows[k].complex_days : rows[k].days));
}

/* ---- one clock, read and written ---- */

struct running {
	enum voice_clock kind;
	enum clock_phase phase;
	bool is_there;
	int32_t begun, stopped_on;
	int64_t days, extended, region, told;
	bool had_due;
	int32_t due_before;
};

struct made {
	int64_t calendar;
	bool has_due;
	int32_t due, yellow;
};

static bool clock_read(struct tx *tx, int64_t voice, struct running *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT phase, begun, days, extended, region, stopped_on, told, due FROM voice_clock WHERE voice = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, voice);
	stmt_bind_int(q, 2, c->kind);
	c->is_there = stmt_row(q, why);
	if (!c->is_there)
		return why->code == FAIL_NONE;
	c->phase = (enum clock_phase)stmt_int(q, 0);
	c->begun = (int32_t)stmt_int(q, 1);
	c->days = stmt_int(q, 2);
	c->extended = stmt_int(q, 3);
	c->region = stmt_int(q, 4);
	c->stopped_on = stmt_is_null(q, 5) ? 0 : (int32_t)stmt_int(q, 5);
	c->told = stmt_int(q, 6);
	c->had_due = !stmt_is_null(q, 7);
	c->due_before = c->had_due ? (int32_t)stmt_int(q, 7) : 0;
	return true;
}

static bool clock_make(struct tx *tx, const struct running *c, struct made *out, struct fail *why)
{
	struct workdays w;
	struct day_span pauses[PAUSES_MAX];
	struct time_limit l = { .begun = c->begun, .unit = LIMIT_WORKING_DAYS, .days = (int32_t)c->days, .extended = (int32_t)c->extended, .pauses = pauses };
	*out = (struct made){ 0 };
	if (!calendar_version(tx, &out->calendar, why) || !calendar_load(tx, c->region, &w, why) ||
	    !outages_add(tx, c->region, c->begun, pauses, PAUSES_MAX, &l.pause_count, why))
		return false;
	struct limit_now now = limit_look(&w, &l, c->begun);
	out->has_due = !now.pending;
	out->due = now.due;
	out->yellow = now.yellow;
	return true;
}

static void bind_day(struct stmt *q, int n, bool has, int32_t day)
{
	if (has)
		stmt_bind_int(q, n, day);
	else
		stmt_bind_null(q, n);
}

static bool next_light(const struct made *made, int64_t told, int32_t *day)
{
	*day = told == 0 ? made->yellow : made->due + (told == CLOCK_TOLD_ORANGE);
	return made->has_due && told < CLOCK_TOLD_RED;
}

static bool clock_write(struct tx *tx, int64_t voice, const struct running *c, struct made *made, struct fail *why)
{
	int32_t next = 0;
	if (!clock_make(tx, c, made, why))
		return false;
	int64_t told = c->had_due && made->has_due && c->due_before == made->due ? c->told : 0;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO voice_clock (voice, kind, phase, begun, days, extended, region, calendar, told, due, yellow, stopped_on, next_on)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (voice, kind) DO UPDATE SET phase = excluded.phase, begun = excluded.begun,"
		" days = excluded.days, extended = excluded.extended, calendar = excluded.calendar, told = excluded.told, due = excluded.due, yellow = excluded.yellow,"
		" stopped_on = excluded.stopped_on, next_on = excluded.next_on", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { voice, c->kind, c->phase, c->begun, c->days, c->extended, c->region, made->calendar, told };
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	bind_day(q, 10, made->has_due, made->due);
	bind_day(q, 11, made->has_due, made->yellow);
	bind_day(q, 12, c->phase == CLOCK_STOPPED, c->stopped_on);
	bool has_next = next_light(made, told, &next);
	bind_day(q, 13, has_next, next);
	return stmt_run(q, why);
}

static struct voice_note note_of(const struct voice *v, const struct running *c, const struct made *made, enum clock_what what, int32_t day, int64_t now_ms)
{
	return (struct voice_note){ .voice = v->id, .what = VOICE_TOLD_CLOCK + (int64_t)what, .state = v->state, .clock = c->kind, .department = v->department, .region = v->region,
				    .made_ms = now_ms, .has_due = made->has_due, .due = made->due, .day = day };
}

/* ---- what an event does ---- */

static bool begin(struct tx *tx, const struct voice_tick *t, enum voice_clock kind, struct fail *why)
{
	struct made made;
	struct running c = { .kind = kind, .phase = CLOCK_RUNS, .begun = t->day, .days = days_of(kind, t->voice->is_complex), .region = t->voice->region };
	return clock_write(tx, t->voice->id, &c, &made, why);
}

static bool stop(struct tx *tx, const struct voice_tick *t, struct running *c, struct fail *why)
{
	struct made made;
	int64_t event;
	c->phase = CLOCK_STOPPED;
	c->stopped_on = t->day;
	if (!clock_write(tx, t->voice->id, c, &made, why))
		return false;
	struct voice_note n = note_of(t->voice, c, &made, made.has_due && t->day > made.due ? CLOCK_LATE : CLOCK_IN_TIME, t->day, t->now_ms);
	return voice_note(tx, &n, &event, why);
}

/* A voice that was found to be complex has the longer time from the day it began. */
static bool go_on(struct tx *tx, const struct voice_tick *t, struct running *c, struct fail *why)
{
	struct made made;
	int64_t days = days_of(c->kind, t->voice->is_complex);
	if (t->extend_days == 0 && days <= c->days)
		return true;
	c->days = days > c->days ? days : c->days;
	c->extended += c->kind == VOICE_CLOCK_HANDLE ? t->extend_days : 0;
	return clock_write(tx, t->voice->id, c, &made, why);
}

static bool clock_move(struct tx *tx, const struct voice_tick *t, enum voice_clock kind, struct fail *why)
{
	struct running c = { .kind = kind };
	enum voice_state s = t->voice->state;
	if (!clock_read(tx, t->voice->id, &c, why))
		return false;
	if (!c.is_there || (c.phase == CLOCK_STOPPED && rows[kind].anew))
		return !voice_clock_begins(kind, s) || begin(tx, t, kind, why);
	if (c.phase == CLOCK_STOPPED)
		return true;
	return voice_clock_runs(kind, s) ? go_on(tx, t, &c, why) : stop(tx, t, &c, why);
}

bool voice_clocks_move(struct tx *tx, const struct voice_tick *t, struct fail *why)
{
	for (int k = 1; k < VOICE_CLOCKS; k++)
		if (!clock_move(tx, t, (enum voice_clock)k, why))
			return false;
	return true;
}

/* ---- jobs ---- */

enum { BITE_MAX = 100 };
struct found {
	int64_t voice;
	struct running clock;
	struct made made;
};

bool voice_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why)
{
	int64_t version, voices[BITE_MAX], kinds[BITE_MAX];
	int count = 0;
	*renewed = 0;
	if (!calendar_version(tx, &version, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT voice, kind FROM voice_clock WHERE phase = 1 AND calendar < $1 ORDER BY calendar LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, version);
		stmt_bind_int(q, 2, most < BITE_MAX ? most : BITE_MAX);
		for (; stmt_row(q, why); count++) {
			voices[count] = stmt_int(q, 0);
			kinds[count] = stmt_int(q, 1);
		}
	}
	for (int i = 0; why->code == FAIL_NONE && i < count; i++) {
		struct made made;
		struct running c = { .kind = (enum voice_clock)kinds[i] };
		if (!tx_lock_row(tx, "voice", voices[i], why) || !clock_read(tx, voices[i], &c, why) || (c.phase == CLOCK_RUNS && !clock_write(tx, voices[i], &c, &made, why)))
			return false;
	}
	*renewed = count;
	return why->code == FAIL_NONE;
}

static bool due_now(struct tx *tx, int32_t today, int64_t most, struct found *out, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT voice, kind, due, yellow FROM voice_clock WHERE phase = 1 AND next_on <= $1 ORDER BY next_on LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, today);
	stmt_bind_int(q, 2, most < BITE_MAX ? most : BITE_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		out[*count] = (struct found){ .voice = stmt_int(q, 0), .clock = { .kind = (enum voice_clock)stmt_int(q, 1) },
			.made = { .has_due = true, .due = (int32_t)stmt_int(q, 2), .yellow = (int32_t)stmt_int(q, 3) } };
	return why->code == FAIL_NONE;
}

/* Of one that was passed over while nobody looked there is nothing to say any more; nor of one that was stopped meanwhile. */
static bool mark(struct tx *tx, const struct found *f, enum clock_what what, int32_t today, struct fail *why)
{
	int32_t next = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE voice_clock SET told = $1, next_on = $2 WHERE voice = $3 AND kind = $4 AND phase = 1 AND next_on <= $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, what);
	bool has_next = next_light(&f->made, what, &next);
	bind_day(q, 2, has_next, next);
	stmt_bind_int(q, 3, f->voice);
	stmt_bind_int(q, 4, f->clock.kind);
	stmt_bind_int(q, 5, today);
	return stmt_run(q, why);
}

static bool tell(struct tx *tx, const struct found *f, int32_t today, int64_t now_ms, struct fail *why)
{
	struct voice v;
	int64_t event;
	enum light light = light_on(today, true, f->made.due, f->made.yellow, false);
	enum clock_what what = light == LIGHT_RED ? CLOCK_TOLD_RED : light == LIGHT_ORANGE ? CLOCK_TOLD_ORANGE : CLOCK_TOLD_YELLOW;
	if (!tx_lock_row(tx, "voice", f->voice, why) || !mark(tx, f, what, today, why))
		return false;
	if (tx_changes(tx) == 0)
		return true;
	if (!voice_read(tx, f->voice, &v, why))
		return false;
	struct voice_note n = note_of(&v, &f->clock, &f->made, what, today, now_ms);
	return voice_note(tx, &n, &event, why);
}

bool voice_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
{
	struct found all[BITE_MAX];
	int count;
	if (!due_now(tx, today, most, all, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!tell(tx, &all[i], today, now_ms, why))
			return false;
	*told = count;
	return true;
}
