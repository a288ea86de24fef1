/* services/booking/visit_plan.c - few matters, few slots: every order is tried. */
#include "services/booking/visit_plan.h"
#include <assert.h>

/* The first slot that begins at or after `from_ms`. */
static int slot_from(const struct visit_group *g, int64_t from_ms)
{
	int low = 0, high = g->count;
	while (low < high) {
		int middle = (low + high) / 2;
		if (g->slots[middle].starts_ms < from_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All of them from slot `at` on, each slot joining the one before. */
static bool seat_people(const struct visit_wish *w, int matter, int at, struct visit_plan *p)
{
	const struct visit_group *g = w->group_of[matter];
	for (int left = w->people, first = at; left > 0; at++) {
		if (at >= g->count || g->slots[at].free <= 0 || (at > first && g->slots[at].starts_ms != g->slots[at - 1].ends_ms))
			return false;
		for (int64_t taken = 0; taken < g->slots[at].free && left > 0; taken++, left--)
			p->seats[p->count++] = (struct visit_seat){ matter, &g->slots[at] };
		p->ends_ms = g->slots[at].ends_ms;
	}
	return true;
}

/* The matter somewhere between these two moments. */
static bool seat_matter(const struct visit_wish *w, int matter, int64_t from_ms, int64_t to_ms, struct visit_plan *p)
{
	const struct visit_group *g = w->group_of[matter];
	int count = p->count;
	for (int at = slot_from(g, from_ms); at < g->count && g->slots[at].starts_ms <= to_ms; at++) {
		if (seat_people(w, matter, at, p))
			return true;
		p->count = count;
	}
	return false;
}

static bool plan_in_order(const struct visit_wish *w, const int order[], int64_t starts_ms, struct visit_plan *p)
{
	*p = (struct visit_plan){ .starts_ms = starts_ms, .ends_ms = starts_ms };
	for (int i = 0; i < w->matters; i++)
		if (!seat_matter(w, order[i], p->ends_ms, i == 0 ? starts_ms : p->ends_ms + VISIT_GAP_MS, p))
			return false;
	return true;
}

/* The next order by the alphabet. false: that was the last. */
static bool next_order(int order[], int count)
{
	int i = count - 2, j = count - 1;
	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[j] < order[i])
		j--;
	int swapped = order[i];
	order[i] = order[j];
	order[j] = swapped;
	for (i++, j = count - 1; i < j; i++, j--) {
		swapped = order[i];
		order[i] = order[j];
		order[j] = swapped;
	}
	return true;
}

bool visit_plan(const struct visit_wish *w, int64_t starts_ms, struct visit_plan *out)
{
	int order[VISIT_MATTERS_MAX];
	struct visit_plan p;
	bool found = false;
	assert(w->matters >= 1 && w->matters <= VISIT_MATTERS_MAX && w->people >= 1 && w->people <= VISIT_PEOPLE_MAX);
	for (int i = 0; i < w->matters; i++)
		order[i] = i;
	do {
		if (plan_in_order(w, order, starts_ms, &p) && (!found || p.ends_ms < out->ends_ms)) {
			*out = p;
			found = true;
		}
	} while (next_order(order, w->matters));
	return found;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

static bool is_nearer(int64_t a, int64_t b, int64_t around_ms)
{
	return distance(a, around_ms) < distance(b, around_ms) || (distance(a, around_ms) == distance(b, around_ms) && a > b);
}

/* The next nearest after `last` (INT64_MIN: the nearest) at which any matter could begin. false: none is left. */
static bool next_candidate(const struct visit_wish *w, int64_t around_ms, int64_t last, int64_t *out)
{
	bool found = false;
	for (int m = 0; m < w->matters; m++)
		for (int i = 0; i < w->group_of[m]->count; i++) {
			int64_t t = w->group_of[m]->slots[i].starts_ms;
			if (w->group_of[m]->slots[i].free <= 0 || (last != INT64_MIN && !is_nearer(last, t, around_ms)))
				continue;
			if (!found || is_nearer(t, *out, around_ms))
				*out = t;
			found = true;
		}
	return found;
}

int visit_alternatives(const struct visit_wish *w, int64_t around_ms, int64_t out[VISIT_ALTERNATIVES])
{
	struct visit_plan p;
	int count = 0;
	for (int64_t last = INT64_MIN, t; count < VISIT_ALTERNATIVES && next_candidate(w, around_ms, last, &t); last = t)
		if (visit_plan(w, t, &p))
			out[count++] = t;
	return count;
}
