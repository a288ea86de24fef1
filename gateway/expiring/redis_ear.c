/* gateway/expiring/redis_ear.c - hears what nodes publish: a connection of its own, because one that subscribes can ask nothing else. */
#include "gateway/expiring/redis_link.h"

#include "gateway/expiring/redis_wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 8, CHANNEL_NAME_MAX = 32, PING_EVERY_MS = 1000 };

struct redis_ear {
	struct redis_wire *wire;
	const char *prefix;
	struct expiring *memory;
	const char *channels[CHANNELS_MAX];
	int count;
	uv_timer_t timer;
	bool is_asked;
};

/* Nobody else speaks on this connection: a server that is gone without a word would never be missed. */
static void ping(uv_timer_t *timer)
{
	struct redis_ear *e = timer->data;
	struct redis_bytes out;
	struct fail why;
	fail_clear(&why);
	if (redis_wire_state(e->wire) != WIRE_UP)
		return;
	if (e->is_asked) {
		redis_wire_restart(e->wire, "it does not answer");
	} else if (redis_ping(&out, &why)) {
		e->is_asked = true;
		redis_wire_send(e->wire, &out);
	}
}

static bool ear_greet(void *user, struct redis_bytes *out, struct fail *why)
{
	struct redis_ear *e = user;
	return redis_subscribe(e->prefix, e->channels, e->count, out, why);
}

static void ear_up(void *user, const struct redis_answer *greeted)
{
	struct redis_ear *e = user;
	(void)greeted;
	e->is_asked = false;
	for (int i = 0; i < e->count; i++) /* what was published while we did not listen is lost */
		expiring_publish(e->memory, e->channels[i], STR(EXPIRING_ALL));
}

static void ear_answer(void *user, const struct redis_answer *a)
{
	struct redis_ear *e = user;
	char channel[CHANNEL_NAME_MAX];
	e->is_asked = false;
	if (a->kind == REDIS_SAYS_FINE)
		return; /* the other channels' subscriptions, a PING */
	if (a->kind != REDIS_SAYS_MESSAGE || a->channel.len >= sizeof channel || a->text.len > EXPIRING_VALUE_MAX) {
		redis_wire_restart(e->wire, "not what was subscribed to");
		return;
	}
	snprintf(channel, sizeof channel, "%.*s", STR_ARG(a->channel));
	expiring_publish(e->memory, channel, a->text);
}

static void ear_down(void *user)
{
	(void)user; /* ear_up makes good what is missed meanwhile */
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct redis_ear *redis_ear_open(uv_loop_t *uv, const struct redis_settings *s, struct expiring *memory, const char *const *channels, int count, struct fail *why)
{
	static const struct wire_user ops = { "redis", NULL, ear_greet, ear_up, ear_answer, ear_down };
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
	uv_timer_init(uv, &e->timer);
	e->timer.data = e;
	e->wire = redis_wire_open(uv, s, &ops, e, why);
	if (e->wire == NULL) {
		uv_close((uv_handle_t *)&e->timer, timer_closed);
		return NULL;
	}
	uv_timer_start(&e->timer, ping, PING_EVERY_MS, PING_EVERY_MS);
	return e;
}

void redis_ear_close(struct redis_ear *e)
{
	if (e == NULL)
		return;
	redis_wire_close(e->wire);
	uv_close((uv_handle_t *)&e->timer, timer_closed);
}
