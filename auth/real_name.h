/* auth/real_name.h - a session becomes known by name and number, after somebody whose word counts (confirmations.def) said that they belong together.
 *
 *   the session's person             the number is            what happens
 *   known by a phone alone           nobody's yet             that person becomes known
 *   known by a phone alone           somebody's               merged: the phone leads to somebody from now on, his first account is kept for an undo
 *   known                            his own                  confirmed again
 *   known                            another's                this device is the other's (a family on one phone); nobody is merged
 *
 * A way in that leads to somebody else who has not used it for 90 days ends then: the number was given to a new owner, who has shown who he is.
 * Five wrong answers lock the pair (account, number) for a day. A number alone is never locked, only paced (KEY_IDENTITY_PACE).
 * A merge adds nothing to anybody but the way in: what a person has at L1 is of this session. Whoever gives L1 a table moves its rows in `merge`.
 * Thread: whoever holds the transaction. */
#ifndef AUTH_REAL_NAME_H
#define AUTH_REAL_NAME_H
#include "auth/person.h"
#include "base/request.h"

enum { IDENTITY_FAILURES_MAX = 5 };
#define IDENTITY_LOCK_MS (INT64_C(24) * 3600 * 1000)

/* `what`: the number, or "face". Fails: IDENTITY_LOCKED. */
MUST_USE bool identity_may_try(struct tx *tx, int64_t person, struct str what, int64_t now_ms, struct fail *why);
MUST_USE bool identity_failed(struct tx *tx, int64_t person, struct str what, int64_t now_ms, struct fail *why);

MUST_USE bool identity_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why); /* failures that lock nobody any more */

struct real_name {
	enum identity_kind kind;
	struct str number, name;
	enum confirmed_by by;
	int64_t session;             /* which one is raised; 0: the request's own */
	int64_t level3_until_ms;     /* who confirmed them saw the face too; 0: did not */
};
/* The session is raised to L2. Audits what it did. */
MUST_USE bool real_name_confirm(struct tx *tx, const struct request *r, const struct real_name *n, struct fail *why);
/* A merge of this person's, by its key outside; sessions that came by it end. Fails: NOT_FOUND. */
MUST_USE bool real_name_undo(struct tx *tx, const struct request *r, struct str key, struct fail *why);
#endif
