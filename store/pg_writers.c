/* store/pg_writers.c - why this exists: on a server a transaction waits for the network and for others' rows, so several must wait at once. A COMMIT there is
 * shared by the server itself; what is ours to see to is that each job has a transaction of its own, and another one when two met. */
#include "store/committer_body.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/pg_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEWS_MAX = 256, LOW_EVERY = 4 /* of the jobs begun while both kinds wait */, LOW_WAITING_MAX = 256 };

struct line {
	struct letter *head, **tail;
	size_t waiting, waiting_max;
};

struct writers;

struct writer {
	struct writers *of;
	struct connection *connection;
	pthread_t thread;
	struct news told[NEWS_MAX];
	char lines[LINES_ALONE_MAX];
};

struct writers {
	struct committer face;          /* first */
	struct store *store;
	pthread_mutex_t lock;           /* of what follows, up to `closed` */
	pthread_cond_t filled;
	struct line urgent, low;
	int low_running, low_running_max; /* one writer is always left for whoever waits at a screen */
	unsigned turn;
	bool closed;
	struct writer *all;             /* from here on fixed while threads run */
	int count, started;
};

static struct writers *writers_of(struct committer *face)
{
	return (struct writers *)face;
}

/* -- the lines */

static bool submit(struct committer *face, struct commit_job *job)
{
	struct writers *w = writers_of(face);
	struct line *line = job->low ? &w->low : &w->urgent;
	job->committed = false;
	job->submitted_ns = clock_mono_ns();
	pthread_mutex_lock(&w->lock);
	bool room = !w->closed && line->waiting < line->waiting_max;
	if (room) {
		job->letter.next = NULL;
		*line->tail = &job->letter;
		line->tail = &job->letter.next;
		line->waiting++;
		pthread_cond_signal(&w->filled);
	}
	pthread_mutex_unlock(&w->lock);
	return room;
}

static size_t waiting(struct committer *face)
{
	struct writers *w = writers_of(face);
	pthread_mutex_lock(&w->lock);
	size_t n = w->urgent.waiting;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static struct commit_job *first_of(struct line *line)
{
	struct letter *l = line->head;
	line->head = l->next;
	if (line->head == NULL)
		line->tail = &line->head;
	line->waiting--;
	return CONTAINER(l, struct commit_job, letter);
}

/* NULL: closed, and nobody waits any more. */
static struct commit_job *next_job(struct writers *w)
{
	struct commit_job *job = NULL;
	pthread_mutex_lock(&w->lock);
	while (job == NULL) {
		bool low_may = w->low.head != NULL && w->low_running < w->low_running_max;
		if (low_may && (w->urgent.head == NULL || ++w->turn % LOW_EVERY == 0))
			job = first_of(&w->low);
		else if (w->urgent.head != NULL)
			job = first_of(&w->urgent);
		else if (w->closed && w->low.head == NULL)
			break;
		else
			pthread_cond_wait(&w->filled, &w->lock);
	}
	w->low_running += job != NULL && job->low;
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void low_ended(struct writers *w)
{
	pthread_mutex_lock(&w->lock);
	w->low_running--;
	pthread_cond_broadcast(&w->filled); /* the next low one, and whoever waits for the end */
	pthread_mutex_unlock(&w->lock);
}

/* -- one job */

static void run_once(struct writer *w, struct commit_job *job)
{
	struct connection *c = w->connection;
	struct news_list news = { .at = w->told, .max = NEWS_MAX, .lines = w->lines, .lines_max = sizeof w->lines };
	struct tx tx = { .connection = c, .writes = true, .news = &news };
	fail_clear(&job->why);
	c->pg->isolation = job->isolation;
	if (!write_begin(c, &job->why))
		return;
	bool ok = pg_match(&tx, &job->why) && job->apply(job, &tx, &job->why);
	assert(c->open == 0 && "apply left a statement open");
	assert((ok || job->why.code != FAIL_NONE) && "apply says no without a reason");
	if (!ok) {
		write_rollback(c);
		return;
	}
	bool all = (size_t)tx.touched_count > sizeof tx.touched / sizeof tx.touched[0];
	struct commit_notes notes = { tx.touched, all ? 0 : (size_t)tx.touched_count, all, &news };
	job->committed = write_commit(c, &notes, &job->why) == COMMIT_DONE;
}

static bool is_late(const struct commit_job *job)
{
	return job->deadline_mono_ms != 0 && clock_mono_ms() >= job->deadline_mono_ms;
}

static void run(struct writer *w, struct commit_job *job)
{
	bool low = job->low;
	job->began_ns = clock_mono_ns();
	if (is_late(job)) {
		fail_clear(&job->why);
		FAILS(&job->why, DEADLINE, "waited for a writer past its deadline");
	} else {
		run_once(w, job);
		while (!job->committed && pg_again(w->connection) && !is_late(job))
			run_once(w, job);
		pg_settled(w->connection); /* a deadline may have ended its tries */
	}
	metric_add(M_commit_requests, 0, job->committed);
	metric_observe(M_batch_seconds, 0, clock_mono_ns() - job->began_ns);
	job->done(job); /* it is its submitter's again */
	if (low)
		low_ended(w->of);
}

/* -- the threads */

static void *body(void *arg)
{
	struct writer *w = arg;
	struct commit_job *job;
	while ((job = next_job(w->of)) != NULL) {
		fault_hold(FAULT_committer);
		run(w, job);
		log_flush();
	}
	return NULL;
}

static void stop(struct committer *face)
{
	struct writers *w = writers_of(face);
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_cond_broadcast(&w->filled);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->count; i++) {
		if (i < w->started)
			pthread_join(w->all[i].thread, NULL);
		connection_close(w->all[i].connection);
	}
	free(w->all);
	free(w);
}

static bool start(struct writers *w, struct fail *why)
{
	for (; w->started < w->count; w->started++) {
		struct writer *one = &w->all[w->started];
		char name[16];
		int error = pthread_create(&one->thread, NULL, body, one);
		if (error != 0)
			return FAILS(why, SYSTEM, "writer %d cannot start: error %d", w->started, error);
		snprintf(name, sizeof name, "writer-%d", w->started);
		pthread_setname_np(one->thread, name);
	}
	return true;
}

static const struct committer_body writers_body = { submit, waiting, stop };

struct committer *pg_writers_start(struct store *s, const struct config *c, struct fail *why)
{
	struct writers *w = calloc(1, sizeof *w);
	if (w == NULL || (w->all = calloc((size_t)c->store_pool, sizeof *w->all)) == NULL) {
		free(w);
		FAILS(why, MEMORY, "no memory for the writers");
		return NULL;
	}
	w->face.body = &writers_body;
	w->store = s;
	w->urgent = (struct line){ .tail = &w->urgent.head, .waiting_max = (size_t)c->lane_write_max };
	w->low = (struct line){ .tail = &w->low.head, .waiting_max = LOW_WAITING_MAX };
	w->count = (int)c->store_pool;
	w->low_running_max = w->count > 1 ? w->count - 1 : 1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->filled, NULL);
	for (int i = 0; i < w->count; i++) {
		w->all[i].of = w;
		if ((w->all[i].connection = pg_connection(s, CONNECTION_WRITE, why)) == NULL) {
			stop(&w->face);
			return NULL;
		}
	}
	if (start(w, why))
		return &w->face;
	stop(&w->face);
	return NULL;
}
