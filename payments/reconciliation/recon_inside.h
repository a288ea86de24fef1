/* payments/reconciliation/recon_inside.h - what finding differences is made of: our records out of the tables. Nobody outside payments/reconciliation/ includes it.
 * Thread: as recon_find.h says. */
#ifndef PAYMENTS_RECONCILIATION_RECON_INSIDE_H
#define PAYMENTS_RECONCILIATION_RECON_INSIDE_H
#include "payments/ledger/ledger.h"
#include "payments/reconciliation/recon_find.h"
#include "payments/reconciliation/recon_join.h"

enum recon_by { RECON_BY_NUMBER, RECON_BY_CODE };

struct recon_source {
	enum bill_source source;
	int64_t channel;      /* 0: all */
	enum recon_side side;
	enum recon_by by;
	bool asks;            /* about orders of theirs that we know nothing of */
};

/* All of ours that came from from_ms on and before to_ms. */
MUST_USE bool recon_ours_load(struct tx *tx, const struct recon_source *s, int64_t from_ms, int64_t to_ms, struct recon_join *j, struct fail *why);
/* One by its number, or by our own number of its order, whenever it came; row->ours RECON_OURS_NONE: nobody knows it. */
MUST_USE bool recon_ours_look(struct tx *tx, const struct recon_source *s, enum recon_side side, struct str number, struct str order_no, struct recon_ours_row *row, struct fail *why);
/* What of a notice's money has gone back, by its payment code. */
MUST_USE bool recon_returned(struct tx *tx, struct str code, int64_t *fen, struct fail *why);
/* "NUMBER", of the second of them "NUMBER#2": nth from 0. */
size_t recon_number_nth(struct str number, int nth, char out[RECON_NUMBER_MAX + 1]);
MUST_USE bool recon_division_of(struct tx *tx, const struct recon_ours_row *row, int64_t *division, struct fail *why);
#endif
