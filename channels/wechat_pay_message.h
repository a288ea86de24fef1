/* channels/wechat_pay_message.h - what WeChat Pay says: the envelope of a callback, a trade, a refund, its own certificates. Pure.
 *
 * A trade looks alike whether it comes in a callback or as the answer to a question; a refund nearly so: there its state is "status", in a callback "refund_status".
 * Thread: any. Owns: texts live in the arena. Units: fen; wall-clock milliseconds. */
#ifndef CHANNELS_WECHAT_PAY_MESSAGE_H
#define CHANNELS_WECHAT_PAY_MESSAGE_H
#include "base/json.h"
#include "channels/wechat_pay_sign.h"

enum { WECHAT_PAY_NUMBER_MAX = 64, WECHAT_PAY_BODY_MAX = 64 << 10, WECHAT_PAY_HANDLE_MAX = 512 };

struct wechat_pay_envelope {
	struct str id, event_type, original_type; /* "TRANSACTION.SUCCESS", "transaction" */
	struct str plain;                         /* opened */
};
/* WECHAT_PAY_WRONG_BODY: not what a callback looks like; _KEY: it does not open with our APIv3 key. */
enum wechat_pay_wrong wechat_pay_envelope(const struct wechat_pay_keys *k, struct str body, struct wechat_pay_envelope *out, struct arena *a);

enum wechat_pay_trade_state {
	WECHAT_PAY_TRADE_OTHER, /* a word we do not know, or one of payment codes: nothing follows from it */
	WECHAT_PAY_TRADE_NOTPAY, WECHAT_PAY_TRADE_SUCCESS, WECHAT_PAY_TRADE_REFUND /* paid, then some of it went back */, WECHAT_PAY_TRADE_CLOSED, WECHAT_PAY_TRADE_PAYERROR
};

struct wechat_pay_trade {
	struct str appid, mchid, out_trade_no, transaction_id, currency;
	enum wechat_pay_trade_state state;
	int64_t total_fen;           /* what was ordered: coupons are WeChat's and the payer's affair */
	int64_t success_ms;          /* 0: it did not say */
};
/* false: not a trade; a paid one has transaction_id, amount and currency. */
bool wechat_pay_trade_read(struct str json, struct wechat_pay_trade *out, struct arena *a);
static inline bool wechat_pay_trade_is_paid(const struct wechat_pay_trade *t)
{
	return t->state == WECHAT_PAY_TRADE_SUCCESS || t->state == WECHAT_PAY_TRADE_REFUND;
}

enum wechat_pay_refund_state { WECHAT_PAY_REFUND_OTHER, WECHAT_PAY_REFUND_PROCESSING, WECHAT_PAY_REFUND_SUCCESS, WECHAT_PAY_REFUND_CLOSED, WECHAT_PAY_REFUND_ABNORMAL };
struct str wechat_pay_refund_state_text(enum wechat_pay_refund_state s); /* WeChat's own word */

struct wechat_pay_refund {
	struct str mchid, out_trade_no, transaction_id, refund_id, out_refund_no; /* mchid at NULL in answers */
	enum wechat_pay_refund_state state;
	int64_t refund_fen, total_fen, success_ms;
};
bool wechat_pay_refund_read(struct str json, struct wechat_pay_refund *out, struct arena *a);

/* What a phone goes on with, out of the answer to a prepay: prepay_id, code_url or h5_url. STR_NONE: there is none. */
struct str wechat_pay_handle(struct str said, struct arena *a);

/* The platform certificates in an answer, opened; false: not such an answer, or one does not open. */
bool wechat_pay_certificates_read(const struct wechat_pay_keys *k, struct str body, struct wechat_pay_certificate_text out[WECHAT_PAY_CERTIFICATES_MAX], int *count,
				  struct arena *a);
#endif
