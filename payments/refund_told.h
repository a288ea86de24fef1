/* payments/refund_told.h - what a channel says of its own about money that goes back; whoever has the refunds listens.
 * Thread: pay_refund_follow before threads start; pay_refund_tell the write lane. */
#ifndef PAYMENTS_REFUND_TOLD_H
#define PAYMENTS_REFUND_TOLD_H
#include "payments/ledger.h"

struct pay_refund_told {
	enum pay_channel channel;
	struct str number;         /* ours of the refund (out_refund_no) */
	struct str channel_number; /* the channel's */
	struct str word;           /* SUCCESS, CLOSED, ABNORMAL, PROCESSING, or OTHER */
	int64_t fen, done_ms;      /* 0: it did not say when */
};
typedef bool (*pay_refund_told_fn)(struct tx *tx, const struct pay_refund_told *t, int64_t now_ms, struct fail *why);
void pay_refund_follow(pay_refund_told_fn follow); /* composed in gateway/ */
MUST_USE bool pay_refund_tell(struct tx *tx, const struct pay_refund_told *t, int64_t now_ms, struct fail *why); /* nobody listens: nothing */
#endif
