/* gateway/requests/outflow.c - a body that is made while it is sent (base/request.h, struct body_source): one piece is read and made by a thread of its own (errands.h), given to the door,
 * and the next is made when that has left. So a table of any length costs one piece of memory, and a reader who stands still no thread and no transaction: the door gives him up
 * as it gives up whoever takes nothing. What fails half-way cuts the answer off, so that nobody takes a part of it for the whole. */
#include "base/fault.h"
#include "base/log.h"
#include "gateway/door/feed.h"
#include "gateway/gateway.h"
#include "gateway/loops/errands.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { OUTFLOWS_MAX = 32 /* at a time, in this process */, QUEUE_BYTES = 128 << 10 /* above this no more is made */ };

struct outflow {
	struct errand errand;       /* first */
	struct feed feed;
	struct body_source *source;
	bool is_out;                /* a piece is being made */
	bool is_gone;               /* and nobody waits for it any more */
	char id[REQUEST_ID_MAX];    /* whose it is, for the log */
};

static _Atomic int open_count;

static struct outflow *of_feed(struct feed *f)
{
	return CONTAINER(f, struct outflow, feed);
}

static void drop(struct outflow *o)
{
	o->source->drop(o->source);
	free(o);
	atomic_fetch_sub(&open_count, 1);
}

static void go_on(struct outflow *o)
{
	if (o->is_out || o->feed.x->ops->waiting(o->feed.x) > QUEUE_BYTES)
		return;
	o->is_out = true;
	errands_send(o->errand.loop->gateway->tables, &o->errand);
}

static bool run(struct errand *e, struct tx *tx, struct fail *why)
{
	struct body_source *source = ((struct outflow *)e)->source;
	if (fault_hit(FAULT_piece))
		return FAILS(why, STORE, "no next piece (fault switch)");
	return source->more(source, tx, why);
}

static void end(struct outflow *o, bool cut)
{
	struct exchange *x = o->feed.x;
	drop(o);
	x->feed = NULL;
	x->ops->end(x, cut);
}

static void home(struct errand *e)
{
	struct outflow *o = (struct outflow *)e;
	struct exchange *x = o->feed.x;
	o->is_out = false;
	if (!e->ok)
		log_fail(str_c(o->id), &e->why);
	if (o->is_gone) {
		drop(o);
		return;
	}
	if (e->ok && o->source->piece.len > 0)
		x->ops->more(x, &o->source->piece, 1);
	if (!e->ok || o->source->is_over)
		end(o, !e->ok);
	else
		go_on(o);
}

/* ---- what the door tells us ---- */

static void on_started(struct feed *f)
{
	go_on(of_feed(f));
}

static void on_gone(struct feed *f)
{
	struct outflow *o = of_feed(f);
	o->is_gone = true;
	if (!o->is_out)
		drop(o);
}

bool outflow_open(struct loop *l, struct exchange *x, struct request *r, struct fail *why)
{
	static const struct feed_ops ops = { .started = on_started, .room = on_started, .gone = on_gone };
	if (atomic_load(&l->gateway->stopping))
		return FAILS(why, STOPPING, "no new table");
	struct body_source *source = atomic_load(&open_count) < OUTFLOWS_MAX ? r->route->handler->source(r, why) : NULL;
	if (source == NULL)
		return why->code == FAIL_NONE && FAILS(why, BUSY, "%d tables are being read already", OUTFLOWS_MAX);
	struct outflow *o = calloc(1, sizeof *o);
	if (o == NULL) {
		source->drop(source);
		return FAILS(why, MEMORY, "a body that is made while it is sent");
	}
	*o = (struct outflow){ .errand = { .loop = l, .run = run, .home = home }, .feed = { .ops = &ops, .x = x }, .source = source };
	memcpy(o->id, r->id, sizeof o->id);
	atomic_fetch_add(&open_count, 1);
	x->feed = &o->feed;
	return true;
}
