/* services/cases/time_limit.h - until when something must be done (时限): the last day, how far it is gone, and its light.
 *
 * A limit is counted from what is written down, each time anew: when it began, how long, what stood still meanwhile. Nothing counts down.
 *
 *   begun          the day the papers were complete and accepted; it does not count itself
 *   length         working days, or days of the calendar; extensions add to it
 *   pause          days that are not counted: a supplement, a hearing, an expert review, an outage that we declared
 *
 * A pause still open stands until today, so the last day moves on with each day that it lasts.
 * Past the last year whose working days are known (services/cases/workdays.h) there is no last day: the limit is PENDING until that year is loaded.
 * Thread: any; pure.
 * Source: 行政许可法 42, 44, 45 (what is not counted); design notes "Time limits". */
#ifndef SERVICES_TIME_LIMIT_H
#define SERVICES_TIME_LIMIT_H
#include "services/cases/workdays.h"

enum limit_unit { LIMIT_WORKING_DAYS = 1, LIMIT_CALENDAR_DAYS = 2 };
#define DAY_OPEN INT32_MAX               /* the end of a pause that has none yet */

struct day_span {
	int32_t first, last;             /* both belong to it; last == DAY_OPEN: it goes on */
};

struct time_limit {
	int32_t begun;
	enum limit_unit unit;
	int32_t days, extended;          /* at least 0 each; together 0: on the same day (即办件) */
	const struct day_span *pauses;   /* any order; they may meet and overlap */
	int pause_count;
	bool to_next_workday;            /* calendar days: one that ends on a day off ends on the next working day */
};

enum light { LIGHT_GREEN = 1, LIGHT_YELLOW, LIGHT_ORANGE /* its last day */, LIGHT_RED /* broken */, LIGHT_STANDING /* paused today */, LIGHT_PENDING };
enum { YELLOW_PERCENT = 30, PAUSES_MAX = 64 };

struct limit_now {
	bool pending;                    /* the calendar of a year is missing: due and left mean nothing */
	int32_t due;                     /* the last day on which it is in time */
	int32_t yellow;                  /* the day from which little is left; due when it never is little but nothing */
	int32_t left;                    /* counted days after today, to due; below 0: that many over */
	enum light light;
};

/* How it stands on `today`. An ended matter is asked with the day it ended on: RED is then a limit that was broken. */
struct limit_now limit_look(const struct workdays *w, const struct time_limit *l, int32_t today);
#endif
