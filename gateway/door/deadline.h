/* gateway/door/deadline.h - the front door's patience, without a timer per connection.
 *
 * All deadlines of one kind last equally long, so a ring per kind that is only ever added to at its end is sorted by itself:
 * setting is O(1), and a tick looks at the heads. What is stored is when the waiting began; so a reload of the limits holds at once.
 * Thread: the loop's. Times are milliseconds of the loop's clock (uv_now). */
#ifndef GATEWAY_DOOR_DEADLINE_H
#define GATEWAY_DOOR_DEADLINE_H
#include "gateway/loops/link.h"
#include <stdint.h>

enum deadline_kind {
	DEADLINE_NONE,
	DEADLINE_HANDSHAKE, /* from accept to the first byte of a request or preface */
	DEADLINE_HEADER,    /* from a header section's first byte to its last */
	DEADLINE_BODY,      /* a pause while a body arrives */
	DEADLINE_WRITE,     /* a pause while an answer cannot be written */
	DEADLINE_IDLE,      /* nothing asked */
	DEADLINE_LINGER,    /* we have said goodbye */
	DEADLINE_KINDS,
};

struct deadline {
	struct link link; /* first */
	int64_t since_ms;
	enum deadline_kind kind;
	void (*passed)(struct deadline *d, enum deadline_kind kind); /* it is cleared before this is called */
};

struct deadlines {
	struct link rings[DEADLINE_KINDS];
};

void deadlines_init(struct deadlines *all);
void deadline_init(struct deadline *d, void (*passed)(struct deadline *d, enum deadline_kind kind));
void deadline_set(struct deadlines *all, struct deadline *d, enum deadline_kind kind, int64_t now_ms); /* again: from now */
void deadline_clear(struct deadline *d);
void deadlines_tick(struct deadlines *all, const int64_t limits_ms[DEADLINE_KINDS], int64_t now_ms);
#endif
