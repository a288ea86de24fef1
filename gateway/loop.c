/* gateway/loop.c - a loop's turn: letters from the lanes, then, before it sleeps, one write per connection and the end of the snapshot. */
#include "gateway/loop.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/door.h"
#include "gateway/gateway.h"
#include "gateway/task.h"
#include <assert.h>
#include <stdlib.h>

int64_t loop_now_ms(struct loop *l)
{
	if (!l->now_fresh) {
		l->now_ms = clock_wall_ms();
		l->now_fresh = true;
	}
	return l->now_ms;
}

static void take_letters(struct loop *l)
{
	struct letter *next, *at = mailbox_take(&l->mail);
	for (; at != NULL; at = next) {
		next = at->next;
		task_home(CONTAINER(at, struct task, letter));
	}
}

static void end_when_empty(struct loop *l)
{
	if (!l->stopping || l->closing)
		return;
	bool late = clock_mono_ms() > l->stop_by_ms;
	if (!late && (!door_is_empty(l->door) || l->tasks_open > 0))
		return;
	l->closing = true;
	door_close(l->door);
	uv_close((uv_handle_t *)&l->stop_timer, NULL);
	uv_close((uv_handle_t *)&l->turn_end, NULL);
	/* A task that a lane still holds must find this loop when it comes home: the wake handle stays open until none is away. */
	if (l->tasks_open == 0)
		uv_close((uv_handle_t *)&l->wake, NULL);
}

static void on_stop_timer(uv_timer_t *handle)
{
	end_when_empty(handle->data);
}

static void on_wake(uv_async_t *handle)
{
	struct loop *l = handle->data;
	l->config = atomic_load(&l->gateway->config);
	take_letters(l);
	if (l->closing && l->tasks_open == 0 && !uv_is_closing((uv_handle_t *)&l->wake))
		uv_close((uv_handle_t *)&l->wake, NULL);
	if (!l->stopping && atomic_load(&l->gateway->stopping)) {
		l->stopping = true;
		l->stop_by_ms = clock_mono_ms() + l->config->stop_ms;
		uv_timer_start(&l->stop_timer, on_stop_timer, 20, 20);
		door_drain(l->door);
	}
}

static void on_turn_end(uv_prepare_t *handle)
{
	struct loop *l = handle->data;
	door_turn_end(l->door);
	reader_end(l->reader);
	log_flush();
	l->now_fresh = false;
	end_when_empty(l);
}

static void wake(void *ctx)
{
	uv_async_send(&((struct loop *)ctx)->wake);
}

void loop_nudge(struct loop *l)
{
	wake(l);
}

bool loop_open(struct loop *l, struct gateway *g, int index, struct fail *why)
{
	*l = (struct loop){ .index = index, .gateway = g, .config = atomic_load(&g->config) };
	if (uv_loop_init(&l->uv) != 0)
		return FAILS(why, SYSTEM, "event loop %d", index);
	l->uv.data = l; /* there is something to close */
	if (uv_async_init(&l->uv, &l->wake, on_wake) != 0)
		return FAILS(why, SYSTEM, "the bell of event loop %d", index);
	uv_prepare_init(&l->uv, &l->turn_end);
	uv_timer_init(&l->uv, &l->stop_timer);
	l->wake.data = l->turn_end.data = l->stop_timer.data = l;
	uv_prepare_start(&l->turn_end, on_turn_end);
	uv_unref((uv_handle_t *)&l->turn_end);
	mailbox_init(&l->mail, 0, wake, l);
	hub_add_box(&g->hub, &l->news, wake, l);
	l->reader = store_reader(g->store, (int)l->config->row_cache, why);
	if (l->reader == NULL)
		return false;
	reader_cache(l->reader, ROW_TOKEN, (int)l->config->token_cache);
	l->door = door_open(l, g->tls, why);
	return l->door != NULL;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
	log_flush();
}

static void close_quietly(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_close(struct loop *l)
{
	if (l->uv.data == NULL)
		return;
	if (l->door != NULL && !l->closing)
		door_close(l->door);
	uv_walk(&l->uv, close_quietly, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	int busy = uv_loop_close(&l->uv);
	assert(busy == 0);
	(void)busy;
	while (l->spare != NULL) {
		struct task *t = l->spare;
		l->spare = t->next;
		arena_free(&t->r.arena);
		free(t);
	}
	if (l->reader != NULL)
		connection_close(l->reader);
	mailbox_drop(&l->mail);
	log_flush();
}
