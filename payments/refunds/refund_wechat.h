/* payments/refunds/refund_wechat.h - refunds through WeChat Pay and WeChat's non-tax platform: a deed and questions about it by the refund's own number, and what follows from their answers (callbacks:
 * services/money/callback_wechat_pay.c, callback_wechat_nontax.c).
 * Thread: refund_wechat_compose before threads start; the rest the write lane. */
#ifndef PAYMENTS_REFUNDS_REFUND_WECHAT_H
#define PAYMENTS_REFUNDS_REFUND_WECHAT_H
#include "notify/effect.h"
#include "payments/refunds/refund.h"

void refund_wechat_compose(void);
/* effect_follow of the refunds of both, and of the questions about them. */
MUST_USE bool refund_wechat_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
#endif
