/* services/money/ordering.h - what ordering from a phone and paying at a counter share: codes in, each found here or asked of the finance system, an order made of them.
 * Thread: whoever runs the stage. */
#ifndef SERVICES_ORDERING_H
#define SERVICES_ORDERING_H
#include "channels/ask.h"
#include "payments/orders/order.h"

struct ordering {
	int count;
	char codes[ORDER_NOTICES_MAX][PAYMENT_CODE_DIGITS + 1];
	int64_t divisions[ORDER_NOTICES_MAX];
	struct notice notices[ORDER_NOTICES_MAX];
	bool asks[ORDER_NOTICES_MAX], is_told[ORDER_NOTICES_MAX];
	int asked;                 /* whose answer is awaited */
};

/* "payment_codes" of the body, which loses it: what json_take knows is the rest. Fails: FIELD, FIELD_MISSING; NOTICE_UNKNOWN. */
MUST_USE bool ordering_codes(json_t *body, struct ordering *o, struct fail *why);
MUST_USE bool ordering_look(struct tx *tx, struct request *r, struct ordering *o, struct fail *why);
/* One question at a time, until all that has to be asked is. */
MUST_USE bool ordering_ask(struct request *r, struct ordering *o, struct question *q, struct fail *why);
MUST_USE bool ordering_answered(struct request *r, struct ordering *o, const struct http_answer *answer, struct fail *why);
/* A county's money is taken at its own counters, and at those of the prefecture above it. In apply. Fails: NOTICE_ELSEWHERE. */
MUST_USE bool ordering_is_of_this_counter(const struct request *r, const struct ordering *o, struct fail *why);
/* In apply; `by` is who orders, at a counter the clerk. */
MUST_USE bool ordering_make(struct tx *tx, struct request *r, struct ordering *o, struct order *out, struct fail *why);
void order_id_text(const struct order *o, char out[ID_TEXT_BYTES]); /* "or_…" */
#endif
