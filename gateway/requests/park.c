/* gateway/requests/park.c - nearly all wait equally long, so a new one's place in time is found from the end. */
#include "gateway/requests/park.h"
#include <assert.h>

static struct link *bucket_of(struct parking *p, int64_t effect)
{
	return &p->buckets[(uint64_t)effect % PARK_BUCKETS];
}

static struct parked *of_time(struct link *l)
{
	return (struct parked *)((char *)l - offsetof(struct parked, in_time));
}

void parking_init(struct parking *p)
{
	for (int i = 0; i < PARK_BUCKETS; i++)
		link_init(&p->buckets[i]);
	link_init(&p->by_time);
	p->count = 0;
}

void parking_put(struct parking *p, struct parked *one, int64_t effect, int64_t until_ms)
{
	assert(effect > 0 && one->effect == 0);
	one->effect = effect;
	one->until_ms = until_ms;
	link_init(&one->in_bucket);
	link_init(&one->in_time);
	link_put(bucket_of(p, effect), &one->in_bucket);
	struct link *after = &p->by_time; /* link_put puts before it */
	while (after->prev != &p->by_time && of_time(after->prev)->until_ms > until_ms)
		after = after->prev;
	link_put(after, &one->in_time);
	p->count++;
}

void parking_take(struct parking *p, struct parked *one)
{
	assert(one->effect != 0 && p->count > 0);
	link_take(&one->in_bucket);
	link_take(&one->in_time);
	one->effect = 0;
	p->count--;
}

struct parked *parking_find(struct parking *p, int64_t effect)
{
	struct link *bucket = bucket_of(p, effect);
	for (struct link *at = bucket->next; at != bucket; at = at->next)
		if (((struct parked *)at)->effect == effect)
			return (struct parked *)at;
	return NULL;
}

struct parked *parking_first(struct parking *p)
{
	return link_is_alone(&p->by_time) ? NULL : of_time(p->by_time.next);
}
