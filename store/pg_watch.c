/* store/pg_watch.c - why this exists: one thread asks a server that is away whether it is back, so that a hundred need not; and /readyz is answered on
 * a loop, which must not wait for a server to know how it is. */
#include "store/pg_session.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { BEAT_MS = 1000, AWAY_BEAT_MS = 250 };

struct pg_watch {
	struct store *store;
	struct connection *connection;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;             /* under lock */
};

/* false: stopping. */
static bool sleeps(struct pg_watch *w, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&w->lock);
	while (!w->stopping && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
		;
	bool on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return on;
}

static void look(struct pg_watch *w)
{
	struct pg_store *s = w->store->pg;
	struct pg *wire = &w->connection->pg->wire;
	char text[96];
	struct fail why;
	bool found;
	int64_t number;
	fail_clear(&why);
	if (!pg_session_ready(w->connection, &why))
		return;
	snprintf(text, sizeof text, "SELECT number FROM schema_migration WHERE number = %d", w->store->schema);
	bool asked = pg_number(wire, text, &number, &found, &why);
	if (!pg_is_alive(wire))
		return;
	pg_is_back(s); /* whoever could not connect meanwhile may try again: there were too many, perhaps */
	atomic_store(&s->schema_gone, !asked || !found);
}

static void *body(void *arg)
{
	struct pg_watch *w = arg;
	do {
		look(w);
		log_flush();
	} while (sleeps(w, atomic_load(&w->store->pg->away_ms) != 0 ? AWAY_BEAT_MS : BEAT_MS));
	return NULL;
}

void pg_watch_says(struct store *s, struct fail *why)
{
	int64_t since = atomic_load(&s->pg->away_ms);
	if (since != 0)
		FAILS(why, STORE, "%s has been away for %lld ms", s->pg->name, (long long)(clock_mono_ms() - since));
	else if (atomic_load(&s->pg->schema_gone))
		FAILS(why, STORE, "the schema is gone");
}

struct pg_watch *pg_watch_start(struct store *s, struct fail *why)
{
	struct pg_watch *w = calloc(1, sizeof *w);
	if (w == NULL) {
		FAILS(why, MEMORY, "no memory for the database's watch");
		return NULL;
	}
	w->store = s;
	if ((w->connection = pg_connection(s, CONNECTION_READ, why)) == NULL) {
		free(w);
		return NULL;
	}
	w->connection->pg->is_watch = true;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, &attributes);
	int error = pthread_create(&w->thread, NULL, body, w);
	if (error != 0) {
		FAILS(why, SYSTEM, "the database's watch cannot start: error %d", error);
		connection_close(w->connection);
		free(w);
		return NULL;
	}
	pthread_setname_np(w->thread, "pg-watch");
	return w;
}

void pg_watch_stop(struct pg_watch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	connection_close(w->connection);
	free(w);
}
