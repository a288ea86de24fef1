/* gateway/door/deadline.c - thousands of connections wait for something at any time; almost none waits in vain. */
#include "gateway/door/deadline.h"

void deadlines_init(struct deadlines *all)
{
	for (int i = 0; i < DEADLINE_KINDS; i++)
		link_init(&all->rings[i]);
}

void deadline_init(struct deadline *d, void (*passed)(struct deadline *d, enum deadline_kind kind))
{
	link_init(&d->link);
	d->kind = DEADLINE_NONE;
	d->passed = passed;
}

void deadline_set(struct deadlines *all, struct deadline *d, enum deadline_kind kind, int64_t now_ms)
{
	d->kind = kind;
	d->since_ms = now_ms;
	link_put(&all->rings[kind], &d->link);
}

void deadline_clear(struct deadline *d)
{
	if (d->kind == DEADLINE_NONE)
		return;
	d->kind = DEADLINE_NONE;
	link_take(&d->link);
}

void deadlines_tick(struct deadlines *all, const int64_t limits_ms[DEADLINE_KINDS], int64_t now_ms)
{
	for (enum deadline_kind kind = DEADLINE_NONE + 1; kind < DEADLINE_KINDS; kind++) {
		struct link *ring = &all->rings[kind];
		while (!link_is_alone(ring)) {
			struct deadline *d = (struct deadline *)ring->next;
			if (now_ms - d->since_ms < limits_ms[kind])
				break;
			deadline_clear(d);
			d->passed(d, kind);
		}
	}
}
