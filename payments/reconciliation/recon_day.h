/* payments/reconciliation/recon_day.h - a day is closed (日结) when nothing is unexplained: every source that had to be held beside our books was, and what did not match two people settled. What
 * changes afterwards is not hidden, be it in our books, a statement or a difference: the digest of what was signed no longer fits, until two people sign again. Only what is carried over
 * midnight (CUTOFF) is no part of it: that its neighbour's statement clears it was known when the day was signed.
 * Thread: whoever holds the transaction; closing is the write lane's. */
#ifndef PAYMENTS_RECONCILIATION_RECON_DAY_H
#define PAYMENTS_RECONCILIATION_RECON_DAY_H
#include "payments/reconciliation/recon_run.h"

struct recon_day {
	int64_t day, unexplained;
	bool is_closed, is_changed; /* is_changed: not what was signed any more */
	int64_t closed_ms, proposal, signatures; /* of the last of them */
	enum bill_source missing;   /* BILL_NONE: none; one that it needs and was not held beside our books as they are now */
};

/* Which statements a day needs (payments.close_needs; services/money/recon_office.h makes it). IF_MOVED: only if payments, odd money or refunds of ours could stand in it, of e-receipts only
 * if something was booked; ALWAYS: whatever we know of the day, for it may be that nothing of it has reached us. That a channel said that there is none is as good as one. */
enum recon_need { RECON_NEEDS_NOT, RECON_NEEDS_IF_MOVED, RECON_NEEDS_ALWAYS };
struct recon_needs {
	enum recon_need need[BILL_SOURCES];
	struct str own;             /* our merchant of WeChat Pay, whose fund flow it is; empty: nobody said */
	int merchant_count;         /* of the non-tax platform: a file each */
	struct str merchants[RECON_FILES_MAX];
};
MUST_USE bool recon_day_look(struct tx *tx, int64_t day, const struct recon_needs *needs, struct recon_day *out, struct fail *why);
/* The same for whoever only shows it, and perhaps asks again and again until it is done: while a source of a day that is not signed is being held, `missing` is that source, and the day's books, which
 * may be a million rows, are not summed up. */
MUST_USE bool recon_day_glance(struct tx *tx, int64_t day, const struct recon_needs *needs, struct recon_day *out, struct fail *why);
MUST_USE bool recon_day_signed(struct tx *tx, int64_t day, struct recon_day *out, struct fail *why); /* only what was signed, and whether it still is so */

/* Fails: RECON_DAY (facts unexplained, missing) something is left to explain; CONFLICT it is closed, and what was signed still is so: what changed may be signed again. */
MUST_USE bool recon_day_may_close(const struct recon_day *d, struct fail *why);
MUST_USE bool recon_day_close(struct tx *tx, int64_t day, const struct recon_needs *needs, int64_t proposal, int64_t now_ms, struct fail *why);
#endif
