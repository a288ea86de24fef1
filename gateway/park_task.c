/* gateway/park_task.c - a task that waits for its effect's end, and why it goes on: over, woken, late, or we stop. */
#include "base/clock.h"
#include "base/metrics.h"
#include "gateway/gateway.h"
#include "gateway/task.h"
#include "notify/effect.h"
#include <stdatomic.h>

enum { PARKED_MAX = 10000 };
enum park_end { PARK_OVER, PARK_WOKEN, PARK_LATE, PARK_GONE, PARK_REFUSED };

static _Atomic int64_t parked_now; /* on all loops */

void park_name_metrics(void)
{
	static const char *const names[] = { [PARK_OVER] = "over", [PARK_WOKEN] = "woken", [PARK_LATE] = "late", [PARK_GONE] = "gone", [PARK_REFUSED] = "refused" };
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		metric_label(M_parks, i, names[i]);
}

static void count(enum park_end how)
{
	metric_add(M_parks, (int)how, 1);
}

static void count_parked(int change)
{
	metric_set(M_parked, 0, atomic_fetch_add(&parked_now, change) + change);
}

static struct task *task_of(struct parked *p)
{
	return CONTAINER(p, struct task, parked);
}

/* The effect as it is now, into r->parked. */
static bool read_effect(struct task *t, int64_t effect, bool *is_over)
{
	struct request *r = &t->r;
	struct tx tx;
	bool found = false;
	struct effect_view *v = arena_zalloc(&r->arena, sizeof(*v));
	if (v == NULL)
		return FAILS(&r->why, MEMORY, "an effect");
	if (!reader_begin(t->loop->reader, &tx, &r->why) || !effect_get(&tx, effect, v, &found, &r->why))
		return false;
	if (!found)
		return FAILS(&r->why, INTERNAL, "the outcome names effect %lld, which is not there", (long long)effect);
	r->parked = v;
	*is_over = effect_is_over(v->state);
	return true;
}

static void stand(struct task *t, int64_t effect)
{
	struct loop *l = t->loop;
	hub_want(&l->news, NEWS_EFFECT_ENDED, 1);
	parking_put(&l->parking, &t->parked, effect, clock_mono_ms() + l->config->park_ms);
	count_parked(1);
}

static void leave(struct task *t)
{
	parking_take(&t->loop->parking, &t->parked);
	hub_want(&t->loop->news, NEWS_EFFECT_ENDED, -1);
	count_parked(-1);
}

enum step park_begin(struct task *t)
{
	struct loop *l = t->loop;
	bool is_over = false, stopping = atomic_load_explicit(&l->gateway->stopping, memory_order_relaxed);
	int64_t effect = t->r.route->handler->park(&t->r);
	if (effect == 0)
		return STEP_ON;
	bool may_wait = !t->replayed && !stopping && l->parking.count < PARKED_MAX; /* a replay is told how it is now */
	if (may_wait)
		stand(t, effect);
	if (!read_effect(t, effect, &is_over)) {
		if (may_wait)
			leave(t);
		return STEP_FAILED;
	}
	if (may_wait && !is_over)
		return STEP_AWAY;
	if (may_wait)
		leave(t);
	count(is_over ? PARK_OVER : PARK_REFUSED);
	return STEP_ON;
}

static void go_on(struct task *t, enum park_end how)
{
	int64_t effect = t->parked.effect;
	bool is_over;
	leave(t);
	count(how);
	t->failed = !read_effect(t, effect, &is_over);
	task_go_on(t);
}

void park_leave(struct task *t)
{
	if (t->parked.effect == 0)
		return;
	leave(t);
	count(PARK_GONE);
}

/* In two walks: an answer may end a connection, and with it others who stand here. */
static void look_at_all(struct loop *l)
{
	struct link over;
	link_init(&over);
	for (struct link *at = l->parking.by_time.next, *next; at != &l->parking.by_time; at = next) {
		next = at->next;
		struct task *t = CONTAINER(at, struct task, parked.in_time);
		bool is_over = false;
		if (!read_effect(t, t->parked.effect, &is_over) || is_over)
			link_put(&over, at);
	}
	while (!link_is_alone(&over))
		go_on(CONTAINER(over.next, struct task, parked.in_time), PARK_WOKEN);
}

void park_news(struct loop *l, int64_t effect)
{
	if (effect == 0)
		look_at_all(l);
	for (struct parked *p; effect != 0 && (p = parking_find(&l->parking, effect)) != NULL;)
		go_on(task_of(p), PARK_WOKEN);
}

void park_tick(struct loop *l, int64_t mono_ms)
{
	for (struct parked *p; (p = parking_first(&l->parking)) != NULL && p->until_ms <= mono_ms;)
		go_on(task_of(p), PARK_LATE);
}

void park_end_all(struct loop *l)
{
	for (struct parked *p; (p = parking_first(&l->parking)) != NULL;)
		go_on(task_of(p), PARK_REFUSED);
}
