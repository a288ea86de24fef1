/* services/booking/booking_seats.h - the counters of slots, and the rows that say who sits there. Nobody else writes either.
 * Thread: the write lane for what writes. */
#ifndef SERVICES_BOOKING_SEATS_H
#define SERVICES_BOOKING_SEATS_H
#include "services/booking/booking.h"

/* The groups of a visit as they are now, in the arena of the request that asks; read again by another call. */
struct seat_groups {
	int count;
	struct visit_group at[VISIT_MATTERS_MAX];
	int64_t notice_ms;            /* the longest of theirs */
};

enum seat_column { SEATS_HELD, SEATS_BOOKED };

/* Slots that may be taken now and begin from `from_ms` to before `to_ms`. */
MUST_USE bool seats_look(struct tx *tx, const struct booking_wish *w, int64_t from_ms, int64_t to_ms, struct seat_groups *out, struct fail *why);
void seats_wish(const struct booking_wish *w, const struct seat_groups *g, struct visit_wish *out);
/* Writes the seats of a plan and counts them. *taken false: somebody was faster, and nothing more may be done in this transaction but to fail. */
MUST_USE bool seats_take(struct tx *tx, int64_t booking, const struct booking_wish *w, const struct visit_plan *p, enum seat_column column, bool *taken, struct fail *why);
MUST_USE bool seats_confirm(struct tx *tx, int64_t booking, struct fail *why);                       /* from held to booked */
MUST_USE bool seats_give_back(struct tx *tx, int64_t booking, enum seat_column column, struct fail *why); /* the counters; the rows stay, they say what it was */
MUST_USE bool seats_forget(struct tx *tx, int64_t booking, struct fail *why);                        /* the rows */
/* What a booking is for, and where those matters are taken now. */
MUST_USE bool seats_wish_of(struct tx *tx, const struct booking *b, struct booking_wish *out, struct fail *why);
#endif
