/* services/money/refunding.h - what all who ask for a refund, look at one or list them have in common (payments/refunds/refund.h): the wish, who may have it, how one is written, its clock.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_REFUNDING_H
#define SERVICES_REFUNDING_H
#include "base/request.h"
#include "payments/refunds/refund.h"

/* ---- asking: {"payment_code", "refundable_fen", "amount_fen" (absent: all of it, or the items together), "items": [{"n", "amount_fen"}] (absent: from the first on), "ground", "reason"} ---- */

struct refunding {
	struct str code_text, ground_name, reason;
	int64_t refundable_fen, fen;
	int64_t ground;
	int item_count;            /* 0: none was said */
	struct refund_item items[NOTICE_ITEMS_MAX];
	char code[PAYMENT_CODE_DIGITS + 1];
};
MUST_USE bool refunding_parse(struct request *r, struct fail *why);  /* the state of the request */
/* Looks, asks and audits for whoever r->who is: who ordered (or whose notice it is, where it was taken at a counter); the department whose notice it is; staff of the region.
 * To others there is no such payment. Fails: NOT_FOUND; NOTICE_STATE (fact state) no money came for it; REFUNDABLE, REFUNDS. */
MUST_USE bool refunding_apply(struct tx *tx, struct request *r, struct fail *why);
MUST_USE bool refunding_render(struct request *r, struct fail *why); /* 201 with id, state, amount */

/* ---- one ---- */

struct refund_view {
	struct refund refund;
	char payment_code[PAYMENT_CODE_DIGITS + 1]; /* "": of odd money */
	struct str unit_name, reason, refusal;
	struct id odd;                        /* with payment_code "" */
	bool has_due;
	int32_t due;                          /* the last day of the clock that runs; has_due false: none runs, or the calendar is not known so far */
	int item_count;
	struct refund_item_row items[NOTICE_ITEMS_MAX];
	int step_count;
	struct refund_step steps[REFUND_STEPS_MAX];
};
MUST_USE bool refund_view_look(struct tx *tx, struct request *r, const struct refund *of, struct refund_view *v, struct fail *why);
void refund_view_members(struct json_out *j, const struct refund_view *v, bool is_for_person);

struct refund_one {
	struct id key;
	struct refund_view view;
	struct str verdict, note, number; /* of acts upon it */
};
MUST_USE bool refund_one_parse(struct request *r, struct fail *why);  /* no body; the state of the request */
MUST_USE bool refund_one_render(struct request *r, struct fail *why); /* after look: all of it, as r->who may see it */

/* An act upon one: in apply, again by its key. Fails NOT_FOUND. */
MUST_USE bool refund_one_again(struct tx *tx, struct request *r, struct refund *out, struct fail *why);
MUST_USE bool refund_one_done(struct tx *tx, struct request *r, const struct refund *f, int act, struct str note, struct fail *why); /* audit and outcome */
MUST_USE bool refund_done_render(struct request *r, struct fail *why); /* {"id", "state"} */

/* What of an order or a notice went back, as its "refund"; null: nothing was asked for. */
void refund_sums_out(struct json_out *j, const struct refund_sums *s, int64_t paid_fen);

/* ---- lists ---- */

struct refund_page {
	struct refund_filter filter;
	int limit, count;
	bool is_more;
	struct refund *found;
	struct refund_view items[];
};
MUST_USE bool refund_page_parse(struct request *r, struct fail *why); /* cursor, limit, state */
MUST_USE bool refund_page_look(struct tx *tx, struct request *r, struct fail *why); /* of r->who */
MUST_USE bool refund_page_render(struct request *r, struct fail *why);

void refund_deeds_compose(void); /* services/money/refund_deed.c: what two people decide */

/* services/money/refund_push.c: a job's bite. */
MUST_USE bool refunds_push(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* The same room: how much waits for staff, for the metrics. */
void money_watch_open(void); /* once, before the job runs */
MUST_USE bool money_watch(struct tx *tx, int64_t now_ms, struct fail *why);
#endif
