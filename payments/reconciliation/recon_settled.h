/* payments/reconciliation/recon_settled.h - what a statement says reached which account, counted while it passes; which of them says so of which channel is recon_settles.def. Posted by recon_settle.h.
 *
 *   begin → (line)* → end, file by file
 *
 * Thread: as recon_find.h says. Owns: nothing; plain numbers and texts.
 * Units:  fen; + came to the account, - left it, and a fee that was kept is below zero. */
#ifndef PAYMENTS_RECONCILIATION_RECON_SETTLED_H
#define PAYMENTS_RECONCILIATION_RECON_SETTLED_H
#include "payments/reconciliation/recon_file.h"

enum { RECON_SETTLED_MAX = 128 /* of a source and day, by channel, merchant, account and business */ };

struct recon_settled_row {
	int64_t channel, business, lines, fen;
	char merchant[BILL_TEXT_MAX + 1]; /* whose money it was there; "" of a channel without any */
	char account[BILL_TEXT_MAX + 1];  /* where it is now; of a fund flow the merchant's own; "": the statement does not say, or it is nowhere yet */
};

/* An account's balance as its flow tells it, held against its lines. A difference is shown and nothing refused: the file is whole by its sums, and that its lines stand in their order of time, or
 * backwards, is nobody's word. breaks: lines whose balance does not follow from the one before. */
struct recon_flow {
	char account[BILL_TEXT_MAX + 1];
	int64_t lines, opening_fen, moved_fen, closing_fen, breaks;
};

struct recon_settled {
	struct recon_settled_row rows[RECON_SETTLED_MAX];
	int count, last;
	struct recon_flow flows[RECON_FILES_MAX];
	int flow_count;
	int64_t first_balance_fen, last_balance_fen, last_fen, breaks_back; /* of the flow under way */
	char asked[BILL_TEXT_MAX + 1];                                      /* the merchant that was looked for last, and whose he is */
	int64_t asked_channel;
};

void recon_settled_text(char out[BILL_TEXT_MAX + 1], struct str text); /* a merchant's or an account's number */
/* `own`: whose a fund flow is that does not say (one that was fetched has no number in it). */
void recon_settled_begin(const struct recon_file *f, struct str own, struct recon_settled *s);
/* *is_over: a line that is held beside nothing of ours: a movement of an account, or a sum paid out. Fails: RECON_MANY more than RECON_SETTLED_MAX. */
MUST_USE bool recon_settled_line(struct tx *tx, const struct recon_file *f, struct str own, const struct bill_line *l, struct recon_settled *s, bool *is_over, struct fail *why);
MUST_USE bool recon_settled_end(const struct recon_file *f, struct recon_settled *s, struct fail *why);
#endif
