/* gateway/loops/poller.h - libuv turns a loop: one poller per core, with its door and its thread.
 *
 * A turn: the poll returns; one socket after the other is read, its requests run inline or leave for a lane, and what is answered is written
 * before the next is read; letters from lanes arrive as one wake-up; at the turn's end connections that still have something to say write
 * once, the read snapshot ends, log lines leave.
 * Thread: its own, from poller_run on; poller_nudge from any. */
#ifndef GATEWAY_LOOPS_POLLER_H
#define GATEWAY_LOOPS_POLLER_H
#include "gateway/loops/bell.h"
#include "gateway/loops/loop.h"
#include <uv.h>

struct door; /* gateway/door/door.h */

struct poller {
	struct loop loop;
	uv_loop_t uv;
	struct bell wake;
	uv_prepare_t turn_end;
	uv_timer_t due_timer;      /* somebody's waiting ends */
	int64_t due_ms;            /* for when it is set; INT64_MAX: it is not */
	uv_timer_t stop_timer;     /* while stopping: is everything gone? */
	uv_thread_t thread;
	struct door *door;
	bool stopping, closing;
	int64_t stop_by_ms;        /* monotonic; then the rest is cut off */
};

MUST_USE bool poller_open(struct poller *p, struct gateway *g, int index, struct fail *why);
void poller_run(struct poller *p);      /* on its thread, until stopped and empty */
void poller_close(struct poller *p);
void poller_nudge(struct poller *p);    /* look at the gateway's flags */
#endif
