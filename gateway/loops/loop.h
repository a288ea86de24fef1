/* gateway/loops/loop.h - what one event loop has of the requests on their way: their letters home, a read connection, the turn's clock.
 *
 * Nothing here waits or knows what turns the loop: gateway/loops/poller.c does, with libuv and a thread per core; the simulator does, by calling.
 * Thread: everything here is the loop's own, but for the mailboxes and `news`. */
#ifndef GATEWAY_LOOPS_LOOP_H
#define GATEWAY_LOOPS_LOOP_H
#include "base/config.h"
#include "base/fail.h"
#include "base/mailbox.h"
#include "gateway/loops/hub.h"
#include "gateway/requests/park.h"

struct gateway;    /* gateway/gateway.h: store, committer, lanes: what loops share */
struct live_table; /* gateway/live/live.h */
struct ws_room;    /* gateway/door/ws.h */
struct connection; /* store/store.h */
struct task;
struct uv_loop_s;
struct expiring;   /* store/expiring.h */

struct loop {
	int index;
	struct gateway *gateway;
	const struct config *config;
	struct uv_loop_s *uv;      /* for handles of the door's; NULL: nobody polls */
	struct mailbox mail;       /* letters are tasks coming home */
	struct mailbox errands;    /* errands coming home (errands.h) */
	struct mailbox envoys;     /* batches of the expiring store for threads that have no loop: gateway/expiring/envoy.h */
	struct hub_box news;       /* what was committed and somebody here waits for */
	struct connection *reader; /* inline reads; NULL: the database is a server's, and a loop waits for nobody */
	struct expiring *expiring; /* what requests here recall: the gateway's memory, or this loop's link to Redis */
	struct parking parking;    /* who waits for an effect's end */
	struct live_table *live;   /* who wants to be told at once */
	struct ws_room *ws;        /* the poller's WebSocket engine; NULL: nobody polls */
	bool now_fresh;
	int64_t now_ms;            /* wall clock, read once a turn: loop_now_ms */
	struct task *spare;        /* tasks with a warm arena, for the next request */
	int spare_count;
	int tasks_open;            /* and errands out */
};

/* `wake` is called from any thread when there are letters or news. */
MUST_USE bool loop_open(struct loop *l, struct gateway *g, int index, void (*wake)(void *ctx), void *wake_ctx, struct fail *why);
int64_t loop_now_ms(struct loop *l);    /* the turn's wall clock */
void loop_letters(struct loop *l);      /* whoever came home goes on, and whoever waited for what the news says; whom it concerns is hungry */
int64_t loop_due_ms(struct loop *l);    /* the monotonic ms at which loop_tick wants to be called; INT64_MAX: not at all */
void loop_tick(struct loop *l, int64_t mono_ms);
void loop_ring(struct loop *l);         /* turns once more */
void loop_turn_end(struct loop *l);     /* before it sleeps: the read snapshot ends, log lines leave */
void loop_close(struct loop *l);        /* no task is open; fine on what loop_open did not finish */
#endif
