/* notify/notifier_inside.h - what the notifier's two files share: notifier.c decides what goes out next, notifier_turn.c what is written about it.
 * Nobody else includes it.
 * Thread: the stepper's. */
#ifndef NOTIFY_NOTIFIER_INSIDE_H
#define NOTIFY_NOTIFIER_INSIDE_H
#include "notify/notifier.h"
#include "notify/timing.h"
#include "notify/turn.h"
#include "notify/window.h"

#include <stdatomic.h>

struct notifier {
	struct committer *committer;
	const struct config *config;
	struct transport *http;
	const struct needs_source *needs;
	const struct node_source *node; /* NULL: it is alone */
	int64_t self;                  /* of this step; 0: alone, or not sure to live */
	struct connection *reader;
	void (*wake)(void *ctx);
	void *wake_ctx;
	struct mailbox home;           /* the turn comes back here */
	_Atomic bool news, takeover;
	bool is_quiet;

	struct timing time;
	struct lane lanes[ACCOUNTS];
	struct window windows[2 * EFFECT_KINDS]; /* of each kind what is due, and what is to be asked about; in the order of their priority */
	bool stops_stale;              /* account_stop may have changed */
	struct flight *pool;
	size_t pool_count;
	struct flights idle, picked, fresh, landed, stuck; /* fresh: judged, and not thought about; stuck: what follows from them cannot be written */
	int under_way;                 /* calls with the transport */
	struct turn turn;
	bool turn_out, recovered;
	int turn_room;                 /* of outcomes, and of marks; TURN_FIRST..TURN_MAX */
	int solo;                      /* so many parts of a failed turn are still to be tried alone */
	int64_t retry_ms, poll_ms, stuck_ms, watch_ms, estate_ms; /* monotonic */
};

static inline struct lane *notifier_lane(struct notifier *n, const struct flight *f)
{
	return &n->lanes[f->kind->account];
}

bool notifier_needs_met(struct notifier *n, const struct effect_kind *kind, struct token_given *out); /* what the kind needs */
void notifier_free(struct notifier *n, struct flight *f);          /* idle again */

/* notifier_turn.c */
void notifier_landed(struct flight *f);                            /* an attempt was judged; from the transport */
void notifier_think(struct notifier *n, int64_t mono_ms);          /* what the verdicts mean, for the effect and for its account */
void notifier_submit(struct notifier *n, int64_t mono_ms);         /* outcomes and marks, or what a crash left, to the committer */
void notifier_turn_home(struct notifier *n, int64_t mono_ms);      /* it came back: go on, or try its parts alone */
#endif
