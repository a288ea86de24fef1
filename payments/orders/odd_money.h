/* payments/orders/odd_money.h - money that came and fits nowhere (待处理款项): too late, a second time, for what is void, of another amount, of no order we know. It is never refused, for it has
 * come; never applied silently; never lost: it lies on the suspense account of its channel and division until two people say what becomes of it.
 *
 * Thread: the write lane for what writes; reading is whoever's that holds the transaction. Owns: texts live in the arena. Units: fen; milliseconds.
 * Source: protocols/government.md A7 (LONG, DUPLICATE_PAYMENT, PAID_AFTER_VOID). */
#ifndef PAYMENTS_ORDERS_ODD_MONEY_H
#define PAYMENTS_ORDERS_ODD_MONEY_H
#include "base/ids.h"
#include "payments/ledger/ledger.h"

enum odd_kind {
#define ODD(name, number, text, zh, proposes, may, what) ODD_##name = number,
#include "payments/orders/odd_kinds.def"
#undef ODD
};

enum odd_proposes { ODD_TO_APPLY = 1, ODD_TO_REFUND, ODD_TO_LOOK };

struct odd_kind_row {
	enum odd_kind kind;
	struct str text, zh;
	enum odd_proposes proposes;
	bool may_be_applied;
};
const struct odd_kind_row *odd_kind_row(int64_t kind); /* of a number in the table */
const struct odd_kind_row *odd_kind_named(struct str text); /* NULL: none */

enum odd_state {
#define STATE(name, number, text, may) ODD_IS_##name = number,
#include "payments/orders/odd_states.def"
#undef STATE
};
struct str odd_state_text(int64_t state);
int64_t odd_state_named(struct str text); /* 0: none */

enum { ODD_REFERENCE_MAX = 64 };

struct odd_money {
	enum odd_kind kind;
	enum pay_channel channel;
	struct str reference;    /* the channel's own number of the payment; 1 … ODD_REFERENCE_MAX bytes */
	int64_t order;           /* 0: none of ours */
	int64_t division, fen, came_ms;
};
/* Keeps it, or finds it kept (by channel and reference; then nothing is done). Posts channel debit, suspense credit.
 * Fails: CONFLICT that number came before with another amount; PAYMENT_REFERENCE it is that of a payment that was taken. */
MUST_USE bool odd_money_put(struct tx *tx, const struct odd_money *m, int64_t now_ms, int64_t *id, struct fail *why);

struct odd_row {
	int64_t id;              /* 0: there is none */
	struct id key;
	struct odd_money money;
	enum odd_state state;
	int64_t made_ms, changed_ms;
};
MUST_USE bool odd_money_find(struct tx *tx, struct id key, struct odd_row *out, struct arena *a, struct fail *why);   /* by its name outside */
MUST_USE bool odd_money_by_id(struct tx *tx, int64_t id, struct odd_row *out, struct arena *a, struct fail *why);
/* Is this number here? For whoever must tell a repeat. */
MUST_USE bool odd_money_by_reference(struct tx *tx, enum pay_channel channel, struct str reference, struct odd_row *out, struct arena *a, struct fail *why);

struct odd_filter {
	int64_t state, kind;     /* 0: any */
	int64_t region;          /* what lies in it; 0: all */
	int64_t below;           /* row id; INT64_MAX: from the newest */
};
/* Newest first, up to `most`. */
MUST_USE bool odd_money_list(struct tx *tx, const struct odd_filter *f, struct odd_row *out, int most, int *count, struct arena *a, struct fail *why);

/* Who ordered what it was meant for; 0: nobody we know. */
MUST_USE bool odd_money_person(struct tx *tx, const struct odd_row *o, int64_t *person, struct fail *why);
/* What the tables propose for it as things stand: odd_kinds.def, and whether its order's notices are all unpaid and of its amount. */
MUST_USE bool odd_money_proposes(struct tx *tx, const struct odd_row *o, enum odd_proposes *what, struct fail *why);
struct str odd_proposes_text(enum odd_proposes what); /* "apply" */

struct odd_applying {
	const struct odd_row *odd;
	int64_t notice;          /* 0: those of its order */
	struct id key;           /* of the order that is made for it */
	int64_t staff;           /* whose that order is where nobody we know ordered */
	int64_t now_ms;
	const uint8_t *salt;     /* 16 bytes of the request's randomness */
};
/* Orders the notices as if it had been when the money came, and takes it out of suspense: order, notices, payment and journal in one. *payment: its row.
 * Fails: ODD_STATE; ODD_GOES_BACK by its kind; PAYMENT_AMOUNT (fact total_fen); NOTICE_PAID, NOTICE_VOID, NOTICE_OVER, NOTICE_QUOTE on the day it came; ORDER_LIVE. */
MUST_USE bool odd_money_apply(struct tx *tx, const struct odd_applying *w, int64_t *payment, struct arena *a, struct fail *why);

/* Fails: ODD_STATE (fact state) the table does not allow it, or another was quicker. */
MUST_USE bool odd_move(struct tx *tx, int64_t id, enum odd_state from, enum odd_state to, int64_t now_ms, struct fail *why);

void odd_money_key_text(struct id key, char out[ID_TEXT_BYTES]); /* "om_…" */
bool odd_money_key(struct str text, struct id *key);
#endif
