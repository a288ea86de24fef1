/* notify/flight.h - one attempt on its way: marked, built, called, judged, and then waiting for its outcome to be committed.
 *
 * Thread: the stepper's; while it is in a turn (turn.h) the committer's. */
#ifndef NOTIFY_FLIGHT_H
#define NOTIFY_FLIGHT_H
#include "channels/ask.h"
#include "notify/effect_move.h"
#include "notify/lane.h"
#include "notify/transport.h"

struct flight {
	struct flight *next;             /* in whichever list it is */
	struct transport_job job;
	struct arena arena;              /* of this attempt: payload, call */
	const struct effect_kind *kind;
	int64_t id;                      /* of the effect; the view is filled by the mark */
	struct effect_view view;
	struct str sealed;
	char key[EFFECT_KEY_BYTES];
	uint8_t random[16];
	struct order order;
	bool is_ask;                     /* asks what became of an earlier attempt */
	bool busy;                       /* not idle */
	bool marked;
	bool is_late;                    /* its lease was over when its end was written down: another has decided about it */
	bool was_called;                 /* something may have been asked of the account */
	uint64_t token;                  /* the number of the one it was built with; 0: none */
	struct judgement judgement;
	int http_status;
	struct effect_move move;         /* what the verdict means */
	void *owner;                     /* the notifier */
	void (*landed)(struct flight *f); /* judged */
};

enum { FLIGHT_ARENA_MAX = 160 << 10 /* a payload and its call, and an answer of 64 KiB */ };

struct flights {
	struct flight *head, **tail;
	int count;
};
static inline void flights_init(struct flights *l) { *l = (struct flights){ .tail = &l->head }; }
void flights_push(struct flights *l, struct flight *f);
void flights_push_first(struct flights *l, struct flight *f);
struct flight *flights_pop(struct flights *l); /* NULL: empty */

/* Opens the payload, lets the codec build and hands the call to the transport; when that is not possible it lands at once. */
void flight_begin(struct flight *f, struct transport *http, const struct config *c, const struct token_given *given, int64_t now_ms);
/* Lands at once, not sent: "lease_over", whoever marked it may be thought dead by now; "no_token", what it needs has gone since. */
void flight_keep_back(struct flight *f, const char *code);
bool flight_is_kept_back(const struct flight *f);
#endif
