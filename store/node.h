/* store/node.h - the gateways that share one PostgreSQL: who lives, and which of the jobs that one does for all is whose.
 *
 * A node is one life of one process: a row with a number that is never given again. It beats: five times in its lease it adds one to its row's count. Who
 * is dead say the others, each by itself: a count that was the same whenever it looked, for the whole lease of that row, by the looker's own monotonic clock.
 * Then it ends the row, on condition that the count is still that one, and the next beat of whoever was only slow finds no row to add to. It takes a new number then, and what it had
 * begun under the old one it can no longer write down (notify/effect_move.h).
 *
 * No wall clock takes part: neither the nodes' own, which may differ, nor the database's, which may jump when another server takes its place and would end all leases in one moment.
 * Whoever beats judges by a clock of its own that its lease is over before anybody else may: it counts from before the beat was sent, others from after
 * they read it. And one that could not look for a while (paused, cut off, or the database was away) says of nobody that he is dead until it has looked for a whole lease again: else
 * the first to come back would bury all others.
 *
 * Effects and jobs name their owner; that they are free follows from his row, so a death is one UPDATE.
 * Thread: the transaction's. A watch is its owner's. Units: milliseconds. */
#ifndef STORE_NODE_H
#define STORE_NODE_H
#include "store/store.h"

enum { NODES_MAX = 64, NODE_JOBS_MAX = 64, NODE_HOME_BYTES = 97, NODE_HOST_BYTES = 65, NODE_VERSION_BYTES = 33, JOB_NAME_BYTES = 33 };

/* What was seen of one that lives. */
struct node_seen {
	int64_t id, beat, lease_ms;
	int64_t since_ms;            /* monotonic: from when on this beat was seen */
};
struct node_watch {
	struct node_seen at[NODES_MAX];
	int count;
	int64_t looked_ms;           /* monotonic: the last look; 0: none yet */
};
/* `mono_ms`: when this look began. */
bool node_watch_is_dead(const struct node_watch *w, const struct node_seen *n, int64_t mono_ms);
/* All that live, as this look found them; `mono_ms`: when it was over. */
void node_watch_saw(struct node_watch *w, const struct node_seen *rows, int count, int64_t mono_ms);

struct node_life {
	int64_t id;                  /* out */
	char home[NODE_HOME_BYTES];  /* of this process alone */
	char before[NODE_HOME_BYTES]; /* of the one before it in its folder, which is over: who holds the folder's lock knows that. "" nobody known */
	char host[NODE_HOST_BYTES], version[NODE_VERSION_BYTES];
	int64_t lease_ms, now_ms;
	const char *const *jobs;     /* names of those that one does for all; NULL in between */
	int job_count;               /* at most NODE_JOBS_MAX */
};
/* Begins a life, and ends the one before it in its folder. */
MUST_USE bool node_begin(struct tx *tx, void *life, struct fail *why);
MUST_USE bool node_end(struct tx *tx, void *life, struct fail *why); /* and gives everything back */

struct node_round {
	const struct node_life *life;
	const struct node_watch *watch;
	int64_t now_ms, mono_ms;     /* at its beginning */
	bool lost;                   /* out: somebody ended us. Nothing else was done */
	struct node_seen seen[NODES_MAX]; /* out: who lives, ourselves included */
	int count;
	int64_t dead[NODES_MAX];     /* out: whom we ended */
	int dead_count;
	uint64_t taken;              /* out: bit n for life->jobs[n]: it is ours from now on */
};
/* One beat: counts, ends who is dead, takes the jobs that are free. Runs again to the same. */
MUST_USE bool node_round(struct tx *tx, void *round, struct fail *why);

/* In the job's own transaction, first: it is still ours, and nobody takes it before the transaction's end. */
MUST_USE bool node_job_bite(struct tx *tx, const char *name, int64_t owner, int64_t now_ms, bool *ours, struct fail *why);

/* For people. */
struct node_row {
	int64_t id, began_ms, seen_ms, ended_ms;
	char host[NODE_HOST_BYTES], version[NODE_VERSION_BYTES];
};
struct job_row_lease {
	int64_t owner, last_ms, bites;
	char name[JOB_NAME_BYTES];
};
MUST_USE bool node_list(struct tx *tx, struct node_row out[NODES_MAX], int *count, struct fail *why); /* the last that began first */
MUST_USE bool node_job_list(struct tx *tx, struct job_row_lease out[NODE_JOBS_MAX], int *count, struct fail *why);
#endif
