/* gateway/loops/hub.c - no memory is asked for on the committing thread, and nobody is rung who waits for nothing. */
#include "gateway/loops/hub.h"
#include <assert.h>

void hub_add_box(struct hub *h, struct hub_box *b, void (*ring)(void *ctx), void *ctx)
{
	int n = atomic_load(&h->box_count);
	assert(n < HUB_BOXES_MAX);
	pthread_mutex_init(&b->lock, NULL);
	b->ring = ring;
	b->ring_ctx = ctx;
	h->boxes[n] = b;
	atomic_store(&h->box_count, n + 1);
}

void hub_add_ear(struct hub *h, enum news_kind kind, void (*hear)(void *ctx), void *ctx)
{
	int n = atomic_load(&h->ear_count);
	assert(n < HUB_EARS_MAX);
	h->ears[n] = (struct hub_ear){ kind, hear, ctx };
	atomic_store(&h->ear_count, n + 1);
}

void hub_want(struct hub_box *b, enum news_kind kind, int change)
{
	int before = atomic_fetch_add(&b->wanted[kind], change);
	assert(before + change >= 0);
	(void)before;
}

static bool wants_any(struct hub_box *b)
{
	for (int kind = 0; kind < NEWS_KINDS; kind++)
		if (atomic_load(&b->wanted[kind]) > 0)
			return true;
	return false;
}

static void post(struct hub_box *b, const struct news *news, size_t count, bool all)
{
	if (!wants_any(b))
		return;
	pthread_mutex_lock(&b->lock);
	bool was_empty = b->count == 0 && !b->all;
	b->all = b->all || all;
	for (size_t i = 0; i < count && !b->all; i++) {
		if (atomic_load(&b->wanted[news[i].kind]) == 0)
			continue;
		b->all = b->count == HUB_BOX_NEWS;
		if (!b->all)
			b->at[b->filling][b->count++] = news[i];
	}
	bool ring = was_empty && (b->count > 0 || b->all);
	pthread_mutex_unlock(&b->lock);
	if (ring)
		b->ring(b->ring_ctx);
}

size_t hub_take(struct hub_box *b, const struct news **news, bool *all)
{
	pthread_mutex_lock(&b->lock);
	size_t count = b->count;
	*news = b->at[b->filling];
	*all = b->all;
	b->filling = 1 - b->filling;
	b->count = 0;
	b->all = false;
	pthread_mutex_unlock(&b->lock);
	return count;
}

static bool holds(const struct news *news, size_t count, enum news_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (news[i].kind == kind)
			return true;
	return false;
}

void hub_news(void *ctx, const struct news *news, size_t count, bool all)
{
	struct hub *h = ctx;
	int boxes = atomic_load(&h->box_count), ears = atomic_load(&h->ear_count);
	for (int i = 0; i < boxes; i++)
		post(h->boxes[i], news, count, all);
	for (int i = 0; i < ears; i++)
		if (all || holds(news, count, h->ears[i].kind))
			h->ears[i].hear(h->ears[i].ctx);
}
