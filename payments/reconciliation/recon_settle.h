/* payments/reconciliation/recon_settle.h - what reached which account (清算), as rows and as journals: what a channel owed us lies in the collecting account now, and what it kept is its fee. Which statement proves
 * that of which channel is recon_settles.def: of WeChat Pay its fund flow, merchant by merchant, of cash, terminals and the non-tax platform the bank's detail.
 *
 *   payments, refunds   channel → bank          what a channel's own statement says of fees   channel → fee; of a fund flow, whose account they were taken from, bank → fee
 *   withdrawn           bank → transit, and transit → bank when the bank's detail has it       of another business   bank → other
 *
 * Thread: the write lane. */
#ifndef PAYMENTS_RECONCILIATION_RECON_SETTLE_H
#define PAYMENTS_RECONCILIATION_RECON_SETTLE_H
#include "payments/reconciliation/recon_run.h"

/* Of a statement that was walked. The same again changes nothing; another statement of that day takes the first one's place: what that had posted is posted back, account by account.
 * Fails: IMPORT more than any account may hold. */
MUST_USE bool recon_settle(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why);
#endif
