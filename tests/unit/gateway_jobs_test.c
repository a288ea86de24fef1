/* Goal: a job runs when its time has come, goes on while there is more, never twice at once, and not after the stop; a failure waits for its
 * period, a full line does not. Method: the committer and the jobs stepped by hand, time given by hand. */
#include "seal_fixture.h"

#include "base/metrics.h"
#include "gateway/beside/jobs.h"
#include "store/committer.h"

static struct fixture f;
static struct committer *c;
static struct jobs *j;
static _Atomic(const struct config *) config;
static int woken;

enum job_number { /* the metrics' labels */
#define JOB(name, every, bite, log, who, what) JOB_##name,
#include "gateway/beside/jobs.def"
#undef JOB
	JOBS
};

/* Those that are due each second. */
enum { OF_A_SECOND = 0
#define JOB(name, every, bite, log, who, what) + ((every) == 1000)
#include "gateway/beside/jobs.def"
#undef JOB
};

static void wake(void *ctx)
{
	(void)ctx;
	woken++;
}

/* Batches end by time, too: how many jobs were finished, in however many of them. */
static int drained(void)
{
	int count = 0;
	for (size_t n; (n = committer_step(c)) > 0;)
		count += (int)n;
	return count;
}

static int begin(void **state)
{
	(void)state;
	fixture_make(&f, NULL);
	config = &f.config;
	woken = 0;
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
	FIXTURE_OK(&f, (j = jobs_make(c, &config, wake, NULL, &f.why)) != NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fault_clear_all();
	jobs_stop(j);
	committer_stop(c);
	jobs_drop(j);
	fixture_drop(&f);
	return 0;
}

static void each_at_its_time(void **state)
{
	(void)state;
	int64_t commits = metric_read(M_commits, 0);
	assert_int_equal(jobs_step(j, 5000), 1000); /* everything is due at the start; then the sealer is next */
	assert_int_equal(drained(), JOBS);
	assert_int_equal(jobs_step(j, 5999), 1);
	assert_int_equal(drained(), 0);
	assert_int_equal(jobs_step(j, 6000), 1000);
	assert_int_equal(drained(), OF_A_SECOND);
	assert_int_equal(metric_read(M_commits, 0), commits); /* there was nothing to do */
	assert_int_equal(woken, 0);
	assert_true(metric_read(M_job_last_seconds, JOB_seal) > 0 && metric_read(M_job_last_seconds, JOB_purge_outcomes) > 0);
}

static void goes_on_while_there_is_more(void **state)
{
	(void)state;
	enum { FACTS = 2 * SEAL_ROWS_MAX + 10 };
	int64_t before = metric_read(M_job_rows, JOB_seal);
	seal_make_facts(&f, FACTS);
	jobs_step(j, 0);
	drained();
	assert_int_equal(woken, 1);
	assert_int_equal(metric_read(M_facts_unsealed, 0), FACTS - SEAL_ROWS_MAX);
	jobs_step(j, 1); /* before its time, because it was woken */
	drained();
	assert_int_equal(woken, 2);
	jobs_step(j, 2);
	drained();
	assert_int_equal(woken, 2);
	assert_int_equal(metric_read(M_facts_unsealed, 0), 0);
	assert_int_equal(metric_read(M_job_rows, JOB_seal) - before, FACTS);
	seal_invariants(&f, FACTS);
	assert_int_equal(jobs_step(j, 3), 997); /* going on does not move its hour */
	assert_int_equal(drained(), 0);
}

static void never_two_at_once(void **state)
{
	(void)state;
	jobs_step(j, 0);
	assert_in_range(jobs_step(j, 100000), 1, 1000);
	assert_int_equal(drained(), JOBS);
	jobs_step(j, 100100);
	assert_in_range(drained(), 2, JOBS); /* purge_outcomes and seal were long due again */
}

static void a_failure_waits_for_its_period(void **state)
{
	(void)state;
	int64_t before = metric_read(M_job_failures, JOB_seal);
	log_level_set(LOG_ERROR);
	seal_make_facts(&f, 3);
	assert_true(fault_set(STR("store_step=1+")));
	jobs_step(j, 0);
	drained();
	fault_clear_all();
	assert_int_equal(metric_read(M_job_failures, JOB_seal), before + 1);
	assert_int_equal(woken, 0);
	seal_invariants(&f, 0);
	assert_int_equal(jobs_step(j, 999), 1);
	assert_int_equal(drained(), 0);
	jobs_step(j, 1000);
	drained();
	seal_invariants(&f, 3);
}

static bool nothing(struct commit_job *job, struct tx *tx, struct fail *why)
{
	(void)job, (void)tx, (void)why;
	return true;
}

static void nobody(struct commit_job *job)
{
	(void)job;
}

static void a_full_line_is_tried_again_soon(void **state)
{
	(void)state;
	enum { OTHERS = 1024 };
	static struct commit_job others[OTHERS];
	int count = 0;
	seal_make_facts(&f, 3);
	do
		others[count] = (struct commit_job){ .apply = nothing, .done = nobody, .low = true };
	while (committer_submit(c, &others[count]) && ++count < OTHERS);
	assert_in_range(count, 1, OTHERS - 1);
	assert_in_range(jobs_step(j, 0), 1, 200);
	assert_int_equal(drained(), count); /* the jobs were not among them */
	seal_invariants(&f, 0);
	jobs_step(j, 200);
	assert_int_equal(drained(), JOBS);
	seal_invariants(&f, 3);
}

static void nothing_after_the_stop(void **state)
{
	(void)state;
	seal_make_facts(&f, SEAL_ROWS_MAX);
	jobs_step(j, 0);
	jobs_stop(j);
	assert_int_equal(drained(), JOBS); /* what was submitted is finished */
	jobs_step(j, 1);
	jobs_step(j, 1000000);
	assert_int_equal(drained(), 0);
	seal_invariants(&f, SEAL_ROWS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_at_its_time, begin, end),
		cmocka_unit_test_setup_teardown(goes_on_while_there_is_more, begin, end),
		cmocka_unit_test_setup_teardown(never_two_at_once, begin, end),
		cmocka_unit_test_setup_teardown(a_failure_waits_for_its_period, begin, end),
		cmocka_unit_test_setup_teardown(a_full_line_is_tried_again_soon, begin, end),
		cmocka_unit_test_setup_teardown(nothing_after_the_stop, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
