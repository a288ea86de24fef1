/* payments/bureau/confirmation_send.h - confirmations on their way to the finance system and what it answered: rows become effects, and the end of an effect moves its row.
 * Thread: the write lane. */
#ifndef PAYMENTS_BUREAU_CONFIRMATION_SEND_H
#define PAYMENTS_BUREAU_CONFIRMATION_SEND_H
#include "notify/effect.h"
#include "payments/bureau/confirmation.h"

/* An effect for one that waits; without a finance system it goes on waiting. */
MUST_USE bool confirmation_send(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why);
/* Up to rows_max of those that wait and nobody has sent: there was no finance system, or a ladder was over. */
MUST_USE bool confirmations_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* effect_follow of KIND_finance_confirm. */
MUST_USE bool confirmation_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);

#endif
