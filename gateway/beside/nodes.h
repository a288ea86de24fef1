/* gateway/beside/nodes.h - this process among the gateways that share its database: its beat, and what follows from the others' (store/node.h).
 *
 * On SQLite there is one gateway (the folder's lock says so), and `struct nodes` is NULL: every question below takes that for "alone".
 * Thread: a thread of its own beats, because no lane that is full may make a node look dead; the questions are any thread's. */
#ifndef GATEWAY_BESIDE_NODES_H
#define GATEWAY_BESIDE_NODES_H
#include "base/config.h"
#include "base/fail.h"
#include <stdbool.h>
#include <stdint.h>

struct nodes;
struct store; /* store/store.h */

/* Begins a life; `jobs` are the names of those that one node does for all, NULL in between. *out NULL: the database is this process's own. */
MUST_USE bool nodes_start(struct store *s, const struct config *c, const char *const *jobs, int job_count, struct nodes **out, struct fail *why);
/* Who wants to know that somebody has died, or we were thought to be. Called on the beating thread; must only post. */
void nodes_on_death(struct nodes *n, void (*heard)(void *ctx), void *ctx);
int64_t nodes_self(const struct nodes *n);        /* our number; 0: the others may think that we are dead. Only for those who are not alone */
int nodes_alive(const struct nodes *n);           /* we among them: at least 1 */
/* This job is ours to do; *self: under which number. Alone: every job is, and 0. */
bool nodes_do(const struct nodes *n, int job, int64_t *self);
void nodes_stop(struct nodes *n);                 /* gives back what it has: after the last effect's outcome and the last job */
void nodes_drop(struct nodes *n);                 /* when nobody asks any more */
#endif
