/* store/rowcache.h - rows a loop has read lately, and how it learns that they changed.
 * Thread: a cache belongs to its connection's thread; rowcache_forget is called by whoever committed.
 * Source: the proof on top of rowcache.c. */
#ifndef STORE_ROWCACHE_H
#define STORE_ROWCACHE_H
#include "store/store.h"

struct rowcache;

void rowcache_label(void); /* the names its metric goes by */
struct rowcache *rowcache_make(enum row_kind kind, int rows); /* NULL: rows is 0 or there is no memory; the cache is off then */
void rowcache_free(struct rowcache *r);
void rowcache_new_snapshot(struct rowcache *r);
/* After the commit number was published: readers stop believing what they have of these rows. */
void rowcache_forget(struct store *s, const uint64_t *touched, size_t count, bool all);
#endif
