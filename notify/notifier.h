/* notify/notifier.h - does what effects say: the schedule, the limits of each account, and what becomes of each attempt.
 *
 * The schedule is memory, the table is truth: at start it is rebuilt from the open rows. One step takes what came back from the committer and
 * the transport, marks what is due as sending (a commit, before anything leaves), begins calls, and commits outcomes together with what follows
 * from them. There is no thread and no clock here: gateway/outside/outside.c is the thread, the simulator another driver.
 * Thread: the stepper's; notifier_news from any. */
#ifndef NOTIFY_NOTIFIER_H
#define NOTIFY_NOTIFIER_H
#include "channels/ask.h"
#include "notify/effect_kind.h"
#include "notify/transport.h"
#include "store/committer.h"

struct notifier;

/* `wake` is called from any thread when there is something to step for. Reads open rows through a reader of its own. */
struct notifier *notifier_make(struct store *s, struct committer *committer, const struct config *c, struct transport *http,
			       void (*wake)(void *ctx), void *wake_ctx, struct fail *why);
/* What kinds need before they are built (effects.def, needs); asked for only when one of them is due. `get` false: it is being fetched, once for all; the effect waits, and
 * notifier_news is called when it is there, or may be asked for again. true: *out lives until the next step. `refused`: the account would not take the one of that number. */
struct needs_source {
	bool (*get)(void *ctx, enum effect_needs need, enum account a, struct token_given *out);
	void (*refused)(void *ctx, enum account a, uint64_t number);
	void *ctx;
};
void notifier_needs(struct notifier *n, const struct needs_source *source); /* kept by pointer; without one such kinds wait */

/* Under which name this notifier works where several nodes share the database (store/node.h). Then what is due is taken by whoever comes first, attempts are its
 * node's, what the dead left is settled by their kinds' crash rules as after a start, and the table is looked at each second: others may have written. */
struct node_source {
	int64_t (*self)(void *ctx);  /* 0: it may be thought dead, so it begins nothing. Asked right before each call */
	int (*alive)(void *ctx);     /* how many share the accounts' limits; at least 1 */
	void *ctx;
};
void notifier_node(struct notifier *n, const struct node_source *source); /* before the first step; kept by pointer. Without one it is alone */
void notifier_takeover(struct notifier *n); /* somebody has died. Any thread */

/* One turn; also after the transport told of ends. Returns the monotonic ms at which it wants to be stepped again if nothing wakes it before; INT64_MAX: never. */
int64_t notifier_step(struct notifier *n, int64_t wall_ms, int64_t mono_ms);
/* Effects were committed (the store's news). Any thread. */
void notifier_news(struct notifier *n);
/* No new attempts from now on; true when none is under way and every outcome is committed. */
bool notifier_quiet(struct notifier *n);
void notifier_drop(struct notifier *n);
#endif
