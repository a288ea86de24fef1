/* services/booking/booking_day.h - what the clock does to a booking: the day before its person is told what to bring, and who has not come is noted.
 * Thread: the write lane. */
#ifndef SERVICES_BOOKING_DAY_H
#define SERVICES_BOOKING_DAY_H
#include "services/booking/booking.h"

enum { REMIND_FROM_HOUR = 9, ARRIVAL_MS = 15 * 60 * 1000 /* so long before and after its time it counts as punctual */, DAY_BITE_MAX = 20 };

/* A job's bite: tells those who come tomorrow, from nine o'clock on. */
MUST_USE bool bookings_remind(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* A job's bite: a quarter of an hour after its end whoever did not check in has missed it, and is told. */
MUST_USE bool bookings_miss(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);

/* What booking_noshow.def says of somebody who missed `times` visits, the last one then. open -1: nothing; until_ms: when it ends. */
struct no_show {
	int64_t open, until_ms;
};
MUST_USE bool no_show_of(struct tx *tx, int64_t person, int64_t now_ms, struct no_show *out, struct fail *why);
#endif
