/* notify/stream.h - a person's stream, as it is written: events in the person's own counting, without gaps.
 *
 * The counter stands on the person's row, so strangers never wait for each other. Who has the transaction that writes the event writes its cause too.
 * Thread: the write lane. */
#ifndef NOTIFY_STREAM_H
#define NOTIFY_STREAM_H
#include "store/store.h"

enum stream_kind {
#define STREAM_EVENT(number, name, text) STREAM_##name = number,
#include "notify/stream_event.def"
#undef STREAM_EVENT
	STREAM_KINDS
};

struct str stream_kind_name(enum stream_kind kind); /* STR_NONE: no such kind */

struct stream_event {
	enum stream_kind kind;
	int64_t ref, n;
};
/* Writes `count` events, one after another, and tells whoever listens (NEWS_PERSON). *first: the seq of the first. `unread` is how many more
 * messages the person has not read: the count stands on the row that is changed anyway. */
MUST_USE bool stream_add(struct tx *tx, int64_t person, const struct stream_event *events, int count, int unread, int64_t now_ms, int64_t *first,
			 struct fail *why);
/* Forgets what is older than `before_ms`, at most `rows_max` rows; a client that comes back from before that is told to read anew. */
MUST_USE bool stream_purge(struct tx *tx, int64_t before_ms, int rows_max, int64_t *deleted, struct fail *why);
#endif
