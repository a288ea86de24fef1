/* store/commit.c - why this exists: the committer and store_write end a transaction in the same way, and in the same order
 * tell the rest of the process about it. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/committer.h"
#include "store/rowcache.h"

#include <assert.h>
#include <unistd.h>

enum { EXIT_STORE = 70 /* sysexits.h EX_SOFTWARE; the supervisor starts us again and recovery decides */, NEWS_ALONE_MAX = 64 };

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

/* Said once, not for each of the thousands it may hit. */
static void refused(struct store *s, int rc, const struct fail *why)
{
	atomic_store(&s->refused_ns, clock_mono_ns());
	if (atomic_exchange(&s->refused, (int)why->code) != (int)why->code)
		LOG_EVENT(store_failed, STR_NONE, L_C("writing"), L_INT(rc), L_C(why->log));
}

bool write_begin(struct connection *c, struct fail *why)
{
	assert(c->writes && c->open == 0);
	gate_enter(c->store);
	int rc = fault_hit(FAULT_store_begin) ? SQLITE_BUSY : connection_control(c, CONTROL_BEGIN_WRITE);
	if (rc == SQLITE_OK)
		return true;
	gate_leave(c->store);
	sqlite_fails(c, rc, "beginning a write", why);
	refused(c->store, rc, why);
	return false;
}

void write_rollback(struct connection *c)
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

void tx_tell(struct tx *tx, enum news_kind kind, int64_t key)
{
	struct news_list *l = tx->news;
	assert(tx->writes && l != NULL);
	if (l->count == l->max)
		l->all = true;
	else
		l->at[l->count++] = (struct news){ kind, key };
}

void store_listen(struct store *s, news_fn listen, void *ctx)
{
	s->listen = listen;
	s->listen_ctx = ctx;
}

static void tell(struct store *s, const struct news_list *l)
{
	if (s->listen != NULL && l != NULL && (l->count > 0 || l->all))
		s->listen(s->listen_ctx, l->at, l->count, l->all);
}

enum commit_end write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why)
{
	struct store *s = c->store;
	int64_t began = clock_mono_ns();
	int rc = commit(c);
	if (rc != SQLITE_OK && must_stop(rc)) {
		store_stop("commit", rc);
		write_rollback(c);
		return COMMIT_STOPPED;
	}
	if (rc != SQLITE_OK) {
		sqlite_fails(c, rc, "committing", why);
		refused(s, rc, why);
		write_rollback(c);
		return COMMIT_REFUSED;
	}
	metric_observe(M_commit_seconds, 0, clock_mono_ns() - began);
	metric_add(M_commits, 0, 1);
	atomic_fetch_add_explicit(&s->commit_number, 1, memory_order_release);
	rowcache_forget(s, notes->touched, notes->touched_count, notes->touched_all);
	atomic_store_explicit(&s->refused, FAIL_NONE, memory_order_relaxed);
	gate_leave(s);
	tell(s, notes->news);
	return COMMIT_DONE;
}

bool store_write(struct store *s, bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx, struct fail *why)
{
	pthread_mutex_lock(&s->write_lock);
	struct connection *c = s->writer;
	struct news told[NEWS_ALONE_MAX];
	struct news_list news = { .at = told, .max = NEWS_ALONE_MAX };
	struct tx tx = { .connection = c, .writes = true, .news = &news };
	bool ok = write_begin(c, why);
	if (ok) {
		ok = apply(&tx, ctx, why);
		assert(c->open == 0 && (ok || why->code != FAIL_NONE));
		if (ok && sqlite3_get_autocommit(c->db))
			ok = FAILS(why, STORE, "the transaction was rolled back under the request");
		size_t max = sizeof tx.touched / sizeof tx.touched[0];
		bool all = (size_t)tx.touched_count > max;
		struct commit_notes notes = { tx.touched, all ? 0 : (size_t)tx.touched_count, all, &news };
		if (!ok)
			write_rollback(c);
		else if (write_commit(c, &notes, why) != COMMIT_DONE)
			ok = FAILS(why, STORE, "nobody knows whether the commit reached the disk");
		else
			metric_add(M_commit_requests, 0, 1);
	}
	pthread_mutex_unlock(&s->write_lock);
	return ok;
}
