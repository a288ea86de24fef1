/* Goal: a cached row is never older than a write that was answered before the look began. Method: the rules one by one with
 * store_write; then a committer that changes 64 rows against threads that look at them through the cache. */
#include "store_fixture.h"

#include "base/metrics.h"
#include "store/committer.h"

#include <pthread.h>
#include <semaphore.h>

enum { KEYS = 64 };

struct row {
	int64_t key, n;
	char filler[300];
};

static struct fixture f;

static bool fill(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int i = 0; i < KEYS; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO counter (id, n) VALUES ($1, 0)", why);
		stmt_bind_int(q, 1, i);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static int setup(void **state)
{
	(void)state;
	fixture_make(&f, "CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);\n");
	FIXTURE_OK(&f, store_write(f.store, fill, NULL, &f.why));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static bool load(struct tx *tx, int64_t key, struct row *row)
{
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n FROM counter WHERE id = $1", &why);
	stmt_bind_int(q, 1, key);
	if (!stmt_row(q, &why))
		return false;
	*row = (struct row){ .key = key, .n = stmt_int(q, 0) };
	return true;
}

static bool cached(struct tx *tx, int64_t key, struct row *row)
{
	const struct row *kept = tx_cached(tx, ROW_CASE, (uint64_t)key);
	if (kept != NULL)
		*row = *kept;
	return kept != NULL;
}

static void cache(struct tx *tx, int64_t key, struct row row)
{
	struct row *keep = tx_cache(tx, ROW_CASE, (uint64_t)key, sizeof row);
	if (keep != NULL)
		*keep = row;
}

/* As a handler does it. */
static int64_t look(struct tx *tx, int64_t key, bool *hit)
{
	struct row row;
	*hit = cached(tx, key, &row);
	if (!*hit) {
		if (!load(tx, key, &row))
			return -1;
		cache(tx, key, row);
	}
	assert_int_equal(row.key, key);
	return row.n;
}

static bool count_up(struct tx *tx, int64_t key, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE counter SET n = n + 1 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, key);
	if (!stmt_run(q, why))
		return false;
	tx_touch(tx, ROW_CASE, (uint64_t)key);
	return true;
}

static bool count_one(struct tx *tx, void *ctx, struct fail *why)
{
	assert_null(tx_cached(tx, ROW_CASE, 1)); /* writers read the database */
	assert_null(tx_cache(tx, ROW_CASE, 1, sizeof(struct row)));
	return count_up(tx, *(int64_t *)ctx, why);
}

static bool count_and_fail(struct tx *tx, void *ctx, struct fail *why)
{
	return count_one(tx, ctx, why) && FAILS(why, NOT_FOUND, "no");
}

static bool count_ten(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int64_t key = 10; key < 20; key++)
		if (!count_up(tx, key, why))
			return false;
	return true;
}

static int64_t expect(struct connection *c, struct tx *tx, int64_t key, bool want_hit)
{
	bool hit;
	assert_true(reader_begin(c, tx, &f.why));
	int64_t n = look(tx, key, &hit);
	assert_int_equal(hit, want_hit);
	return n;
}

static void rules(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 1024, &f.why);
	struct tx tx;
	int64_t key = 1, other = 2;
	assert_int_equal(expect(c, &tx, 1, false), 0);
	assert_int_equal(expect(c, &tx, 1, true), 0);
	assert_null(tx_cached(&tx, ROW_TOKEN, 1)); /* another kind, same key */
	reader_end(c);
	assert_int_equal(expect(c, &tx, 1, true), 0);
	FIXTURE_OK(&f, store_write(f.store, count_one, &other, &f.why));
	assert_int_equal(expect(c, &tx, 1, true), 0); /* a commit that did not touch it */
	int64_t stale = metric_read(M_row_cache, 3 * ROW_CASE + 2);
	FIXTURE_OK(&f, store_write(f.store, count_one, &key, &f.why));
	assert_int_equal(expect(c, &tx, 1, false), 1);
	assert_int_equal(metric_read(M_row_cache, 3 * ROW_CASE + 2), stale + 1);
	assert_int_equal(expect(c, &tx, 1, true), 1);
	fail_clear(&f.why);
	assert_false(store_write(f.store, count_and_fail, &key, &f.why));
	fail_clear(&f.why);
	assert_int_equal(expect(c, &tx, 1, true), 1); /* what was rolled back touched nothing */
	FIXTURE_OK(&f, store_write(f.store, count_ten, NULL, &f.why));
	assert_int_equal(expect(c, &tx, 1, false), 1); /* more than fit: all are forgotten */
	assert_int_equal(expect(c, &tx, 12, false), 1);
	connection_close(c);
}

/* A commit lands between the look into the cache and the row's read: the row must not be kept under what came after. */
static void commit_in_between(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 1024, &f.why);
	struct tx tx;
	struct row row;
	int64_t key = 30;
	/* the snapshot is old, the commit is published, then the look: nothing is pending, nothing is kept */
	assert_true(reader_begin(c, &tx, &f.why));
	assert_true(load(&tx, key, &row));
	FIXTURE_OK(&f, store_write(f.store, count_one, &key, &f.why));
	assert_null(tx_cached(&tx, ROW_CASE, 30));
	assert_true(load(&tx, key, &row));
	assert_int_equal(row.n, 0);
	cache(&tx, 30, row);
	assert_int_equal(expect(c, &tx, 30, false), 1);
	/* the look first, then the commit: kept under the old generation, which no longer hits */
	key = 31;
	assert_true(reader_begin(c, &tx, &f.why));
	assert_null(tx_cached(&tx, ROW_CASE, 31));
	assert_true(load(&tx, key, &row));
	FIXTURE_OK(&f, store_write(f.store, count_one, &key, &f.why));
	cache(&tx, 31, row);
	assert_int_equal(expect(c, &tx, 31, false), 1);
	/* what one snapshot left pending is nothing to the next */
	assert_true(reader_begin(c, &tx, &f.why));
	assert_null(tx_cached(&tx, ROW_CASE, 32));
	reader_end(c);
	assert_true(reader_begin(c, &tx, &f.why));
	assert_true(load(&tx, 32, &row));
	cache(&tx, 32, row);
	assert_int_equal(expect(c, &tx, 32, false), 0);
	connection_close(c);
}

/* Smaller than what goes in, and off: always right, only slower. */
static void small(void **state)
{
	(void)state;
	for (int rows = 0; rows <= 8; rows += 4) {
		struct connection *c = store_reader(f.store, rows, &f.why);
		struct tx tx;
		bool hit;
		int hits = 0;
		for (int i = 0; i < 3 * KEYS; i++) {
			assert_true(reader_begin(c, &tx, &f.why));
			int64_t n = look(&tx, i % KEYS, &hit);
			struct row row;
			assert_true(load(&tx, i % KEYS, &row));
			assert_int_equal(n, row.n);
			look(&tx, i % KEYS, &hit);
			hits += hit;
		}
		assert_int_equal(hits, rows == 0 ? 0 : 3 * KEYS);
		connection_close(c);
	}
}

/* -- through the committer: the same rules for jobs that share a commit */

static bool job_up(struct commit_job *j, struct tx *tx, struct fail *why)
{
	(void)j;
	return count_up(tx, 1, why);
}

static bool job_fails(struct commit_job *j, struct tx *tx, struct fail *why)
{
	(void)j;
	return count_up(tx, 2, why) && FAILS(why, NOT_FOUND, "no");
}

static bool job_ten(struct commit_job *j, struct tx *tx, struct fail *why)
{
	(void)j;
	return count_ten(tx, NULL, why);
}

static void nothing(struct commit_job *j)
{
	(void)j;
}

static void shared_commit(void **state)
{
	(void)state;
	struct connection *r = store_reader(f.store, 1024, &f.why);
	struct committer *c = committer_make(f.store, &f.config, &f.why);
	struct tx tx;
	assert_non_null(c);
	for (int64_t key = 1; key <= 3; key++)
		expect(r, &tx, key, false);
	struct commit_job both[] = { { .apply = job_up, .done = nothing }, { .apply = job_fails, .done = nothing } };
	assert_true(committer_submit(c, &both[0]) && committer_submit(c, &both[1]));
	assert_int_equal(committer_step(c), 2);
	expect(r, &tx, 1, false);
	expect(r, &tx, 2, true); /* its toucher was rolled back */
	expect(r, &tx, 3, true);
	struct commit_job many[] = { { .apply = job_up, .done = nothing }, { .apply = job_ten, .done = nothing } };
	assert_true(committer_submit(c, &many[0]) && committer_submit(c, &many[1]));
	assert_int_equal(committer_step(c), 2);
	for (int64_t key = 1; key <= 3; key++)
		expect(r, &tx, key, false); /* one touched more than fit */
	committer_stop(c);
	connection_close(r);
}

/* -- stress */

struct job {
	struct commit_job job;
	int64_t key;
	int left;
	unsigned seed;
};

static struct committer *committer;
static _Atomic int64_t answered[KEYS];
static _Atomic bool over, wrong;
static _Atomic int64_t hits, looks;
static sem_t finished;

static bool apply(struct commit_job *j, struct tx *tx, struct fail *why)
{
	return count_up(tx, ((struct job *)j)->key, why);
}

static void again(struct commit_job *j)
{
	struct job *job = (struct job *)j;
	if (!j->committed)
		atomic_store(&wrong, true);
	atomic_fetch_add(&answered[job->key], 1);
	job->seed = job->seed * 1103515245u + 12345u;
	job->key = (job->seed >> 16) % KEYS;
	if (job->left-- == 0 || !committer_submit(committer, j))
		sem_post(&finished);
}

static void *look_many(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	struct fail why;
	fail_clear(&why);
	struct connection *c = store_reader(f.store, 256, &why);
	struct tx tx;
	int64_t mine = 0, mine_hit = 0;
	for (; !atomic_load(&over); mine++) {
		seed = seed * 1103515245u + 12345u;
		int64_t key = (seed >> 16) % KEYS, before = atomic_load(&answered[key]);
		bool hit, ok = reader_begin(c, &tx, &why);
		int64_t n = look(&tx, key, &hit);
		mine_hit += hit;
		if (!ok || n < before)
			atomic_store(&wrong, true);
		if ((seed >> 8) % 16 == 0)
			reader_end(c);
	}
	atomic_fetch_add(&hits, mine_hit);
	atomic_fetch_add(&looks, mine);
	connection_close(c);
	return NULL;
}

static void stress(void **state)
{
	(void)state;
	enum { JOBS = 6, ROUNDS = 1500, READERS = 3 };
	static struct job jobs[JOBS];
	for (int key = 0; key < KEYS; key++) {
		char sql[64];
		snprintf(sql, sizeof sql, "SELECT n FROM counter WHERE id = %d", key);
		atomic_store(&answered[key], fixture_number(&f, sql));
	}
	assert_int_equal(sem_init(&finished, 0, 0), 0);
	committer = committer_start(f.store, &f.config, &f.why);
	assert_non_null(committer);
	pthread_t readers[READERS];
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, look_many, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){ .job = { .apply = apply, .done = again }, .key = i, .left = ROUNDS, .seed = (unsigned)i };
		assert_true(committer_submit(committer, &jobs[i].job));
	}
	for (int i = 0; i < JOBS; i++)
		sem_wait(&finished);
	atomic_store(&over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	committer_stop(committer);
	assert_false(atomic_load(&wrong));
	assert_true(atomic_load(&hits) > 0 && atomic_load(&hits) < atomic_load(&looks)); /* both ways were taken */
	int64_t sum = 0;
	for (int key = 0; key < KEYS; key++)
		sum += atomic_load(&answered[key]);
	assert_int_equal(fixture_number(&f, "SELECT sum(n) FROM counter"), sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules), cmocka_unit_test(commit_in_between), cmocka_unit_test(small), cmocka_unit_test(shared_commit), cmocka_unit_test(stress),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
