/* gateway/loop.h - one event loop per core and what belongs to it alone.
 *
 * A turn: the poll returns, sockets are read, requests run inline or leave for a lane; letters from lanes arrive as one wake-up; at
 * the turn's end connections with something to say write once, the read snapshot ends, log lines leave.
 * Thread: everything here is the loop's own, but for `mail` and `news`. */
#ifndef GATEWAY_LOOP_H
#define GATEWAY_LOOP_H
#include "base/config.h"
#include "base/mailbox.h"
#include "gateway/hub.h"
#include <uv.h>

struct gateway;    /* gateway/gateway.h: store, committer, lanes: what loops share */
struct door;       /* gateway/door.h */
struct connection; /* store/store.h */
struct task;

struct loop {
	uv_loop_t uv;
	int index;
	struct gateway *gateway;
	const struct config *config;
	struct mailbox mail;       /* letters are tasks coming home */
	struct hub_box news;       /* what was committed and somebody here waits for */
	uv_async_t wake;
	uv_prepare_t turn_end;
	uv_timer_t stop_timer;     /* while stopping: is everything gone? */
	uv_thread_t thread;
	struct connection *reader; /* inline reads */
	struct door *door;
	bool stopping, closing;
	int64_t stop_by_ms;        /* monotonic; then the rest is cut off */
	bool now_fresh;
	int64_t now_ms;            /* wall clock, read once a turn: loop_now_ms */
	struct task *spare;        /* tasks with a warm arena, for the next request */
	int spare_count;
	int tasks_open;
};
#endif
