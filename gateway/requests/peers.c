/* gateway/requests/peers.c - a few hundred names at most, so a walk finds one. */
#include "gateway/requests/peers.h"
#include <assert.h>

enum { FULL_AGAIN_MS = 1000 };

static bool is_at_rest(const struct peer *p)
{
	return p->in_flight == 0 && p->failures == 0 && p->open_until_ms == 0;
}

static struct peer *find(struct peers *all, struct str name)
{
	struct peer *place = all->count < PEERS_MAX ? &all->at[all->count] : NULL;
	for (int i = 0; i < all->count; i++) {
		if (str_eq(str_c(all->at[i].name), name))
			return &all->at[i];
		if (place == NULL && is_at_rest(&all->at[i]))
			place = &all->at[i];
	}
	if (place == NULL)
		return NULL;
	if (place == &all->at[all->count])
		all->count++;
	*place = (struct peer){ .in_flight = 0 };
	memcpy(place->name, name.at, name.len);
	return place;
}

struct peer *peers_enter(struct peers *all, struct str name, int64_t in_flight_max, int64_t now_ms, int64_t *again_ms)
{
	assert(name.len > 0 && name.len <= PEER_NAME_MAX);
	struct peer *p = find(all, name);
	*again_ms = FULL_AGAIN_MS;
	if (p == NULL || p->in_flight >= in_flight_max)
		return NULL;
	if (p->open_until_ms > 0) {
		if (p->open_until_ms > now_ms)
			*again_ms = p->open_until_ms - now_ms;
		if (p->trying || p->open_until_ms > now_ms)
			return NULL;
		p->trying = true;
	}
	p->in_flight++;
	return p;
}

void peers_leave(struct peer *p, bool well, int64_t again_ms, int64_t now_ms)
{
	assert(p->in_flight > 0);
	p->in_flight--;
	p->trying = false; /* of those that were under way when it opened any may decide */
	if (well) {
		p->failures = 0;
		p->open_until_ms = p->open_ms = 0;
		return;
	}
	if (again_ms == 0 && ++p->failures < PEER_FAILURES_MAX)
		return;
	bool was_open = p->open_until_ms > now_ms;
	if (!was_open)
		p->open_ms = p->open_ms == 0 ? PEER_OPEN_FIRST_MS : p->open_ms * 2;
	if (p->open_ms > PEER_OPEN_MOST_MS)
		p->open_ms = PEER_OPEN_MOST_MS;
	int64_t wait = again_ms > PEER_OPEN_MOST_MS ? PEER_OPEN_MOST_MS : again_ms > 0 ? again_ms : p->open_ms;
	if (!was_open || again_ms > 0)
		p->open_until_ms = now_ms + wait;
}
