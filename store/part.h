/* store/part.h - a part of a write transaction that may fail without the rest: for whoever does many things in one, and must be able to leave out what cannot be done.
 *
 * Thread: the transaction's. Parts do not lie in each other, and no statement is open around one. */
#ifndef STORE_PART_H
#define STORE_PART_H
#include "store/store.h"

typedef bool (*tx_part_fn)(struct tx *tx, void *ctx, struct fail *why);
/* true: the transaction goes on. When the part said no, `reason` holds why, and what it wrote, touched and told is undone; otherwise reason->code is FAIL_NONE.
 * false: the transaction is over for all, as its database or connection failed, or it met another and is to be run again. */
MUST_USE bool tx_part(struct tx *tx, tx_part_fn part, void *ctx, struct fail *reason, struct fail *why);
#endif
