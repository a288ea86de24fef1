/* gateway/expiring/redis_link.c - why this exists: whoever asks the expiring store gets an answer by the deadline, whatever Redis does. */
#include "gateway/expiring/redis_link.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "gateway/expiring/redis_wire.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FLIGHTS_MAX = 4096, CHANNELS_MAX = 8, SILENCE_MAX_MS = 2000 /* a server that says nothing for so long is left */ };

enum flight_kind { FLIGHT_BATCH, FLIGHT_WHOLE /* a batch with the script's text */, FLIGHT_LOAD, FLIGHT_TOLD /* PUBLISH */ };

/* Asked, in order; answered in the same order. */
struct flight {
	struct flight *next;
	enum flight_kind kind;
	struct expiring_batch *batch; /* NULL: nobody waits any more */
	const char *channel;          /* of what is told */
	int64_t by_ms;
};

struct redis_link {
	struct expiring face;        /* first */
	struct redis_wire *wire;
	const struct redis_settings *settings;
	struct expiring *memory;     /* what LOCAL classes use meanwhile */
	struct flight *first, **last, *spare;
	int flights;
	const char *untold[CHANNELS_MAX]; /* channels on which something did not come through: made good when the link is up again */
	int untold_count;
	uv_timer_t timer;            /* at the deadline of the first whom somebody waits for */
	char digest[REDIS_DIGEST_BYTES];
};

static atomic_int links_up;

static void count_up(int change)
{
	metric_set(M_expiring_up, 0, atomic_fetch_add(&links_up, change) + change);
}

/* ---- away: each operation by its class's rule ---- */

static void end_away(struct redis_link *l, struct expiring_batch *b)
{
	static _Thread_local struct expiring_batch one;
	metric_add(M_expiring_away, 0, 1);
	for (int i = 0; i < b->count; i++) {
		struct expiring_op *o = &b->op[i];
		o->end = EXPIRING_AWAY;
		if (key_row(o->class)->away != KEY_AWAY_LOCAL)
			continue;
		one.count = 1;
		one.all_or_nothing = false;
		one.op[0] = *o;
		if (expiring_run(l->memory, &one))
			*o = one.op[0];
	}
}

/* ---- flights ---- */

static struct flight *flight_add(struct redis_link *l, enum flight_kind kind, struct expiring_batch *b)
{
	struct flight *f = l->spare;
	if (l->flights >= FLIGHTS_MAX)
		return NULL;
	if (f != NULL)
		l->spare = f->next;
	else if ((f = malloc(sizeof *f)) == NULL)
		return NULL;
	*f = (struct flight){ .kind = kind, .batch = b, .by_ms = clock_mono_ms() + l->settings->deadline_ms };
	*l->last = f;
	l->last = &f->next;
	l->flights++;
	return f;
}

static void flight_done(struct redis_link *l)
{
	struct flight *f = l->first;
	l->first = f->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->flights--;
	f->next = l->spare;
	l->spare = f;
}

static bool is_overdue(const struct redis_link *l)
{
	return l->first != NULL && clock_mono_ms() >= l->first->by_ms;
}

static void time_over(uv_timer_t *timer)
{
	struct redis_link *l = timer->data;
	int64_t now = clock_mono_ms();
	for (struct flight *f = l->first; f != NULL && now >= f->by_ms; f = f->next) {
		struct expiring_batch *b = f->batch;
		f->batch = NULL;
		if (b == NULL)
			continue;
		end_away(l, b);
		b->done(b);
	}
	if (l->first != NULL && now >= l->first->by_ms + SILENCE_MAX_MS)
		redis_wire_restart(l->wire, "it does not answer");
}

bool redis_link_is_up(const struct expiring *x)
{
	const struct redis_link *l = (const struct redis_link *)x;
	return redis_wire_state(l->wire) == WIRE_UP && !is_overdue(l);
}

static void watch(struct redis_link *l)
{
	if (!uv_is_active((uv_handle_t *)&l->timer))
		uv_timer_start(&l->timer, time_over, (uint64_t)l->settings->deadline_ms, (uint64_t)l->settings->deadline_ms / 2 + 1);
}

/* ---- asking ---- */

static bool ask(struct redis_link *l, enum flight_kind kind, struct expiring_batch *b)
{
	struct redis_bytes out;
	struct fail why;
	fail_clear(&why);
	if (!redis_batch(l->settings->prefix, b, kind == FLIGHT_WHOLE ? NULL : l->digest, &out, &why))
		return false;
	if (flight_add(l, kind, b) == NULL) {
		redis_bytes_drop(&out);
		return false;
	}
	redis_wire_send(l->wire, &out);
	watch(l);
	return true;
}

static bool link_run(struct expiring *x, struct expiring_batch *b)
{
	struct redis_link *l = (struct redis_link *)x;
	if (redis_link_is_up(x) && ask(l, FLIGHT_BATCH, b))
		return false;
	end_away(l, b);
	return true;
}

static bool told(struct redis_link *l, const char *channel, struct str text)
{
	struct redis_bytes out;
	struct fail why;
	fail_clear(&why);
	if (!redis_link_is_up(&l->face) || !redis_publish(l->settings->prefix, channel, text, &out, &why))
		return false;
	struct flight *f = flight_add(l, FLIGHT_TOLD, NULL);
	if (f == NULL) {
		redis_bytes_drop(&out);
		return false;
	}
	f->channel = channel;
	redis_wire_send(l->wire, &out);
	watch(l);
	return true;
}

static void note_untold(struct redis_link *l, const char *channel)
{
	for (int i = 0; i < l->untold_count; i++)
		if (strcmp(l->untold[i], channel) == 0)
			return;
	assert(l->untold_count < CHANNELS_MAX);
	l->untold[l->untold_count++] = channel;
}

static void tell_untold(struct redis_link *l)
{
	int count = l->untold_count;
	l->untold_count = 0;
	for (int i = 0; i < count; i++)
		if (!told(l, l->untold[i], STR(EXPIRING_ALL)))
			note_untold(l, l->untold[i]);
}

/* `channel` lives as long as the program. */
static void link_publish(struct expiring *x, const char *channel, struct str text)
{
	struct redis_link *l = (struct redis_link *)x;
	if (told(l, channel, text))
		return;
	note_untold(l, channel);
	expiring_publish(l->memory, channel, text); /* this node at least */
}

static void link_hear(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx)
{
	expiring_hear(((struct redis_link *)x)->memory, channel, heard, ctx); /* the ear gives it on */
}

/* ---- answers ---- */

static bool link_greet(void *user, struct redis_bytes *out, struct fail *why)
{
	(void)user;
	return redis_load(out, why);
}

static void keep_digest(struct redis_link *l, const struct redis_answer *a)
{
	assert(a->text.len < sizeof l->digest);
	memcpy(l->digest, a->text.at, a->text.len);
	l->digest[a->text.len] = '\0';
}

static void link_up(void *user, const struct redis_answer *greeted)
{
	count_up(1);
	if (greeted->kind == REDIS_SAYS_LOADED)
		keep_digest(user, greeted);
	tell_untold(user);
}

/* The script was forgotten (a restart, a flush): this batch goes again with the text of it, which makes it known again. */
static bool sent_again(struct redis_link *l, struct expiring_batch *b)
{
	return b == NULL || ask(l, FLIGHT_WHOLE, b);
}

static void link_answer(void *user, const struct redis_answer *a)
{
	struct redis_link *l = user;
	if (l->first == NULL) {
		redis_wire_restart(l->wire, "an answer nobody asked for");
		return;
	}
	struct flight f = *l->first;
	bool sane = true, filled = false;
	flight_done(l);
	switch (a->kind) {
	case REDIS_SAYS_BATCH:
		sane = f.kind == FLIGHT_BATCH || f.kind == FLIGHT_WHOLE;
		filled = sane && f.batch != NULL && redis_fill(redis_wire_reader(l->wire), f.batch);
		sane = sane && (f.batch == NULL || filled);
		break;
	case REDIS_SAYS_NOSCRIPT:
		if (f.kind == FLIGHT_BATCH && sent_again(l, f.batch))
			return;
		break;
	case REDIS_SAYS_REFUSED:
		metric_add(M_expiring_refused, 0, 1);
		sane = false; /* a replica after a failover, a server that loads or is full: perhaps the next connection leads to a better one */
		break;
	default:
		sane = f.kind == FLIGHT_TOLD || f.kind == FLIGHT_LOAD;
	}
	if (f.batch != NULL) {
		if (!filled)
			end_away(l, f.batch);
		f.batch->done(f.batch);
	}
	if (!sane && f.kind == FLIGHT_TOLD)
		note_untold(l, f.channel);
	if (!sane)
		redis_wire_restart(l->wire, a->kind == REDIS_SAYS_REFUSED ? "it refuses" : "an answer to something else");
	else if (l->first == NULL)
		uv_timer_stop(&l->timer);
}

static void link_down(void *user)
{
	struct redis_link *l = user;
	count_up(-1);
	uv_timer_stop(&l->timer);
	while (l->first != NULL) {
		struct expiring_batch *b = l->first->batch;
		if (l->first->kind == FLIGHT_TOLD)
			note_untold(l, l->first->channel);
		flight_done(l);
		if (b == NULL)
			continue;
		end_away(l, b);
		b->done(b);
	}
}

/* ---- birth and death ---- */

static void timer_closed(uv_handle_t *handle)
{
	struct redis_link *l = handle->data;
	for (struct flight *f; (f = l->spare) != NULL; free(f))
		l->spare = f->next;
	free(l);
}

static void link_close(struct expiring *x)
{
	struct redis_link *l = (struct redis_link *)x;
	if (redis_wire_state(l->wire) == WIRE_UP)
		link_down(l);
	redis_wire_close(l->wire);
	uv_close((uv_handle_t *)&l->timer, timer_closed);
}

struct expiring *redis_link_open(uv_loop_t *uv, const struct redis_settings *s, struct expiring *memory, struct fail *why)
{
	static const struct wire_user ops = { "redis", NULL, link_greet, link_up, link_answer, link_down };
	struct redis_link *l = calloc(1, sizeof *l);
	if (l == NULL) {
		FAILS(why, MEMORY, "a link to redis");
		return NULL;
	}
	l->face = (struct expiring){ link_run, link_publish, link_hear, link_close };
	l->settings = s;
	l->memory = memory;
	l->last = &l->first;
	uv_timer_init(uv, &l->timer);
	l->timer.data = l;
	l->wire = redis_wire_open(uv, s, &ops, l, why);
	if (l->wire != NULL)
		return &l->face;
	uv_close((uv_handle_t *)&l->timer, timer_closed);
	return NULL;
}
