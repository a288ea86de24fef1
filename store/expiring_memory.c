/* store/expiring_memory.c - why this exists: one machine needs no second program to forget things on time.
 *
 * A hash table with chains, keyed with a secret so that nobody chooses his bucket. Each operation also looks into the next bucket of a slow
 * round for what has expired: memory follows what lives, and no sweep ever stops the door. */
#include "store/expiring.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1 << 17, SWEPT_PER_OP = 2, LISTENERS_MAX = 128, CHANNEL_MAX = 32 };

struct entry {
	struct entry *next;
	enum key_class class;
	int64_t expires_ms;
	int64_t number;              /* counted, tries left, or the lock's fencing token */
	uint32_t key_len, value_len;
	char bytes[];                /* key, then value */
};

struct memory {
	struct expiring face;        /* first */
	pthread_mutex_t lock;
	uint8_t secret[16];
	struct entry **buckets;
	size_t sweep;                /* the next bucket of the round */
	int64_t count[KEY_CLASSES];
	int64_t fence;
	struct {
		char channel[CHANNEL_MAX];
		expiring_heard_fn heard;
		void *ctx;
	} listeners[LISTENERS_MAX];
	int listener_count;
};

/* ---- entries ---- */

static void entry_free(struct memory *m, struct entry *e)
{
	m->count[e->class]--;
	free(e);
}

static void sweep(struct memory *m, int64_t now)
{
	for (int i = 0; i < SWEPT_PER_OP; i++) {
		struct entry **at = &m->buckets[m->sweep++ % BUCKETS];
		while (*at != NULL) {
			struct entry *e = *at;
			if (e->expires_ms > now) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			entry_free(m, e);
		}
	}
}

/* Where the living entry of this key hangs, or the end of its chain. */
static struct entry **place_of(struct memory *m, const struct expiring_op *o, int64_t now)
{
	char key[EXPIRING_KEY_MAX + 1];
	key[0] = (char)o->class;
	memcpy(key + 1, o->key.at, o->key.len);
	struct entry **at = &m->buckets[siphash(m->secret, key, o->key.len + 1) % BUCKETS];
	while (*at != NULL) {
		struct entry *e = *at;
		if (e->class != o->class || !str_eq((struct str){ e->bytes, e->key_len }, o->key)) {
			at = &e->next;
		} else if (e->expires_ms > now) {
			break;
		} else {
			*at = e->next;
			entry_free(m, e);
		}
	}
	return at;
}

static struct str value_of(const struct entry *e)
{
	return (struct str){ e->bytes + e->key_len, e->value_len };
}

static void unhang(struct memory *m, struct entry **at)
{
	struct entry *e = *at;
	*at = e->next;
	entry_free(m, e);
}

/* A new entry in the place of the old one, or of none. false: there is no room, and the old one stays. */
static bool hang(struct memory *m, struct entry **at, const struct expiring_op *o, int64_t now)
{
	if (*at == NULL && m->count[o->class] >= key_row(o->class)->most)
		return false;
	struct entry *e = malloc(sizeof *e + o->key.len + o->value.len);
	if (e == NULL)
		return false;
	*e = (struct entry){ .class = o->class, .expires_ms = now + o->ttl_ms, .number = o->limit, .key_len = (uint32_t)o->key.len, .value_len = (uint32_t)o->value.len };
	memcpy(e->bytes, o->key.at, o->key.len);
	if (o->value.len > 0)
		memcpy(e->bytes + o->key.len, o->value.at, o->value.len);
	if (*at != NULL)
		unhang(m, at);
	e->next = *at;
	*at = e;
	m->count[o->class]++;
	return true;
}

/* ---- operations ---- */

static bool holds(const struct entry *e, const struct expiring_op *o)
{
	return str_same_secret(value_of(e), o->value);
}

static enum expiring_end try(struct memory *m, struct entry **at, struct expiring_op *o)
{
	if (*at == NULL)
		return EXPIRING_ABSENT;
	if (holds(*at, o)) {
		unhang(m, at);
		return EXPIRING_OK;
	}
	o->number = --(*at)->number;
	if (o->number <= 0)
		unhang(m, at);
	return EXPIRING_NO;
}

static enum expiring_end count(struct memory *m, struct entry **at, struct expiring_op *o, int64_t now)
{
	int64_t limit = o->limit;
	o->number = *at == NULL ? 0 : (*at)->number;
	if (o->number >= limit)
		return EXPIRING_NO;
	if (*at == NULL) {
		o->limit = 0;
		bool hung = hang(m, at, o, now);
		o->limit = limit;
		if (!hung)
			return EXPIRING_AWAY;
	}
	o->number = ++(*at)->number;
	o->left_ms = (*at)->expires_ms - now;
	return EXPIRING_OK;
}

static enum expiring_end lock(struct memory *m, struct entry **at, struct expiring_op *o, int64_t now)
{
	if (*at != NULL && !holds(*at, o)) {
		o->number = 0;
		return EXPIRING_NO;
	}
	if (!hang(m, at, o, now))
		return EXPIRING_AWAY;
	o->number = (*at)->number = ++m->fence;
	o->left_ms = o->ttl_ms;
	return EXPIRING_OK;
}

static enum expiring_end run_op(struct memory *m, struct expiring_op *o, int64_t now)
{
	struct entry **at = place_of(m, o, now);
	if (*at != NULL)
		o->left_ms = (*at)->expires_ms - now;
	switch (o->verb) {
	case EXPIRING_GET:
		if (*at == NULL)
			return EXPIRING_ABSENT;
		o->out_len = (*at)->value_len;
		o->number = (*at)->number;
		memcpy(o->out, value_of(*at).at, o->out_len);
		return EXPIRING_OK;
	case EXPIRING_ADD:
		if (*at != NULL)
			return EXPIRING_NO;
		/* fall through */
	case EXPIRING_PUT:
		return hang(m, at, o, now) ? EXPIRING_OK : EXPIRING_AWAY;
	case EXPIRING_DROP:
	case EXPIRING_TAKE:
		if (*at == NULL)
			return EXPIRING_ABSENT;
		if (o->verb == EXPIRING_TAKE && !holds(*at, o))
			return EXPIRING_NO;
		unhang(m, at);
		return EXPIRING_OK;
	case EXPIRING_COUNT:
		return count(m, at, o, now);
	case EXPIRING_TRY:
		return try(m, at, o);
	case EXPIRING_LOCK:
		return lock(m, at, o, now);
	case EXPIRING_VERBS:
		break;
	}
	assert(!"no such verb");
	return EXPIRING_AWAY;
}

/* What run_op would end with, without doing it: only verbs that can say NO matter. */
static enum expiring_end would_end(struct memory *m, struct expiring_op *o, int64_t now)
{
	struct entry *e = *place_of(m, o, now);
	bool full = e == NULL && m->count[o->class] >= key_row(o->class)->most;
	if (e != NULL)
		o->left_ms = e->expires_ms - now;
	switch (o->verb) {
	case EXPIRING_ADD:   return e != NULL ? EXPIRING_NO : full ? EXPIRING_AWAY : EXPIRING_OK;
	case EXPIRING_TAKE:  return e == NULL ? EXPIRING_ABSENT : holds(e, o) ? EXPIRING_OK : EXPIRING_NO;
	case EXPIRING_LOCK:  return e != NULL && !holds(e, o) ? EXPIRING_NO : full ? EXPIRING_AWAY : EXPIRING_OK;
	case EXPIRING_PUT:   return full ? EXPIRING_AWAY : EXPIRING_OK;
	case EXPIRING_COUNT:
		o->number = e == NULL ? 0 : e->number;
		return o->number >= o->limit ? EXPIRING_NO : full ? EXPIRING_AWAY : EXPIRING_OK;
	default:
		return EXPIRING_OK;
	}
}

static bool nothing_refuses(struct memory *m, struct expiring_batch *b, int64_t now)
{
	bool refused = false;
	for (int i = 0; i < b->count; i++) {
		b->op[i].end = would_end(m, &b->op[i], now);
		refused = refused || b->op[i].end == EXPIRING_NO || b->op[i].end == EXPIRING_AWAY;
	}
	for (int i = 0; refused && i < b->count; i++)
		if (b->op[i].end != EXPIRING_NO && b->op[i].end != EXPIRING_AWAY)
			b->op[i].end = EXPIRING_UNDONE;
	return !refused;
}

static bool memory_run(struct expiring *x, struct expiring_batch *b)
{
	struct memory *m = (struct memory *)x;
	int64_t now = clock_mono_ms();
	pthread_mutex_lock(&m->lock);
	sweep(m, now);
	if (!b->all_or_nothing || nothing_refuses(m, b, now))
		for (int i = 0; i < b->count; i++)
			b->op[i].end = run_op(m, &b->op[i], now);
	pthread_mutex_unlock(&m->lock);
	return true;
}

/* ---- publishing: everybody who hears is here ---- */

static void memory_publish(struct expiring *x, const char *channel, struct str text)
{
	struct memory *m = (struct memory *)x;
	for (int i = 0; i < m->listener_count; i++)
		if (strcmp(m->listeners[i].channel, channel) == 0)
			m->listeners[i].heard(m->listeners[i].ctx, text);
}

static void memory_hear(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx)
{
	struct memory *m = (struct memory *)x;
	assert(m->listener_count < LISTENERS_MAX && strlen(channel) < CHANNEL_MAX);
	strcpy(m->listeners[m->listener_count].channel, channel);
	m->listeners[m->listener_count].heard = heard;
	m->listeners[m->listener_count++].ctx = ctx;
}

static void memory_close(struct expiring *x)
{
	struct memory *m = (struct memory *)x;
	for (size_t i = 0; i < BUCKETS; i++)
		while (m->buckets[i] != NULL)
			unhang(m, &m->buckets[i]);
	pthread_mutex_destroy(&m->lock);
	free(m->buckets);
	free(m);
}

struct expiring *expiring_memory(struct fail *why)
{
	struct memory *m = calloc(1, sizeof *m);
	if (m == NULL || (m->buckets = calloc(BUCKETS, sizeof(struct entry *))) == NULL) {
		free(m);
		FAILS(why, MEMORY, "the expiring store");
		return NULL;
	}
	m->face = (struct expiring){ memory_run, memory_publish, memory_hear, memory_close };
	pthread_mutex_init(&m->lock, NULL);
	random_bytes(m->secret, sizeof m->secret);
	return &m->face;
}
