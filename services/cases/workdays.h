/* services/cases/workdays.h - which days are working days (工作日): Monday to Friday, but for what the State Council's notice of the year says, and the region.
 *
 * A year is known when its notice is loaded, and only then: nothing is ever computed past the last known year by guessing. Known years follow each other
 * without a gap.
 * Days are base/day.h's. Counting is by rank and select over one bit a day, so its cost is a few words however long the limit is.
 * Thread: any; pure.
 * Source: 国办发明电〔2025〕7号 for 2026; design notes "Calendar". */
#ifndef SERVICES_WORKDAYS_H
#define SERVICES_WORKDAYS_H
#include "base/day.h"
#include "base/fail.h"

enum { WORKDAYS_YEARS_MAX = 16, WORKYEAR_BYTES = 48 /* bit n: the n-th day after 1 January; behind the year's end all bits are 0 */ };

struct workyear {
	int year;
	uint8_t bits[WORKYEAR_BYTES];
};

struct workdays {
	int count;
	int32_t first, end;              /* days known: first <= day < end */
	struct {
		int32_t begins;          /* its 1 January */
		int32_t before;          /* working days of known years before it */
		struct workyear year;
	} at[WORKDAYS_YEARS_MAX];
};

void workyear_plain(struct workyear *y, int year);                 /* Monday to Friday, as it would be without any notice */
void workyear_set(struct workyear *y, int32_t day, bool works);    /* a day of that year */
bool workyear_has(const struct workyear *y, int32_t day);

void workdays_clear(struct workdays *w);
/* The next year. false: it does not follow the last one, or there is no room. */
MUST_USE bool workdays_add(struct workdays *w, const struct workyear *y);

void workdays_set(struct workdays *w, int32_t day, bool works);    /* one known day is otherwise here */
bool workdays_know(const struct workdays *w, int32_t day);
bool workday_is(const struct workdays *w, int32_t day);            /* a known day */
/* Working days from the first known day to `day`, both counted. `day` is known, or the day before the first. */
int32_t workdays_rank(const struct workdays *w, int32_t day);
/* The day of that rank, counted from 1. false: it lies behind what is known. */
bool workdays_select(const struct workdays *w, int32_t rank, int32_t *day);
#endif
