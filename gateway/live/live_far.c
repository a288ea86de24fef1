/* gateway/live/live_far.c - live streams on a database that is a server's: an errand takes along the places of some who are hungry, and comes home with their
 * rows. A loop has one out at a time; who becomes hungry meanwhile goes with the next. */
#include "auth/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/live/live_inside.h"
#include "gateway/loops/errands.h"
#include <stdlib.h>

enum { SEATS = 16, FAR_ARENA_BYTES = 4 << 20 };

/* One stream as it was when the errand left, and what was found for it. */
struct asked {
	struct live *v;      /* NULL: it has left */
	int64_t person, after, token;
	enum lang lang;
	bool reads;          /* else it is full, and only its token is looked at */
	bool told, beats;
	bool is_over;        /* the token */
	int given;
	struct stream_item items[LIVE_ITEMS_PER_TURN];
};

struct live_far {
	struct errand errand; /* first */
	struct live_table *table;
	struct arena arena;
	bool is_out;
	int64_t now_ms;
	int count;
	struct asked asked[SEATS];
};

bool live_far_is_out(const struct live_far *f)
{
	return f != NULL && f->is_out;
}

void live_far_drop(struct live_far *f)
{
	if (f == NULL)
		return;
	arena_free(&f->arena);
	free(f);
}

void live_far_forget(struct live_table *t, const struct live *v)
{
	for (int i = 0; live_far_is_out(t->far) && i < t->far->count; i++)
		if (t->far->asked[i].v == v)
			t->far->asked[i].v = NULL;
}

/* ---- there ---- */

static bool look(struct asked *a, struct tx *tx, struct live_far *f, struct fail *why)
{
	a->given = 0;
	if (a->reads && !stream_read(tx, a->person, a->after, a->lang, &f->arena, a->items, LIVE_ITEMS_PER_TURN, &a->given, why))
		return false;
	/* A logout is told as the person's news with nothing in it. */
	if (!a->beats && !(a->told && a->given == 0))
		return true;
	struct fail token;
	fail_clear(&token);
	a->is_over = !token_is_good(tx, a->token, a->person, f->now_ms, &token) && token.code == FAIL_TOKEN;
	if (a->is_over || token.code == FAIL_NONE)
		return true;
	*why = token;
	return false;
}

static bool run(struct errand *e, struct tx *tx, struct fail *why)
{
	struct live_far *f = (struct live_far *)e;
	for (int i = 0; i < f->count; i++)
		if (!look(&f->asked[i], tx, f, why))
			return false;
	return true;
}

/* ---- home ---- */

static void answer(struct asked *a)
{
	struct live *v = a->v;
	if (a->is_over)
		v->ops->end(v, LIVE_TOKEN);
	else if (v->after != a->after)
		live_hungry(v); /* it went to another place meanwhile */
	else
		live_give(v, a->items, a->given);
}

static void home(struct errand *e)
{
	struct live_far *f = (struct live_far *)e;
	for (int i = 0; f->errand.ok && i < f->count; i++)
		if (f->asked[i].v != NULL)
			answer(&f->asked[i]);
	if (!f->errand.ok)
		log_fail(STR_NONE, &f->errand.why); /* the database is away: the next heartbeat asks again */
	f->is_out = false;
	arena_reset(&f->arena);
}

/* ---- leaving ---- */

static bool make(struct live_table *t)
{
	if (t->far != NULL)
		return true;
	t->far = calloc(1, sizeof(*t->far));
	if (t->far == NULL)
		return false;
	t->far->table = t;
	t->far->errand = (struct errand){ .loop = t->loop, .run = run, .home = home };
	arena_init(&t->far->arena, FAR_ARENA_BYTES);
	return true;
}

static void take_seat(struct live_far *f, struct live *v)
{
	live_note_fullness(v);
	if (v->full_ms != 0 && !v->beats)
		return;
	f->asked[f->count++] = (struct asked){ .v = v, .person = v->person, .after = v->after, .token = v->token, .lang = v->lang, .reads = v->full_ms == 0,
					       .told = v->told, .beats = v->beats };
	v->told = v->told && v->full_ms != 0;
	v->beats = false;
}

void live_far_serve(struct live_table *t)
{
	if (live_far_is_out(t->far) || link_is_alone(&t->hungry) || !make(t))
		return;
	struct live_far *f = t->far;
	for (f->count = 0; f->count < SEATS && !link_is_alone(&t->hungry);) {
		struct live *v = live_of_hungry(t->hungry.next);
		link_take(&v->hungry_link);
		take_seat(f, v);
	}
	if (f->count == 0)
		return;
	f->now_ms = clock_wall_ms();
	f->is_out = true;
	errands_send(t->loop->gateway->errands, &f->errand);
}
