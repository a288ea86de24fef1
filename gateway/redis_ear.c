/* gateway/redis_ear.c - hears what nodes publish: a connection of its own, because one that subscribes can ask nothing else. */
#include "gateway/redis_link.h"

#include "gateway/redis_wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 8, CHANNEL_NAME_MAX = 32 };

struct redis_ear {
	struct redis_wire *wire;
	const char *prefix;
	struct expiring *memory;
	const char *channels[CHANNELS_MAX];
	int count;
};

static bool ear_greet(void *user, struct redis_bytes *out, struct fail *why)
{
	struct redis_ear *e = user;
	return redis_subscribe(e->prefix, e->channels, e->count, out, why);
}

static void ear_up(void *user, const struct redis_answer *greeted)
{
	(void)user;
	(void)greeted;
}

static void ear_answer(void *user, const struct redis_answer *a)
{
	struct redis_ear *e = user;
	char channel[CHANNEL_NAME_MAX];
	if (a->kind == REDIS_SAYS_FINE)
		return; /* the other channels' subscriptions */
	if (a->kind != REDIS_SAYS_MESSAGE || a->channel.len >= sizeof channel || a->text.len > EXPIRING_VALUE_MAX) {
		redis_wire_restart(e->wire, "not what was subscribed to");
		return;
	}
	snprintf(channel, sizeof channel, "%.*s", STR_ARG(a->channel));
	expiring_publish(e->memory, channel, a->text);
}

static void ear_down(void *user)
{
	(void)user; /* what was published meanwhile is lost: hints, backed by a look into the database */
}

struct redis_ear *redis_ear_open(uv_loop_t *uv, const struct redis_settings *s, struct expiring *memory, const char *const *channels, int count, struct fail *why)
{
	static const struct wire_user ops = { ear_greet, ear_up, ear_answer, ear_down };
	struct redis_ear *e = calloc(1, sizeof *e);
	assert(count <= CHANNELS_MAX);
	if (e == NULL) {
		FAILS(why, MEMORY, "an ear for redis");
		return NULL;
	}
	e->prefix = s->prefix;
	e->memory = memory;
	e->count = count;
	for (int i = 0; i < count; i++)
		e->channels[i] = channels[i];
	e->wire = redis_wire_open(uv, s, &ops, e, why);
	if (e->wire != NULL)
		return e;
	free(e);
	return NULL;
}

void redis_ear_close(struct redis_ear *e)
{
	if (e == NULL)
		return;
	redis_wire_close(e->wire);
	free(e);
}
