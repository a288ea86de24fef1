/* store/reader.c - why this exists: a loop reads many requests from one snapshot, yet each of them must see every commit that
 * was answered before it came. The commit number tells when the snapshot is too old; asking costs one load.
 *
 * BEGIN takes no snapshot in WAL mode, the first read does. The number is loaded before BEGIN, so the snapshot can only be
 * newer than the number says. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "store/rowcache.h"

#include <assert.h>

struct connection *store_reader(struct store *s, int row_cache_rows, struct fail *why)
{
	int rc;
	struct connection *c = connection_open(s, CONNECTION_READ, &rc, why);
	if (c == NULL)
		return NULL;
	for (int kind = 0; kind < ROW_KINDS; kind++)
		c->rows[kind] = rowcache_make((enum row_kind)kind, row_cache_rows);
	pthread_mutex_lock(&s->readers_lock);
	c->next = s->readers;
	c->back = &s->readers;
	if (c->next != NULL)
		c->next->back = &c->next;
	s->readers = c;
	pthread_mutex_unlock(&s->readers_lock);
	return c;
}

void reader_cache(struct connection *c, enum row_kind kind, int rows)
{
	assert(!c->in_snapshot);
	rowcache_free(c->rows[kind]);
	c->rows[kind] = rowcache_make(kind, rows);
}

uint64_t store_commit_number(const struct store *s)
{
	return atomic_load_explicit(&s->commit_number, memory_order_acquire);
}

bool reader_begin(struct connection *c, struct tx *tx, struct fail *why)
{
	assert(!c->writes && c->open == 0 && "a statement of the last request was not dropped");
	tx->connection = c;
	tx->writes = false;
	tx->touched_count = 0;
	uint64_t number = store_commit_number(c->store);
	if (c->in_snapshot) {
		if (c->snapshot_number == number)
			return true;
		reader_end(c);
		metric_add(M_snapshot_renewals, 0, 1);
	}
	atomic_store_explicit(&c->snapshot_ns, clock_mono_ns(), memory_order_relaxed);
	int rc = connection_control(c, CONTROL_BEGIN);
	if (rc != SQLITE_OK) {
		atomic_store_explicit(&c->snapshot_ns, 0, memory_order_relaxed);
		return sqlite_fails(c, rc, "beginning a read", why);
	}
	c->in_snapshot = true;
	c->snapshot_number = number;
	for (int kind = 0; kind < ROW_KINDS; kind++)
		rowcache_new_snapshot(c->rows[kind]);
	return true;
}

void reader_end(struct connection *c)
{
	if (!c->in_snapshot)
		return;
	assert(c->open == 0 && "a statement holds the snapshot");
	if (!sqlite3_get_autocommit(c->db) && connection_control(c, CONTROL_COMMIT) != SQLITE_OK)
		connection_control(c, CONTROL_ROLLBACK); /* nothing was written: either way the snapshot is gone */
	c->in_snapshot = false;
	atomic_store_explicit(&c->snapshot_ns, 0, memory_order_relaxed);
}
