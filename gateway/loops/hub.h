/* gateway/loops/hub.h - the store's news on its way to those who wait for it: event loops (live streams, parked requests), and others by a function.
 *
 * The committing thread drops what is new into the box of each loop that wants such news at all, and rings its bell; the loop takes the lot at its next
 * turn. News is a hint: who gets it reads the table. A box that is full says "all" and its loop looks at everything.
 * Thread: hub_news on any: the committing one's, or whose ear another node's news came to (relay.h); hub_want and hub_take on the box's own; the rest before threads start. */
#ifndef GATEWAY_LOOPS_HUB_H
#define GATEWAY_LOOPS_HUB_H
#include "store/store.h"
#include <pthread.h>
#include <stdatomic.h>

enum { HUB_BOXES_MAX = 64, HUB_EARS_MAX = 8, HUB_BOX_NEWS = 1024 };

struct hub_box {
	pthread_mutex_t lock;
	struct news at[2][HUB_BOX_NEWS]; /* one side fills while the other is read */
	int filling;
	size_t count;
	bool all;
	atomic_int wanted[NEWS_KINDS];   /* how many here wait for news of a kind */
	void (*ring)(void *ctx);
	void *ring_ctx;
};

/* Some are called, not posted to: the notifier's thread has a bell of its own. Must return at once. */
struct hub_ear {
	enum news_kind kind;
	void (*hear)(void *ctx);
	void *ctx;
};

struct hub {
	struct hub_box *boxes[HUB_BOXES_MAX];
	struct hub_ear ears[HUB_EARS_MAX];
	_Atomic int box_count, ear_count;
};

void hub_news(void *hub, const struct news *news, size_t count, bool all); /* the store's news_fn */
void hub_add_box(struct hub *h, struct hub_box *b, void (*ring)(void *ctx), void *ctx);
void hub_add_ear(struct hub *h, enum news_kind kind, void (*hear)(void *ctx), void *ctx);

/* One more (1) or one less (-1) waits for news of this kind. First want, then read the table: so nothing falls between. */
void hub_want(struct hub_box *b, enum news_kind kind, int change);
/* All that has come; valid until the next take. *all: more came than is listed. */
size_t hub_take(struct hub_box *b, const struct news **news, bool *all);
#endif
