/* store/sqlite_commit.c - why this exists: a write transaction on SQLite begins behind the checkpointer's gate, and a COMMIT that left the disk
 * unknown ends the process. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/committer.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_STORE = 70 /* sysexits.h EX_SOFTWARE; the supervisor starts us again and recovery decides */ };

static void stop_process(void)
{
	_exit(EXIT_STORE);
}

void (*store_stop_hook)(void) = stop_process;

static void gate_enter(struct store *s)
{
	pthread_mutex_lock(&s->gate_lock);
	while (s->moving)
		pthread_cond_wait(&s->gate_moved, &s->gate_lock);
	s->writing++;
	pthread_mutex_unlock(&s->gate_lock);
}

static void gate_leave(struct store *s)
{
	pthread_mutex_lock(&s->gate_lock);
	s->writing--;
	if (s->moving)
		pthread_cond_broadcast(&s->gate_moved);
	pthread_mutex_unlock(&s->gate_lock);
}

static void refused(struct store *s, int rc, const struct fail *why)
{
	char code[16];
	snprintf(code, sizeof code, "%d", rc);
	store_refused(s, code, why);
}

bool sqlite_write_begin(struct connection *c, struct fail *why)
{
	gate_enter(c->store);
	int rc = fault_hit(FAULT_store_begin) ? SQLITE_BUSY : connection_control(c, CONTROL_BEGIN_WRITE);
	if (rc == SQLITE_OK)
		return true;
	gate_leave(c->store);
	sqlite_fails(c, rc, "beginning a write", why);
	refused(c->store, rc, why);
	return false;
}

void sqlite_write_rollback(struct connection *c)
{
	if (!sqlite3_get_autocommit(c->db) && connection_control(c, CONTROL_ROLLBACK) != SQLITE_OK)
		assert(sqlite3_get_autocommit(c->db)); /* its failures are those of a transaction that is gone already */
	gate_leave(c->store);
}

/* After these nobody knows what is on the disk: neither the file nor the kernel's cache of it can be trusted. */
static bool must_stop(int rc)
{
	int kind = rc & 0xff;
	return (kind == SQLITE_IOERR && rc != SQLITE_IOERR_NOMEM) || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

void store_stop(const char *doing, int rc)
{
	LOG_EVENT(store_stopped, STR_NONE, L_C(doing), L_INT(rc), L_C(sqlite3_errstr(rc)));
	log_flush();
	store_stop_hook();
}

static int commit(struct connection *c)
{
	if (fault_hit(FAULT_store_full))
		return SQLITE_FULL;
	if (fault_hit(FAULT_store_commit))
		return SQLITE_IOERR_FSYNC;
	return connection_control(c, CONTROL_COMMIT);
}

enum commit_end sqlite_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why)
{
	struct store *s = c->store;
	int64_t began = clock_mono_ns();
	int rc = commit(c);
	if (rc != SQLITE_OK && must_stop(rc)) {
		store_stop("commit", rc);
		sqlite_write_rollback(c);
		return COMMIT_STOPPED;
	}
	if (rc != SQLITE_OK) {
		sqlite_fails(c, rc, "committing", why);
		refused(s, rc, why);
		sqlite_write_rollback(c);
		return COMMIT_REFUSED;
	}
	metric_observe(M_commit_seconds, 0, clock_mono_ns() - began);
	metric_add(M_commits, 0, 1);
	store_publish(s, notes);
	gate_leave(s);
	store_tell(s, notes->news);
	return COMMIT_DONE;
}
