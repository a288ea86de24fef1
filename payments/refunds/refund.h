/* payments/refunds/refund.h - money goes back (退付): asked for, verified by the unit, decided by two of the payment office, and paid once.
 *
 *   asked → reviewed → red_receipt → sent → done        refused | withdrawn | closed (nothing moved) | abnormal, unknown (until somebody knows)
 *
 * A refund is of one notice of a payment, or of odd money, whole. Its name is its number at the channel too (out_refund_no): one for ever, so that however often it is sent, money
 * moves once. What was asked for and not given up never exceeds what was paid: a counter row for each notice of a payment, with a CHECK. Ledger: approved → from income (or suspense)
 * to "refunding"; done → from there to the channel, or the bank; closed → back.
 *
 * Thread: the write lane for what writes; reading is whoever's that holds the transaction. Owns: texts live in the arena. Units: fen; milliseconds.
 * Source: protocols/government.md A9, wechat.md C7. */
#ifndef PAYMENTS_REFUNDS_REFUND_H
#define PAYMENTS_REFUNDS_REFUND_H
#include "payments/aside.h"
#include "payments/orders/odd_money.h"
#include "payments/orders/payment.h"

/* ---- tables ---- */

enum refund_state {
#define STATE(name, number, text, shown, clock, may) REFUND_##name = number,
#include "payments/refunds/refund_states.def"
#undef STATE
};
enum refund_clock { REFUND_CLOCK_NONE, REFUND_CLOCK_REVIEW, REFUND_CLOCK_DECIDE, REFUND_CLOCK_PAY };
struct str refund_state_text(int64_t state);  /* "sent" */
struct str refund_state_shown(int64_t state); /* "paying" */
int64_t refund_state_named(struct str text);  /* 0: none */
enum refund_clock refund_state_clock(int64_t state);
bool refund_is_over(int64_t state);           /* done, refused, closed, withdrawn */

enum refund_ground {
#define GROUND(name, number, text, zh) REFUND_FOR_##name = number,
#include "payments/refunds/refund_grounds.def"
#undef GROUND
};
int64_t refund_ground_named(struct str text); /* 0: none */
struct str refund_ground_text(int64_t ground);
struct str refund_ground_zh(int64_t ground);

enum refund_path {
	REFUND_NO_PATH,
#define PATH(name, number, text, gives, what) REFUND_BY_##name = number,
#include "payments/refunds/refund_paths.def"
#undef PATH
};
int64_t refund_path_named(struct str text);   /* 0: none */
struct str refund_path_text(int64_t path);    /* at NULL: not decided */

enum refund_asker { REFUND_ASKED_BY_PERSON = 1, REFUND_ASKED_BY_UNIT = 2, REFUND_ASKED_BY_OFFICE = 3 };

enum { REFUND_REASON_MAX = 200 /* characters */, REFUND_NUMBER_MAX = 64, REFUNDS_OF_PAYMENT_MAX = 50 /* wechat.md C7 */ };

struct refund {
	int64_t id;                   /* 0: there is none */
	struct id key;
	int64_t payment, notice;      /* 0: of odd money */
	int64_t odd;                  /* 0: of a payment */
	enum refund_asker asker;
	int64_t asked_by;             /* row id, by asker */
	int64_t person;               /* who paid, and is told; 0: nobody we know */
	int64_t department, division; /* department 0: the finance system's notice, or odd money */
	enum pay_channel channel;     /* it came by */
	enum refund_path path;
	enum refund_ground ground;
	int64_t fen;
	enum refund_state state, told; /* told: the state its person heard of last, 0 none */
	int64_t since_ms;             /* it is in its state */
	int64_t next_ms;              /* push_refunds looks at it; 0: it does not */
	int64_t tries;                /* questions in this state */
	int64_t effect;               /* the last, 0 none */
	struct str word, channel_no;  /* the channel's last word; its number, or the slip's or voucher's: "" none */
	int64_t made_ms, changed_ms;
};

/* ---- asking ---- */

/* What of a notice that a payment came for may still go back. */
struct refundable {
	int64_t payment, order, notice; /* payment 0: no money came for it */
	int64_t person;               /* who ordered, else whose notice it is; 0: nobody we know */
	int64_t ordered_by;           /* the person of the order; 0: it was taken at a counter */
	int64_t department, division;
	enum pay_channel channel;
	int64_t paid_fen, asked_fen, taken_ms;
};
MUST_USE bool refundable_find(struct tx *tx, int64_t notice, struct refundable *out, struct fail *why);

struct refund_item {
	int64_t n;                    /* of the notice's, from 1; late money is the first's */
	int64_t fen;
};

struct refund_new {
	struct id key;
	const struct refundable *of;
	enum refund_asker asker;
	int64_t asked_by;
	int64_t refundable_fen;       /* what the asker believes may still go back */
	int64_t fen;                  /* what should: 1 … refundable_fen */
	const struct refund_item *items; /* of which of the notice's items, together fen; NULL: from the first that has something left */
	int item_count;
	enum refund_ground ground;
	struct str reason;            /* sealed */
	int64_t now_ms;
	const uint8_t *salt;          /* 16 bytes of the request's randomness */
};
/* Fails: REFUNDABLE (fact refundable_fen) it is another amount now, or of an item it is (fact item); REFUNDS there are too many of this payment; FIELD no such item. */
MUST_USE bool refund_ask(struct tx *tx, const struct refund_new *n, struct refund *out, struct fail *why);

/* Of odd money, whole, decided already: it goes back the way it came. Fails: ODD_STATE. */
MUST_USE bool refund_odd(struct tx *tx, const struct odd_row *o, struct id key, int64_t staff, struct str reason, const uint8_t salt[16], int64_t now_ms, struct refund *out,
			 struct arena *a, struct fail *why);

/* ---- deciding ---- */

/* Each fails REFUND_STATE (fact state) when the table does not allow it, or another was quicker. */
MUST_USE bool refund_reviewed(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why);
MUST_USE bool refund_given_up(struct tx *tx, struct refund *r, enum refund_state to, int64_t now_ms, struct fail *why); /* REFUSED or WITHDRAWN */
/* Why: what its asker reads. */
MUST_USE bool refund_refused_for(struct tx *tx, const struct refund *r, struct str note, const uint8_t salt[16], struct arena *a, struct fail *why);
/* On this path: posts, and sends it when no e-receipt stands in the way. Fails: REFUND_PATH the channel does not give back by itself. */
MUST_USE bool refund_approved(struct tx *tx, struct refund *r, enum refund_path path, int64_t now_ms, struct arena *a, struct fail *why);
/* The way the rules choose: the counter's own, the channel's while the money is not with the treasury (a number of days after it came; negative: never), else the treasury's. */
enum refund_path refund_path_for(enum pay_channel channel, int64_t taken_ms, int64_t treasury_days, int64_t now_ms);

/* ---- paying ---- */

/* A channel that gives money back by itself. Both make an effect; the refund is as it is before the deed. */
struct refund_channel {
	bool (*send)(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why);
	bool (*query)(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why);
	bool (*is_there)(void); /* configured just now; NULL: always */
};
void refund_channel_compose(enum pay_channel channel, const struct refund_channel *c); /* before threads start; NULL: it does not */
bool refund_channel_is_there(enum pay_channel channel);

int64_t refund_next_ms(const struct refund *r, int64_t now_ms); /* when the job looks at it next, once its person has been told; 0: never */
/* What is due of one whose time has come: the receipts are asked again, the money is sent, the channel is asked. Leaves next_ms for the next time. */
MUST_USE bool refund_advance(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why);
/* Its call may or may not have been acted on: from now on the channel is asked. */
MUST_USE bool refund_unclear(struct tx *tx, struct refund *r, struct str word, int64_t now_ms, struct fail *why);
/* The channel will not do it, and has not: staff. */
MUST_USE bool refund_not_taken(struct tx *tx, struct refund *r, struct str word, int64_t now_ms, struct fail *why);
/* Under the same number once more, after it was abnormal. Fails: REFUND_STATE, REFUND_PATH. */
MUST_USE bool refund_send_again(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why);
/* Paid by hand under this number: at a counter, or by the treasury's voucher. Fails: REFUND_STATE; REFUND_NUMBER another refund has that number. */
MUST_USE bool refund_by_hand(struct tx *tx, struct refund *r, enum refund_path path, struct str number, int64_t now_ms, struct fail *why);

enum refund_said { REFUND_SAID_PROCESSING = 1, REFUND_SAID_SUCCESS, REFUND_SAID_CLOSED, REFUND_SAID_ABNORMAL };
struct refund_word {
	struct str number;            /* out_refund_no */
	enum refund_said said;
	int64_t fen;                  /* 0: it did not say */
	struct str channel_no;        /* "" none */
};
enum refund_heard {
	REFUND_HEARD = 1,             /* it moved */
	REFUND_HEARD_BEFORE,          /* nothing new */
	REFUND_HEARD_OF_NONE,         /* no refund of ours */
	REFUND_HEARD_AMOUNT,          /* of another amount: not believed */
	REFUND_HEARD_AGAINST,         /* our ledger says otherwise, and goes before: for reconciliation */
};
/* What the channel says of it, by callback or when asked: any order, any number of times. The callback is the last in the order of truth. */
MUST_USE bool refund_told(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why);

/* ---- reading ---- */

MUST_USE bool refund_find(struct tx *tx, struct id key, struct refund *out, struct arena *a, struct fail *why);
MUST_USE bool refund_read(struct tx *tx, int64_t id, struct refund *out, struct arena *a, struct fail *why);
/* Until the transaction's end nobody else moves it or its effects: for whoever reads it and goes on by what he read, where several may come at once. Before any row of a person.
 * Leaves it as it is now. */
MUST_USE bool refund_hold(struct tx *tx, struct refund *r, struct arena *a, struct fail *why);
/* Why it was asked for, and why it was refused ("" it was not): sealed as one text of two lines. */
MUST_USE bool refund_reason(struct tx *tx, int64_t id, struct str *reason, struct str *refusal, struct arena *a, struct fail *why);

struct refund_filter {
	int64_t person, department;   /* 0: any */
	int64_t state;                /* 0: any */
	int64_t region;               /* what lies in it; 0: all */
	int64_t below;                /* row id; INT64_MAX: from the newest */
};
MUST_USE bool refund_list(struct tx *tx, const struct refund_filter *f, struct refund *out, int most, int *count, struct arena *a, struct fail *why);
/* Up to `most` whose time has come, the longest waiting first; but for those that are set aside. */
MUST_USE bool refund_due(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why);
MUST_USE bool refund_heard_of(struct tx *tx, const struct refund *r, struct fail *why); /* its person has been told of r->state; next_ms as in r */

/* What it takes from which of the notice's items. */
struct refund_item_row {
	int64_t n, fen;
	struct str item, name;
};
MUST_USE bool refund_items(struct tx *tx, const struct refund *r, struct refund_item_row out[NOTICE_ITEMS_MAX], int *count, struct arena *a, struct fail *why);

struct refund_step {
	enum refund_state state;
	int64_t made_ms;
};
enum { REFUND_STEPS_MAX = 40 };
MUST_USE bool refund_steps(struct tx *tx, int64_t id, struct refund_step out[REFUND_STEPS_MAX], int *count, struct fail *why);

/* Of an order, or of a notice; the other is 0. */
struct refund_sums {
	int64_t under_way_fen, done_fen;
};
MUST_USE bool refund_sums_of(struct tx *tx, int64_t order, int64_t notice, struct refund_sums *out, struct fail *why);
/* "refunded" when all of it went back, "refunding" while some is on its way; at NULL: neither. */
struct str refund_sums_text(const struct refund_sums *s, int64_t paid_fen);

size_t refund_key_text(struct id key, char out[ID_TEXT_BYTES]); /* "rf_…": its name outside and its out_refund_no */
bool refund_key(struct str text, struct id *key);
#endif
