/* gateway/beside/relay.h - the store's news of effects from node to node, where several share a database: what falls due, what is over.
 *
 * What was committed here is told to the hub at once, and, gathered over a turn of the first loop, on Redis' channel "news"; what other nodes tell there goes to the hub as if it had been
 * committed here. It is a hint, as all news is: without Redis, or when one is lost, the notifier looks each second, and so does whoever is parked (park.h). Sessions and persons have
 * channels of their own (epoch.h): they are told one by one, because they concern caches and ends.
 * Thread: relay_news on any that commits; heard and told on the first loop. */
#ifndef GATEWAY_BESIDE_RELAY_H
#define GATEWAY_BESIDE_RELAY_H
#include "gateway/loops/hub.h"
#include "gateway/loops/loop.h"
#include <pthread.h>

#define CHANNEL_NEWS "news"
enum { RELAY_NEWS = 512 };

struct relay {
	pthread_mutex_t lock;          /* of what has gathered */
	struct news at[RELAY_NEWS];
	size_t count;
	bool due, all;                 /* something falls due, whatever it is; more is over than fits */
	struct loop *_Atomic way;      /* the first loop, while Redis can be told; NULL: nobody is */
	uint64_t who;                  /* in front of what we say: so that we do not take it for another's */
};

void relay_open(struct gateway *g);    /* before anything is committed */
void relay_hear(struct gateway *g);    /* from others, as soon as there is a memory */
void relay_join(struct loop *l);       /* the first loop, with a link to Redis */
void relay_leave(struct loop *l);
void relay_news(void *gateway, const struct news *news, size_t count, bool all); /* the store's news_fn */
void relay_tell(struct loop *l);       /* what has gathered, at a turn of the first loop */
#endif
