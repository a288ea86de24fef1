/* tests/sim/door.h - the front door without a socket: a question goes in, its answer is a copy in memory.
 *
 * What real doors do (gateway/door/h1.c, h2.c), in the same order: task_begin, task_head, task_body in pieces, task_end, and task_free or task_abandon.
 * A client that hangs up has only stopped listening: its write goes on, and stays in the queue of writes until the committer has ended it.
 * Owns: questions, until door_forget. One door per process. */
#ifndef SIM_DOOR_H
#define SIM_DOOR_H
#include "base/request.h"
#include "machine.h"
#include "rng.h"

struct asked;

struct asking {
	enum method method;
	const char *target, *token, *key, *body; /* NULL: none */
	bool is_control;
};

struct door_answer {
	int status;
	bool is_replayed;
	char code[48];          /* of a problem; "" else */
	struct str body;        /* NUL-terminated */
	int64_t retry_after;
};

/* The body comes in pieces that `rng` cuts. `own` is the asker's. */
struct asked *door_ask(struct loop *l, const struct asking *q, struct rng *rng, void *own);
void door_turn(struct loop *l);         /* whoever came home goes on */
void *asked_own(const struct asked *a);
const struct door_answer *asked_answer(const struct asked *a); /* NULL: none yet */
bool asked_hung_up(const struct asked *a);
bool asked_is_write(const struct asked *a);
int64_t asked_now_ms(const struct asked *a); /* of a write: the time stamped on it */
void door_hang_up(struct asked *a);
void door_forget(struct asked *a);      /* answered or hung up, and no write */

/* The writes that the committer has, in the order in which it got them. */
struct asked *door_first_write(void);   /* NULL: none */
bool door_first_began(void);
struct asked *door_next_write(const struct asked *a);
/* After committer_step has ended the first of them, and before its loop turns: how. It leaves the queue. */
enum fail_code door_write_ended(struct asked *a, bool *is_replayed);

/* The end of a process. */
void door_abandon_all(void);
void door_drop_writes(size_t n);        /* n jobs were ended, and nobody asks how */
void door_free_writes(void);            /* the committer is gone: what it never ended */
#endif
