/* services/voices/voice_clock.c - as case_clock.c, of fewer clocks that never stand. */
#include "services/voices/voice_clock.h"

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

static const struct clock_table table = {
	.read = "SELECT phase, begun, days, extended, region, 0, stopped_on, told, due FROM voice_clock WHERE voice = $1 AND kind = $2",
	.write = "INSERT INTO voice_clock (voice, kind, phase, begun, days, extended, region, calendar, told, due, yellow, stopped_on, next_on)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (voice, kind) DO UPDATE SET phase = excluded.phase, begun = excluded.begun,"
		" days = excluded.days, extended = excluded.extended, calendar = excluded.calendar, told = excluded.told, due = excluded.due, yellow = excluded.yellow,"
		" stopped_on = excluded.stopped_on, next_on = excluded.next_on",
	.made_before = "SELECT voice, kind FROM voice_clock WHERE phase = 1 AND calendar < $1 ORDER BY calendar LIMIT $2",
	.next = "SELECT voice, kind, begun, days, extended, region, 0, told, due, yellow FROM voice_clock WHERE phase = 1 AND next_on <= $1 ORDER BY next_on LIMIT $2",
	.told = "UPDATE voice_clock SET told = $1, next_on = $2 WHERE voice = $3 AND kind = $4 AND phase = 1 AND next_on <= $5",
};

static struct voice_note note_of(const struct voice *v, const struct day_clock *c, const struct clock_made *made, enum clock_what what, int32_t day, int64_t now_ms)
{
	return (struct voice_note){ .voice = v->id, .what = VOICE_TOLD_CLOCK + (int64_t)what, .state = v->state, .clock = c->kind, .department = v->department, .region = v->region,
				    .made_ms = now_ms, .has_due = made->has_due, .due = made->due, .day = day };
}

/* ---- what an event does ---- */

static bool begin(struct tx *tx, const struct voice_tick *t, enum voice_clock kind, struct fail *why)
{
	struct clock_made made;
	struct day_clock c = { .owner = t->voice->id, .kind = kind, .phase = CLOCK_RUNS, .begun = t->day, .days = days_of(kind, t->voice->is_complex), .region = t->voice->region };
	return day_clock_write(tx, &table, &c, &made, why);
}

static bool stop(struct tx *tx, const struct voice_tick *t, struct day_clock *c, struct fail *why)
{
	struct clock_made made;
	int64_t event;
	c->phase = CLOCK_STOPPED;
	c->stopped_on = t->day;
	if (!day_clock_write(tx, &table, c, &made, why))
		return false;
	struct voice_note n = note_of(t->voice, c, &made, made.broken ? CLOCK_LATE : CLOCK_IN_TIME, t->day, t->now_ms);
	return voice_note(tx, &n, &event, why);
}

/* A voice that was found to be complex has the longer time from the day it began. */
static bool go_on(struct tx *tx, const struct voice_tick *t, struct day_clock *c, struct fail *why)
{
	struct clock_made made;
	int64_t days = days_of((enum voice_clock)c->kind, t->voice->is_complex);
	if (t->extend_days == 0 && days <= c->days)
		return true;
	c->days = days > c->days ? days : c->days;
	c->extended += c->kind == VOICE_CLOCK_HANDLE ? t->extend_days : 0;
	return day_clock_write(tx, &table, c, &made, why);
}

static bool clock_move(struct tx *tx, const struct voice_tick *t, enum voice_clock kind, struct fail *why)
{
	struct day_clock c = { .owner = t->voice->id, .kind = kind };
	enum voice_state s = t->voice->state;
	if (!day_clock_read(tx, &table, &c, why))
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

/* One that was stopped meanwhile is as it is. */
static bool renew(struct tx *tx, struct day_clock *c, struct fail *why)
{
	struct clock_made made;
	return tx_lock_row(tx, "voice", c->owner, why) && day_clock_read(tx, &table, c, why) && (c->phase != CLOCK_RUNS || day_clock_write(tx, &table, c, &made, why));
}

bool voice_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why)
{
	struct clocks_found found;
	*renewed = 0;
	if (!day_clocks_behind(tx, &table, most, &found, why))
		return false;
	for (int i = 0; i < found.count; i++)
		if (!renew(tx, &found.at[i].clock, why))
			return false;
	*renewed = found.count;
	return true;
}

static bool tell(struct tx *tx, const struct day_clock *c, const struct clock_made *made, int32_t today, int64_t now_ms, struct fail *why)
{
	struct voice v;
	int64_t event;
	bool is_told;
	enum clock_what what = day_clock_light(made, today);
	if (!tx_lock_row(tx, "voice", c->owner, why) || !day_clock_tell(tx, &table, c, made, what, today, &is_told, why))
		return false;
	if (!is_told)
		return true;
	if (!voice_read(tx, c->owner, &v, why))
		return false;
	struct voice_note n = note_of(&v, c, made, what, today, now_ms);
	return voice_note(tx, &n, &event, why);
}

bool voice_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
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
