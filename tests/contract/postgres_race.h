/* tests/contract/postgres_race.h - jobs of the WRITE lane that meet: each has a connection to PostgreSQL of its own, and stands still for a moment between its statements. Included by the one test program that wants it.
 * Thread: the tests'. */
#ifndef TESTS_CONTRACT_POSTGRES_RACE_H
#define TESTS_CONTRACT_POSTGRES_RACE_H
#include "one_person.h"
#include "postgres_server.h"
#include "store_fixture.h"

#include "auth/keyring.h"
#include "store/committer.h"

#include <poll.h>

enum { RACE_JOBS_MAX = 48, RACE_PATIENCE_MS = 60000, RACE_PAUSE_MS_MAX = 4 };

static struct fixture f;
static struct committer *committer;
static _Atomic int race_answered;
static _Atomic unsigned race_pauses;

/* Machines that are quick would let one pass before the other has begun. */
static inline void pause_a_little(void)
{
	poll(NULL, 0, (int)(atomic_fetch_add(&race_pauses, 1) * 2654435761u >> 16) % (RACE_PAUSE_MS_MAX + 1));
}

static void race_done(struct commit_job *job)
{
	(void)job;
	atomic_fetch_add(&race_answered, 1);
}

/* All at once, until all have ended; who may fail says so by `why`. */
static void race_run(struct commit_job *const *jobs, int count)
{
	assert_true(count <= RACE_JOBS_MAX); /* a connection each */
	atomic_store(&race_answered, 0);
	for (int i = 0; i < count; i++) {
		jobs[i]->done = race_done;
		assert_true(committer_submit(committer, jobs[i]));
	}
	for (int waited = 0; atomic_load(&race_answered) < count; waited++) {
		assert_true(waited < RACE_PATIENCE_MS);
		poll(NULL, 0, 1);
	}
}

static int race_start(void **state)
{
	char name[32], url[256];
	if (postgres_server_start(state) != 0)
		return -1;
	postgres_database(NULL, name);
	fixture_make_at(&f, postgres_url_as("siban", name, url), NULL);
	fixture_close(&f);
	f.config.store_pool = RACE_JOBS_MAX;
	f.config.store_lock_ms = f.config.store_statement_ms = 20000; /* of a busy machine */
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	FIXTURE_OK(&f, keyring_open(&f.config, true, &f.why));
	FIXTURE_OK(&f, store_write(f.store, person_make, NULL, &f.why));
	fail_clear(&f.why);
	committer = committer_start(f.store, &f.config, &f.why);
	return committer != NULL ? 0 : -1;
}

static int race_stop(void **state)
{
	committer_stop(committer);
	keyring_close();
	fixture_drop(&f);
	return postgres_server_stop(state);
}
#endif
