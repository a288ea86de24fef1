/* gateway/beside/blob_clearer.c - why this is no job (jobs.def): a job is a transaction, and a transaction touches neither folders nor other transactions. */
#include "gateway/beside/blob_clearer.h"

#include "auth/blob.h"
#include "base/clock.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { PERIOD_S = 3600 };

struct blob_clearer {
	struct blobs *blobs;
	struct connection *reader;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on the monotonic clock */
	bool stopping;
};

static bool is_stopping(struct blob_clearer *c)
{
	pthread_mutex_lock(&c->lock);
	bool is_so = c->stopping;
	pthread_mutex_unlock(&c->lock);
	return is_so;
}

/* What fails is tried again with the next walk. */
static void walk(struct blob_clearer *c)
{
	static const struct blob_place beginning;
	struct blob_place at = beginning;
	struct fail why;
	int64_t removed = 0;
	bool ok;
	fail_clear(&why);
	do
		ok = blob_clear(c->blobs, c->reader, &at, clock_wall_ms(), &removed, &why);
	while (ok && memcmp(&at, &beginning, sizeof(at)) != 0 && !is_stopping(c));
	if (!ok && why.code != FAIL_CONFLICT) /* a backup may still be copying them: the next walk comes by itself */
		log_fail(STR_NONE, &why);
	if (removed > 0)
		LOG_EVENT(blobs_cleared, STR_NONE, L_INT(removed));
}

static void *work(void *ctx)
{
	struct blob_clearer *c = ctx;
	while (!is_stopping(c)) {
		struct timespec next;
		walk(c);
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_sec += PERIOD_S;
		pthread_mutex_lock(&c->lock);
		for (int rc = 0; !c->stopping && rc == 0;)
			rc = pthread_cond_timedwait(&c->changed, &c->lock, &next);
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static void drop(struct blob_clearer *c)
{
	if (c->reader != NULL)
		connection_close(c->reader);
	blobs_close(c->blobs);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct blob_clearer *blob_clearer_start(struct store *s, struct fail *why)
{
	pthread_condattr_t monotonic;
	struct blob_clearer *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		FAILS(why, MEMORY, "the clearer of blobs");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	c->blobs = blobs_open(s, blob_body_of(s), why);
	c->reader = c->blobs != NULL ? store_reader(s, 0, why) : NULL;
	if (c->reader != NULL && (pthread_create(&c->thread, NULL, work, c) == 0 || FAILS(why, SYSTEM, "no thread for the clearer of blobs")))
		return c;
	drop(c);
	return NULL;
}

void blob_clearer_stop(struct blob_clearer *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	drop(c);
}
