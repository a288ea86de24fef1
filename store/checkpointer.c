/* store/checkpointer.c - why this exists: pages must go from the log to the database some time, and inside a commit that is a
 * pause somebody feels (measured: p99 186 ms against 19 ms with a thread).
 *
 * A PASSIVE run moves what it can without asking anybody to wait. When it has moved everything and nobody reads from the log,
 * the next write begins the log anew. Beside a committer that never rests that moment does not come by itself: then, past
 * LOG_FACTOR times the usual length, writers are let to a gate for the few pages that are left, and the log is restarted. */
#include "store/checkpointer.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/sqlite.h"

#include <stdlib.h>
#include <unistd.h>

enum { LOG_FACTOR = 4, PASSIVE_RUNS_MAX = 4, FRAME_BYTES = 4096 + 24 };
enum { READERS_WAIT_US = 3000, READERS_STEP_US = 100 };

struct checkpointer {
	struct store *store;
	struct connection *connection;
	pthread_t thread;
	bool threaded;
	bool stopping;          /* under store->wal_lock */
	int64_t alarm_bytes;
	int64_t alarm_at;       /* the next size worth an event: doubles while it grows */
	int64_t waited_us;      /* for readers, in this run */
};

/* How long a restart may keep the gate shut for readers that are in the log. They leave at the end of a loop's turn. */
static int wait_for_readers(void *ctx, int times)
{
	(void)times;
	struct checkpointer *c = ctx;
	if (c->waited_us >= READERS_WAIT_US)
		return 0;
	usleep(READERS_STEP_US);
	c->waited_us += READERS_STEP_US;
	return 1;
}

static int run(struct checkpointer *c, int mode, int *frames, int *moved)
{
	int64_t began = clock_mono_ns();
	c->waited_us = 0;
	*frames = *moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(c->connection->db, "main", mode, frames, moved);
	if (fault_hit(FAULT_store_checkpoint))
		rc = SQLITE_IOERR_FSYNC;
	if (rc == SQLITE_IOERR_FSYNC)
		store_stop("checkpoint", rc); /* what the kernel dropped it will call clean: only recovery from the log tells */
	metric_add(M_checkpoints, 0, 1);
	LOG_EVENT(checkpoint, STR_NONE, L_INT(*frames), L_INT(*moved), L_INT((clock_mono_ns() - began) / 1000));
	return rc;
}

/* With the gate shut no write transaction is open and none begins. */
static int run_in_the_gate(struct checkpointer *c, int mode, int *frames, int *moved)
{
	struct store *s = c->store;
	pthread_mutex_lock(&s->gate_lock);
	s->moving = true;
	while (s->writing > 0)
		pthread_cond_wait(&s->gate_moved, &s->gate_lock);
	pthread_mutex_unlock(&s->gate_lock);
	int rc = run(c, mode, frames, moved);
	pthread_mutex_lock(&s->gate_lock);
	s->moving = false;
	pthread_cond_broadcast(&s->gate_moved);
	pthread_mutex_unlock(&s->gate_lock);
	return rc;
}

static int64_t oldest_reader_ms(struct store *s)
{
	int64_t now = clock_mono_ns(), oldest = now;
	pthread_mutex_lock(&s->readers_lock);
	for (struct connection *r = s->readers; r != NULL; r = r->next) {
		int64_t began = atomic_load_explicit(&r->snapshot_ns, memory_order_relaxed);
		if (began != 0 && began < oldest)
			oldest = began;
	}
	pthread_mutex_unlock(&s->readers_lock);
	return (now - oldest) / 1000000;
}

static void tell_size(struct checkpointer *c)
{
	int64_t bytes = atomic_load(&c->store->wal_frames) * FRAME_BYTES;
	metric_set(M_wal_bytes, 0, bytes);
	if (bytes < c->alarm_bytes) {
		c->alarm_at = c->alarm_bytes;
	} else if (bytes >= c->alarm_at) {
		LOG_EVENT(wal_large, STR_NONE, L_INT(bytes), L_INT(oldest_reader_ms(c->store)));
		c->alarm_at = 2 * bytes;
	}
}

static void work(struct checkpointer *c)
{
	struct store *s = c->store;
	int frames, moved;
	/* Before the run: when the log begins anew meanwhile, the writer's own word about this must be the last one. */
	atomic_store(&s->checkpoint_at, atomic_load(&s->wal_frames) + s->wal_pages);
	int rc = run(c, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
	if (rc == SQLITE_OK && frames > LOG_FACTOR * s->wal_pages) {
		/* Each run leaves less than the one before, as it takes less time in which commits add to the log. */
		for (int i = 1; i < PASSIVE_RUNS_MAX && rc == SQLITE_OK && atomic_load(&s->wal_frames) - moved > s->wal_pages / 16; i++)
			rc = run(c, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
		if (rc == SQLITE_OK && (rc = run_in_the_gate(c, SQLITE_CHECKPOINT_RESTART, &frames, &moved)) == SQLITE_OK)
			atomic_store(&s->checkpoint_at, s->wal_pages);
	}
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) {
		struct fail why;
		fail_clear(&why);
		sqlite_fails(c->connection, rc, "moving the log's pages", &why); /* is in the log by itself where it matters; the pages stay where they are safe */
	}
	tell_size(c);
	log_flush();
}

static void *body(void *arg)
{
	struct checkpointer *c = arg;
	struct store *s = c->store;
	pthread_mutex_lock(&s->wal_lock);
	for (;;) {
		while (!s->wal_grown && !c->stopping)
			pthread_cond_wait(&s->wal_changed, &s->wal_lock);
		if (c->stopping)
			break;
		s->wal_grown = false;
		pthread_mutex_unlock(&s->wal_lock);
		work(c);
		pthread_mutex_lock(&s->wal_lock);
	}
	pthread_mutex_unlock(&s->wal_lock);
	return NULL;
}

struct checkpointer *checkpointer_make(struct store *s, const struct config *config, struct fail *why)
{
	struct checkpointer *c = calloc(1, sizeof *c);
	if (c == NULL) {
		FAILS(why, MEMORY, "no memory for the checkpointer");
		return NULL;
	}
	int rc;
	c->store = s;
	c->alarm_bytes = c->alarm_at = config->store_wal_alarm << 20;
	c->connection = connection_open(s, CONNECTION_CHECKPOINT, &rc, why);
	if (c->connection == NULL) {
		free(c);
		return NULL;
	}
	sqlite3_busy_handler(c->connection->db, wait_for_readers, c);
	return c;
}

bool checkpointer_step(struct checkpointer *c)
{
	struct store *s = c->store;
	pthread_mutex_lock(&s->wal_lock);
	bool grown = s->wal_grown;
	s->wal_grown = false;
	pthread_mutex_unlock(&s->wal_lock);
	if (grown)
		work(c);
	return grown;
}

struct checkpointer *checkpointer_start(struct store *s, const struct config *config, struct fail *why)
{
	struct checkpointer *c = checkpointer_make(s, config, why);
	if (c == NULL)
		return NULL;
	int error = pthread_create(&c->thread, NULL, body, c);
	if (error != 0) {
		FAILS(why, SYSTEM, "the checkpointer's thread cannot start: error %d", error);
		connection_close(c->connection);
		free(c);
		return NULL;
	}
	c->threaded = true;
	pthread_setname_np(c->thread, "checkpointer");
	return c;
}

void checkpointer_stop(struct checkpointer *c)
{
	if (c == NULL)
		return;
	struct store *s = c->store;
	pthread_mutex_lock(&s->wal_lock);
	c->stopping = true;
	pthread_cond_signal(&s->wal_changed);
	pthread_mutex_unlock(&s->wal_lock);
	if (c->threaded)
		pthread_join(c->thread, NULL);
	int frames, moved;
	if (run_in_the_gate(c, SQLITE_CHECKPOINT_TRUNCATE, &frames, &moved) == SQLITE_OK)
		atomic_store(&s->wal_frames, 0);
	log_flush();
	connection_close(c->connection);
	free(c);
}
