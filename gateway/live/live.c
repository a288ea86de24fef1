/* gateway/live/live.c - why no queue per stream: what a person is to be told lies in the table already, in order and numbered. */
#include "gateway/live/live.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/expiring/epoch.h"
#include "gateway/gateway.h"
#include "gateway/live/live_inside.h"
#include "store/store.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 20, LOOK_EVERY_MS = 1000 };

/* ---- seats: over all loops ---- */

enum { SEAT_BUCKETS = 4096 };

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	int64_t taken;
	struct link persons[SEAT_BUCKETS];
} seats = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static void seats_make(void)
{
	for (int i = 0; i < SEAT_BUCKETS; i++)
		link_init(&seats.persons[i]);
}

static struct live *of_seat(struct link *at) { return (struct live *)((char *)at - offsetof(struct live, seat_link)); }
static struct live *of_beat(struct link *at) { return (struct live *)((char *)at - offsetof(struct live, beat_link)); }

static bool seat_take(struct live *v, const struct config *c, struct fail *why)
{
	struct link *bucket = &seats.persons[v->person % SEAT_BUCKETS];
	int64_t mine = 0;
	pthread_once(&seats.once, seats_make);
	pthread_mutex_lock(&seats.lock);
	for (struct link *at = bucket->next; at != bucket; at = at->next)
		mine += of_seat(at)->person == v->person;
	bool person_full = mine >= c->live_person_max, all_full = seats.taken >= c->live_max;
	if (!person_full && !all_full) {
		link_put(bucket, &v->seat_link);
		seats.taken++;
	}
	pthread_mutex_unlock(&seats.lock);
	if (person_full)
		return FAILS(why, STREAMS, "%lld streams of one person", (long long)mine);
	return !all_full || FAILS(why, BUSY, "every seat for a live stream is taken");
}

static void seat_leave(struct live *v)
{
	pthread_mutex_lock(&seats.lock);
	link_take(&v->seat_link);
	seats.taken--;
	pthread_mutex_unlock(&seats.lock);
}

/* ---- counting ---- */

static _Atomic int64_t open_now[LIVE_KINDS];

void live_count_names(void)
{
	static const char *const kinds[LIVE_KINDS] = { "sse", "websocket" };
	static const char *const ends[LIVE_ENDS] = { "gone", "token", "stopping", "silent", "slow", "rude" };
	for (int i = 0; i < LIVE_KINDS; i++)
		metric_label(M_live_streams, i, kinds[i]);
	for (int i = 0; i < LIVE_ENDS; i++)
		metric_label(M_live_ended, i, ends[i]);
}

static void count(enum live_kind kind, int change)
{
	metric_set(M_live_streams, (int)kind, atomic_fetch_add(&open_now[kind], change) + change);
}

/* ---- the table ---- */

struct live_table *live_make(struct loop *l)
{
	struct live_table *t = malloc(sizeof(*t));
	if (t == NULL)
		return NULL;
	t->loop = l;
	t->count = 0;
	t->far = NULL;
	t->looked_ms = 0;
	arena_init(&t->arena, ARENA_BYTES);
	link_init(&t->hungry);
	link_init(&t->beats);
	for (int i = 0; i < LIVE_BUCKETS; i++)
		link_init(&t->persons[i]);
	return t;
}

void live_drop(struct live_table *t)
{
	if (t == NULL)
		return;
	assert(t->count == 0);
	live_far_drop(t->far);
	arena_free(&t->arena);
	free(t);
}

static struct link *bucket_of(struct live_table *t, int64_t person)
{
	return &t->persons[person % LIVE_BUCKETS];
}

bool live_enter(struct live_table *t, struct live *v, const struct principal *who, struct fail *why)
{
	if (atomic_load(&t->loop->gateway->stopping))
		return FAILS(why, STOPPING, "no new streams");
	v->table = t;
	v->person = who->id;
	v->token = who->token;
	link_init(&v->person_link);
	link_init(&v->hungry_link);
	link_init(&v->beat_link);
	link_init(&v->seat_link);
	if (!seat_take(v, t->loop->config, why))
		return false;
	v->beat_ms = clock_mono_ms();
	v->full_ms = 0;
	v->told = v->beats = false;
	link_put(bucket_of(t, v->person), &v->person_link);
	link_put(&t->beats, &v->beat_link);
	hub_want(&t->loop->news, NEWS_PERSON, 1);
	hub_want(&t->loop->news, NEWS_PERSON_ELSEWHERE, 1);
	t->count++;
	count(v->ops->kind, 1);
	return true;
}

void live_leave(struct live *v, enum live_end why)
{
	struct live_table *t = v->table;
	link_take(&v->person_link);
	link_take(&v->hungry_link);
	link_take(&v->beat_link);
	seat_leave(v);
	live_far_forget(t, v);
	hub_want(&t->loop->news, NEWS_PERSON, -1);
	hub_want(&t->loop->news, NEWS_PERSON_ELSEWHERE, -1);
	t->count--;
	count(v->ops->kind, -1);
	metric_add(M_live_ended, (int)why, 1);
}

void live_hungry(struct live *v)
{
	if (link_is_alone(&v->hungry_link))
		link_put(&v->table->hungry, &v->hungry_link);
}

void live_resume(struct live *v, int64_t after)
{
	v->after = after;
	live_hungry(v);
}

void live_news(struct live_table *t, int64_t person)
{
	struct link *first = person == 0 ? &t->beats : bucket_of(t, person);
	for (struct link *at = first->next; at != first; at = at->next) {
		struct live *v = person == 0 ? of_beat(at) : (struct live *)at;
		if (person != 0 && v->person != person)
			continue;
		v->told = true;
		live_hungry(v);
	}
}

/* ---- serving ---- */

/* Also whether it still lives: a logout is told as the person's news with nothing in it. */
static bool token_holds(struct live *v, struct tx *tx)
{
	struct fail why;
	fail_clear(&why);
	if (token_is_good(tx, v->token, v->person, loop_now_ms(v->table->loop), &why))
		return true;
	if (why.code == FAIL_TOKEN) {
		v->ops->end(v, LIVE_TOKEN);
		return false;
	}
	log_fail(STR_NONE, &why); /* the database is away for now: the next heartbeat asks again */
	return true;
}

void live_note_fullness(struct live *v)
{
	if (!v->ops->is_full(v))
		v->full_ms = 0;
	else if (v->full_ms == 0)
		v->full_ms = clock_mono_ms();
}

void live_give(struct live *v, const struct stream_item *items, int given)
{
	for (int i = 0; i < given; i++) {
		v->after = items[i].seq;
		v->ops->event(v, items[i].seq, items[i].event, items[i].data);
		metric_add(M_live_events, 0, 1);
	}
	if (given == LIVE_ITEMS_PER_TURN)
		live_hungry(v);
}

static void serve(struct live *v)
{
	struct live_table *t = v->table;
	struct stream_item items[LIVE_ITEMS_PER_TURN];
	struct fail why;
	struct tx tx;
	int given = 0;
	live_note_fullness(v);
	if (v->full_ms != 0)
		return;
	fail_clear(&why);
	if (!reader_begin(t->loop->reader, &tx, &why) || !stream_read(&tx, v->person, v->after, v->lang, &t->arena, items, LIVE_ITEMS_PER_TURN, &given, &why)) {
		log_fail(STR_NONE, &why);
		arena_reset(&t->arena);
		return;
	}
	live_give(v, items, given);
	arena_reset(&t->arena);
	bool told_of_nothing = v->told && given == 0;
	v->told = false;
	if (told_of_nothing)
		token_holds(v, &tx);
}

void live_serve(struct live_table *t)
{
	struct link now;
	if (t->loop->reader == NULL) {
		live_far_serve(t);
		return;
	}
	link_move_all(&now, &t->hungry);
	while (!link_is_alone(&now)) {
		struct live *v = live_of_hungry(now.next);
		link_take(&v->hungry_link);
		serve(v);
	}
}

void live_again(struct live_table *t)
{
	if (!link_is_alone(&t->hungry) && !live_far_is_out(t->far)) /* else it turns when that comes home */
		loop_ring(t->loop);
}

/* ---- time passes ---- */

static void beat(struct live *v)
{
	struct live_table *t = v->table;
	struct fail why;
	struct tx tx;
	v->beat_ms = clock_mono_ms();
	link_put(&t->beats, &v->beat_link);
	fail_clear(&why);
	v->beats = t->loop->reader == NULL;
	if (!v->beats && reader_begin(t->loop->reader, &tx, &why) && !token_holds(v, &tx))
		return;
	live_hungry(v); /* a hint may have been lost */
	live_note_fullness(v);
	if (v->full_ms != 0 && v->beat_ms - v->full_ms >= t->loop->config->body_ms)
		v->ops->end(v, LIVE_SLOW);
	else if (v->full_ms == 0 && !v->ops->beat(v))
		v->ops->end(v, LIVE_SILENT);
}

void live_tick(struct live_table *t)
{
	int64_t now = clock_mono_ms(), every = t->loop->config->live_beat_s * 1000;
	while (!link_is_alone(&t->beats) && now - of_beat(t->beats.next)->beat_ms >= every)
		beat(of_beat(t->beats.next));
	if (t->loop->reader == NULL && now - t->looked_ms >= LOOK_EVERY_MS && epoch_is_deaf(t->loop)) {
		t->looked_ms = now;
		live_news(t, 0); /* what another node did for a person, nobody can tell now */
	}
	live_serve(t);
}

void live_end_all(struct live_table *t, enum live_end why)
{
	while (!link_is_alone(&t->beats)) {
		struct live *v = of_beat(t->beats.next);
		v->ops->end(v, why);
	}
}
