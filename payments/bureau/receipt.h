/* payments/bureau/receipt.h - the fiscal e-receipt (财政电子票据) of a notice that is booked: code, number and check code, as the finance system issues them.
 *
 * While one is valid its money does not go back: receipt_reverse has a red one (冲红) issued first. It is reversed whole: when a part of the money went back there is a new paper for what
 * remains, and the old one is kept beside it, so that whoever is shown it learns that it is good no more.
 *
 * Thread: whoever holds the transaction. */
#ifndef PAYMENTS_BUREAU_RECEIPT_H
#define PAYMENTS_BUREAU_RECEIPT_H
#include "base/fail.h"
#include "base/str.h"
#include "store/store.h"

enum receipt_state {
#define STATE(name, number, text, may) RECEIPT_IS_##name = number,
#include "payments/bureau/receipt_states.def"
#undef STATE
};
struct str receipt_state_text(enum receipt_state s);

struct receipt {
	int64_t id, confirmation;
	enum receipt_state state;
	int64_t effect;                /* 0: none under way */
	bool is_unwanted;
	int64_t n, amount_fen;         /* which of its papers it is, from 1; and for how much */
	int64_t made_ms, issued_ms, reversed_ms;
};
/* Of a confirmation; out->id 0: none was asked for yet. */
MUST_USE bool receipt_find(struct tx *tx, int64_t confirmation, struct receipt *out, struct fail *why);
MUST_USE bool receipt_read(struct tx *tx, int64_t id, struct receipt *out, struct fail *why); /* fails NOT_FOUND */
/* Fails: RECEIPT_STATE (fact state). `word` at NULL: as it is. */
MUST_USE bool receipt_move(struct tx *tx, const struct receipt *r, enum receipt_state to, struct str word, int64_t now_ms, struct fail *why);

bool receipt_refuse_state(const struct receipt *r, struct fail *why); /* false: RECEIPT_STATE (fact state) */

/* Nobody else has receipts of this notice asked for or called back until the transaction's end. */
MUST_USE bool receipt_hold(struct tx *tx, int64_t notice, struct fail *why);
/* Before money of this notice goes back. *is_clear: no valid receipt speaks for it, and none will be issued. Otherwise a red one is on its way: ask again later; asking twice
 * changes nothing. *is_stuck: the finance system refused it, and staff has to look. */
MUST_USE bool receipt_reverse(struct tx *tx, int64_t notice, int64_t now_ms, bool *is_clear, bool *is_stuck, struct fail *why);
/* After money of it went back, or did not after all: unless more is on its way, what its payer paid net has a receipt again, a new paper where there was one. Nothing when nothing remains;
 * nor where the finance system does so by itself (finance.receipt_rest). Asking twice changes nothing. */
MUST_USE bool receipt_rest(struct tx *tx, int64_t notice, int64_t now_ms, struct fail *why);
void receipts_compose(bool rest_is_asked_for); /* before threads start */
#endif
