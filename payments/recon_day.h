/* payments/recon_day.h - a day is closed (日结) when nothing is unexplained: every source that had to be held beside our books was, and what did not match two people settled. What
 * changes afterwards is not hidden: the digest of what was signed no longer fits.
 * Thread: whoever holds the transaction; closing is the write lane's. */
#ifndef PAYMENTS_RECON_DAY_H
#define PAYMENTS_RECON_DAY_H
#include "payments/recon_run.h"

struct recon_day {
	int64_t day, unexplained;
	bool is_closed, is_changed; /* is_changed: not what was signed any more */
	int64_t closed_ms, proposal;
	enum bill_source missing;   /* BILL_NONE: none; a source of `needs` that had payments that day and was not held beside them */
};
/* needs: names of sources, comma separated (payments.close_needs). */
MUST_USE bool recon_day_look(struct tx *tx, int64_t day, struct str needs, struct recon_day *out, struct fail *why);

/* Fails: RECON_DAY (facts unexplained, missing) something is left to explain; CONFLICT it is closed. */
MUST_USE bool recon_day_may_close(const struct recon_day *d, struct fail *why);
MUST_USE bool recon_day_close(struct tx *tx, int64_t day, struct str needs, int64_t proposal, int64_t now_ms, struct fail *why);
#endif
