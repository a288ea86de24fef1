/* payments/bureau/heard.h - what the finance system tells of its own accord: a notice was paid (5996 and its JSON), or is void. Its record goes before ours.
 *
 * Telling it again changes nothing. No money moves by it: what was paid elsewhere never was ours.
 * Thread: the write lane. Units: fen. Source: protocols/government.md A6, step 6. */
#ifndef PAYMENTS_BUREAU_HEARD_H
#define PAYMENTS_BUREAU_HEARD_H
#include "base/fail.h"
#include "base/str.h"
#include "store/store.h"

enum heard {
#define HEARD(name, number, text) HEARD_##name = number,
#include "payments/bureau/heard.def"
#undef HEARD
};
struct str heard_text(int64_t h);

struct finance_word {
	bool is_void;              /* otherwise: paid */
	struct str payment_code;   /* 20 digits */
	struct str trace_no;       /* of PAID: ours, when it is our payment that is booked */
	int64_t fen;               /* of PAID */
};
/* *notice: its row id, 0 with UNKNOWN. Fails: NOTICE_STATE somebody was quicker: told again it is heard. */
MUST_USE bool finance_heard(struct tx *tx, const struct finance_word *word, int64_t now_ms, enum heard *out, int64_t *notice, struct arena *a, struct fail *why);
#endif
