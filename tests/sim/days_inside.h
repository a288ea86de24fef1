/* tests/sim/days_inside.h - what the deeds of days_steps.c and days_office.c share. */
#ifndef SIM_DAYS_INSIDE_H
#define SIM_DAYS_INSIDE_H
#include "days.h"

#include "base/clock.h"
#include <string.h>

static inline int today(const struct days *d)
{
	return (int)((d->now + 8 * D_HOUR) / D_DAY);
}

static inline bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* list: to NULL. */
static inline bool is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (is(word, *list))
			return true;
	return false;
}

/* Mostly of what is new. -1: there is none. */
static inline int some(struct days *d, int from, int count)
{
	int recent = count - from > 25 && rng_percent(&d->rng, 85) ? count - 25 : from;
	return count > from ? recent + rng_below(&d->rng, count - recent) : -1;
}

static inline void time_text(int64_t ms, char out[RFC3339_BYTES])
{
	time_rfc3339(ms, out);
	out[strlen(out)] = '\0';
}

/* days_office.c */
void days_case_event(struct days *d);
void days_draft(struct days *d);
void days_save(struct days *d);
void days_upload(struct days *d);
void days_submit(struct days *d);
void days_discard_or_withdraw(struct days *d);
void days_rate(struct days *d);
void days_say(struct days *d);
void days_voice_move(struct days *d);
void days_feedback(struct days *d);
#endif
