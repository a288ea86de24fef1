/* payments/orders/order.h - one attempt to pay one notice, or several of one payer: it holds them for a while, and nobody else can order them meanwhile.
 *
 * At most one live order per notice: by a constraint, whoever is quicker. An order of nothing closes itself as paid.
 *
 * Thread: the write lane; order_find and order_read any. Units: fen. */
#ifndef PAYMENTS_ORDERS_ORDER_H
#define PAYMENTS_ORDERS_ORDER_H
#include "base/ids.h"
#include "payments/notices/notice.h"

enum order_state {
#define STATE(name, number, text, may) ORDER_##name = number,
#include "payments/orders/order_states.def"
#undef STATE
};
struct str order_state_text(enum order_state s);

enum { ORDER_NOTICES_MAX = 10 };

struct order {
	int64_t id;
	struct id key;
	int64_t person, staff;     /* one of them is 0; both: nobody here ordered it (payments/attempts/stray.h) */
	enum order_state state;
	int64_t total_fen, expires_ms, made_ms, changed_ms;
	int64_t ends_as;           /* of PAYING: what it becomes when nothing at a channel can pay it any more; 0: open again */
	int count;
	int64_t notices[ORDER_NOTICES_MAX], notice_fen[ORDER_NOTICES_MAX];
};

struct order_new {
	struct id key;
	int64_t person, staff;
	struct notice *notices;    /* as they were found or told; ids 0 are kept now */
	int count;                 /* 1 … ORDER_NOTICES_MAX */
	bool is_told[ORDER_NOTICES_MAX]; /* by the finance system: new to us, or only quoted anew */
	int64_t now_ms, hold_ms;
	int64_t open_max;          /* of a person */
	const uint8_t *salt;       /* 16 bytes of the request's randomness */
};
/* Fails: NOTICE_PAID, NOTICE_VOID, NOTICE_OVER, NOTICE_QUOTE, ORDER_LIVE (somebody is paying one of them), ORDER_PAYERS (not of one payer), ORDERS (he has open_max open). */
MUST_USE bool order_make(struct tx *tx, struct order_new *n, struct order *out, struct fail *why);

MUST_USE bool order_find(struct tx *tx, struct id key, struct order *out, struct fail *why);  /* out->id 0: there is none */

/* The open order that holds this notice; out->id 0: none does. */
MUST_USE bool order_of_notice(struct tx *tx, int64_t notice, struct order *out, struct fail *why);

MUST_USE bool order_read(struct tx *tx, int64_t id, struct order *out, struct fail *why);     /* fails NOT_FOUND */
/* Nobody else changes this order or its attempts until the transaction's end. Before it is read. */
MUST_USE bool order_hold(struct tx *tx, int64_t order, struct fail *why);

/* The order and its notices: to PAID both; to CLOSED or EXPIRED the notices are free again; to PAYING and back to OPEN they stay held. Fails: ORDER_STATE (fact state). */
MUST_USE bool order_move(struct tx *tx, const struct order *o, enum order_state to, int64_t now_ms, struct fail *why);

/* Up to rows_max open orders whose hold is over, oldest first; but for those that are set aside. */
MUST_USE bool orders_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
