/* gateway/requests/lanes.c - the READ, CPU and BLOB lanes: small pools of threads that run one stage and send the task home. Where the database is a server's, the READ lane runs
 * all that reads: admission, and with it the look that follows, or the effect that somebody waits for. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/gateway.h"
#include "gateway/requests/intake.h"
#include "gateway/requests/task.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct worker {
	struct pool *pool;
	struct connection *reader; /* READ only */
	pthread_t thread;
};

struct pool {
	enum lane lane;
	struct mailbox box;
	struct worker *workers;
	int count, started;
};

struct lanes {
	struct pool read, cpu, blob;
};

static bool look(struct worker *w, struct task *t)
{
	struct tx tx;
	return reader_begin(w->reader, &tx, &t->r.why) && t->r.route->handler->look(&tx, &t->r, &t->r.why);
}

/* Who asks, and in the same trip what he asks about, unless something of the loop's comes in between. */
static bool admit_and_look(struct worker *w, struct task *t)
{
	const struct handler *h = t->r.route->handler;
	if (!admit_in_lane(t, w->reader, &t->r.why))
		return false;
	if (h->recall != NULL || h->look == NULL)
		return true;
	t->stage = STAGE_PARSE;
	if (!task_parse(t))
		return false;
	t->stage = STAGE_LOOK;
	return look(w, t);
}

static bool run_stage(struct worker *w, struct task *t)
{
	if (t->stage == STAGE_BODY) {
		bool is_taken = intake_work(t, w->reader, &t->r.why);
		if (w->reader != NULL)
			reader_end(w->reader);
		return is_taken;
	}
	if (t->stage == STAGE_WORK)
		return t->r.route->handler->work(&t->r, &t->r.why);
	fault_hold(FAULT_reader);
	bool ok = t->stage == STAGE_ADMIT ? admit_and_look(w, t) : t->stage == STAGE_PARK ? park_read(t, w->reader, &t->r.why) : look(w, t);
	reader_end(w->reader);
	return ok;
}

static void serve(struct worker *w, struct letter *l)
{
	struct task *t = CONTAINER(l, struct task, letter);
	int64_t began = clock_mono_ns();
	metric_observe(M_lane_wait_seconds, (int)w->pool->lane, began - t->queued_ns);
	t->failed = !run_stage(w, t);
	metric_observe(M_lane_work_seconds, (int)w->pool->lane, clock_mono_ns() - began);
	mailbox_post_always(&t->loop->mail, &t->letter);
	log_flush();
}

static void *work_loop(void *ctx)
{
	struct worker *w = ctx;
	struct letter *l;
	while ((l = mailbox_wait_one(&w->pool->box)) != NULL)
		serve(w, l);
	return NULL;
}

static bool pool_make(struct pool *p, struct gateway *g, enum lane lane, int count, int64_t queue_max, struct fail *why)
{
	p->lane = lane;
	mailbox_init(&p->box, (size_t)queue_max, NULL, NULL);
	p->workers = calloc((size_t)count, sizeof(*p->workers));
	if (p->workers == NULL)
		return FAILS(why, MEMORY, "%d workers", count);
	p->count = count;
	for (int i = 0; i < count; i++) {
		struct worker *w = &p->workers[i];
		w->pool = p;
		if (lane == LANE_READ && (w->reader = store_reader(g->store, 0, why)) == NULL)
			return false;
	}
	return true;
}

static bool pool_start(struct pool *p, struct fail *why)
{
	for (; p->started < p->count; p->started++)
		if (pthread_create(&p->workers[p->started].thread, NULL, work_loop, &p->workers[p->started]) != 0)
			return FAILS(why, SYSTEM, "thread %d of lane %d", p->started, (int)p->lane);
	return true;
}

static bool pool_step(struct pool *p)
{
	if (mailbox_count(&p->box) == 0)
		return false;
	serve(&p->workers[0], mailbox_wait_one(&p->box)); /* nobody else takes from it */
	return true;
}

static void pool_stop(struct pool *p)
{
	if (p->workers == NULL)
		return;
	mailbox_close(&p->box);
	while (p->started == 0 && pool_step(p))
		;
	for (int i = 0; i < p->count; i++) {
		if (i < p->started)
			pthread_join(p->workers[i].thread, NULL);
		if (p->workers[i].reader != NULL)
			connection_close(p->workers[i].reader);
	}
	mailbox_drop(&p->box);
	free(p->workers);
}

struct lanes *lanes_make(struct gateway *g, const struct config *c, struct fail *why)
{
	struct lanes *l = calloc(1, sizeof(*l));
	if (l == NULL) {
		FAILS(why, MEMORY, "lanes");
		return NULL;
	}
	static const char *const names[LANE_COUNT] = { "inline", "read", "write", "cpu", "blob" };
	for (int i = 0; i < LANE_COUNT; i++) {
		metric_label(M_lane_wait_seconds, i, names[i]);
		metric_label(M_lane_work_seconds, i, names[i]);
		metric_label(M_lane_queue, i, names[i]);
		metric_label(M_lane_refused, i, names[i]);
	}
	int readers = (int)(store_is_embedded(g->store) ? c->lane_read_threads : c->store_readers);
	if (!pool_make(&l->read, g, LANE_READ, readers, c->lane_read_max, why) ||
	    !pool_make(&l->cpu, g, LANE_CPU, (int)c->lane_cpu_threads, c->lane_cpu_max, why) ||
	    !pool_make(&l->blob, g, LANE_BLOB, (int)c->lane_blob_threads, INTAKES_MAX, why)) {
		lanes_stop(l);
		return NULL;
	}
	return l;
}

struct lanes *lanes_start(struct gateway *g, const struct config *c, struct fail *why)
{
	struct lanes *l = lanes_make(g, c, why);
	if (l != NULL && !(pool_start(&l->read, why) && pool_start(&l->cpu, why) && pool_start(&l->blob, why))) {
		lanes_stop(l);
		return NULL;
	}
	return l;
}

static struct pool *pool_of(struct lanes *l, enum lane lane)
{
	return lane == LANE_CPU ? &l->cpu : lane == LANE_BLOB ? &l->blob : &l->read;
}

bool lanes_step(struct lanes *l, enum lane lane)
{
	return pool_step(pool_of(l, lane));
}

void lanes_stop(struct lanes *l)
{
	if (l == NULL)
		return;
	pool_stop(&l->blob);
	pool_stop(&l->cpu);
	pool_stop(&l->read);
	free(l);
}

bool lane_submit(struct lanes *l, enum lane lane, struct task *t)
{
	struct pool *p = pool_of(l, lane);
	t->queued_ns = clock_mono_ns();
	if (!mailbox_post(&p->box, &t->letter))
		return false;
	metric_set(M_lane_queue, (int)lane, (int64_t)mailbox_count(&p->box));
	return true;
}
