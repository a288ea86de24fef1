/* store/meta.h - small named values of the database itself: keys, marks, versions. Names are ours, never a client's.
 * Thread: the transaction's. */
#ifndef STORE_META_H
#define STORE_META_H
#include "store/store.h"

/* *len is the value's length, -1 when there is none by that name. A value longer than `max` fails INTERNAL. */
MUST_USE bool meta_get(struct tx *tx, struct str name, void *out, size_t max, int64_t *len, struct fail *why);
MUST_USE bool meta_put(struct tx *tx, struct str name, const void *value, size_t len, struct fail *why);
#endif
