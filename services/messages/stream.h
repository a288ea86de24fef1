/* services/messages/stream.h - a person's stream, as it is told: rows become events with words in them.
 *
 * Thread: whoever holds the read transaction. */
#ifndef SERVICES_STREAM_H
#define SERVICES_STREAM_H
#include "base/request.h"

struct tx; /* store/store.h */

enum { STREAM_NEWEST = -1 };

struct stream_item {
	int64_t seq;
	struct str event, data; /* a word; a JSON object on one line. Both live in the arena */
};

/* What follows `after`, oldest first, at most `max`. When that cannot be told any more (it was forgotten, or `after` was never given out), the one item
 * is "reset" with the seq to go on from: the client reads its lists anew. */
MUST_USE bool stream_read(struct tx *tx, int64_t person, int64_t after, enum lang lang, struct arena *a, struct stream_item *items, int max,
			  int *count, struct fail *why);
/* The last seq given out. */
MUST_USE bool stream_last(struct tx *tx, int64_t person, int64_t *seq, struct fail *why);

/* Where a client wants to begin: Last-Event-ID or ?after=, else with what happens from now on. The state of handlers whose answer goes on. */
struct stream_want {
	int64_t after; /* STREAM_NEWEST until look */
};
MUST_USE bool stream_want_read(struct request *r, struct stream_want *w, struct fail *why);
MUST_USE bool stream_want_look(struct tx *tx, struct request *r, struct fail *why);
#endif
