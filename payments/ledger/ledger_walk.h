/* payments/ledger/ledger_walk.h - is every fen where it was posted? Walked in pieces, so that a daemon can do it beside its work.
 *
 * ledger_walk holds the postings against their journals: whole, of one day, sum zero, and the digest that was sealed. ledger_walk_balances holds the noted balances
 * against the postings. That journals and accounts themselves are as they were written shows the chain (store/seal_check.h). A piece stops at the first thing that is wrong.
 * Thread: whoever holds the transaction. */
#ifndef PAYMENTS_LEDGER_LEDGER_WALK_H
#define PAYMENTS_LEDGER_LEDGER_WALK_H
#include "payments/ledger/ledger.h"

enum ledger_wrong {
	LEDGER_FINE,
#define LEDGER_WRONGS(X) \
	X(ORPHAN, "orphan", "a posting without its journal: it was put in, or the journal taken away") \
	X(NUMBER, "count", "not as many postings as there were") \
	X(SUM, "sum", "the postings do not sum to zero") \
	X(DAY, "day", "a posting is not of its journal's day") \
	X(CHANGED, "changed", "a posting is not what it was") \
	X(BALANCE, "balance", "the balance that was noted is not the sum of the postings up to its day") \
	X(NO_BALANCE, "no_balance", "the account moved on days that are closed, and no balance says so")
#define X(name, word, prose) LEDGER_WRONG_##name,
	LEDGER_WRONGS(X)
#undef X
	LEDGER_WRONG_COUNT
};
const char *ledger_wrong_word(enum ledger_wrong w);
const char *ledger_wrong_prose(enum ledger_wrong w);

enum { LEDGER_WALK_JOURNALS_MAX = 1000 }; /* of a piece (measured 2026-11: some 5 ms of a reader's time) */

struct ledger_walk {
	int64_t journal;  /* the last that was found right; 0 to begin with. The wrong one when one is wrong */
	int64_t journals, postings; /* of this piece */
	bool is_end;
	enum ledger_wrong wrong;
};
MUST_USE bool ledger_walk(struct tx *tx, struct ledger_walk *w, int64_t journals_max, struct fail *why);

/* Account by account, posting by posting; the whole state of the walk is here, so that a piece can end anywhere. All 0 to begin with. */
struct ledger_walk_balances {
	int64_t account;  /* being walked; the wrong one when one is wrong */
	int64_t day, journal, n; /* its last posting that was counted */
	int64_t sum, count;
	int64_t noted_day;       /* of its last balance that was found right, -1 none; when one is wrong: of that */
	int64_t rows;     /* postings of this piece */
	bool is_end;
	enum ledger_wrong wrong;
};
MUST_USE bool ledger_walk_balances(struct tx *tx, struct ledger_walk_balances *w, int64_t rows_max, struct fail *why);
#endif
