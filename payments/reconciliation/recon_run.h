/* payments/reconciliation/recon_run.h - which source of which day is to be held beside our books, who does it, and what came of it.
 *
 *   asked → under way → done | nothing to hold beside; failed: asked again by itself, a little later each time
 *
 * One row a source and day. Asking again makes a new round, and whoever is at an older one writes no more. Who fell silent for RECON_CLAIM_MS is taken for dead.
 * What did not match are items: the same difference is the same row in every round; one that is not found any more says so.
 * Thread: the write lane. */
#ifndef PAYMENTS_RECONCILIATION_RECON_RUN_H
#define PAYMENTS_RECONCILIATION_RECON_RUN_H
#include "payments/reconciliation/recon_find.h"

enum recon_run_state { RECON_RUN_ASKED = 1, RECON_RUN_UNDER_WAY, RECON_RUN_DONE, RECON_RUN_NOTHING };
struct str recon_run_state_text(int64_t state);
enum recon_item_state { RECON_ITEM_OPEN = 1, RECON_ITEM_QUEUED, RECON_ITEM_SETTLED, RECON_ITEM_GONE };
struct str recon_item_state_text(int64_t state);
int64_t recon_item_state_named(struct str text); /* 0: none */

#define RECON_CLAIM_MS INT64_C(120000) /* two at one round do the same: too short is only work done twice */
enum { RECON_BITE = 50 /* items in a transaction */ };

struct recon_claim {
	int64_t id, day, round, tries; /* id 0: nothing is due */
	enum bill_source source;
};

MUST_USE bool recon_ask(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why);
/* After a statement was taken: its day (of the finance bureau's that of e-receipts too), and those around it where they were done before: what is carried, and what stands in two. */
MUST_USE bool recon_ask_around(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why);
/* Our books know more of that day than when it was held beside them, or began to be: once more, in a moment. */
MUST_USE bool recon_ask_soon(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why);
/* Each source of that day. */
MUST_USE bool recon_ask_day_soon(struct tx *tx, int64_t day, int64_t now_ms, struct fail *why);
/* What was done and has open differences, where somebody asked in the last days: what came late may explain it. */
MUST_USE bool recon_ask_open(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);

MUST_USE bool recon_is_due(struct tx *tx, int64_t now_ms, bool *is, struct fail *why); /* any read */
MUST_USE bool recon_claim(struct tx *tx, int64_t now_ms, struct recon_claim *out, struct fail *why);
/* All of these fail with CONFLICT when there is a newer round. */
MUST_USE bool recon_items_keep(struct tx *tx, const struct recon_claim *c, const struct recon_found *found, int64_t count, int64_t now_ms, struct fail *why);
MUST_USE bool recon_items_clear(struct tx *tx, const struct recon_claim *c, int64_t rows_max, int64_t now_ms, int64_t *rows, struct fail *why);
MUST_USE bool recon_done(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why);
MUST_USE bool recon_failed(struct tx *tx, const struct recon_claim *c, struct str reason, int64_t now_ms, struct fail *why);
#endif
