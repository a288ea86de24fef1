/* payments/bureau/confirmation.h - the finance system is told of each notice that was paid, and "paid" becomes "booked" when it says so (已缴款，入账中 → 已入账).
 *
 * A row for each notice, made in the transaction that takes the money, whatever way it came by. The finance system knows a repeat by payment code and serial, so it is told until
 * it answers. What it refuses, and what it says was paid elsewhere too, waits for staff.
 *
 * Thread: whoever holds the transaction. Units: fen; days since 1970-01-01, in Longnan. */
#ifndef PAYMENTS_BUREAU_CONFIRMATION_H
#define PAYMENTS_BUREAU_CONFIRMATION_H
#include "payments/orders/order.h"

struct payment; /* payments/orders/payment.h */

enum confirmation_state {
#define STATE(name, number, text, booking, may) CONFIRMATION_##name = number,
#include "payments/bureau/confirmation_states.def"
#undef STATE
};
struct str confirmation_state_text(enum confirmation_state s);   /* "waiting": for staff */
struct str confirmation_booking_text(enum confirmation_state s); /* "being_booked": for who paid */

enum { CONFIRMATION_SERIAL_BYTES = 29 };

struct confirmation {
	int64_t id, payment, notice, amount_fen, division, day;
	char serial[CONFIRMATION_SERIAL_BYTES];
	enum confirmation_state state;
	int64_t effect;            /* 0: none under way */
	struct str word, finance_no;
	bool wants_receipt;
	int64_t made_ms, booked_ms, changed_ms;
};

/* One for each notice of the order that money came for. In the transaction of the payment. */
MUST_USE bool confirmation_make(struct tx *tx, const struct payment *p, const struct order *o, int64_t now_ms, struct fail *why);
MUST_USE bool confirmation_read(struct tx *tx, int64_t id, struct confirmation *out, struct arena *a, struct fail *why); /* fails NOT_FOUND */
/* Of a notice; out->id 0: no money came for it. */
MUST_USE bool confirmation_find(struct tx *tx, int64_t notice, struct confirmation *out, struct arena *a, struct fail *why);

/* `word` and `finance_no` at NULL: as they are. What is booked is asked a receipt for. Fails: CONFIRMATION_STATE (fact state) the table does not allow it, or another was quicker. */
MUST_USE bool confirmation_move(struct tx *tx, const struct confirmation *c, enum confirmation_state to, struct str word, struct str finance_no, int64_t now_ms, struct fail *why);

/* What a payer is told of all of an order's notices together: the least of them. *text at NULL: there is no money to be booked. */
MUST_USE bool confirmation_of_order(struct tx *tx, int64_t order, struct str *text, struct fail *why);
#endif
