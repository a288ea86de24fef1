/* services/booking/hall_queue.h - the queue before a window group (排队叫号): a number for whoever has come, called, called again, passed over and taken back.
 *
 *   waiting → called → done | skipped          called at most three times, then it is passed over
 *   skipped → waiting                          once, behind all others
 *
 * Numbers begin anew each day and name nobody: a screen may show them. A visit with several stops gets the number of the next one when the one before is done.
 * Thread: the write lane for what writes. */
#ifndef SERVICES_HALL_QUEUE_H
#define SERVICES_HALL_QUEUE_H
#include "services/booking/booking.h"

/* Numbers are in the database. */
enum queue_state { QUEUE_WAITING = 1, QUEUE_CALLED = 2, QUEUE_DONE = 3, QUEUE_SKIPPED = 4, QUEUE_STATES };
const char *queue_state_text(enum queue_state state);
enum queue_rank {
#define RANK(name, number, ...) QUEUE_RANK_##name = number,
#include "services/booking/queue_ranks.def"
#undef RANK
	QUEUE_RANKS
};
const char *queue_rank_text(enum queue_rank rank);

enum { QUEUE_CALLS_MAX = 3, QUEUE_SKIPS_MAX = 1, QUEUE_DESK_MAX = 20, QUEUE_LABEL_BYTES = 12 };

struct queue_number {
	int64_t id, group, day, number, calls, skips, booking /* 0: came without */, made_ms;
	enum queue_rank rank;
	enum queue_state state;
	struct id key;
	char letter, desk[4 * QUEUE_DESK_MAX + 1];
};

/* "B007" */
void queue_label(const struct queue_number *n, char out[QUEUE_LABEL_BYTES]);
/* A new number, at the end of its rank. Fills id, number, letter. */
MUST_USE bool queue_join(struct tx *tx, struct queue_number *n, struct fail *why);
/* The number of the booking's next stop in another group, when it has one. *is_there false: that was the last. */
MUST_USE bool queue_next_stop(struct tx *tx, const struct queue_number *done, int64_t now_ms, struct id key, struct queue_number *out, bool *is_there, struct fail *why);
/* Whoever is first. Fails: NOT_FOUND nobody waits. */
MUST_USE bool queue_call(struct tx *tx, int64_t group, int64_t day, struct str desk, int64_t now_ms, struct queue_number *out, struct fail *why);
enum queue_deed { QUEUE_RECALL, QUEUE_SKIP, QUEUE_BACK, QUEUE_FINISH };
/* Fails: BOOKING_STATE it may not be done now. */
MUST_USE bool queue_do(struct tx *tx, struct queue_number *n, enum queue_deed deed, int64_t now_ms, struct fail *why);
MUST_USE bool queue_by_key(struct tx *tx, struct id key, struct queue_number *out, struct fail *why); /* Fails: NOT_FOUND */
/* Of today: who is called, then who waits, in the order in which they are called. */
MUST_USE bool queue_list(struct tx *tx, int64_t group, int64_t day, struct queue_number *out, int max, int *count, struct fail *why);
#endif
