/* Goal: jobs that share a commit do not feel each other, and nobody is answered before the commit. Method: committer_step by
 * hand, one batch at a time; the clock is ours where time matters. */
#include "store_jobs.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>

enum { JOBS = 40 };

static struct fixture f;
static struct committer *c;
static struct test_job jobs[JOBS];
static int answers;

static void begin(void)
{
	jobs_fixture(&f);
	f.config.store_batch_us = 100000; /* a busy machine must not cut a batch short; batch_is_short does */
	answers = 0;
}

static void make(void)
{
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
}

static void end(size_t count)
{
	jobs_invariants(&f, jobs, count);
	committer_stop(c);
	fixture_drop(&f);
}

static void submit(size_t i, enum job_kind kind)
{
	jobs[i] = job_make(&f, kind, (int64_t)i + 1, &answers);
	assert_true(committer_submit(c, &jobs[i].job));
}

static void one_commit_for_all(void **state)
{
	(void)state;
	begin();
	make();
	uint64_t number = store_commit_number(f.store);
	int64_t commits = metric_read(M_commits, 0), requests = metric_read(M_commit_requests, 0);
	assert_int_equal(committer_step(c), 0);
	for (size_t i = 0; i < 10; i++)
		submit(i, JOB_GOOD);
	assert_int_equal(committer_waiting(c), 10);
	assert_int_equal(committer_step(c), 10);
	assert_int_equal(committer_waiting(c), 0);
	assert_int_equal(metric_read(M_commits, 0), commits + 1);
	assert_int_equal(metric_read(M_commit_requests, 0), requests + 10);
	for (size_t i = 0; i < 10; i++) {
		assert_true(jobs[i].job.committed && jobs[i].applied == 1 && jobs[i].answered == 1);
		assert_int_equal(jobs[i].order, i + 1);
		assert_int_equal(jobs[i].number, number + 1); /* published before the answer */
		assert_true(jobs[i].job.began_ns >= jobs[i].job.submitted_ns);
	}
	end(10);
}

static bool only_reads(struct commit_job *j, struct tx *tx, struct fail *why)
{
	((struct test_job *)j)->applied++;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM item", why);
	return q != NULL && stmt_row(q, why);
}

/* A job that looks each second whether there is something to do must cost nobody a sync or a snapshot. */
static void what_changed_nothing_is_not_committed(void **state)
{
	(void)state;
	begin();
	make();
	uint64_t number = store_commit_number(f.store);
	int64_t commits = metric_read(M_commits, 0);
	jobs[0] = job_make(&f, JOB_GOOD, 1, &answers);
	jobs[0].job.apply = only_reads;
	assert_true(committer_submit(c, &jobs[0].job));
	assert_int_equal(committer_step(c), 1);
	assert_true(jobs[0].job.committed && jobs[0].answered == 1 && jobs[0].applied == 1);
	assert_int_equal(metric_read(M_commits, 0), commits);
	assert_int_equal(store_commit_number(f.store), number);
	/* beside one that writes it is no reason not to */
	assert_true(committer_submit(c, &jobs[0].job));
	submit(1, JOB_GOOD);
	assert_int_equal(committer_step(c), 2);
	assert_int_equal(metric_read(M_commits, 0), commits + 1);
	jobs_invariants(&f, jobs + 1, 1);
	committer_stop(c);
	fixture_drop(&f);
}

static void a_failure_is_alone(void **state)
{
	(void)state;
	begin();
	make();
	for (size_t i = 0; i < 9; i++)
		submit(i, i % 3 == 0 ? JOB_CONFLICT : i % 3 == 1 ? JOB_REFUSES : JOB_GOOD);
	assert_int_equal(committer_step(c), 9);
	for (size_t i = 0; i < 9; i++) {
		assert_int_equal(jobs[i].job.committed, i % 3 == 2);
		assert_int_equal(jobs[i].job.why.code, i % 3 == 0 ? FAIL_CONFLICT : i % 3 == 1 ? FAIL_NOT_FOUND : FAIL_NONE);
		assert_int_equal(jobs[i].applied, 1);
		assert_int_equal(jobs[i].answered, 1);
	}
	end(9);
}

/* When none of them wrote there is nothing to sync, and no snapshot need be renewed. */
static void all_refused(void **state)
{
	(void)state;
	begin();
	make();
	uint64_t number = store_commit_number(f.store);
	submit(0, JOB_REFUSES);
	submit(1, JOB_CONFLICT);
	assert_int_equal(committer_step(c), 2);
	assert_int_equal(store_commit_number(f.store), number);
	end(2);
}

static void batch_is_bounded(void **state)
{
	(void)state;
	begin();
	f.config.store_batch_max = 8;
	f.config.store_batch_us = 100000;
	make();
	for (size_t i = 0; i < 20; i++)
		submit(i, JOB_GOOD);
	assert_int_equal(committer_step(c), 8);
	assert_int_equal(committer_waiting(c), 12);
	submit(20, JOB_GOOD); /* behind those who wait */
	assert_int_equal(committer_step(c), 8);
	assert_int_equal(committer_step(c), 5);
	for (size_t i = 0; i < 21; i++)
		assert_int_equal(jobs[i].order, i + 1);
	end(21);
}

static int64_t ticks_ns;

static int64_t wall(void *ctx)
{
	(void)ctx;
	return 1767225600000;
}

static int64_t tick(void *ctx)
{
	(void)ctx;
	return ticks_ns += 1000000; /* each look at the clock takes a millisecond */
}

static const struct clock slow_clock = { wall, tick, NULL };

static void batch_is_short(void **state)
{
	(void)state;
	begin();
	f.config.store_batch_us = 5000;
	make();
	for (size_t i = 0; i < 20; i++)
		submit(i, JOB_GOOD);
	clock_replace(&slow_clock);
	size_t first = committer_step(c);
	clock_replace(NULL);
	assert_in_range(first, 3, 6);
	while (committer_step(c) > 0)
		;
	assert_int_equal(answers, 20);
	end(20);
}

/* ---- low jobs: after everybody else, but one of them in every batch ---- */

static bool submit_low(size_t i)
{
	jobs[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
	jobs[i].job.low = true;
	return committer_submit(c, &jobs[i].job);
}

static void low_is_not_starved(void **state)
{
	(void)state;
	begin();
	f.config.store_batch_max = 4;
	make();
	for (size_t i = 0; i < 3; i++)
		assert_true(submit_low(i));
	for (size_t i = 3; i < 15; i++)
		submit(i, JOB_GOOD);
	assert_int_equal(committer_waiting(c), 12); /* those at a screen */
	for (size_t batch = 0; batch < 3; batch++) {
		assert_int_equal(committer_step(c), 5); /* a full batch, and one */
		assert_int_equal(jobs[batch].order, 5 * (int)batch + 5); /* the last of it */
		assert_int_equal(jobs[3 + 4 * batch].order, 5 * (int)batch + 1);
	}
	end(15);
}

static void low_does_not_starve(void **state)
{
	(void)state;
	begin();
	f.config.store_batch_max = 4;
	make();
	for (size_t i = 0; i < 20; i++)
		assert_true(submit_low(i));
	for (size_t i = 20; i < 23; i++)
		submit(i, JOB_GOOD); /* though they come last */
	assert_int_equal(committer_step(c), 4);
	for (size_t i = 20; i < 23; i++)
		assert_int_equal(jobs[i].order, (int)i - 19);
	submit(23, JOB_GOOD);
	assert_int_equal(committer_step(c), 4);
	assert_int_equal(jobs[23].order, 5); /* one batch is all that is in its way */
	while (committer_step(c) > 0)
		;
	for (size_t i = 1; i < 20; i++)
		assert_true(jobs[i].order > jobs[i - 1].order);
	end(24);
}

/* A batch whose time is up takes its one low job and no second. */
static void low_has_little_time(void **state)
{
	(void)state;
	begin();
	f.config.store_batch_us = 3000;
	make();
	for (size_t i = 0; i < 4; i++)
		assert_true(submit_low(i));
	for (size_t i = 4; i < 20; i++)
		submit(i, JOB_GOOD);
	clock_replace(&slow_clock);
	size_t first = committer_step(c);
	clock_replace(NULL);
	assert_true(first < 8 && jobs[0].answered == 1 && jobs[1].answered == 0);
	while (committer_step(c) > 0)
		;
	assert_int_equal(answers, 20);
	end(20);
}

static void low_is_bounded_apart(void **state)
{
	(void)state;
	enum { MANY = 300 };
	static struct test_job many[MANY];
	begin();
	f.config.lane_write_max = 2;
	make();
	size_t taken = 0;
	for (size_t i = 0; i < MANY; i++) {
		many[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
		many[i].job.low = true;
		taken += committer_submit(c, &many[i].job);
	}
	assert_in_range(taken, 2, MANY - 1); /* not the requests' bound, but one */
	jobs[0] = job_make(&f, JOB_GOOD, MANY + 1, &answers);
	assert_true(committer_submit(c, &jobs[0].job)); /* and a request finds its own queue as empty as it is */
	while (committer_step(c) > 0)
		;
	assert_int_equal(answers, (int)taken + 1);
	assert_int_equal(jobs[0].order, 1);
	committer_stop(c);
	jobs_invariants(&f, many, taken);
	fixture_drop(&f);
}

static void deadline(void **state)
{
	(void)state;
	begin();
	make();
	for (size_t i = 0; i < 4; i++) {
		jobs[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
		jobs[i].job.deadline_mono_ms = i == 1 ? clock_mono_ms() - 1 : i == 2 ? clock_mono_ms() + 60000 : 0;
		assert_true(committer_submit(c, &jobs[i].job));
	}
	assert_int_equal(committer_step(c), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(jobs[i].job.committed, i != 1);
	assert_int_equal(jobs[1].job.why.code, FAIL_DEADLINE);
	assert_int_equal(jobs[1].applied, 0);
	end(4);
}

static void full_and_stopping(void **state)
{
	(void)state;
	begin();
	f.config.lane_write_max = 3;
	f.config.store_batch_max = 2;
	make();
	for (size_t i = 0; i < 3; i++)
		submit(i, JOB_GOOD);
	jobs[3] = job_make(&f, JOB_GOOD, 4, &answers);
	assert_false(committer_submit(c, &jobs[3].job));
	assert_int_equal(committer_waiting(c), 3);
	assert_int_equal(committer_step(c), 2); /* one is left in the committer's hands, and still counts */
	assert_true(committer_submit(c, &jobs[3].job));
	submit(4, JOB_GOOD);
	jobs[5] = job_make(&f, JOB_GOOD, 6, &answers);
	assert_false(committer_submit(c, &jobs[5].job));
	committer_stop(c); /* drains what was taken */
	assert_int_equal(answers, 5);
	jobs_invariants(&f, jobs, 5);
	fixture_drop(&f);
}

static void sunk_batch(void **state)
{
	(void)state;
	static const enum job_kind kinds[] = { JOB_SINKS_ONCE, JOB_SINKS_ALWAYS };
	for (size_t k = 0; k < 2; k++) {
		for (size_t at = 0; at < 5; at += 2) {
			begin();
			make();
			int64_t sunk = metric_read(M_batches_sunk, 0);
			for (size_t i = 0; i < 5; i++)
				submit(i, i == at ? kinds[k] : i == 1 ? JOB_CONFLICT : JOB_GOOD);
			size_t did = committer_step(c);
			assert_int_equal(did, at + 1); /* those that were in it; the others go on as a batch */
			assert_int_equal(committer_step(c), 4 - at);
			assert_int_equal(metric_read(M_batches_sunk, 0), sunk + 1);
			for (size_t i = 0; i < 5; i++) {
				assert_int_equal(jobs[i].answered, 1);
				assert_int_equal(jobs[i].order, i + 1);
				assert_int_equal(jobs[i].applied, i <= at ? 2 : 1);
				assert_int_equal(jobs[i].job.committed, i == 1 ? 0 : i == at ? k == 0 : 1);
			}
			if (k == 1)
				assert_int_equal(jobs[at].job.why.code, FAIL_STORE);
			end(5);
		}
	}
}

/* apply run twice leaves what it leaves when run once: the sunk batch's rows beside those of an undisturbed one. */
static void twice_is_once(void **state)
{
	(void)state;
	int64_t sums[2];
	for (int round = 0; round < 2; round++) {
		begin();
		make();
		for (size_t i = 0; i < 6; i++)
			submit(i, i == 5 && round == 1 ? JOB_SINKS_ONCE : JOB_GOOD);
		while (committer_step(c) > 0)
			;
		sums[round] = fixture_number(&f, "SELECT sum(id * 1000 + n) FROM item") * 1000000 + fixture_number(&f, "SELECT sum(id * 1000 + item) FROM trace");
		end(6);
	}
	assert_int_equal(sums[0], sums[1]);
}

static int stops;

static void noted(void)
{
	stops++;
}

static void failed_fsync(void **state)
{
	(void)state;
	begin();
	make();
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_open(nowhere, LOG_ERROR);
	void (*was)(void) = store_stop_hook;
	store_stop_hook = noted;
	stops = 0;
	submit(0, JOB_GOOD);
	assert_int_equal(committer_step(c), 1);
	assert_true(fault_set(STR("store_commit=1")));
	submit(1, JOB_GOOD);
	submit(2, JOB_GOOD);
	assert_int_equal(committer_step(c), 0);
	assert_int_equal(stops, 1);
	assert_int_equal(jobs[1].answered + jobs[2].answered, 0); /* no answer rather than a wrong one */
	jobs[3] = job_make(&f, JOB_GOOD, 4, &answers);
	assert_false(committer_submit(c, &jobs[3].job));
	assert_int_equal(committer_step(c), 0);
	assert_int_equal(answers, 1);
	store_stop_hook = was;
	log_open(2, LOG_ERROR);
	close(nowhere);
	end(1);
}

/* -- the thread */

static sem_t answered;

static void post(struct commit_job *j)
{
	job_done(j);
	sem_post(&answered);
}

static void threads(void **state)
{
	(void)state;
	begin();
	assert_int_equal(sem_init(&answered, 0, 0), 0);
	FIXTURE_OK(&f, (c = committer_start(f.store, &f.config, &f.why)) != NULL);
	assert_true(fault_set(STR("committer=hold")));
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
		jobs[i].job.done = post;
		assert_true(committer_submit(c, &jobs[i].job));
	}
	assert_int_equal(committer_waiting(c), JOBS);
	assert_int_not_equal(sem_trywait(&answered), 0);
	assert_true(fault_set(STR("committer=")));
	for (size_t i = 0; i < JOBS; i++)
		sem_wait(&answered);
	assert_int_equal(committer_waiting(c), 0);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].order, i + 1);
	end(JOBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_commit_for_all), cmocka_unit_test(what_changed_nothing_is_not_committed), cmocka_unit_test(a_failure_is_alone),
		cmocka_unit_test(all_refused), cmocka_unit_test(batch_is_bounded), cmocka_unit_test(batch_is_short), cmocka_unit_test(low_is_not_starved),
		cmocka_unit_test(low_does_not_starve), cmocka_unit_test(low_has_little_time), cmocka_unit_test(low_is_bounded_apart),
		cmocka_unit_test(deadline), cmocka_unit_test(full_and_stopping), cmocka_unit_test(sunk_batch),
		cmocka_unit_test(twice_is_once), cmocka_unit_test(failed_fsync), cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
