/* gateway/requests/ratelimit.c - GCRA in a fixed table of small buckets; a full bucket forgets whoever has rested longest. */
#include "gateway/requests/ratelimit.h"
#include "base/hash.h"
#include "base/ids.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 64, WAYS = 8 };

struct cell {
	uint64_t key;     /* 0: free */
	int64_t empty_at; /* monotonic microseconds at which this bucket has drained (the theoretical arrival time) */
};

struct shard {
	pthread_mutex_t lock;
	struct cell *cells; /* buckets of WAYS cells */
	size_t buckets;     /* a power of two */
	char apart[64];     /* shards on different cache lines */
};

struct ratelimit {
	uint8_t secret[16];
	struct shard shards[SHARDS];
};

struct ratelimit *ratelimit_make(size_t keys_max)
{
	struct ratelimit *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	random_bytes(l->secret, sizeof(l->secret));
	size_t buckets = 1;
	while (buckets * WAYS * SHARDS < keys_max)
		buckets *= 2;
	for (int i = 0; i < SHARDS; i++) {
		l->shards[i].buckets = buckets;
		l->shards[i].cells = calloc(buckets * WAYS, sizeof(struct cell));
		if (l->shards[i].cells == NULL) {
			ratelimit_drop(l);
			return NULL;
		}
		pthread_mutex_init(&l->shards[i].lock, NULL);
	}
	return l;
}

void ratelimit_drop(struct ratelimit *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < SHARDS && l->shards[i].cells != NULL; i++) {
		free(l->shards[i].cells);
		pthread_mutex_destroy(&l->shards[i].lock);
	}
	free(l);
}

uint64_t ratelimit_key(struct ratelimit *l, struct str text)
{
	return siphash(l->secret, text.at, text.len);
}

static uint64_t mixed(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* The key's cell, or the one of its bucket that has rested longest. */
static struct cell *cell_for(struct shard *s, uint64_t key)
{
	struct cell *bucket = &s->cells[(key >> 8 & (s->buckets - 1)) * WAYS], *rested = bucket;
	for (int i = 0; i < WAYS; i++) {
		if (bucket[i].key == key)
			return &bucket[i];
		if (bucket[i].empty_at < rested->empty_at)
			rested = &bucket[i];
	}
	*rested = (struct cell){ key, 0 };
	return rested;
}

struct place {
	uint64_t key;
	int64_t window, each; /* microseconds */
	struct shard *shard;
};

static struct place place_of(struct ratelimit *l, int space, uint64_t id, const struct rate_rule *rule)
{
	uint64_t key = mixed(id ^ (uint64_t)space << 56 ^ (uint64_t)rule->window_s << 40) | 1;
	int64_t window = rule->window_s * 1000000, each = window / rule->quota;
	return (struct place){ key, window, each > 0 ? each : 1, &l->shards[key >> 58] };
}

void ratelimit_charge(struct ratelimit *l, int space, uint64_t id, const struct rate_rule *rule, int64_t mono_ms, struct rate_verdict *out)
{
	assert(rule->quota >= 0 && (rule->quota == 0 || rule->window_s > 0));
	*out = (struct rate_verdict){ .quota = rule->quota, .window_s = rule->window_s };
	if (rule->quota == 0)
		return;
	const struct place p = place_of(l, space, id, rule);
	int64_t now = mono_ms * 1000;

	pthread_mutex_lock(&p.shard->lock);
	struct cell *c = cell_for(p.shard, p.key);
	int64_t drained = c->empty_at > now ? c->empty_at : now;
	int64_t after = drained + p.each;
	if (after - now > p.window)
		out->refused = true;
	else
		c->empty_at = after;
	int64_t level = c->empty_at > now ? c->empty_at - now : 0;
	pthread_mutex_unlock(&p.shard->lock);

	out->remaining = out->refused ? 0 : (p.window - level) / p.each;
	out->reset_s = (level + 999999) / 1000000;
	out->retry_s = out->refused ? (after - now - p.window + 999999) / 1000000 : 0;
	if (out->refused && out->retry_s == 0)
		out->retry_s = 1;
}

void ratelimit_give_back(struct ratelimit *l, int space, uint64_t id, const struct rate_rule *rule)
{
	if (rule->quota == 0)
		return;
	const struct place p = place_of(l, space, id, rule);
	pthread_mutex_lock(&p.shard->lock);
	struct cell *c = cell_for(p.shard, p.key);
	c->empty_at = c->empty_at > p.each ? c->empty_at - p.each : 0;
	pthread_mutex_unlock(&p.shard->lock);
}
