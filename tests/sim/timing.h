/* tests/sim/timing.h - what was promised about time, once more and in other words: the clocks of a case, by walking through its days one after the other.
 *
 * Written from the law and the contract, as model.h is: it calls none of the code and reads none of its tables. A day is a number, days since 1970-01-01 in Longnan.
 * Thread: none. Owns: its rows. */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H
#include <stdbool.h>
#include <stdint.h>

enum { TIMERS = 4, TIMING_OUTAGES = 10, TIMING_CLOSURES = 6, TIMING_PAUSES = 24, TIMING_TOLD = 80 };

struct days {
	int first, last; /* both of them too */
};

/* What is known about days where all cases are. */
struct almanac {
	bool knows_next_year;          /* the notice of 2027 is there; 2026 always is */
	int closures[TIMING_CLOSURES]; /* days on which the place is closed, and would not be by the notice */
	int closure_count;
	struct days outages[TIMING_OUTAGES];
	int outage_count;
};

enum timer_phase { TIMER_NONE, TIMER_RUNS, TIMER_STANDS, TIMER_OVER };

struct timer {
	enum timer_phase phase;
	int begun, days;               /* extensions are in it */
	int told;                      /* the light that was told: 0 none, 1 yellow, 2 orange, 3 red; none again when the last day is another, or it stood */
	bool has_last;
	int last;                      /* the last day in time, as it was when it was last written */
};

/* What must be told, provably: a light, or how it was stopped. */
enum { TOLD_YELLOW = 1, TOLD_ORANGE, TOLD_RED, TOLD_KEPT, TOLD_BROKEN };
struct told {
	int kind, what, day, begun;    /* kind counts from 1 */
};

struct timing {
	struct timer timers[TIMERS];   /* acceptance, promised, statutory, delivery */
	struct days pauses[TIMING_PAUSES];
	int pause_count;
	bool is_paused;                /* the last of them has no end yet */
	struct told told[TIMING_TOLD];
	int told_count;
};

/* Working days; 0: it has no such clock (a part answers neither by law nor for the delivery). */
struct terms {
	int acceptance, promised, statutory, delivery;
};

int timing_day(int64_t ms);
bool timing_works(const struct almanac *a, int day); /* of a known day */
void timing_event(struct timing *t, const struct almanac *a, const struct terms *terms, const char *state, int day, int extended);
/* Limits are made anew: what has changed since is in them. */
void timing_renew(struct timing *t, const struct almanac *a);
/* What is due to be told today of this clock and was not; 0: nothing. */
int timing_untold(const struct timing *t, const struct almanac *a, int timer, int today);
void timing_tell(struct timing *t, int timer, int light, int today);
#endif
