/* services/booking/booking.h - a visit (预约): a hold of ten minutes first, the form after, so that nobody loses his seat while he types.
 *
 *   held → booked | expired | cancelled      ten minutes (a waitlist's offer: fifteen), then it expires: by whoever needs the seat, and by a job
 *   booked → attended | missed | cancelled   until it begins its person may cancel it or give it another time
 *
 * Seats are counted on the slot's own row by an UPDATE that says how many may still be taken; a CHECK of the table stands behind it. All seats of a visit are
 * taken, moved and given back in one transaction: a move that finds no seat leaves the old one.
 * A seat is pinned to the version of the guide that was current when it was held.
 * Locks are taken in one order: the person, the booking, its slots by number.
 * Thread: the write lane for what writes. */
#ifndef SERVICES_BOOKING_H
#define SERVICES_BOOKING_H
#include "base/ids.h"
#include "base/request.h"
#include "services/booking/visit_plan.h"
#include "store/store.h"

/* Numbers are in the database. */
enum booking_state { BOOKING_HELD = 1, BOOKING_BOOKED = 2, BOOKING_EXPIRED = 3, BOOKING_CANCELLED = 4, BOOKING_ATTENDED = 5, BOOKING_MISSED = 6, BOOKING_STATES };
const char *booking_state_text(enum booking_state state);

enum booking_reason {
#define REASON(name, number, ...) BOOKING_REASON_##name = number,
#include "services/booking/booking_reasons.def"
#undef REASON
	BOOKING_REASONS
};
const char *booking_reason_text(int reason);                          /* "": none */
int booking_reason_of_person(struct str text);                        /* 0: not one that he may give */

enum { HOLD_MS = 10 * 60 * 1000, CONTACT_TEXT_MAX = 1000 };

struct booking {
	int64_t id, person, hall, group, day, starts_ms, ends_ms, people, held_until_ms, moves, made_ms;
	int reason;
	enum booking_state state;         /* as of now: a hold whose time is over is expired */
	struct id key;
};

/* The matters of a visit, where they are taken, and the version of the guide they are pinned to. */
struct booking_matter {
	int64_t id, guide /* 0: it has none */, group;
};

struct booking_wish {
	int64_t hall, region, starts_ms;
	int people, matter_count;
	struct booking_matter matters[VISIT_MATTERS_MAX];
};

/* By its key outside, whosever it is. Fails: NOT_FOUND. */
MUST_USE bool booking_by_key(struct tx *tx, struct id key, int64_t now_ms, struct booking *out, struct fail *why);
MUST_USE bool booking_by_id(struct tx *tx, int64_t id, int64_t now_ms, struct booking *out, struct fail *why);
/* The same, of principal_whose(who), and within his mandate's matters. */
MUST_USE bool booking_of(struct tx *tx, const struct principal *who, struct id key, int64_t now_ms, struct booking *out, struct fail *why);
/* Only reads. *is_his false: it is answered like none. */
MUST_USE bool booking_is_his(struct tx *tx, const struct principal *who, const struct booking *b, bool *is_his, struct fail *why);

/* Fails: FIELD where no such hall, matter or window; SLOT_CLOSED; SLOT_FULL with the nearest times; HOLD_EXISTS; BOOKINGS_MAX. */
MUST_USE bool booking_take(struct tx *tx, const struct request *r, const struct booking_wish *w, int64_t hold_ms, struct id key, struct booking *out, struct fail *why);
/* `contact` is JSON of ours, sealed here. Fails: HOLD_EXPIRED, NOT_A_HOLD. */
MUST_USE bool booking_keep(struct tx *tx, struct booking *b, struct str contact, int64_t now_ms, const uint8_t salt[16], struct fail *why);
/* Gives the seats back. Fails: BOOKING_STATE it is neither held nor booked, or has begun. */
MUST_USE bool booking_give_up(struct tx *tx, struct booking *b, int reason, int64_t now_ms, struct fail *why);
/* Another time, the same matters and people. Fails: as booking_take; BOOKING_STATE. */
MUST_USE bool booking_move(struct tx *tx, struct booking *b, int64_t starts_ms, int64_t now_ms, struct fail *why);
/* The hall's doing: the nearest other time within two weeks; what its person may do by caps does not count. *found false: there is none, and nothing is changed. */
MUST_USE bool booking_move_near(struct tx *tx, struct booking *b, int64_t now_ms, bool *found, struct fail *why);
/* Whatever is still to come of this person's, when the account goes. */
MUST_USE bool booking_cancel_all(struct tx *tx, int64_t person, int64_t now_ms, struct fail *why);
/* A job's bite: holds whose time is over. */
MUST_USE bool bookings_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
