/* notify/turn.h - one commit of the notifier: outcomes of attempts, marks of the next, and at a start (or when another node has died) what a crash left behind.
 *
 * One turn is with the committer at a time; what ends or falls due meanwhile waits for the next. So batches form by themselves, as in the committer.
 * A turn that fails is taken apart: each of its parts is tried alone, so that one bad row does not stop the others.
 * Several nodes take turns on one table. None waits for another: what one is at, the others pass over (effect_free), and whose row an end is written to is asked
 * in the row's own UPDATE.
 * Thread: made and read by the stepper; apply on the committer's. */
#ifndef NOTIFY_TURN_H
#define NOTIFY_TURN_H
#include "notify/flight.h"
#include "store/committer.h"

enum {
	TURN_MAX = 64,   /* of outcomes, and of marks: about 1 ms of the committer's time */
	TURN_FIRST = 8,  /* after a start, when its pages are on the disk only; each that is kept doubles the next */
};

struct turn {
	struct commit_job job;
	int64_t now_ms, expired_before_ms, due_by_ms;
	struct flight *ends[TURN_MAX], *marks[TURN_MAX];
	int end_count, mark_count;
	int64_t node;                /* whose attempts these marks begin; 0: there is one node only */
	bool picks_anew;             /* of each kind as many as are marked, whichever nobody else is at: `marks` say how many, not which */
	bool fell_short;             /* out: others were at some of what the schedule said */
	bool recovers;               /* a start, or another's death: nothing is marked before what was sending is settled */
	int64_t recover_after;       /* ids up to this one are settled, or cannot be */
	int recover_max;
	int64_t recover_at;          /* out: the last that was tried */
	int64_t recovered;
	bool recovered_all;
};

/* Of a commit_job, which is the first member. */
bool turn_apply(struct commit_job *job, struct tx *tx, struct fail *why);
#endif
