/* gateway/beside/jobs.h - the rows of jobs.def at work: each in small transactions through the committer, never two of one at a time.
 *
 * Bites are low jobs of the committer (store/committer.h). One that was full is followed by the next at once; one that failed is tried again
 * after its period. What one of several nodes does for all is fenced in its own transaction: a bite of who is no longer its owner does nothing. Who takes a job over runs it at once. The metrics say for each when it last went well, how many rows it did and how often it failed.
 * Thread: jobs_step on one thread; bites run on the committer's. */
#ifndef GATEWAY_BESIDE_JOBS_H
#define GATEWAY_BESIDE_JOBS_H
#include "base/fail.h"
#include <stdbool.h>
#include <stdint.h>

struct committer;
struct config;
struct jobs;
struct nodes; /* gateway/beside/nodes.h */
struct uv_loop_s;

/* `wake` is called from any thread when jobs_step has something to do before its time. */
struct jobs *jobs_make(struct committer *committer, const _Atomic(const struct config *) *config, void (*wake)(void *ctx), void *ctx, struct fail *why);
/* From now on others may do what one does for all: `nodes` says which is ours. NULL: we are alone. */
void jobs_among(struct jobs *j, const struct nodes *nodes);
const char *const *jobs_for_all(int *count); /* names of those that one node does for all, by their place in jobs.def; NULL in between */
/* Submits what is due at `mono_ms`; returns the milliseconds until something will be. */
int64_t jobs_step(struct jobs *j, int64_t mono_ms);
void jobs_stop(struct jobs *j);  /* any thread: nothing is submitted from now on */
void jobs_drop(struct jobs *j);  /* after the committer has stopped */

/* The same, turned by a timer of `loop`; set up before the loop runs. jobs_drop after the loop is closed. */
struct jobs *jobs_start(struct committer *committer, const _Atomic(const struct config *) *config, const struct nodes *nodes, struct uv_loop_s *loop, struct fail *why);
#endif
