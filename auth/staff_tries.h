/* auth/staff_tries.h - what a failed login of staff costs, and whom.
 *
 *   what is counted                                           in              how many
 *   failures of an account from one address                   LOGIN_TRIES     5, then this account waits there until 15 minutes after the first
 *   failures of an account from strange addresses             LOGIN_STRANGE   50 a day, then it waits at strange addresses
 *   logins tried from an address, for any account             LOGIN_ADDRESS   staff.logins_per_address in 15 minutes
 *
 * Decided: no count belongs to the account alone. Account names are no secret, and a count that everybody can fill is a switch with which anybody locks anybody
 * out. So a stranger fills his own address's count; when he has many addresses he fills the count of strange ones, which does not hold at an address from which
 * this account has opened a session within 90 days: its own hall. He who shares that hall's address can make the account wait there for 15 minutes at a
 * time, while it logs in from any other. And 50 guesses a day are no danger to six digits that change, even to him who knows the password.
 * A try is counted before it is judged, so that many at once are many; a right one gives back its address's failures. A session that is open is never asked.
 * Unknown accounts are counted like known ones: nothing here tells which is which.
 * Thread: any. */
#ifndef AUTH_STAFF_TRIES_H
#define AUTH_STAFF_TRIES_H
#include "base/hash.h"
#include "base/request.h"
#include "store/expiring.h"
#include "store/store.h"

enum { STAFF_TRIES = 5, STAFF_STRANGE_TRIES = 50 };
#define STAFF_PLACE_LIFE_MS (INT64_C(90) * 24 * 3600 * 1000)

struct staff_tries {
	struct str account, peer;     /* as they came; account at NULL: an invitation is tried, only the address counts */
	int64_t per_address;
	bool strangers_wait;          /* of staff_tried */
	int64_t wait_ms;
	uint8_t at[3][SHA256_BYTES];  /* the keys, until the batch has ended */
};
void staff_try(struct staff_tries *t, struct expiring_batch *b);
/* Fails: LOGIN_HELD. */
MUST_USE bool staff_tried(struct staff_tries *t, const struct expiring_batch *b, struct fail *why);
/* After the judgement. */
void staff_try_was_right(const struct staff_tries *t, struct expiring_batch *b);
void staff_try_was_wrong(const struct staff_tries *t, bool is_known_place, struct expiring_batch *b);
/* staff 0: nobody, whose place is never known. */
MUST_USE bool staff_place_is_known(struct tx *tx, int64_t staff, struct str peer, int64_t now_ms, bool *known, struct fail *why);
MUST_USE bool staff_place_seen(struct tx *tx, int64_t staff, struct str peer, int64_t now_ms, struct fail *why);
/* Fails LOGIN_HELD when strangers wait and this is one. */
MUST_USE bool staff_place_may_try(const struct staff_tries *t, bool is_known_place, struct fail *why);
#endif
