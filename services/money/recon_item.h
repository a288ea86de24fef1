/* services/money/recon_item.h - a difference as a row, and its name outside.
 * Thread: whoever holds the transaction. Owns: number lies in the arena. */
#ifndef SERVICES_RECON_ITEM_H
#define SERVICES_RECON_ITEM_H
#include "store/store.h"

struct arena;

struct recon_item {
	int64_t id, source, day, side, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, first_ms, changed_ms;
	struct str number;
};
#define RECON_ITEM_COLUMNS "id, source, day, side, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, first_ms, changed_ms, number"
MUST_USE bool recon_item_take(struct stmt *q, struct recon_item *i, struct arena *a, struct fail *why);
MUST_USE bool recon_item_read(struct tx *tx, int64_t id, struct recon_item *i, struct arena *a, struct fail *why); /* fails NOT_FOUND */

enum { RECON_ITEM_TEXT = 24 };
void recon_item_text(int64_t id, char out[RECON_ITEM_TEXT]); /* "df_17" */
bool recon_item_named(struct str text, int64_t *id);
#endif
