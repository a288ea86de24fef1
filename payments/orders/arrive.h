/* payments/orders/arrive.h - money that a channel says has come: taken for its order when that is open and the amount is the order's, kept as odd money otherwise (payments/orders/odd_money.h).
 * Without an order it is taken for its notice, as if it had been ordered when it came: where that is open, in nobody's hands, and of exactly that amount on that day.
 * Where an order of ours at that channel holds the notice, and its number there is not known yet, this may be its payment: nothing is done, and whoever told of it tells it again (MONEY_LATER).
 * Never refused, never lost, and once, however often it is told: by channel and the channel's own number.
 *
 * Thread: the write lane. Units: fen; milliseconds. */
#ifndef PAYMENTS_ORDERS_ARRIVE_H
#define PAYMENTS_ORDERS_ARRIVE_H
#include "payments/ledger/ledger.h"
#include "payments/orders/order.h"

struct money {
	enum pay_channel channel;
	struct str reference;    /* the channel's number of the payment; 1 … 64 bytes */
	struct str channel_no;   /* the channel's number of the order, by which it is given back; at NULL: by the reference */
	int64_t order;           /* row id; 0: none of ours has that number */
	int64_t notice;          /* where there is no order: what the channel says it pays, when asked about it; row id, 0: it does not say */
	int64_t division;        /* whose suspense it is when no order says so */
	int64_t fen, came_ms;
};
enum money_end { MONEY_TAKEN = 1, MONEY_REPEATED, MONEY_ODD, MONEY_LATER /* without an order only */ };

/* Holds the order, and the number. */
MUST_USE bool money_arrives(struct tx *tx, const struct money *m, int64_t now_ms, enum money_end *end, struct fail *why);
/* Is the payment of the order that the channel knows by that number in our books, taken or odd? Then whatever is still waited for is another. MONEY_LATER is not in them. */
MUST_USE bool money_is_kept(struct tx *tx, enum pay_channel channel, struct str channel_no, bool *kept, struct fail *why);
#endif
