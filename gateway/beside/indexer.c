/* gateway/beside/indexer.c - asks for one number, seldom; does something when it differs. */
#include "gateway/beside/indexer.h"

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/shelf.h"
#include "services/guides/catalogue_summary.h"
#include "services/guides/guide_rows.h"
#include "services/guides/search_rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_EVERY_MS = 500 };

struct indexer {
	struct store *store;
	struct connection *reader;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stopping;
	int64_t generation; /* of the index on the shelf; 0: there is none */
};

static bool generation_now(struct indexer *x, int64_t *out, struct fail *why)
{
	struct tx tx;
	bool ok = reader_begin(x->reader, &tx, why) && catalogue_generation(&tx, out, why);
	reader_end(x->reader);
	return ok;
}

static bool pages_read(struct indexer *x, struct search_making *m, struct fail *why)
{
	struct tx tx;
	int64_t after = 0;
	bool more = true, ok = true;
	while (ok && more) {
		ok = reader_begin(x->reader, &tx, why) && search_page(&tx, m, &after, &more, why);
		reader_end(x->reader);
	}
	return ok;
}

static void index_drop(void *at)
{
	search_index_drop(at);
}

static bool summary_put(struct indexer *x, int64_t generation, struct fail *why)
{
	struct tx tx;
	struct catalogue_summary *s = reader_begin(x->reader, &tx, why) ? summary_make(&tx, why) : NULL;
	reader_end(x->reader);
	if (s == NULL)
		return false;
	s->generation = generation;
	metric_set(M_catalogue_matters, 0, s->matters);
	metric_set(M_catalogue_online, 0, s->online);
	return shelf_put(SHELF_SUMMARY, s, free, why);
}

static bool index_make(struct indexer *x, int64_t generation, struct fail *why)
{
	int64_t began = clock_mono_ns();
	struct search_making *m = search_begin(why);
	if (m == NULL)
		return false;
	if (!pages_read(x, m, why)) {
		search_drop(m);
		return false;
	}
	struct search_index *index = search_end(m, why);
	if (index == NULL)
		return false;
	int64_t matters = search_size(index);
	if (!shelf_put(SHELF_SEARCH, index, index_drop, why) || !summary_put(x, generation, why))
		return false;
	x->generation = generation;
	metric_set(M_search_matters, 0, matters);
	LOG_EVENT(search_index_made, STR_NONE, L_INT(matters), L_INT(generation), L_INT((clock_mono_ns() - began) / 1000000));
	return true;
}

/* What changed while it was read is seen at the next look: the generation noted is the one before. */
static bool look(struct indexer *x, struct fail *why)
{
	int64_t generation;
	return generation_now(x, &generation, why) && (generation == x->generation || index_make(x, generation, why));
}

/* Readers look up by what writers took up; where nobody writes for a while this does (store_follow). */
static bool nothing(struct tx *tx, void *ctx, struct fail *why)
{
	(void)tx;
	(void)ctx;
	(void)why;
	return true;
}

static bool follow_keys(struct indexer *x, struct fail *why)
{
	struct tx tx;
	bool is_behind = false;
	bool ok = store_is_embedded(x->store) || (reader_begin(x->reader, &tx, why) && keyring_is_behind(&tx, &is_behind, why));
	reader_end(x->reader);
	return ok && (!is_behind || store_write(x->store, nothing, NULL, why));
}

static void *index_loop(void *ctx)
{
	struct indexer *x = ctx;
	pthread_mutex_lock(&x->lock);
	while (!x->stopping) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += (long)LOOK_EVERY_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&x->stopped, &x->lock, &until);
		if (x->stopping)
			break;
		pthread_mutex_unlock(&x->lock);
		struct fail why;
		fail_clear(&why);
		if (!look(x, &why))
			LOG_EVENT(search_index_failed, STR_NONE, L_C(fail_row(why.code)->slug), L_C(why.log));
		else if (!follow_keys(x, &why))
			log_fail(STR_NONE, &why);
		log_flush();
		pthread_mutex_lock(&x->lock);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

struct indexer *indexer_start(struct store *s, struct fail *why)
{
	struct indexer *x = calloc(1, sizeof *x);
	if (x == NULL) {
		FAILS(why, MEMORY, "the indexer");
		return NULL;
	}
	x->store = s;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->stopped, NULL);
	bool ok = (x->reader = store_reader(s, 0, why)) != NULL && look(x, why);
	if (ok && pthread_create(&x->thread, NULL, index_loop, x) == 0)
		return x;
	if (ok)
		FAILS(why, SYSTEM, "no thread for the indexer");
	if (x->reader != NULL)
		connection_close(x->reader);
	free(x);
	return NULL;
}

void indexer_stop(struct indexer *x)
{
	struct fail why;
	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	x->stopping = true;
	pthread_cond_signal(&x->stopped);
	pthread_mutex_unlock(&x->lock);
	pthread_join(x->thread, NULL);
	connection_close(x->reader);
	fail_clear(&why);
	(void)!shelf_put(SHELF_SEARCH, NULL, NULL, &why); /* nothing is put, so nothing can fail */
	(void)!shelf_put(SHELF_SUMMARY, NULL, NULL, &why);
	pthread_mutex_destroy(&x->lock);
	pthread_cond_destroy(&x->stopped);
	free(x);
}
