/* store/backup.h - a copy of a database that is in use: one snapshot, a few pages at a time, while others write.
 *
 * The copy is the reader's snapshot: what was committed before it began is in it, what was committed later is not. While it lasts the log cannot
 * begin anew behind it, and grows with what is written meanwhile.
 * PostgreSQL has tools of its own for this: there it fails as SERVER_BACKUP.
 * Thread: the reader's; `done`, `total` and `stop` are anybody's. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H
#include "store/store.h"
#include <stdatomic.h>

struct backup_progress {
	_Atomic int64_t done_pages, total_pages;
	_Atomic int64_t done_blobs, total_blobs;
	_Atomic bool stop; /* asks it to give up */
};

/* Copies the snapshot that `reader` holds (reader_begin) into a new file of mode 0600 and syncs it; what stands at `path` is refused.
 * Fails: SYSTEM, STORE_FULL, STORE with the file's name; STOPPING. The file may be there in part then. */
MUST_USE bool store_backup(struct connection *reader, const char *path, struct backup_progress *p, struct fail *why);
/* Reads every page of the reader's snapshot: structure, indexes, foreign keys. Fails: STORE with what is wrong first. */
MUST_USE bool store_verify(struct connection *reader, struct fail *why);
#endif
