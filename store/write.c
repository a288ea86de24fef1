/* store/write.c - why this exists: however a transaction was committed, the rest of the process hears of it in the same way and in the same order. */
#include "store/pg_session.h"
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/rowcache.h"

#include <assert.h>
#include <stdio.h>

enum { NEWS_ALONE_MAX = 64 };

bool write_begin(struct connection *c, struct fail *why)
{
	assert(c->writes && c->open == 0);
	return c->pg != NULL ? pg_write_begin(c, why) : sqlite_write_begin(c, why);
}

enum commit_end write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why)
{
	return c->pg != NULL ? pg_write_commit(c, notes, why) : sqlite_write_commit(c, notes, why);
}

void write_rollback(struct connection *c)
{
	c->pg != NULL ? pg_write_rollback(c) : sqlite_write_rollback(c);
}

/* Said once, not for each of the thousands it may hit. */
void store_refused(struct store *s, const char *code, const struct fail *why)
{
	atomic_store(&s->refused_ns, clock_mono_ns());
	if (atomic_exchange(&s->refused, (int)why->code) != (int)why->code)
		LOG_EVENT(store_failed, STR_NONE, L_C("writing"), L_C(code), L_C(why->log));
}

/* -- locks by name */

static const char lock_text[] = "SELECT pg_advisory_xact_lock($1)"; /* PostgreSQL's alone */

bool tx_lock(struct tx *tx, const char *kind_literal, struct str name, struct fail *why)
{
	assert(tx->writes);
	if (tx->connection->pg == NULL)
		return true;
	uint8_t digest[HASH_BYTES];
	int64_t key;
	struct str parts[] = { { kind_literal, strlen(kind_literal) + 1 }, name };
	hash_parts(HASH_SHA256, parts, 2, digest);
	memcpy(&key, digest, sizeof key); /* two names that share one wait for each other, now and then */
	DROP(stmt) struct stmt *q = tx_query(tx, lock_text, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, key);
	return stmt_run(q, why);
}

bool tx_lock_row(struct tx *tx, const char *kind_literal, int64_t id, struct fail *why)
{
	return tx_lock(tx, kind_literal, (struct str){ (const char *)&id, sizeof id }, why);
}

static const char alone_text[] = "SELECT pg_advisory_xact_lock(" PG_ALONE ")"; /* each write transaction began by sharing it */

bool tx_alone(struct tx *tx, struct fail *why)
{
	assert(tx->writes);
	if (tx->connection->pg == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, alone_text, why);
	return q != NULL && stmt_run(q, why);
}

bool tx_wait(struct tx *tx, int64_t most_ms, struct fail *why)
{
	char text[64];
	assert(tx->writes && most_ms > 0);
	snprintf(text, sizeof text, "SET LOCAL lock_timeout = %lld", (long long)most_ms);
	return tx->connection->pg == NULL || pg_session_run(tx->connection, text, why);
}

/* -- other nodes */

void store_follow(struct store *s, store_match_fn match)
{
	s->match = match;
}

bool tx_is_shared(const struct tx *tx)
{
	return tx->connection->pg != NULL;
}

/* -- news */

void tx_tell(struct tx *tx, enum news_kind kind, int64_t key)
{
	struct news_list *l = tx->news;
	assert(tx->writes && l != NULL);
	if (l->count == l->max)
		l->all = true;
	else
		l->at[l->count++] = (struct news){ kind, key };
}

void tx_say(struct tx *tx, enum event e, const struct log_value *values, size_t count)
{
	struct news_list *l = tx->news;
	assert(tx->writes && l != NULL);
	if (l->lines_max - l->lines_len < LOG_KEPT_MAX)
		log_event(e, STR_NONE, values, count);
	else
		l->lines_len += log_keep(l->lines + l->lines_len, e, STR_NONE, values, count);
}

void store_listen(struct store *s, news_fn listen, void *ctx)
{
	s->listen = listen;
	s->listen_ctx = ctx;
}

void store_tell(struct store *s, const struct news_list *l)
{
	if (l != NULL)
		log_kept((struct str){ l->lines, l->lines_len });
	if (s->listen != NULL && l != NULL && (l->count > 0 || l->all))
		s->listen(s->listen_ctx, l->at, l->count, l->all);
}

void store_publish(struct store *s, const struct commit_notes *notes)
{
	atomic_fetch_add_explicit(&s->commit_number, 1, memory_order_release);
	rowcache_forget(s, notes->touched, notes->touched_count, notes->touched_all);
	atomic_store_explicit(&s->refused, FAIL_NONE, memory_order_relaxed);
}

/* -- one write on the caller's thread */

struct alone {
	bool (*apply)(struct tx *tx, void *ctx, struct fail *why);
	void *ctx;
};

static enum commit_end run_alone(struct connection *c, const struct alone *a, bool *applied, struct fail *why)
{
	struct news told[NEWS_ALONE_MAX];
	char lines[LINES_ALONE_MAX];
	struct news_list news = { .at = told, .max = NEWS_ALONE_MAX, .lines = lines, .lines_max = sizeof lines };
	struct tx tx = { .connection = c, .writes = true, .news = &news };
	*applied = false;
	if (!write_begin(c, why))
		return COMMIT_REFUSED;
	*applied = (c->pg == NULL || pg_match(&tx, why)) && a->apply(&tx, a->ctx, why);
	assert(c->open == 0 && (*applied || why->code != FAIL_NONE));
	if (*applied && c->pg == NULL && sqlite3_get_autocommit(c->db))
		*applied = FAILS(why, STORE, "the transaction was rolled back under the request");
	if (!*applied) {
		write_rollback(c);
		return COMMIT_REFUSED;
	}
	size_t max = sizeof tx.touched / sizeof tx.touched[0];
	bool all = (size_t)tx.touched_count > max;
	struct commit_notes notes = { tx.touched, all ? 0 : (size_t)tx.touched_count, all, &news };
	return write_commit(c, &notes, why);
}

bool store_write(struct store *s, bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx, struct fail *why)
{
	struct alone a = { apply, ctx };
	bool applied;
	pthread_mutex_lock(&s->write_lock);
	struct connection *c = s->writer;
	enum commit_end end = run_alone(c, &a, &applied, why);
	while (end == COMMIT_REFUSED && c->pg != NULL && pg_again(c)) {
		fail_clear(why);
		end = run_alone(c, &a, &applied, why);
	}
	pthread_mutex_unlock(&s->write_lock);
	if (end == COMMIT_DONE) {
		metric_add(M_commit_requests, 0, 1);
		return true;
	}
	return applied ? FAILS(why, STORE, "nobody knows whether the commit reached the disk") : false;
}
