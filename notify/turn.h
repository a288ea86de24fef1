/* notify/turn.h - one commit of the notifier: outcomes of attempts, marks of the next, and at a start what a crash left behind.
 *
 * One turn is with the committer at a time; what ends or falls due meanwhile waits for the next. So batches form by themselves, as in the committer.
 * A turn that fails is taken apart: each of its parts is tried alone, so that one bad row does not stop the others.
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
	bool recovers;               /* a start: nothing is marked before what was sending is settled */
	int64_t recover_after;       /* ids up to this one are settled, or cannot be */
	int recover_max;
	int64_t recover_at;          /* out: the last that was tried */
	int64_t recovered;
	bool recovered_all;
};

/* Of a commit_job, which is the first member. */
bool turn_apply(struct commit_job *job, struct tx *tx, struct fail *why);
#endif
