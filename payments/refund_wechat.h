/* payments/refund_wechat.h - refunds through WeChat Pay: a deed and questions about it by the refund's own number, and what follows from their answers (a callback: services/callback_wechat_pay.c).
 * Thread: refund_wechat_compose before threads start; the rest the write lane. */
#ifndef PAYMENTS_REFUND_WECHAT_H
#define PAYMENTS_REFUND_WECHAT_H
#include "notify/effect.h"
#include "payments/refund.h"

void refund_wechat_compose(void);
/* effect_follow of KIND_wechat_pay_refund and KIND_wechat_pay_refund_query. */
MUST_USE bool refund_wechat_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
#endif
