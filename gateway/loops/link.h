/* gateway/loops/link.h - rings: a thing that may stand in one list, and leave it from the middle, at no cost.
 *
 * A link that stands nowhere points to itself. Thread: whoever owns the ring. */
#ifndef GATEWAY_LOOPS_LINK_H
#define GATEWAY_LOOPS_LINK_H
#include <stdbool.h>

struct link {
	struct link *prev, *next;
};

static inline void link_init(struct link *l)
{
	l->prev = l->next = l;
}

static inline bool link_is_alone(const struct link *l)
{
	return l->next == l;
}

static inline void link_take(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

/* To the end of `ring`, from wherever it stood. */
static inline void link_put(struct link *ring, struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->prev = ring->prev;
	l->next = ring;
	ring->prev->next = l;
	ring->prev = l;
}

/* All of `from` to the empty ring `to`. */
static inline void link_move_all(struct link *to, struct link *from)
{
	link_init(to);
	if (link_is_alone(from))
		return;
	*to = *from;
	to->prev->next = to->next->prev = to;
	link_init(from);
}
#endif
