/* gateway/live/live_inside.h - the table of live streams, shared by the file that reads on the loop and the one that sends for what it wants.
 * Thread: the loop's. */
#ifndef GATEWAY_LIVE_LIVE_INSIDE_H
#define GATEWAY_LIVE_LIVE_INSIDE_H
#include "base/arena.h"
#include "gateway/live/live.h"
#include "services/messages/stream.h"

enum {
	LIVE_BUCKETS = 4096,      /* per loop; persons are spread by their row's number */
	LIVE_ITEMS_PER_TURN = 32, /* a stream that has much to catch up with lets others go between */
};

struct live_far; /* live_far.c */

struct live_table {
	struct loop *loop;
	struct arena arena;       /* of one stream's turn */
	struct live_far *far;     /* NULL: none was needed yet */
	struct link hungry, beats;
	int count;
	int64_t looked_ms;        /* when all looked by themselves, because no other node could be heard */
	struct link persons[LIVE_BUCKETS];
};

static inline struct live *live_of_hungry(struct link *at)
{
	return (struct live *)((char *)at - offsetof(struct live, hungry_link));
}

void live_note_fullness(struct live *v);
void live_give(struct live *v, const struct stream_item *items, int given);

/* live_far.c: the same where the database is a server's */
void live_far_serve(struct live_table *t);
bool live_far_is_out(const struct live_far *f);
void live_far_forget(struct live_table *t, const struct live *v); /* it leaves the table: what comes home for it is nobody's */
void live_far_drop(struct live_far *f);
#endif
