/* gateway/loops/poller.c - a loop's turn: letters from the lanes, then, before it sleeps, one write per connection and the end of the snapshot. */
#include "gateway/loops/poller.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/door/door.h"
#include "gateway/door/ws.h"
#include "gateway/expiring/forgetting.h"
#include "gateway/gateway.h"
#include "gateway/live/live.h"
#include "gateway/loops/urgency.h"
#include <assert.h>

static void end_when_empty(struct poller *p)
{
	if (!p->stopping || p->closing)
		return;
	bool late = clock_mono_ms() > p->stop_by_ms;
	if (!late && (!door_is_empty(p->door) || p->loop.tasks_open > 0))
		return;
	p->closing = true;
	door_close(p->door);
	ws_room_close(p->loop.ws);
	forgetting_leave(&p->loop); /* whose client is gone by now; they end here */
	uv_close((uv_handle_t *)&p->stop_timer, NULL);
	uv_close((uv_handle_t *)&p->due_timer, NULL);
	uv_close((uv_handle_t *)&p->turn_end, NULL);
	/* A task that a lane still holds must find this loop when it comes home: the wake handle stays open until none is away. */
	if (p->loop.tasks_open == 0)
		bell_close(&p->wake);
}

static void on_stop_timer(uv_timer_t *handle)
{
	end_when_empty(handle->data);
}

static void on_wake(void *ctx)
{
	struct poller *p = ctx;
	p->loop.config = atomic_load(&p->loop.gateway->config);
	loop_letters(&p->loop);
	if (p->closing && p->loop.tasks_open == 0)
		bell_close(&p->wake);
	if (!p->stopping && atomic_load(&p->loop.gateway->stopping)) {
		p->stopping = true;
		p->stop_by_ms = clock_mono_ms() + p->loop.config->stop_ms;
		uv_timer_start(&p->stop_timer, on_stop_timer, 20, 20);
		park_end_all(&p->loop);
		live_end_all(p->loop.live, LIVE_STOPPING);
		door_drain(p->door);
	}
}

static void on_due(uv_timer_t *handle)
{
	struct poller *p = handle->data;
	p->due_ms = INT64_MAX;
	loop_tick(&p->loop, clock_mono_ms());
}

static void set_due_timer(struct poller *p)
{
	int64_t due_ms = loop_due_ms(&p->loop), now_ms;
	if (due_ms == p->due_ms || p->closing)
		return;
	p->due_ms = due_ms;
	if (due_ms == INT64_MAX) {
		uv_timer_stop(&p->due_timer);
		return;
	}
	now_ms = clock_mono_ms();
	uv_update_time(&p->uv);
	uv_timer_start(&p->due_timer, on_due, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

static void on_turn_end(uv_prepare_t *handle)
{
	struct poller *p = handle->data;
	live_serve(p->loop.live);
	door_turn_end(p->door);
	live_again(p->loop.live);
	loop_turn_end(&p->loop);
	end_when_empty(p);
	set_due_timer(p);
}

static void wake(void *ctx)
{
	bell_ring(&((struct poller *)ctx)->wake);
}

void poller_nudge(struct poller *p)
{
	wake(p);
}

bool poller_open(struct poller *p, struct gateway *g, int index, struct fail *why)
{
	*p = (struct poller){ .due_ms = INT64_MAX, .wake.fd = -1 };
	if (uv_loop_init(&p->uv) != 0)
		return FAILS(why, SYSTEM, "event loop %d", index);
	p->uv.data = p; /* there is something to close */
	if (!bell_open(&p->wake, &p->uv, on_wake, p, why))
		return false;
	uv_prepare_init(&p->uv, &p->turn_end);
	uv_timer_init(&p->uv, &p->stop_timer);
	uv_timer_init(&p->uv, &p->due_timer);
	p->turn_end.data = p->stop_timer.data = p->due_timer.data = p;
	uv_prepare_start(&p->turn_end, on_turn_end);
	uv_unref((uv_handle_t *)&p->turn_end);
	if (!loop_open(&p->loop, g, index, wake, p, why))
		return false;
	p->loop.uv = &p->uv;
	p->loop.ws = ws_room_open(&p->uv, why);
	if (p->loop.ws == NULL)
		return false;
	if (!forgetting_join(&p->loop, why))
		return false;
	p->door = door_open(&p->loop, g->tls, why);
	return p->door != NULL;
}

void poller_run(struct poller *p)
{
	urgency_ask();
	uv_run(&p->uv, UV_RUN_DEFAULT);
	log_flush();
}

static void close_quietly(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void poller_close(struct poller *p)
{
	if (p->uv.data == NULL)
		return;
	if (p->door != NULL && !p->closing)
		door_close(p->door);
	if (p->loop.ws != NULL && !p->closing)
		ws_room_close(p->loop.ws);
	forgetting_leave(&p->loop);
	uv_walk(&p->uv, close_quietly, NULL);
	uv_run(&p->uv, UV_RUN_DEFAULT);
	if (p->loop.ws != NULL)
		ws_room_drop(p->loop.ws);
	int busy = uv_loop_close(&p->uv);
	assert(busy == 0);
	(void)busy;
	bell_drop(&p->wake);
	loop_close(&p->loop);
}
