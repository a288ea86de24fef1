/* gateway/requests/ratelimit.h - how often may this one ask? One of the few tables that threads share.
 *
 * A leaky bucket kept as one number per key (GCRA: the time at which the bucket will be empty again): O(1), no sweeping of windows,
 * no burst at a window's edge beyond the quota. Counters live in memory: a restart forgives, and that is all right for a rate.
 *
 * Thread: any; one mutex per shard. */
#ifndef GATEWAY_REQUESTS_RATELIMIT_H
#define GATEWAY_REQUESTS_RATELIMIT_H
#include "base/config.h"
#include "base/str.h"

struct ratelimit;

struct rate_rule {
	int64_t quota;     /* requests … */
	int64_t window_s;  /* … per so many seconds; the whole quota may come at once */
};

struct rate_verdict {
	bool refused;
	int64_t quota, window_s;
	int64_t remaining;
	int64_t reset_s;   /* until the quota is whole again, rounded up */
	int64_t retry_s;   /* when refused: until one more is allowed */
};

struct ratelimit *ratelimit_make(size_t keys_max); /* at most so many keys are remembered; the most rested are forgotten first */
void ratelimit_drop(struct ratelimit *l);
/* Charges one request to (space, id). Quota 0: always allowed and not counted. */
void ratelimit_charge(struct ratelimit *l, int space, uint64_t id, const struct rate_rule *rule, int64_t mono_ms, struct rate_verdict *out);
/* As if one that was charged and not refused, by the same rule, had not come. */
void ratelimit_give_back(struct ratelimit *l, int space, uint64_t id, const struct rate_rule *rule);
uint64_t ratelimit_key(struct ratelimit *l, struct str text); /* keyed hash of an address and the like */
#endif
