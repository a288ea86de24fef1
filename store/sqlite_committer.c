/* store/sqlite_committer.c - why this exists: fdatasync costs the same for one request as for five hundred, so whoever waits shares
 * one; and a request that goes wrong must not be felt by those it shared with. */
#include "store/committer_body.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/sqlite.h"

#include <assert.h>
#include <stdlib.h>

enum { TOUCHED_PER_JOB = 8, NEWS_PER_JOB = 8, LINES_MAX = 8 * LINES_ALONE_MAX /* on average: a batch shares them */ };
enum { LOW_RESERVE = 1 /* low jobs in a batch that urgent ones would fill alone */, LOW_WAITING_MAX = 256 };

/* Jobs of one urgency that were taken and not begun. */
struct line {
	struct letter *head, **tail;
	_Atomic size_t waiting;         /* those still in the box, too */
	size_t waiting_max;
};

struct batcher {
	struct committer face;          /* first */
	struct store *store;
	struct connection *connection;
	struct mailbox box;
	pthread_t thread;
	bool threaded;
	_Atomic bool stopped;           /* a COMMIT left the disk unknown: nothing is answered any more */

	/* the thread's own */
	struct line urgent, low;
	size_t batch_max;
	int64_t batch_ns;
	struct commit_job **jobs;       /* of the open batch */
	size_t count;
	uint64_t *touched;
	size_t touched_count;
	bool touched_all;
	struct news_list news;
	int64_t stall_us, rows_most;    /* of one job so far */
};

static bool submit(struct committer *face, struct commit_job *job);
static size_t waiting(struct committer *face);
static void stop(struct committer *face);

static const struct committer_body batcher_body = { submit, waiting, stop };

static struct batcher *batcher_of(struct committer *face)
{
	return (struct batcher *)face;
}

struct committer *committer_make(struct store *s, const struct config *c, struct fail *why)
{
	struct batcher *m = calloc(1, sizeof *m);
	size_t batch = (size_t)c->store_batch_max, room = batch + LOW_RESERVE;
	int rc;
	if (m == NULL || (m->jobs = calloc(room, sizeof *m->jobs)) == NULL ||
	    (m->touched = calloc(room * TOUCHED_PER_JOB, sizeof *m->touched)) == NULL ||
	    (m->news.at = calloc(room * NEWS_PER_JOB, sizeof *m->news.at)) == NULL || (m->news.lines = malloc(LINES_MAX)) == NULL) {
		FAILS(why, MEMORY, "no memory for the committer");
	} else if ((m->connection = connection_open(s, CONNECTION_WRITE, &rc, why)) != NULL) {
		m->face.body = &batcher_body;
		m->store = s;
		m->urgent.tail = &m->urgent.head;
		m->low.tail = &m->low.head;
		m->urgent.waiting_max = (size_t)c->lane_write_max;
		m->low.waiting_max = LOW_WAITING_MAX;
		m->batch_max = batch;
		m->news.max = room * NEWS_PER_JOB;
		m->news.lines_max = LINES_MAX;
		m->batch_ns = c->store_batch_us * 1000;
		mailbox_init(&m->box, 0, NULL, NULL); /* its bounds are the lines' waiting_max, which count what left it and was not begun */
		return &m->face;
	}
	if (m != NULL) {
		free(m->jobs);
		free(m->touched);
		free(m->news.at);
		free(m->news.lines);
	}
	free(m);
	return NULL;
}

/* -- from any thread */

static struct line *line_of(struct batcher *c, const struct commit_job *job)
{
	return job->low ? &c->low : &c->urgent;
}

static bool submit(struct committer *face, struct commit_job *job)
{
	struct batcher *c = batcher_of(face);
	struct line *line = line_of(c, job);
	if (atomic_fetch_add(&line->waiting, 1) < line->waiting_max && !atomic_load(&c->stopped)) {
		job->committed = false;
		job->submitted_ns = clock_mono_ns();
		if (mailbox_post(&c->box, &job->letter))
			return true;
	}
	atomic_fetch_sub(&line->waiting, 1);
	return false;
}

static size_t waiting(struct committer *face)
{
	return atomic_load(&batcher_of(face)->urgent.waiting);
}

/* -- one job in the open transaction */

static struct commit_job *job_of(struct letter *l)
{
	return CONTAINER(l, struct commit_job, letter);
}

static struct commit_job *next_job(struct line *line)
{
	struct letter *l = line->head;
	line->head = l->next;
	if (line->head == NULL)
		line->tail = &line->head;
	atomic_fetch_sub(&line->waiting, 1);
	return job_of(l);
}

static void collect(struct batcher *c, struct letter *list)
{
	for (struct letter *next; list != NULL; list = next) {
		struct line *line = line_of(c, job_of(list));
		next = list->next;
		list->next = NULL;
		*line->tail = list;
		line->tail = &list->next;
	}
}

static bool somebody_waits(const struct batcher *c)
{
	return c->urgent.head != NULL || c->low.head != NULL;
}

static void remember_touched(struct batcher *c, const struct tx *tx)
{
	if (tx->touched_count > TOUCHED_PER_JOB)
		c->touched_all = true;
	else
		for (int64_t i = 0; i < tx->touched_count; i++)
			c->touched[c->touched_count++] = tx->touched[i];
}

static int64_t note_stall(struct batcher *c, int64_t began_ns)
{
	int64_t now = clock_mono_ns(), us = (now - began_ns) / 1000;
	if (us > c->stall_us) {
		c->stall_us = us;
		metric_set(M_committer_stall_us, 0, us);
	}
	return now;
}

/* What a busy machine does not change: the stall's honest half. */
static void note_rows(struct batcher *c, int64_t rows)
{
	if (rows > c->rows_most) {
		c->rows_most = rows;
		metric_set(M_committer_rows_most, 0, rows);
	}
}

/* false: the transaction around it is gone, or cannot be gone on with. *now is the time before and after. */
static bool run_job(struct batcher *c, struct commit_job *job, int64_t *now)
{
	sqlite3 *db = c->connection->db;
	job->began_ns = *now;
	job->committed = false;
	fail_clear(&job->why);
	if (job->deadline_mono_ms != 0 && *now / 1000000 >= job->deadline_mono_ms) {
		FAILS(&job->why, DEADLINE, "waited for the writer past its deadline");
		return true;
	}
	if (connection_control(c->connection, CONTROL_SAVEPOINT) != SQLITE_OK)
		return false;
	struct news_list before = c->news;
	struct tx tx = { .connection = c->connection, .writes = true, .news = &c->news };
	int64_t changes = sqlite3_total_changes64(db);
	bool ok = job->apply(job, &tx, &job->why);
	assert(c->connection->open == 0 && "apply left a statement open");
	assert((ok || job->why.code != FAIL_NONE) && "apply says no without a reason");
	*now = note_stall(c, *now);
	note_rows(c, sqlite3_total_changes64(db) - changes);
	if (sqlite3_get_autocommit(db) || (!ok && connection_control(c->connection, CONTROL_ROLLBACK_TO) != SQLITE_OK) ||
	    connection_control(c->connection, CONTROL_RELEASE) != SQLITE_OK)
		return false;
	job->committed = ok;
	if (ok)
		remember_touched(c, &tx);
	else
		c->news = before; /* it told of rows that are not there */
	return true;
}

static void forget_notes(struct batcher *c)
{
	c->touched_count = c->news.count = c->news.lines_len = 0;
	c->touched_all = c->news.all = false;
}

static bool tells_nothing(const struct batcher *c)
{
	return c->touched_count == 0 && !c->touched_all && c->news.count == 0 && !c->news.all && c->news.lines_len == 0;
}

static enum commit_end end(struct batcher *c, int64_t began, struct fail *why)
{
	struct commit_notes notes = { c->touched, c->touched_count, c->touched_all, &c->news };
	enum commit_end ended = write_commit(c->connection, &notes, why);
	if (ended == COMMIT_DONE)
		metric_observe(M_batch_seconds, 0, clock_mono_ns() - began);
	else if (ended == COMMIT_STOPPED)
		atomic_store(&c->stopped, true);
	return ended;
}

/* -- each alone, after the batch they shared was lost */

static void refuse(struct commit_job *job, const struct fail *why)
{
	job->committed = false;
	if (job->why.code == FAIL_NONE)
		job->why = *why;
}

/* Runs it again and says what became of it; false: the process must stop, nothing was said. */
static bool run_alone(struct batcher *c, struct commit_job *job)
{
	struct fail why;
	fail_clear(&why);
	fail_clear(&job->why);
	int64_t began = clock_mono_ns(), now = began;
	forget_notes(c);
	if (!write_begin(c->connection, &why)) {
		refuse(job, &why);
		job->done(job);
		return true;
	}
	bool alive = run_job(c, job, &now);
	if (!alive || !job->committed) {
		write_rollback(c->connection);
		FAILS(&why, STORE, "the request rolls its own transaction back");
		refuse(job, &why);
		job->done(job);
		return true;
	}
	enum commit_end ended = end(c, began, &why);
	if (ended == COMMIT_STOPPED)
		return false;
	if (ended == COMMIT_REFUSED)
		refuse(job, &why);
	else
		metric_add(M_commit_requests, 0, 1);
	job->done(job);
	return true;
}

static size_t run_each_alone(struct batcher *c)
{
	metric_add(M_batches_sunk, 0, 1);
	LOG_EVENT(batch_sunk, STR_NONE, L_INT((int64_t)c->count));
	for (size_t i = 0; i < c->count; i++)
		if (!run_alone(c, c->jobs[i]))
			return i;
	log_flush();
	return c->count;
}

/* -- a batch */

/* Runs jobs of one line while the batch has room and time, but `reserve` of them in any case. false: one of them sank it. */
static bool run_line(struct batcher *c, struct line *line, size_t reserve, int64_t began, int64_t *now, size_t *kept)
{
	for (size_t n = 0; line->head != NULL && (n < reserve || (c->count < c->batch_max && *now - began < c->batch_ns)); n++) {
		struct commit_job *job = next_job(line);
		c->jobs[c->count++] = job;
		if (!run_job(c, job, now))
			return false;
		*kept += job->committed;
	}
	return true;
}

/* The clock is read once per job. */
static bool run_batch(struct batcher *c, int64_t began, size_t *kept)
{
	int64_t now = began;
	c->count = *kept = 0;
	forget_notes(c);
	return run_line(c, &c->urgent, 0, began, &now, kept) && run_line(c, &c->low, LOW_RESERVE, began, &now, kept);
}

static size_t answer(struct batcher *c, size_t kept)
{
	metric_add(M_commit_requests, 0, (int64_t)kept);
	for (size_t i = 0; i < c->count; i++)
		c->jobs[i]->done(c->jobs[i]); /* the job is its submitter's again */
	return c->count;
}

/* The database does not let us begin: whoever waits has waited long enough. */
static size_t refuse_all(struct batcher *c, const struct fail *why)
{
	size_t n = 0;
	for (; somebody_waits(c); n++) {
		struct commit_job *job = next_job(c->urgent.head != NULL ? &c->urgent : &c->low);
		fail_clear(&job->why);
		job->began_ns = clock_mono_ns();
		refuse(job, why);
		job->done(job);
	}
	return n;
}

size_t committer_step(struct committer *face)
{
	struct batcher *c = batcher_of(face);
	collect(c, mailbox_take(&c->box));
	if (!somebody_waits(c) || atomic_load(&c->stopped))
		return 0;
	struct fail why;
	fail_clear(&why);
	if (!write_begin(c->connection, &why))
		return refuse_all(c, &why);
	int64_t began = clock_mono_ns(), changes = sqlite3_total_changes64(c->connection->db);
	size_t kept;
	if (!run_batch(c, began, &kept)) {
		write_rollback(c->connection);
		return run_each_alone(c);
	}
	if (kept == 0 || (sqlite3_total_changes64(c->connection->db) == changes && tells_nothing(c))) { /* nothing to keep, so nothing to sync or to publish */
		write_rollback(c->connection);
		return answer(c, kept);
	}
	switch (end(c, began, &why)) {
	case COMMIT_DONE:
		return answer(c, kept);
	case COMMIT_REFUSED: /* a full disk, or a constraint that spoke late: which of them it was shows alone */
		return run_each_alone(c);
	case COMMIT_STOPPED:
		break;
	}
	return 0;
}

/* -- the thread */

static void *body(void *arg)
{
	struct batcher *c = arg;
	while (!atomic_load(&c->stopped)) {
		if (!somebody_waits(c)) {
			struct letter *list = mailbox_wait(&c->box);
			if (list == NULL)
				break;
			collect(c, list);
		}
		fault_hold(FAULT_committer);
		committer_step(&c->face);
		log_flush();
	}
	return NULL;
}

struct committer *sqlite_committer_start(struct store *s, const struct config *config, struct fail *why)
{
	struct committer *face = committer_make(s, config, why);
	if (face == NULL)
		return NULL;
	struct batcher *c = batcher_of(face);
	int error = pthread_create(&c->thread, NULL, body, c);
	if (error != 0) {
		FAILS(why, SYSTEM, "the committer's thread cannot start: error %d", error);
		stop(face);
		return NULL;
	}
	c->threaded = true;
	pthread_setname_np(c->thread, "committer");
	return face;
}

static void stop(struct committer *face)
{
	struct batcher *c = batcher_of(face);
	mailbox_close(&c->box);
	if (c->threaded)
		pthread_join(c->thread, NULL);
	while (!atomic_load(&c->stopped) && committer_step(face) > 0)
		;
	(void)mailbox_take(&c->box); /* only after store_stop_hook came back: never to be answered */
	mailbox_drop(&c->box);
	connection_close(c->connection);
	free(c->jobs);
	free(c->touched);
	free(c->news.at);
	free(c->news.lines);
	free(c);
}
