/* channels/wechat_pay_inside.h - what the two files of wechat_pay.h share: wechat_pay.c builds, wechat_pay_judge.c judges. Nobody else includes it. */
#ifndef CHANNELS_WECHAT_PAY_INSIDE_H
#define CHANNELS_WECHAT_PAY_INSIDE_H
#include "channels/wechat_pay.h"

/* A payload's members; what it does not say is 0, or at NULL. */
struct wechat_pay_deed {
	struct str method, out_trade_no, transaction_id, out_refund_no, openid, ip, reason;
	int64_t total_fen, refund_fen, expires_ms;
};
MUST_USE bool wechat_pay_deed_read(const struct order *o, struct wechat_pay_deed *d, struct arena *a, struct fail *why);

void wechat_pay_prepay_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_close_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_refund_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_refund_ask_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_refund_query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
void wechat_pay_certificates_judge(const struct order *o, const struct http_answer *answer, struct judgement *out);
#endif
