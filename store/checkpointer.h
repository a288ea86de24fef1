/* store/checkpointer.h - moves the log's pages back into the database beside the committer, so that no commit pays for it.
 *
 * Wakes when a commit left more than store.wal_pages, runs PASSIVE checkpoints paced by size, and says so when the log keeps
 * growing because some reader holds it (event wal_large).
 * Thread: its own; start and stop from main. */
#ifndef STORE_CHECKPOINTER_H
#define STORE_CHECKPOINTER_H
#include "store/store.h"

struct checkpointer;
struct checkpointer *checkpointer_start(struct store *s, const struct config *c, struct fail *why);
void checkpointer_stop(struct checkpointer *c); /* one last checkpoint */

/* The body of the thread, for the simulator: what a commit woke it for, if one did. */
struct checkpointer *checkpointer_make(struct store *s, const struct config *c, struct fail *why); /* without a thread */
bool checkpointer_step(struct checkpointer *c);
#endif
