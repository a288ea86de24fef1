/* payments/bureau/receipt_send.h - e-receipts asked of the finance system and called back: rows become effects, and the end of an effect moves its row, and tells its people.
 * Thread: the write lane. */
#ifndef PAYMENTS_BUREAU_RECEIPT_SEND_H
#define PAYMENTS_BUREAU_RECEIPT_SEND_H
#include "notify/effect.h"
#include "payments/bureau/receipt.h"

/* What its payer paid net: less what went back. */
MUST_USE bool receipt_left(struct tx *tx, int64_t confirmation, int64_t *fen, struct fail *why);
/* Of what has just been booked, unless its money is on its way back, or it has one. */
MUST_USE bool receipt_ask(struct tx *tx, int64_t confirmation, int64_t now_ms, struct fail *why);
/* Sends what the row's state wants sent: the first, or the red one. Without a finance system it waits. */
MUST_USE bool receipt_send(struct tx *tx, const struct receipt *r, int64_t now_ms, struct fail *why);
/* Staff has what was refused sent again: the first paper, or the red one. Leaves r as it is. Fails: RECEIPT_STATE, also of a paper that nobody wants any more. */
MUST_USE bool receipt_send_again(struct tx *tx, struct receipt *r, int64_t now_ms, struct fail *why);
/* Up to rows_max of those that nobody has sent; but for those that are set aside. */
MUST_USE bool receipts_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* effect_follow of KIND_receipt_issue and KIND_receipt_reverse. */
MUST_USE bool receipt_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);

/* Where its page is (web.base), before threads start; kept. Empty: it is told without a link. */
void receipt_tell_page(struct str base);
/* To whoever paid, and to whoever the notice was for: it is there (payments/bureau/receipt_tell.c). */
MUST_USE bool receipt_tell(struct tx *tx, const struct receipt *r, int64_t now_ms, struct fail *why);
#endif
