/* payments/attempts/attempt.h - what a payment channel was asked for an order (支付单): ordered there, paid there, asked after, closed there; or at a counter asked for at once, by the barcode of a phone.
 *
 *   asked → ready → paid         the phone pays, the channel calls back; what it does not say, the sweep asks
 *         ↘ failed                 the order is open again
 *   … → closing → closed         the order's hold is over, or it was cancelled: asked first, then closed there; only then is the order given up
 *                 ↘ paid           the phone was quicker
 *
 * By a barcode (attempt_barcode.c) it is asked → paid, failed or unknown; what is unknown is asked about, for as long as it may take, and its notices wait: no second code is taken for them before.
 *
 * One live attempt per order, by a constraint. What the phone says counts for nothing; a channel's signed word does, whichever way it comes, and as often as it comes.
 * Outside are a few effects (notify/effects.def); what follows from their ends is here.
 *
 * Thread: the write lane; attempt_find any. Owns: `handle` lives in the arena. Units: fen; wall-clock milliseconds.
 * Source: protocols: WeChat Pay APIv3, "查询订单", "关闭订单": ask at 5 s, 30 s, 1, 3, 5, 10, 30 min. */
#ifndef PAYMENTS_ATTEMPTS_ATTEMPT_H
#define PAYMENTS_ATTEMPTS_ATTEMPT_H
#include "base/log.h"
#include "notify/effect.h"
#include "payments/ledger/ledger.h"
#include "payments/orders/order.h"

struct wechat_pay_trade; /* channels/wechat_pay_message.h */
struct nontax_trade;     /* channels/wechat_nontax.h */

enum attempt_state {
#define STATE(name, number, text, live, may) ATTEMPT_##name = number,
#include "payments/attempts/attempt_states.def"
#undef STATE
};
struct str attempt_state_text(enum attempt_state s);

enum attempt_method {
#define METHOD(name, number, text, life, gets) ATTEMPT_BY_##name = number,
#include "payments/attempts/attempt_methods.def"
#undef METHOD
};
struct str attempt_method_text(enum attempt_method m);
enum attempt_method attempt_method_named(struct str text); /* 0: none */

enum { ATTEMPT_NUMBER_BYTES = 33 };

struct attempt {
	int64_t id;              /* 0: there is none */
	struct id key;
	int64_t order, total_fen;
	enum pay_channel channel;
	enum attempt_method method;
	enum attempt_state state;
	char number[ATTEMPT_NUMBER_BYTES]; /* ours, at the channel */
	struct str channel_no;   /* the channel's own; len 0: it goes by ours, or is not known */
	struct str handle;       /* what the phone goes on with; len 0: nothing yet */
	int64_t handle_ms, effect, asking, asks, ask_ms, deeds, made_ms, changed_ms;
};

struct attempt_new {
	struct id key;
	enum pay_channel channel;
	enum attempt_method method;
	struct str openid, ip;   /* at NULL: none */
	struct secret auth_code; /* of BARCODE, otherwise at NULL: in what is sent and nowhere else, and not kept when that is over */
	int64_t now_ms;
	const uint8_t *salt;     /* 16 bytes of the request's randomness */
};
/* Of an order that is held and open: it becomes PAYING, and the effect is written. Fails: ORDER_STATE. */
MUST_USE bool attempt_make(struct tx *tx, const struct order *o, const struct attempt_new *n, struct attempt *out, struct fail *why);
/* What the phone was given serves no longer: the same is ordered again, where the channel knows it for the same. */
MUST_USE bool attempt_renew(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why);
bool attempt_serves(const struct attempt *a, int64_t now_ms);

MUST_USE bool attempt_find(struct tx *tx, struct id key, struct attempt *out, struct arena *a, struct fail *why);
MUST_USE bool attempt_live(struct tx *tx, int64_t order, struct attempt *out, struct arena *a, struct fail *why);
MUST_USE bool attempt_by_number(struct tx *tx, struct str number, struct attempt *out, struct arena *a, struct fail *why);
MUST_USE bool attempt_by_channel_no(struct tx *tx, enum pay_channel channel, struct str channel_no, struct attempt *out, struct arena *a, struct fail *why);
MUST_USE bool attempt_by_effect(struct tx *tx, int64_t effect, struct attempt *out, struct arena *a, struct fail *why); /* of an order there */
MUST_USE bool attempt_by_asking(struct tx *tx, int64_t effect, struct attempt *out, struct arena *a, struct fail *why); /* of a question or a close */

/* Fails: INTERNAL the table does not allow it. `word` at NULL: as it is. A live one that ends gives its order back: open, or as it was to end. */
MUST_USE bool attempt_move(struct tx *tx, struct attempt *a, enum attempt_state to, struct str word, int64_t now_ms, struct fail *why);
/* The next question; 0 none. asking: the effect that is at it. */
MUST_USE bool attempt_ask_next(struct tx *tx, struct attempt *a, int64_t asking, int64_t asks, int64_t ask_ms, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_handle(struct tx *tx, struct attempt *a, struct str handle, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_channel_no(struct tx *tx, struct attempt *a, struct str channel_no, int64_t now_ms, struct fail *why); /* for ever */

/* A channel's word about what was ordered there, whichever channel and whichever way it came. */
enum attempt_is { ATTEMPT_IS_OTHER /* nothing follows from it */, ATTEMPT_IS_UNPAID, ATTEMPT_IS_PAID, ATTEMPT_IS_CLOSED };
struct attempt_word {
	enum attempt_is is;
	struct str reference;    /* of PAID: the channel's number of the payment */
	struct str channel_no;   /* its number of the order; at NULL: it goes by ours */
	struct str notice_no;    /* the payment code it was paid for, all of it still there; at NULL: it does not say, or some of it went back */
	int64_t total_fen, paid_ms; /* paid_ms 0: it did not say */
};
struct attempt_word attempt_word_of_trade(const struct wechat_pay_trade *t);
struct attempt_word attempt_word_of_nontax(const struct nontax_trade *t);

/* ---- attempt_outside.c: what is done at the channel, and what follows ---- */

/* The order, which is held, is to end (ORDER_CLOSED, ORDER_EXPIRED): its live attempt is asked about and closed first. 0 instead: only the attempt ends, and the order is open again. */
MUST_USE bool attempt_wind_up(struct tx *tx, struct attempt *a, int64_t ends_as, int64_t now_ms, struct fail *why);
/* The channel's word about a trade of ours, verified and about our merchant: by callback, or as an answer. */
MUST_USE bool attempt_told(struct tx *tx, struct attempt *a, const struct attempt_word *w, int64_t now_ms, struct fail *why);
/* About an order at a channel that no attempt is known to have made: it is asked, and its answer believed. due_ms 0: now. */
MUST_USE bool attempt_ask_stray(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t due_ms, int64_t now_ms, const uint8_t random[16], struct fail *why);
/* The channel, which calls us (attempt_is_told), is asked to tell of it again: what it has not told it may hold against us. */
MUST_USE bool attempt_tell_stray(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t now_ms, const uint8_t random[16], struct fail *why);
/* What follows from the ends of effects; composed in gateway/. */
MUST_USE bool attempt_ordered(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_answered(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_closed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
/* Of what asks for money by a payer's code, and is to go out once more: not where its attempt is over, or ends. */
MUST_USE bool attempt_scans_again(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
/* attempt_barcode.c */
MUST_USE bool attempt_scanned(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_listed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
/* A job's bite: holds that are over, questions that are due. */
MUST_USE bool attempts_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
