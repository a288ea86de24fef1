/* auth/refresh.h - refresh tokens: each serves once and is answered with the next; who comes with a spent one is perhaps a thief.
 *
 *   presented                                              what it means, and what happens
 *   unused                                                 the ordinary way: spent, and a new one is made
 *   spent, its answer lost: at most GRACE ago, from the    a poor network: what it was answered with is superseded, never to be used, and a new one is
 *     same device, and nothing used since                  made. So nobody has to log in again because an answer did not arrive
 *   spent otherwise; superseded                            two parties hold this family: the session ends, both must log in again
 *
 * A thief who is quicker than the grace and knows the device's secret as well is found out as soon as the owner uses the answer that was superseded.
 * The grace is a minute: the time-out of a phone's HTTP client and a second try. Its length gives a thief nothing, for the reason above.
 * Thread: the write lane. */
#ifndef AUTH_REFRESH_H
#define AUTH_REFRESH_H
#include "base/log.h"
#include "store/store.h"

enum { REFRESH_TEXT_BYTES = 48, REFRESH_GRACE_MS = 60 * 1000 };

enum refresh_verdict {
	REFRESH_GOOD,
	REFRESH_GOOD_AGAIN,  /* a lost answer */
	REFRESH_UNKNOWN,     /* no such token, expired, or its session is over */
	REFRESH_STOLEN,      /* the caller ends *session */
};

void refresh_text(const uint8_t random[32], char text[REFRESH_TEXT_BYTES]); /* "sbr_…" */
bool refresh_has_shape(struct str text);
/* The first one of a session. */
MUST_USE bool refresh_make(struct tx *tx, int64_t session, int64_t parent, int64_t expires_ms, const uint8_t random[32], struct fail *why);
/* Judges and notes what was presented; *id is it, for refresh_make of the next. */
MUST_USE bool refresh_use(struct tx *tx, struct secret text, const uint8_t device_hash[32], int64_t now_ms, enum refresh_verdict *verdict, int64_t *id, int64_t *session,
			  struct fail *why);
/* Of what text is this session, whatever its state? 0: none. */
MUST_USE bool refresh_find(struct tx *tx, struct str text, int64_t *session, struct fail *why);
MUST_USE bool refresh_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why); /* expired */
#endif
