/* services/booking/visit_plan.h - one trip (一次办好): several matters and several people in one visit, one after the other, without waiting in between.
 *
 * People go through a matter together: those who find no room in a slot take the very next one. The next matter begins within half an hour of the last one's
 * end. Of all orders of the matters the one that is over first is taken; of equal ones, the order that was asked for.
 * Thread: any; pure. */
#ifndef SERVICES_VISIT_PLAN_H
#define SERVICES_VISIT_PLAN_H
#include <stdbool.h>
#include <stdint.h>

enum { VISIT_MATTERS_MAX = 4, VISIT_PEOPLE_MAX = 6, VISIT_SEATS_MAX = VISIT_MATTERS_MAX * VISIT_PEOPLE_MAX, VISIT_GAP_MS = 30 * 60 * 1000,
       VISIT_SLOTS_MAX = 200, VISIT_ALTERNATIVES = 3 };

struct visit_slot {
	int64_t id, starts_ms, ends_ms, free;
};

/* The open slots of a group, in order. */
struct visit_group {
	int64_t id;
	int count;
	struct visit_slot slots[VISIT_SLOTS_MAX];
};

struct visit_wish {
	int people, matters;
	const struct visit_group *group_of[VISIT_MATTERS_MAX]; /* of each matter; the same for two of them */
};

struct visit_seat {
	int matter;                     /* of the wish */
	const struct visit_slot *slot;
};

struct visit_plan {
	int count;                      /* people × matters, in the order of the route */
	struct visit_seat seats[VISIT_SEATS_MAX];
	int64_t starts_ms, ends_ms;
};

/* A visit that begins then. false: there is none. */
bool visit_plan(const struct visit_wish *w, int64_t starts_ms, struct visit_plan *out);
/* The beginnings nearest to `around_ms` at which the whole of it is possible, nearest first; of two as near the later. Returns how many. */
int visit_alternatives(const struct visit_wish *w, int64_t around_ms, int64_t out[VISIT_ALTERNATIVES]);
#endif
