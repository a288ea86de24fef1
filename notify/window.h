/* notify/window.h - the near end of the schedule in memory: what is due next of one kind, and no more than fits. The table is truth; the window is read again
 * when it is used up or somebody says that there is news.
 *
 * Thread: the stepper's. */
#ifndef NOTIFY_WINDOW_H
#define NOTIFY_WINDOW_H
#include "store/store.h"

enum { WINDOW_ROWS = 256 };
enum window_of { WINDOW_DUE, WINDOW_ASK };

struct window {
	int32_t kind;
	enum window_of of;
	bool stale;                   /* the table may hold something nearer */
	bool more;                    /* there was more than fits */
	int at, count;
	struct { int64_t id, due_ms; } rows[WINDOW_ROWS];
};

MUST_USE bool window_read(struct window *w, struct tx *tx, struct fail *why);
bool window_wants_reading(const struct window *w);
/* The next one that is due by now_ms; false: none. */
bool window_next(struct window *w, int64_t now_ms, int64_t *id);
int64_t window_due_ms(const struct window *w); /* of the next; INT64_MAX: nothing is known */
/* How many of this kind are open in each way, counted no further than `most`. */
MUST_USE bool window_count(struct tx *tx, int32_t kind, enum window_of of, int64_t most, int64_t *count, struct fail *why);
#endif
