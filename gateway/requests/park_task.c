/* gateway/requests/park_task.c - a task that waits for its effect's end, and why it goes on: over, woken, late, or we stop. */
#include "base/clock.h"
#include "base/metrics.h"
#include "gateway/gateway.h"
#include "gateway/requests/task.h"
#include "notify/effect.h"
#include <stdatomic.h>

enum { PARKED_MAX = 10000, LOOK_MS = 1000, LOOKS_MAX = 256 /* at once; the others, whose time is further off, when it is their turn */ };
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

bool park_read(struct task *t, struct connection *reader, struct fail *why)
{
	struct request *r = &t->r;
	struct tx tx;
	bool found = false;
	int64_t effect = r->route->handler->park(r);
	struct effect_view *v = arena_zalloc(&r->arena, sizeof(*v));
	if (v == NULL)
		return FAILS(why, MEMORY, "an effect");
	if (!reader_begin(reader, &tx, why) || !effect_get(&tx, effect, v, &found, why))
		return false;
	if (!found)
		return FAILS(why, INTERNAL, "the outcome names effect %lld, which is not there", (long long)effect);
	r->parked = v;
	return r->route->handler->revisit == NULL || r->route->handler->revisit(&tx, r, why);
}

static bool is_over(const struct task *t)
{
	return effect_is_over(t->r.parked->state);
}

static bool peer_ended(const struct task *t)
{
	return t->exchange != NULL && t->exchange->peer_ended;
}

static void stand(struct task *t, int64_t effect)
{
	struct loop *l = t->loop;
	int64_t now_ms = clock_mono_ms();
	hub_want(&l->news, NEWS_EFFECT_ENDED, 1);
	if (l->parking.count == 0)
		l->parking.looked_ms = now_ms;
	parking_put(&l->parking, &t->parked, effect, now_ms + l->config->park_ms);
	count_parked(1);
}

static void leave(struct task *t)
{
	parking_take(&t->loop->parking, &t->parked);
	hub_want(&t->loop->news, NEWS_EFFECT_ENDED, -1);
	count_parked(-1);
}

/* Reads it now, or goes to read it. */
static enum step look(struct task *t)
{
	struct loop *l = t->loop;
	t->rung = false;
	if (l->reader == NULL)
		return task_depart(t, LANE_READ) ? STEP_AWAY : STEP_FAILED;
	return park_read(t, l->reader, &t->r.why) ? STEP_ON : STEP_FAILED;
}

/* It was read: whoever still stands goes on standing, if it is not over. */
static enum step looked(struct task *t)
{
	bool stands = t->parked.effect != 0;
	if (!is_over(t) && t->rung)
		return look(t);
	if (!is_over(t) && stands)
		return STEP_AWAY;
	if (stands)
		leave(t);
	if (!t->woken)
		count(is_over(t) ? PARK_OVER : peer_ended(t) ? PARK_GONE : PARK_REFUSED);
	return STEP_ON;
}

enum step park_begin(struct task *t)
{
	struct loop *l = t->loop;
	bool stopping = atomic_load_explicit(&l->gateway->stopping, memory_order_relaxed);
	int64_t effect = t->r.route->handler->park(&t->r);
	if (effect == 0)
		return STEP_ON;
	if (!t->replayed && !stopping && !peer_ended(t) && l->parking.count < PARKED_MAX) /* a replay is told how it is now */
		stand(t, effect);
	enum step step = look(t);
	if (step == STEP_FAILED && t->parked.effect != 0)
		leave(t);
	return step == STEP_ON ? looked(t) : step;
}

enum step park_home(struct task *t)
{
	if (!t->failed)
		return looked(t);
	if (t->parked.effect != 0)
		leave(t);
	return STEP_FAILED;
}

static void go_on(struct task *t, enum park_end how)
{
	leave(t);
	count(how);
	t->woken = true;
	if (t->away) {
		t->rung = true;
		return;
	}
	enum step step = look(t);
	if (step == STEP_AWAY)
		return;
	t->failed = step == STEP_FAILED;
	task_go_on(t);
}

void task_peer_ended(struct task *t)
{
	if (t->parked.effect != 0)
		go_on(t, PARK_GONE);
}

void park_leave(struct task *t)
{
	if (t->parked.effect == 0)
		return;
	leave(t);
	count(PARK_GONE);
}

/* Each goes and reads, and goes on standing; one that finds no room in the lane has its deadline. */
static void send_some(struct loop *l, size_t most)
{
	for (struct link *at = l->parking.by_time.next; at != &l->parking.by_time && most > 0; at = at->next, most--) {
		struct task *t = CONTAINER(at, struct task, parked.in_time);
		if (t->away)
			t->rung = true;
		else if (look(t) == STEP_FAILED)
			fail_clear(&t->r.why);
	}
}

/* In two walks: an answer may end a connection, and with it others who stand here. */
static void look_at_all(struct loop *l)
{
	struct link over;
	link_init(&over);
	for (struct link *at = l->parking.by_time.next, *next; at != &l->parking.by_time; at = next) {
		next = at->next;
		struct task *t = CONTAINER(at, struct task, parked.in_time);
		if (!park_read(t, l->reader, &t->r.why) || is_over(t))
			link_put(&over, at);
	}
	while (!link_is_alone(&over))
		go_on(CONTAINER(over.next, struct task, parked.in_time), PARK_WOKEN);
}

void park_news(struct loop *l, int64_t effect)
{
	if (effect == 0)
		l->reader != NULL ? look_at_all(l) : send_some(l, SIZE_MAX);
	for (struct parked *p; effect != 0 && (p = parking_find(&l->parking, effect)) != NULL;)
		go_on(task_of(p), PARK_WOKEN);
}

/* Another node may have done it, and its news be lost. */
static bool looks_by_itself(const struct loop *l)
{
	return l->reader == NULL && l->parking.count > 0;
}

int64_t park_due_ms(struct loop *l)
{
	const struct parked *next = parking_first(&l->parking);
	int64_t due_ms = next != NULL ? next->until_ms : INT64_MAX, look_ms = l->parking.looked_ms + LOOK_MS;
	return looks_by_itself(l) && look_ms < due_ms ? look_ms : due_ms;
}

void park_tick(struct loop *l, int64_t mono_ms)
{
	if (looks_by_itself(l) && mono_ms >= l->parking.looked_ms + LOOK_MS) {
		l->parking.looked_ms = mono_ms;
		send_some(l, LOOKS_MAX);
	}
	for (struct parked *p; (p = parking_first(&l->parking)) != NULL && p->until_ms <= mono_ms;)
		go_on(task_of(p), PARK_LATE);
}

void park_end_all(struct loop *l)
{
	for (struct parked *p; (p = parking_first(&l->parking)) != NULL;)
		go_on(task_of(p), PARK_REFUSED);
}
