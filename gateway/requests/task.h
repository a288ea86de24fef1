/* gateway/requests/task.h - a request on its way through the machine: the runtime's private half of it.
 *
 * A task belongs to one loop. It leaves for a lane by letter or job and comes home by letter; only then does the loop touch it again.
 * If its exchange died meanwhile, `exchange` is NULL: what was begun is finished, and nobody is told.
 * Thread: the loop's, or the lane's that holds it. */
#ifndef GATEWAY_REQUESTS_TASK_H
#define GATEWAY_REQUESTS_TASK_H
#include "base/mailbox.h"
#include "gateway/door/exchange.h"
#include "gateway/requests/park.h"
#include "gateway/requests/ratelimit.h"
#include "store/committer.h"
#include "store/outcome.h"

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_ADMIT, STAGE_PARSE, STAGE_RECALL, STAGE_LOOK, STAGE_WORK, STAGE_ASK, STAGE_APPLY, STAGE_SETTLE, STAGE_PARK, STAGE_RENDER, STAGE_REPLIED, STAGE_COUNT };

struct task {
	struct request r;         /* first: task_request is a cast */
	struct letter letter;     /* to a lane, and home */
	struct loop *loop;
	struct exchange *exchange; /* NULL: gone */
	struct task *next;        /* spare list, or its bucket of keys in flight */
	enum face face;
	enum stage stage;
	bool failed;              /* r.why says how */
	bool away;                /* a lane holds it */
	bool replayed;            /* the outcome came from the store */
	bool admit_later;         /* the database is a server's: who asks is found out in a lane, after the body */
	bool is_repeated;         /* a lane has found the outcome of its Idempotency-Key */
	bool rung;                /* something rang for it while a lane read its effect: what comes home may be older */
	bool woken;               /* it waits no longer: its effect is read once more, and that is how it is */
	bool has_key, key_held;   /* Idempotency-Key; registered as in flight */
	bool not_modified;        /* 304 */
	bool is_foreign;          /* look found somebody else's row */
	struct recalling *recalling; /* what the expiring store was asked, NULL: nothing; in the arena */
	struct question_out *asked; /* what went outside last, NULL: nothing did; in the arena */
	int questions;            /* how many did */
	struct parked parked;     /* where it stands while it waits for an effect */
	int64_t began_ns;         /* when the head was complete */
	int64_t queued_ns;
	int64_t length;           /* content-length, -1 unknown */
	struct intake *intake;    /* its body goes to a sink; NULL: it is collected here */
	char *body;               /* collected so far; NULL: none */
	size_t body_len, body_cap;
	bool body_heap;           /* malloc'd rather than in the arena */
	const char *allow;        /* for 405 and OPTIONS */
	struct rate_verdict rate; /* the tightest that was charged; quota 0: none */
	struct rate_rule guess;   /* by which it counts as a wrong guess until its end says whether it was one; quota 0: it does not */
	/* from here on nothing is cleared for a new request but the texts' first bytes: each is written before it is read */
	struct commit_job job;
	struct outcome_key key;
	char etag[32];
	char rate_policy[48], rate_state[48];
};

enum step { STEP_ON, STEP_AWAY, STEP_FAILED }; /* what a stage says: the next one, somebody else has the task, or r.why is noted */

/* runtime.c */
void task_home(struct task *t);  /* the loop took its letter: go on */
void task_go_on(struct task *t); /* it waited on the loop itself: the next stage */
void task_fail(struct task *t);  /* r.why is noted: that is its answer */
bool task_depart(struct task *t, enum lane lane); /* false: full, why is noted, and the task stays */
/* In a lane: what stands between admission and the next thing that is the loop's. */
bool task_parse(struct task *t);

/* apply.c: on the committer's thread. false: full, and the task stays. */
MUST_USE bool apply_submit(struct task *t);
/* Did the first of its Idempotency-Key go all the way? Then nothing is to be recalled or asked: apply will find the same. */
enum step task_repeats(struct task *t, bool *is_repeated);
MUST_USE bool task_look_for_repeat(struct task *t, struct connection *reader, struct fail *why); /* into is_repeated */

/* recall.c */
enum step recall_begin(struct task *t);
MUST_USE bool recall_judge(struct task *t, struct fail *why); /* home again */
enum step settle_begin(struct task *t); /* never STEP_FAILED: what was committed is so */

/* ask.c */
enum step ask_begin(struct task *t);
MUST_USE bool ask_judge(struct task *t, struct fail *why); /* home again */
bool ask_goes_on(const struct task *t); /* there may be another question */

/* park_task.c */
enum step park_begin(struct task *t);
void park_leave(struct task *t);   /* its client has gone */
MUST_USE bool park_read(struct task *t, struct connection *reader, struct fail *why); /* in a lane: the effect as it is now */
enum step park_home(struct task *t); /* read: does it go on? STEP_AWAY: it stands, or left again */

/* admit.c: may this request go on? All fail with why noted.
 * Who asks is known to the database. One in this process is asked on the loop, before a body is taken. One that is a server's would make the loop wait: then
 * the body, which has its bound, is taken first, and a lane asks in a stage of its own, in one trip with whatever it can read besides. */
MUST_USE bool admit_head(struct task *t, struct fail *why);
MUST_USE bool admit_body(struct task *t, struct fail *why);
MUST_USE bool admit_early(struct task *t, struct connection *reader, struct fail *why); /* in a lane: who asks, before a body goes to a sink */
bool admit_wants_lane(const struct task *t);
MUST_USE bool admit_in_lane(struct task *t, struct connection *reader, struct fail *why);
MUST_USE bool admit_rate(struct task *t, enum rate_class rate_class, uint64_t key, bool by_who, struct fail *why);
void admit_was_no_miss(struct task *t); /* its end is known: what was counted as a wrong guess, and was none, is not */
void key_release(struct task *t); /* its Idempotency-Key is no longer in flight */

/* target.c: the raw target to path and query, once. */
MUST_USE bool target_split(struct request *r, struct fail *why);

/* problem.c: r->why to an RFC 9457 answer. Cannot fail: when memory is gone it falls back to a literal. */
void problem_render(struct task *t);
/* oauth_problem.c: the same for handlers that speak OAuth. */
int oauth_status(enum fail_code code);
void oauth_members(const struct task *t, struct json_out *j);

/* lanes.c */
struct lanes;
struct gateway;
struct lanes *lanes_start(struct gateway *g, const struct config *c, struct fail *why);
void lanes_stop(struct lanes *l);
/* The bodies of the threads, for the simulator: without threads, and one stage of one waiting task. false: none waits. */
struct lanes *lanes_make(struct gateway *g, const struct config *c, struct fail *why);
bool lanes_step(struct lanes *l, enum lane lane);
bool lane_submit(struct lanes *l, enum lane lane, struct task *t); /* READ, CPU and BLOB; false: full */
#endif
