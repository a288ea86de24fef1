/* gateway/loops/bell.h - wakes an event loop from another thread.
 *
 * libuv has its own (uv_async_t), but 1.44's loop, once woken, waits in a spin for whoever rang to come back from his system call. Where both share a core, and the
 * loop has the better claim to it, that is until the scheduler thinks otherwise: 1.6 ms of each login (measured 2026-11, tests/bench/README.md, figure 13).
 * This one is an eventfd, and who rang is waited for by nobody.
 * Thread: open, close and drop on the loop's; bell_ring any, between open and drop. */
#ifndef GATEWAY_LOOPS_BELL_H
#define GATEWAY_LOOPS_BELL_H
#include "base/fail.h"
#include <uv.h>

struct bell {
	uv_poll_t poll;
	int fd;                    /* -1: not opened */
	void (*heard)(void *ctx);  /* once for however many rings */
	void *ctx;
};

MUST_USE bool bell_open(struct bell *b, uv_loop_t *loop, void (*heard)(void *ctx), void *ctx, struct fail *why);
void bell_ring(struct bell *b);
void bell_unref(struct bell *b);          /* it alone keeps no loop turning */
void bell_close(struct bell *b);          /* nothing is heard any more; twice is fine */
bool bell_is_closed(const struct bell *b);
void bell_drop(struct bell *b);           /* when the loop has ended, and nobody rings any more */
#endif
