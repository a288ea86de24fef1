/* gateway/outside/outside.h - the one thread that speaks to the outside: what requests ask, and what the notifier does.
 *
 * An ask comes by letter and goes home by letter. On the way it meets the memory of answers, the access token it perhaps needs, its peer's limits and
 * breaker, and the transport.
 * Thread: outside_ask from any; the rest on the thread that starts and stops the gateway. The step's on its own.
 * Owns:   an asking is its task's memory, in the request's arena; between outside_ask and done() it is the outside's. */
#ifndef GATEWAY_OUTSIDE_OUTSIDE_H
#define GATEWAY_OUTSIDE_OUTSIDE_H
#include "base/config.h"
#include "base/mailbox.h"
#include "channels/ask.h"
#include "gateway/outside/provider_tokens.h"
#include "gateway/requests/answers.h"
#include "gateway/requests/peers.h"
#include "notify/transport.h"
#include <stdatomic.h>

struct outside;
struct loop;      /* gateway/loops/loop.h */
struct hub;       /* gateway/loops/hub.h */
struct store;     /* store/store.h */
struct committer; /* store/committer.h */
struct nodes;     /* gateway/beside/nodes.h */

struct asking {
	struct letter letter;
	struct transport_job job;
	struct question question;
	struct arena *arena;               /* where the answer's text goes */
	bool has_repeat_key, has_keep_key;
	uint8_t repeat_key[ANSWER_KEY_BYTES], keep_key[ANSWER_KEY_BYTES];
	void (*done)(struct asking *a);    /* on the outside's thread, exactly once; must only post */

	struct token_want token;           /* when the question needs one */
	int64_t until_ms;                  /* monotonic: its time is over */
	struct link in_ring, followers;    /* who asks the same meanwhile waits for what this one is told */
	bool ok;                           /* a whole answer that a handler may judge lies in job.answer */
	bool remembered;                   /* nobody was asked */
	struct fail why;                   /* when not ok */
	struct outside *outside;
	struct peer *peer;
};

struct outside *outside_start(struct store *s, struct committer *c, const _Atomic(const struct config *) *config, struct hub *hub, struct nodes *nodes, struct fail *why);
/* From now on access tokens are shared with the other nodes, by way of this loop; it must not turn before, nor after outside_stop. */
MUST_USE bool outside_share(struct outside *o, struct loop *way, struct fail *why);
bool outside_ask(struct outside *o, struct asking *a); /* false: full, or stopping; it was not taken */
void outside_nudge(struct outside *o); /* the configuration has changed */
void outside_drain(struct outside *o); /* nothing new begins; what is under way may end within timeout.stop, then it is cut off */
void outside_stop(struct outside *o);  /* after drain, when nobody asks any more and while the committer runs: joins the thread */
void outside_drop(struct outside *o);  /* when the committer has stopped, who may ring here */

/* The body of the thread, for the simulator and unit tests: without one, over a transport of the caller's. */
struct outside *outside_make(struct store *s, struct committer *c, const _Atomic(const struct config *) *config, struct transport *http,
			     void (*wake)(void *ctx), void *wake_ctx, struct fail *why);
int64_t outside_step(struct outside *o, int64_t wall_ms, int64_t mono_ms); /* the monotonic ms at which it wants to be stepped again; INT64_MAX: when woken */
/* After a drain: nobody waits for an answer, and every outcome is committed. */
bool outside_is_quiet(struct outside *o);
#endif
