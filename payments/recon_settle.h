/* payments/recon_settle.h - what reached which account (清算): out of a fund flow, as rows by business, and as journals: what a channel owed us lies in the collecting account now, and
 * what it kept is its fee.
 * Thread: the write lane. */
#ifndef PAYMENTS_RECON_SETTLE_H
#define PAYMENTS_RECON_SETTLE_H
#include "payments/recon_run.h"

/* Of a fund flow that was walked; of any other source nothing is done. The same again changes nothing; another statement of that day takes the first one's place: what that
 * had posted is posted back. */
MUST_USE bool recon_settle(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why);
#endif
