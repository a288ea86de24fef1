/* payments/reconciliation/recon_find.h - a statement of a day beside our books: what does not match, and how much does.
 *
 * Our records of that day are held in memory (recon_join.h) while the statement streams by; what stands in one and not in the other is looked up in all
 * the days there are, and in the neighbours' statements, because midnight is not at the same moment everywhere. The same books and statements give the same
 * differences, in the same order.
 * Thread: one that may wait, with a read transaction. Owns: what was found is the caller's until recon_found_drop. */
#ifndef PAYMENTS_RECONCILIATION_RECON_FIND_H
#define PAYMENTS_RECONCILIATION_RECON_FIND_H
#include "payments/reconciliation/recon.h"
#include "payments/reconciliation/recon_settled.h"

enum { RECON_NUMBER_MAX = 80, RECON_FOUND_MAX = 200000 /* more is not a day's work: it is the wrong file */ };

struct recon_found {
	enum recon_side side;
	enum recon_kind kind;
	bool queued;          /* it is among the odd money already, with that amount: nobody need do more here */
	int64_t ours, ours_fen, theirs_fen, line, division, at_ms;
	char number[RECON_NUMBER_MAX + 1];
	int64_t channel;      /* of an order of theirs that we know nothing of, and are to ask about there; 0: we are not */
	char order_no[BILL_TEXT_MAX + 1]; /* theirs */
};

struct recon_question {
	enum bill_source source;
	int32_t day;
	int64_t cutoff_ms;    /* so near to midnight a payment may be the neighbour's */
	struct str names;     /* as struct bill_want has it */
	struct str merchant;  /* whose a fund flow is that does not say */
	struct blobs *blobs;
};

struct recon_result {
	bool has_statement;   /* false: there is nothing to hold our books beside */
	int64_t ours, theirs, matched;
	struct recon_found *found;
	int64_t count, room;
	struct recon_settled settled; /* what it says reached which account */
	int64_t file;         /* of a fund flow: the first of its files */
	int64_t books;        /* what our side was: recon_books_print */
};
/* Fails: RECON_MANY more than RECON_FOUND_MAX do not match; IMPORT, SEALED a statement is not what it was; as store/store.h does. */
MUST_USE bool recon_find(struct tx *tx, const struct recon_question *q, struct recon_result *out, struct fail *why);
void recon_found_drop(struct recon_result *r);
#endif
