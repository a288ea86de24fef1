/* payments/refund_told.c - why this exists: a callback comes in below, and the refunds it is about stand beside it. */
#include "payments/refund_told.h"

static pay_refund_told_fn listener;

void pay_refund_follow(pay_refund_told_fn follow)
{
	listener = follow;
}

bool pay_refund_tell(struct tx *tx, const struct pay_refund_told *t, int64_t now_ms, struct fail *why)
{
	return listener == NULL || listener(tx, t, now_ms, why);
}
