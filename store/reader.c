/* store/reader.c - why this exists: a loop reads many requests from one snapshot, yet each of them must see every commit that
 * was answered before it came. The commit number tells when the snapshot is too old; asking costs one load.
 *
 * Of several nodes on PostgreSQL each counts its own commits only. So there a snapshot is not kept for the next request: whoever holds the
 * connection ends it with each job. */
#include "store/pg_session.h"
#include "store/sqlite.h"

#include "base/metrics.h"
#include "store/rowcache.h"

#include <assert.h>

struct connection *store_reader(struct store *s, int row_cache_rows, struct fail *why)
{
	int rc;
	struct connection *c = s->pg != NULL ? pg_connection(s, CONNECTION_READ, why) : connection_open(s, CONNECTION_READ, &rc, why);
	if (c == NULL)
		return NULL;
	for (int kind = 0; kind < ROW_KINDS; kind++)
		reader_cache(c, (enum row_kind)kind, row_cache_rows);
	if (c->pg == NULL)
		sqlite_reader_enter(c);
	return c;
}

void reader_cache(struct connection *c, enum row_kind kind, int rows)
{
	assert(!c->in_snapshot);
	rowcache_free(c->rows[kind]);
	c->rows[kind] = c->pg != NULL ? NULL : rowcache_make(kind, rows); /* what other nodes change is not touched here */
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
	if (!(c->pg != NULL ? pg_snapshot(c, why) : sqlite_snapshot(c, why)))
		return false;
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
	c->pg != NULL ? pg_snapshot_end(c) : sqlite_snapshot_end(c);
	c->in_snapshot = false;
}
