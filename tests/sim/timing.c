/* tests/sim/timing.c - see timing.h. */
#include "timing.h"

#include <assert.h>
#include <string.h>

enum { NEXT_YEAR = 20819 /* 2027-01-01 */, YEAR_AFTER = NEXT_YEAR + 365, THIS_YEAR = NEXT_YEAR - 365, SATURDAY = 6, SUNDAY = 0, LITTLE_PERCENT = 30 };

/* Each clock in words: while it runs, while it stands still, whether it begins again. Every other state stops it. */
static const struct {
	const char *runs, *stands;
	bool again;
} words[TIMERS] = {
	{ "submitted received", "", true },
	{ "accepted", "correct special paused", false },
	{ "accepted", "correct special paused", false },
	{ "decided_ok decided_no", "", false },
};

static bool is_among(const char *word, const char *list)
{
	size_t len = strlen(word);
	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return true;
	return false;
}

/* ---- days ---- */

int timing_day(int64_t ms)
{
	return (int)((ms + INT64_C(8) * 3600000) / 86400000);
}

static bool is_known(const struct almanac *a, int day)
{
	return day >= THIS_YEAR && day < (a->knows_next_year ? YEAR_AFTER : NEXT_YEAR);
}

/* From November 2026 on only weekends are off, and in 2027, by the notice made up for it, its first day; its first Sunday is worked. */
bool timing_works(const struct almanac *a, int day)
{
	int weekday = (day + 4) % 7;
	for (int i = 0; i < a->closure_count; i++)
		if (a->closures[i] == day)
			return false;
	if (day == NEXT_YEAR)
		return false;
	return (weekday != SATURDAY && weekday != SUNDAY) || day == NEXT_YEAR + 2;
}

static bool is_within(const struct days *spans, int count, int day)
{
	for (int i = 0; i < count; i++)
		if (spans[i].first <= day && day <= spans[i].last)
			return true;
	return false;
}

static bool counts(const struct timing *t, const struct almanac *a, int day)
{
	return timing_works(a, day) && !is_within(t->pauses, t->pause_count, day) && !is_within(a->outages, a->outage_count, day);
}

/* Day after day from the one after it began, until as many have counted as it is long. */
static bool last_day(const struct timing *t, const struct almanac *a, const struct timer *c, int *last)
{
	int left = c->days;
	*last = c->begun;
	while (left > 0) {
		++*last;
		if (!is_known(a, *last))
			return false;
		left -= counts(t, a, *last);
	}
	return is_known(a, c->begun);
}

/* ---- what happens to a clock ---- */

static void add_told(struct timing *t, int timer, int what, int day)
{
	assert(t->told_count < TIMING_TOLD);
	t->told[t->told_count++] = (struct told){ timer + 1, what, day, t->timers[timer].begun };
}

static void write_last(struct timing *t, const struct almanac *a, struct timer *c)
{
	int before = c->last;
	bool had = c->has_last;
	c->has_last = last_day(t, a, c, &c->last);
	if (!had || !c->has_last || c->last != before)
		c->told = 0;
}

static void pause(struct timing *t, bool stands, int day)
{
	if (stands == t->is_paused)
		return;
	t->is_paused = stands;
	if (stands) {
		assert(t->pause_count < TIMING_PAUSES);
		t->pauses[t->pause_count++] = (struct days){ day + 1, INT32_MAX };
	} else {
		t->pauses[t->pause_count - 1].last = day - 1;
	}
}

static int length_of(const struct terms *terms, int timer)
{
	const int lengths[TIMERS] = { terms->acceptance, terms->promised, terms->statutory, terms->delivery };
	return lengths[timer];
}

static void move(struct timing *t, const struct almanac *a, int timer, enum timer_phase to, int day, int extended)
{
	struct timer *c = &t->timers[timer];
	if (to == c->phase && extended == 0)
		return;
	c->phase = to;
	c->days += extended;
	if (to == TIMER_STANDS) {
		c->has_last = false;
		return;
	}
	write_last(t, a, c);
	if (to == TIMER_OVER)
		add_told(t, timer, c->has_last && day > c->last ? TOLD_BROKEN : TOLD_KEPT, day);
}

void timing_event(struct timing *t, const struct almanac *a, const struct terms *terms, const char *state, int day, int extended)
{
	pause(t, is_among(state, words[1].stands), day);
	for (int i = 0; i < TIMERS; i++) {
		struct timer *c = &t->timers[i];
		enum timer_phase to = is_among(state, words[i].runs) ? TIMER_RUNS : is_among(state, words[i].stands) ? TIMER_STANDS : TIMER_OVER;
		bool begins = to == TIMER_RUNS && length_of(terms, i) > 0 && (c->phase == TIMER_NONE || (c->phase == TIMER_OVER && words[i].again));
		if (begins) {
			*c = (struct timer){ .phase = TIMER_RUNS, .begun = day, .days = length_of(terms, i) };
			write_last(t, a, c);
		} else if (c->phase == TIMER_RUNS || c->phase == TIMER_STANDS) {
			move(t, a, i, to, day, extended);
		}
	}
}

void timing_renew(struct timing *t, const struct almanac *a)
{
	for (int i = 0; i < TIMERS; i++)
		if (t->timers[i].phase == TIMER_RUNS)
			write_last(t, a, &t->timers[i]);
}

/* ---- lights ---- */

static int light(const struct timing *t, const struct almanac *a, const struct timer *c, int today)
{
	int after = 0;
	if (today > c->last)
		return TOLD_RED;
	if (today == c->last)
		return TOLD_ORANGE;
	if (today < c->begun)
		return 0;
	for (int day = today + 1; day <= c->last; day++)
		after += counts(t, a, day);
	return after * 100 <= LITTLE_PERCENT * c->days ? TOLD_YELLOW : 0;
}

int timing_untold(const struct timing *t, const struct almanac *a, int timer, int today)
{
	const struct timer *c = &t->timers[timer];
	if (c->phase != TIMER_RUNS || !c->has_last)
		return 0;
	int now = light(t, a, c, today);
	return now > c->told ? now : 0;
}

void timing_tell(struct timing *t, int timer, int now, int today)
{
	t->timers[timer].told = now;
	add_told(t, timer, now, today);
}
