/* gateway/expiring/redis_seek.c - why it is a wire like any other: a sentinel speaks RESP, wants AUTH and TLS as Redis does, and hangs and dies as Redis does. */
#include "gateway/expiring/redis_seek.h"

#include "gateway/expiring/redis_wire.h"

#include <stdlib.h>

struct redis_seek {
	const struct redis_settings *of;
	struct redis_settings one;  /* the sentinel that is asked now */
	size_t *at;
	struct redis_wire *wire;
	redis_found found;
	void *ctx;
};

static void seek_before(void *user)
{
	struct redis_seek *k = user;
	redis_settings_sentinel(k->of, k->at, &k->one);
}

static bool seek_greet(void *user, struct redis_bytes *out, struct fail *why)
{
	const struct redis_seek *k = user;
	return redis_master_of(k->of->master, out, why);
}

static void seek_up(void *user, const struct redis_answer *greeted)
{
	struct redis_seek *k = user;
	if (greeted->kind == REDIS_SAYS_PLACE)
		k->found(k->ctx, greeted->host, greeted->port);
	else
		redis_wire_restart(k->wire, "it says something else than where the master is");
}

static void seek_answer(void *user, const struct redis_answer *a)
{
	struct redis_seek *k = user;
	(void)a;
	redis_wire_restart(k->wire, "an answer nobody asked for");
}

static void seek_down(void *user)
{
	(void)user; /* the next is asked */
}

struct redis_seek *redis_seek_open(uv_loop_t *uv, const struct redis_settings *s, size_t *at, redis_found found, void *ctx, struct fail *why)
{
	static const struct wire_user ops = { "sentinel", seek_before, seek_greet, seek_up, seek_answer, seek_down };
	struct redis_seek *k = calloc(1, sizeof *k);
	if (k == NULL) {
		FAILS(why, MEMORY, "a question to the sentinels");
		return NULL;
	}
	*k = (struct redis_seek){ .of = s, .at = at, .found = found, .ctx = ctx };
	k->one = (struct redis_settings){ .password = s->sentinel_password, .is_tls = s->is_tls, .trust = s->trust, .prefix = s->prefix };
	k->wire = redis_wire_open(uv, &k->one, &ops, k, why);
	if (k->wire != NULL)
		return k;
	free(k);
	return NULL;
}

void redis_seek_close(struct redis_seek *k)
{
	if (k == NULL)
		return;
	redis_wire_close(k->wire);
	free(k);
}
