/* services/booking/booking_wait.h - the waiting list (候补): when a seat becomes free it is held for the first who waits for such a one, for a quarter of an hour.
 *
 *   waiting → offered | left | over          over: its last moment is past, or he has booked so much that he may not have it
 *   offered → taken | over                   by what becomes of the hold: booked, or run out; then the next in line has it
 *
 * Whoever asks for a seat in the second between may be faster.
 * Thread: the write lane for what writes. */
#ifndef SERVICES_BOOKING_WAIT_H
#define SERVICES_BOOKING_WAIT_H
#include "services/booking/booking.h"

/* Numbers are in the database. */
enum wait_state { WAIT_WAITING = 1, WAIT_OFFERED = 2, WAIT_TAKEN = 3, WAIT_LEFT = 4, WAIT_OVER = 5, WAIT_STATES };
const char *wait_state_text(enum wait_state state);

enum { OFFER_MS = 15 * 60 * 1000, WAIT_DAYS_MAX = 31, OFFERS_BITE = 20 };

struct booking_wait {
	int64_t id, person, hall, group, matter, people, from_ms, to_ms, booking /* 0: none offered */, made_ms;
	enum wait_state state;
	struct id key;
};

MUST_USE bool wait_by_key(struct tx *tx, struct id key, struct booking_wait *out, struct fail *why);
/* Of a person, newest first, with ids below `below`. */
MUST_USE bool wait_list(struct tx *tx, int64_t person, int64_t below, struct booking_wait *out, int max, int *count, struct fail *why);
/* Fails: CONFLICT he waits for that matter already. */
MUST_USE bool wait_join(struct tx *tx, struct booking_wait *w, struct fail *why);
MUST_USE bool wait_leave(struct tx *tx, struct booking_wait *w, int64_t now_ms, struct fail *why); /* Fails: BOOKING_STATE nothing is waited for any more */
/* A job's bite: offers what is free, and sees what became of earlier offers. */
MUST_USE bool waits_offer(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
