/* store/seal_check.h - is everything that was sealed still as it was? Walked in pieces, so that a daemon can do it beside its work.
 *
 * Two walks together show all of it. The walk along the chain finds a seal or fact that was changed, taken away or put in, and a row that was
 * changed or taken away; the walk over the rows of a kind finds a row that was put in (no fact stands for it). A piece stops at the first
 * thing that is wrong. Thread: whoever holds the transaction. */
#ifndef STORE_SEAL_CHECK_H
#define STORE_SEAL_CHECK_H
#include "store/fact.h"
#include "store/sealer.h"

enum seal_wrong {
	SEAL_FINE,
#define SEAL_WRONGS(X) \
	X(NO_SUCH_HEAD, "no_such_head", "there is no such head: sealed records were taken away from the end") \
	X(OTHER_HEAD, "other_head", "the chain there is not the one that was noted") \
	X(SEAL_GONE, "seal_gone", "the seal with this number is gone") \
	X(FACT_GONE, "fact_gone", "the fact it seals is gone") \
	X(FACT_UNSEALED, "fact_unsealed", "a fact was put in before it that was never sealed") \
	X(CHAIN, "chain", "the chain does not follow: the seal or its fact was changed") \
	X(ROW_GONE, "row_gone", "the record it stands for is gone") \
	X(ROW_CHANGED, "row_changed", "the record it stands for was changed") \
	X(ROW_UNKNOWN, "row_unknown", "a record without a fact: it was put in from outside")
#define X(name, word, prose) SEAL_WRONG_##name,
	SEAL_WRONGS(X)
#undef X
	SEAL_WRONG_COUNT
};
const char *seal_wrong_word(enum seal_wrong w);
const char *seal_wrong_prose(enum seal_wrong w);

enum { SEAL_CHECK_ROWS_MAX = 1000 }; /* of a piece (measured 2026-11: some 5 ms of a reader's time) */

struct seal_walk {
	struct seal at;       /* the last that was found right; to begin with: seq and chain of a noted head, or zeros */
	int64_t rows;         /* of this piece */
	bool is_end;          /* nothing is sealed behind `at` */
	enum seal_wrong wrong;
	int64_t wrong_seq;    /* where */
	int64_t kind, ref_a, ref_b; /* and of which record; 0 unknown */
};
/* Goes on from w->at. false: the database failed, nothing was found out. */
MUST_USE bool seal_walk(struct tx *tx, struct seal_walk *w, int64_t rows_max, struct fail *why);

struct seal_rows {
	const struct fact_row *kind;
	int64_t ref_a, ref_b; /* the last that was looked at, to begin with INT64_MIN; the wrong one when one is wrong */
	int64_t rows;
	bool is_end;
	enum seal_wrong wrong;
};
MUST_USE bool seal_rows(struct tx *tx, struct seal_rows *w, int64_t rows_max, struct fail *why);
#endif
