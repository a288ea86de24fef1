/* gateway/beside/indexer.h - the thread that makes the search index anew when the catalogue has changed, and puts it where all find it (base/shelf.h).
 *
 * It looks at the catalogue's generation twice a second, on this node or another that wrote it, and reads the matters in short snapshots, so that it holds up
 * nobody. A catalogue that changes while it is read is read once more.
 * Thread: start and stop by whoever starts the gateway; the rest is its own. */
#ifndef GATEWAY_BESIDE_INDEXER_H
#define GATEWAY_BESIDE_INDEXER_H
#include "base/fail.h"

struct indexer;
struct store; /* store/store.h */

/* The first index is there when this returns: who is let in finds what he searches. */
struct indexer *indexer_start(struct store *s, struct fail *why);
void indexer_stop(struct indexer *x); /* NULL is fine */
#endif
