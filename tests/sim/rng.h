/* tests/sim/rng.h - all chance of a simulated life comes from its seed (splitmix64). */
#ifndef SIM_RNG_H
#define SIM_RNG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline int rng_below(struct rng *r, int n) { return (int)(rng_next(r) % (uint64_t)n); } /* 0 .. n-1 */
static inline bool rng_percent(struct rng *r, int percent) { return rng_below(r, 100) < percent; }

static inline void rng_fill(struct rng *r, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)(rng_next(r) >> 32);
}
#endif
