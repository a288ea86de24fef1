/* channels/wechat_nontax.h - WeChat's non-tax payment (微信非税缴费), the calls from us to WeChat: what is due, an order and its page, what became of it, the orders of a notice, a refund, the file of a day. Pure.
 *
 * The calls from WeChat to us: wechat_nontax_call.h. As effects: wechat_nontax_deed.h.
 * Plain JSON with an access token in the query: an address built here is never logged. A reply says errcode; HTTP's status says nothing.
 *
 * Thread: any. Owns: texts of answers live in the arena. Units: fen; seconds since 1970 where WeChat counts in them.
 * Source: protocols/nontax.md 2, 3; wechat_nontax_codes.def. */
#ifndef CHANNELS_WECHAT_NONTAX_H
#define CHANNELS_WECHAT_NONTAX_H
#include "base/config.h"
#include "base/log.h"
#include "channels/http.h"

enum { NONTAX_ITEMS_MAX = 20, NONTAX_ID_MAX = 64, NONTAX_NAME_MAX = 128, NONTAX_REASON_BYTES_MAX = 256, NONTAX_ORDERS_MAX = 32, NONTAX_MERCHANTS_MAX = 16, NONTAX_BARCODE_DIGITS = 18 };

enum nontax_means { NONTAX_OK, NONTAX_BUSY, NONTAX_STALE, NONTAX_QUOTA, NONTAX_CONFIG, NONTAX_OURS, NONTAX_UNCLEAR /* perhaps done: ask */, NONTAX_NONSENSE };
struct nontax_said {
	enum nontax_means means;
	int64_t errcode;
};

/* The service account at WeChat. An empty bank_id is the real bank: in development there must be one, WeChat's for tests. */
struct nontax_account {
	struct str base, appid, bank_id, mch_id; /* mch_id len 0: WeChat chooses */
	int64_t service_id;                      /* 0: none */
	struct secret token;
	bool is_development;
};
struct nontax_account nontax_account_of(const struct config *c, struct secret token);
/* Whose day files there are: the merchant numbers of wechat.nontax.mch_ids, or the one of wechat.nontax.mch_id; how many. They live as long as the configuration. */
int nontax_merchants(const struct config *c, struct str out[NONTAX_MERCHANTS_MAX]);

struct nontax_item {
	struct str id, name;
	int64_t overdue_fen, penalty_fen; /* 滞纳金, 加罚: within fee_fen */
	int64_t fee_fen;
};

/* A notice as WeChat speaks of it. */
struct nontax_notice {
	struct str notice_no, department_code, department_name, user_name;
	int64_t region, kind;             /* kind: 1 ordinary, 2 penalty */
	int64_t fee_fen, made_s;          /* made_s 0: not known */
	int32_t last_on;                  /* day; -1: none */
	int count;
	struct nontax_item items[NONTAX_ITEMS_MAX];
};

struct json_out;
void nontax_notice_out(struct json_out *j, const struct nontax_notice *n); /* members of an open object, as both sides name them */

MUST_USE bool nontax_fee_build(const struct nontax_account *w, const struct nontax_notice *n, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_fee_judge(struct str notice_no, const struct http_answer *answer, struct arena *a, struct nontax_notice *out);

struct nontax_order {
	const struct nontax_notice *notice;
	struct str desc, ip, openid;      /* openid at NULL: H5 outside of WeChat (MWEB) */
	struct str return_url;            /* at NULL: from a mini-program */
};
struct nontax_page {
	struct str order_id, pay_url, mini_appid, mini_path, mini_query;
};
/* Fails: CONFIG; FIELD the amounts of the items do not add up. */
MUST_USE bool nontax_order_build(const struct nontax_account *w, const struct nontax_order *o, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_order_judge(const struct http_answer *answer, struct arena *a, struct nontax_page *out);
/* The same of an answer that was judged before. false: there is no order in it, or no way to its page. */
bool nontax_page_read(struct str json, struct nontax_page *out, struct arena *a);

/* At a counter, by the code of the payer's phone: as an order, but nobody is named and nothing is shown. The same again asks how far it is; `order_id`: as an earlier answer called it, len 0: it
 * did not. The code is a credential: what is built here is never logged. Fails: CONFIG; FIELD. */
bool nontax_is_barcode(struct str code); /* 18 digits, from 10 to 15 */
MUST_USE bool nontax_micropay_build(const struct nontax_account *w, const struct nontax_notice *n, struct str desc, struct secret code, struct str order_id, struct arena *a, struct http_call *out,
				    struct fail *why);
/* Whatever it says, it may name the order. */
struct nontax_said nontax_micropay_judge(const struct http_answer *answer, struct arena *a, struct str *order_id); /* at NULL: it named none */

bool nontax_was_harmless(struct str code); /* of an attempt of the effect micropay (wechat_nontax_deed.h): nothing can have come of it */

enum nontax_state { NONTAX_OTHER, NONTAX_UNPAID, NONTAX_PAID, NONTAX_REFUNDED, NONTAX_REFUNDING, NONTAX_CLOSED };
struct nontax_trade {
	struct str order_id, notice_no, trans_id, bank_id; /* bank_id, notice_no at NULL: it did not say */
	struct str appid;
	enum nontax_state state;
	bool has_refunds;                 /* something of it went back, or is on its way */
	int64_t fee_fen, paid_s;          /* 0: not yet */
};
MUST_USE bool nontax_ask_build(const struct nontax_account *w, struct str order_id, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_ask_judge(struct str order_id, const struct http_answer *answer, struct arena *a, struct nontax_trade *out);
/* false: not a trade; a paid one has trans_id, a time and CNY. */
bool nontax_trade_read(struct str json, struct nontax_trade *out, struct arena *a);
static inline bool nontax_trade_is_paid(const struct nontax_trade *t)
{
	return t->state == NONTAX_PAID || t->state == NONTAX_REFUNDED || t->state == NONTAX_REFUNDING;
}

/* That we are told of it once more, where they think that telling us has failed: their file of the day has it, and we have not. */
MUST_USE bool nontax_tell_build(const struct nontax_account *w, struct str order_id, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_tell_judge(const struct http_answer *answer);

/* What a trade says of the refund of this number (refund_out_id). false: it knows of none. */
struct nontax_refund {
	struct str refund_id;             /* WeChat's number; at NULL: it did not say */
	int64_t fen;                      /* 0: it did not say */
	bool is_done;
};
bool nontax_refund_read(struct str json, struct str number, struct nontax_refund *out, struct arena *a);

/* All orders of a notice: after an order whose answer was lost, before another is made. */
struct nontax_orders {
	int count;
	struct str ids[NONTAX_ORDERS_MAX], paid; /* paid len 0: none is */
};
MUST_USE bool nontax_list_build(const struct nontax_account *w, const struct nontax_notice *n, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_list_judge(const struct http_answer *answer, struct arena *a, struct nontax_orders *out);

/* The same number and amount is the same refund; a whole one bears them too. Fails: FIELD. */
MUST_USE bool nontax_refund_build(const struct nontax_account *w, struct str order_id, struct str number, int64_t fen, struct str reason, struct arena *a, struct http_call *out,
				  struct fail *why);
struct nontax_said nontax_refund_judge(const struct http_answer *answer, struct arena *a, struct str *channel_number); /* at NULL: it said none */

/* The file of a day (对账单) of one merchant, from six o'clock of the next: as it stands in the answer, with no digest beside it; an error is JSON, and begins with a brace. */
MUST_USE bool nontax_bill_build(const struct nontax_account *w, struct str merchant, int32_t day, size_t bytes_max, struct arena *a, struct http_call *out, struct fail *why);
struct nontax_said nontax_bill_judge(const struct http_answer *answer); /* OK: the body is the file, packed perhaps; that it is one its own sums must prove (payments/statements/bill.h) */
#endif
