/* store/sqlite_reader.c - why this exists: BEGIN takes no snapshot in WAL mode, the first read does. The commit number is loaded before
 * BEGIN, so the snapshot can only be newer than the number says. And who holds one is known: a log cannot begin anew under a reader. */
#include "store/sqlite.h"

#include "base/clock.h"

void sqlite_reader_enter(struct connection *c)
{
	struct store *s = c->store;
	pthread_mutex_lock(&s->readers_lock);
	c->next = s->readers;
	c->back = &s->readers;
	if (c->next != NULL)
		c->next->back = &c->next;
	s->readers = c;
	pthread_mutex_unlock(&s->readers_lock);
}

void sqlite_reader_leave(struct connection *c)
{
	pthread_mutex_lock(&c->store->readers_lock);
	if (c->back != NULL) { /* a neighbour that leaves writes it, too: look only under the lock */
		*c->back = c->next;
		if (c->next != NULL)
			c->next->back = c->back;
	}
	pthread_mutex_unlock(&c->store->readers_lock);
}

bool sqlite_snapshot(struct connection *c, struct fail *why)
{
	atomic_store_explicit(&c->snapshot_ns, clock_mono_ns(), memory_order_relaxed);
	int rc = connection_control(c, CONTROL_BEGIN);
	if (rc == SQLITE_OK)
		return true;
	atomic_store_explicit(&c->snapshot_ns, 0, memory_order_relaxed);
	return sqlite_fails(c, rc, "beginning a read", why);
}

void sqlite_snapshot_end(struct connection *c)
{
	if (!sqlite3_get_autocommit(c->db) && connection_control(c, CONTROL_COMMIT) != SQLITE_OK)
		connection_control(c, CONTROL_ROLLBACK); /* nothing was written: either way the snapshot is gone */
	atomic_store_explicit(&c->snapshot_ns, 0, memory_order_relaxed);
}
