/* channels/finance.h - the finance bureau's non-tax system, in its JSON form: what does it know about a payment code? Pure.
 *
 *   POST {base}/notices/query, JSON, signed as Standard Webhooks are, over the body
 *
 * Its record is the first in the order of truth about money. Frames of CNNONTAX say the same in another form (channels/finance_frame.h); which one is spoken is configuration (finance.form).
 * Thread: any.
 * Source: protocols/government.md A6; tests/sandbox/README.md, "Peer finance". */
#ifndef CHANNELS_FINANCE_H
#define CHANNELS_FINANCE_H
#include "base/json.h"
#include "base/log.h"
#include "channels/http.h"

struct finance_question {
	struct str base;          /* without a slash at its end */
	struct str code;          /* of payment */
	struct secret key;        /* whsec_… */
	struct str id;            /* of this question: visible ASCII without "." */
	int64_t now_ms;
};

enum finance_verdict {
	FINANCE_FOUND,
	FINANCE_NOT_FOUND,
	FINANCE_PAID,
	FINANCE_VOID,
	FINANCE_OTHER_DIVISION,   /* another bureau's: *division says whose, 0 when it was not said */
	FINANCE_TAX_OFFICE,       /* the tax authority collects this item */
	FINANCE_BROKEN,           /* nothing is known */
};

/* Texts are made in `a`. Fails: CONFIG the key is none; MEMORY. */
MUST_USE bool finance_build(const struct finance_question *q, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole answer. FOUND gives the notice in *notice, which the caller drops. BROKEN notes in `why` (PEER_NONSENSE) what was wrong, the others nothing. */
enum finance_verdict finance_judge(struct str id, const struct http_answer *answer, json_t **notice, int64_t *division, struct arena *a, struct fail *why);
#endif
