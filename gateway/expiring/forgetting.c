/* gateway/expiring/forgetting.c - puts the expiring store together: memory, and beside it what expiring.url names. */
#include "gateway/expiring/forgetting.h"
#include "base/secret_file.h"
#include "gateway/expiring/epoch.h"
#include "gateway/loops/poller.h"
#include "gateway/expiring/redis_link.h"
#include "gateway/outside/tls_client.h"
#include "store/redis.h"
#include <stdlib.h>

_Static_assert(sizeof(((struct config *)0)->expiring_prefix) <= REDIS_PREFIX_MAX, "a prefix that is configured fits");

static bool redis_from(struct gateway *g, const struct config *c, struct fail *why)
{
	struct redis_settings *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return FAILS(why, MEMORY, "the way to redis");
	g->redis = s;
	s->prefix = c->expiring_prefix;
	s->deadline_ms = c->expiring_ms;
	const char *wrong = redis_settings_from(str_c(c->expiring_url), s);
	if (wrong != NULL)
		return FAILS(why, CONFIG, "expiring.url: %s", wrong);
	if (s->is_tls && (s->trust = tls_trust_make(c->expiring_ca_file, c->expiring_certificate, c->expiring_key, "expiring", why)) == NULL)
		return false;
	return (c->expiring_password_file[0] == '\0' || secret_read(c->expiring_password_file, &s->password, why)) &&
	       (c->expiring_sentinel_password_file[0] == '\0' || secret_read(c->expiring_sentinel_password_file, &s->sentinel_password, why));
}

bool forgetting_start(struct gateway *g, const struct config *c, struct fail *why)
{
	g->memory = expiring_memory(why);
	if (g->memory == NULL)
		return false;
	epoch_hear(g);
	relay_hear(g);
	return c->expiring_url[0] == '\0' || redis_from(g, c, why);
}

void forgetting_stop(struct gateway *g)
{
	expiring_close(g->memory);
	g->memory = NULL;
	if (g->redis != NULL) {
		secret_drop(&g->redis->password);
		secret_drop(&g->redis->sentinel_password);
		tls_trust_drop(g->redis->trust);
	}
	free(g->redis);
	g->redis = NULL;
}

bool forgetting_join(struct loop *l, struct fail *why)
{
	static const char *const channels[] = { CHANNEL_EPOCH, CHANNEL_PERSON, CHANNEL_NEWS };
	struct gateway *g = l->gateway;
	if (g->redis == NULL)
		return true;
	struct expiring *link = redis_link_open(l->uv, g->redis, g->memory, why);
	if (link == NULL)
		return false;
	l->expiring = link;
	epoch_want(l);
	if (l->index != 0)
		return true;
	relay_join(l);
	g->ear = redis_ear_open(l->uv, g->redis, g->memory, channels, sizeof(channels) / sizeof(channels[0]), why);
	return g->ear != NULL;
}

void forgetting_leave(struct loop *l)
{
	struct gateway *g = l->gateway;
	if (g == NULL)
		return; /* it was never opened */
	if (l->index == 0) {
		relay_leave(l);
		redis_ear_close(g->ear);
		g->ear = NULL;
	}
	if (l->expiring != g->memory)
		expiring_close(l->expiring);
	l->expiring = g->memory;
}

bool forgetting_holds(const struct gateway *g)
{
	return g->redis == NULL || g->poller_count == 0 || redis_link_is_up(g->pollers[0].loop.expiring);
}
