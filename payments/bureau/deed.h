/* payments/bureau/deed.h - what the finance system is told of a confirmation: the payload all of its deeds share (channels/nontax.h), as an effect of the row it is about.
 * Thread: the write lane. */
#ifndef PAYMENTS_BUREAU_DEED_H
#define PAYMENTS_BUREAU_DEED_H
#include "base/str.h"
#include "notify/effect.h"

struct deed {
	int32_t kind;              /* KIND_… */
	struct str subject;        /* "confirmation:7" */
	int64_t confirmation;
	int64_t fen;               /* of a receipt; 0: what was paid */
	struct str receipt_code, receipt_number; /* of the paper that is called back, or replaced; at NULL otherwise */
};
MUST_USE bool deed_add(struct tx *tx, const struct deed *d, int64_t now_ms, int64_t *effect, struct fail *why);
/* The row a subject with this prefix is about; 0: it is none of ours. */
int64_t deed_subject(const struct effect_view *e, struct str prefix);
#endif
