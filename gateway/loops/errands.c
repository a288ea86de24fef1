/* gateway/loops/errands.c - a few threads that read for loops. */
#include "gateway/loops/errands.h"

#include "base/log.h"
#include "gateway/gateway.h"
#include "store/store.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct runner {
	struct errands *of;
	struct connection *reader;
	pthread_t thread;
};

struct errands {
	struct mailbox box;
	struct runner at[ERRANDS_THREADS_MAX];
	const char *name;
	int wanted, started;
};

static void serve(struct runner *r, struct errand *e)
{
	struct tx tx;
	fail_clear(&e->why);
	e->ok = reader_begin(r->reader, &tx, &e->why) && e->run(e, &tx, &e->why);
	reader_end(r->reader);
	mailbox_post_always(&e->loop->errands, &e->letter);
	log_flush();
}

static void *work(void *ctx)
{
	struct runner *r = ctx;
	struct letter *l;
	while ((l = mailbox_wait_one(&r->of->box)) != NULL)
		serve(r, CONTAINER(l, struct errand, letter));
	return NULL;
}

static bool start(struct errands *e, struct gateway *g, struct fail *why)
{
	for (; e->started < e->wanted; e->started++) {
		struct runner *r = &e->at[e->started];
		r->of = e;
		if ((r->reader = store_reader(g->store, 0, why)) == NULL)
			return false;
		if (pthread_create(&r->thread, NULL, work, r) != 0) {
			connection_close(r->reader);
			return FAILS(why, SYSTEM, "thread %d of %s", e->started, e->name);
		}
		pthread_setname_np(r->thread, e->name);
	}
	return true;
}

struct errands *errands_start(struct gateway *g, const char *name, int threads, struct fail *why)
{
	assert(threads > 0 && threads <= ERRANDS_THREADS_MAX);
	struct errands *e = calloc(1, sizeof(*e));
	if (e == NULL) {
		FAILS(why, MEMORY, "errands");
		return NULL;
	}
	e->name = name;
	e->wanted = threads;
	mailbox_init(&e->box, 0, NULL, NULL); /* each loop has one out of its live streams, each outflow one */
	if (start(e, g, why))
		return e;
	errands_stop(e);
	return NULL;
}

void errands_stop(struct errands *e)
{
	if (e == NULL)
		return;
	mailbox_close(&e->box);
	for (int i = 0; i < e->started; i++) {
		pthread_join(e->at[i].thread, NULL);
		connection_close(e->at[i].reader);
	}
	mailbox_drop(&e->box);
	free(e);
}

void errands_send(struct errands *e, struct errand *one)
{
	one->loop->tasks_open++;
	mailbox_post_always(&e->box, &one->letter);
}

void errands_home(struct loop *l)
{
	struct letter *next, *at = mailbox_take(&l->errands);
	for (; at != NULL; at = next) {
		struct errand *e = CONTAINER(at, struct errand, letter);
		next = at->next;
		l->tasks_open--;
		e->home(e);
	}
}
