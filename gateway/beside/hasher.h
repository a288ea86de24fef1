/* gateway/beside/hasher.h - argon2id in processes of its own, so that citizens do not wait for what a login costs.
 *
 * A hash is some 100 ms of CPU time and 64 MiB, mapped and filled at once. On a thread of the gateway it takes whole slices of the scheduler from the loop
 * that shares its core, and while it maps and unmaps it holds the map of the address space; a thread that is put aside in the middle of that holds it for
 * everybody. A helper shares no lock with us, so it may run at SCHED_IDLE: whoever wakes takes the core at once.
 *
 * A helper is this program once more (`siban hasher`), with one descriptor, no file, no socket, no core dump: one question, one answer. It holds no
 * state; when it dies, talks nonsense, or gets no CPU within the patience (a machine that is busy with others starves SCHED_IDLE), the thread that asked
 * hashes by itself: later, and dearer for others, but never a wrong verdict and never no login.
 *
 * Thread: start and stop on one; in between any thread that asks auth/password.h, as many at once as there are helpers.
 * Owns:   the helpers and their descriptors. A password lies in the question only, on the stack, and is wiped on both sides.
 * Source: tests/bench/README.md, figure 13; sched(7), SCHED_IDLE. */
#ifndef GATEWAY_BESIDE_HASHER_H
#define GATEWAY_BESIDE_HASHER_H
#include "base/fail.h"
#include <stdint.h>
#include <sys/types.h>

struct hasher;

struct hasher_how {
	int helpers;           /* as many as threads that ask */
	int64_t patience_ms;   /* 0: the usual */
	const char *verb;      /* NULL: "hasher"; tests have helpers that misbehave */
	bool is_loud;          /* at everybody's priority; for tests on a busy machine */
};

/* What became of a question; labels of metric password_hashes. */
enum hasher_end { HASHER_ANSWERED, HASHER_LATE, HASHER_LOST, HASHER_NONSENSE, HASHER_RESTING, HASHER_ENDS };

/* Starts the helpers and turns auth/password.h to them. Fails: MEMORY. A helper that cannot be started is tried again when it is wanted. */
struct hasher *hasher_start(const struct hasher_how *how, struct fail *why);
void hasher_stop(struct hasher *h); /* nobody asks any more; NULL is fine */
int64_t hasher_count(const struct hasher *h, enum hasher_end end); /* questions that ended so */
pid_t hasher_pid(struct hasher *h, int helper); /* 0: it is not there */

/* A helper's life, until the other side closes: the whole of `siban hasher`, on descriptor 0. */
int hasher_live(bool is_loud);
#endif
