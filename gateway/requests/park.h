/* gateway/requests/park.h - who waits for the end of which effect, and until when: a loop's table.
 *
 *   first stand here and want the news, then read the effect: so its end does not fall between
 *
 * Woken by NEWS_EFFECT_ENDED, by the deadline, by a stop; gone with its client. Where other nodes share the database, whose news may be lost, those whose time ends first look by
 * themselves each second. However it ends, the effect itself goes its way.
 * Thread: the loop's. */
#ifndef GATEWAY_REQUESTS_PARK_H
#define GATEWAY_REQUESTS_PARK_H
#include "gateway/loops/link.h"
#include <stddef.h>
#include <stdint.h>

enum { PARK_BUCKETS = 256 };

struct parked {
	struct link in_bucket;   /* first */
	struct link in_time;
	int64_t effect;          /* 0: stands nowhere */
	int64_t until_ms;        /* monotonic */
};

struct parking {
	struct link buckets[PARK_BUCKETS];
	struct link by_time;     /* the next deadline first */
	size_t count;
	int64_t looked_ms;       /* monotonic: when those who stand here were last sent to look */
};

void parking_init(struct parking *p);
void parking_put(struct parking *p, struct parked *one, int64_t effect, int64_t until_ms);
void parking_take(struct parking *p, struct parked *one);
struct parked *parking_find(struct parking *p, int64_t effect);   /* one of those who wait for it; NULL: none (left) */
struct parked *parking_first(struct parking *p);                  /* whose deadline is next; NULL: nobody waits */

struct loop; /* gateway/loops/loop.h */
/* park_task.c, for the loop */
void park_news(struct loop *l, int64_t effect);  /* it is over; 0: any may be */
int64_t park_due_ms(struct loop *l);             /* when park_tick wants to be called; INT64_MAX: not at all */
void park_tick(struct loop *l, int64_t mono_ms);
void park_name_metrics(void);
void park_end_all(struct loop *l);               /* a stop: they are answered with what is so */
#endif
