/* gateway/loops/errands.h - what a loop wants read beside its requests: a thread reads, the loop goes on, and takes what was read at a later turn.
 *
 * Live streams have theirs when the database is a server's (live_far.c), bodies that are made while they are sent always (outflow.c). They have threads of their own each: a long
 * list that somebody asks for holds up nobody's news.
 * Thread: errands_send and home() on the loop; run() on a thread of this file.
 * Owns:   an errand is its sender's memory; from errands_send to home() it is the thread's to touch. A loop counts it among its open tasks, so it
 *         does not end before its errands are home. */
#ifndef GATEWAY_LOOPS_ERRANDS_H
#define GATEWAY_LOOPS_ERRANDS_H
#include "base/fail.h"
#include "base/mailbox.h"

struct gateway;
struct loop;
struct tx;
struct errands;

struct errand {
	struct letter letter;
	struct loop *loop;
	bool (*run)(struct errand *e, struct tx *tx, struct fail *why); /* with a read transaction */
	void (*home)(struct errand *e);
	bool ok;           /* else why says how not */
	struct fail why;
};

enum { ERRANDS_THREADS_MAX = 4 };
struct errands *errands_start(struct gateway *g, const char *name, int threads, struct fail *why); /* name: of the threads, a literal */
void errands_stop(struct errands *e); /* when every loop has ended; NULL is fine */
void errands_send(struct errands *e, struct errand *one);
void errands_home(struct loop *l);    /* a turn of the loop: those that came */
#endif
