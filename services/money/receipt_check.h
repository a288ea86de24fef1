/* services/money/receipt_check.h - is an e-receipt good? The one answer that the API and the page give to whoever is shown one.
 *
 * Only who has code, number, check code and amount is told anything, and then no more of its payer than a masked name; wrong and unknown are one answer, come by in one way: what is done for
 * one is done for the other, and for what is good. Questions about one receipt and of one address are counted (rate LOOKUP), so nobody tries check codes.
 * Thread: whoever runs the stage. */
#ifndef SERVICES_RECEIPT_CHECK_H
#define SERVICES_RECEIPT_CHECK_H
#include "base/request.h"

struct receipt_question {
	struct str code, number, check_code;
	int64_t amount_fen;
};

enum receipt_result { RECEIPT_UNKNOWN, RECEIPT_GOOD, RECEIPT_CALLED_BACK };

struct receipt_found {
	enum receipt_result result;       /* UNKNOWN: nothing else is said */
	struct str unit_name, payer;      /* payer: masked */
	int64_t issued_ms, reversed_ms;   /* reversed_ms 0: not, or being so */
};

struct str receipt_result_text(enum receipt_result result);
uint64_t receipt_rate_key(struct str code, struct str number); /* for request.rate_key */
MUST_USE bool receipt_check(struct tx *tx, const struct receipt_question *q, struct receipt_found *out, struct arena *a, struct fail *why);
#endif
