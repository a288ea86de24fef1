/* payments/orders/payment.h - money that came for an order: a row, a journal, the order and its notices paid, and what the finance system is to be told, all in one transaction.
 * Thread: the write lane. Units: fen. */
#ifndef PAYMENTS_ORDERS_PAYMENT_H
#define PAYMENTS_ORDERS_PAYMENT_H
#include "payments/ledger/ledger.h"
#include "payments/orders/order.h"

enum { PAYMENT_REFERENCE_MAX = 64 };

struct payment {
	int64_t id, order;
	enum pay_channel channel;
	struct str reference;  /* at NULL: cash */
	int64_t fen, taken_ms;
};

/* Until the transaction's end nobody else puts money of that number of a channel, whether for an order or among the odd money: asked first by whoever looks whether it is here. */
MUST_USE bool payment_number_hold(struct tx *tx, enum pay_channel channel, struct str reference, struct fail *why);

/* Fails: ORDER_STATE; PAYMENT_AMOUNT not what the order says; PAYMENT_REFERENCE that number was another payment's. */
MUST_USE bool payment_take(struct tx *tx, const struct order *o, enum pay_channel channel, struct str reference, int64_t fen, int64_t now_ms, struct arena *a, int64_t *id,
			   struct fail *why);
/* The same of money that came on a day before: it is of that day. */
MUST_USE bool payment_take_late(struct tx *tx, const struct order *o, enum pay_channel channel, struct str reference, int64_t fen, int64_t came_ms, int64_t now_ms, struct arena *a,
				int64_t *id, struct fail *why);
/* The same of money that has lain in suspense: it is posted from there. The payment is of the day it came. */
struct odd_row; /* payments/orders/odd_money.h */
MUST_USE bool payment_take_odd(struct tx *tx, const struct order *o, const struct odd_row *odd, int64_t now_ms, struct arena *a, int64_t *id, struct fail *why);
/* Of an order; p->id 0: none came. */
MUST_USE bool payment_find(struct tx *tx, int64_t order, struct payment *p, struct arena *a, struct fail *why);
#endif
