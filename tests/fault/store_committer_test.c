/* Goal: whatever a disk does at whatever moment, innocent requests are kept, none is there twice, and the next write works.
 * Method: fail the n-th statement (sink the n-th, fill the disk at the n-th commit …) for n = 1, 2, … until a run passes untouched. */
#include "store_jobs.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "store/checkpointer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { JOBS = 6, N_MAX = 200 };

static struct fixture f;
static struct committer *c;
static struct test_job jobs[2 * JOBS];
static int answers;
static int nowhere;

static int quiet(void **state)
{
	(void)state;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return nowhere < 0;
}

static void begin(void)
{
	jobs_fixture(&f);
	log_open(nowhere, LOG_ERROR);
	answers = 0;
}

static void submit(size_t i)
{
	jobs[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
	assert_true(committer_submit(c, &jobs[i].job));
}

static void step_all(void)
{
	while (committer_step(c) > 0)
		;
}

/* Later writes work, reads do too, and nothing is half there. */
static void after(size_t count)
{
	fault_clear_all();
	for (size_t i = count; i < count + JOBS; i++)
		submit(i);
	step_all();
	for (size_t i = count; i < count + JOBS; i++)
		assert_true(jobs[i].job.committed);
	assert_int_equal(answers, count + JOBS);
	jobs_invariants(&f, jobs, count + JOBS);
	FIXTURE_OK(&f, store_healthy(f.store, &f.why));
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	committer_stop(c);
	fixture_drop(&f);
	log_open(2, LOG_ERROR);
}

static const struct {
	const char *name;
	bool onwards;
	enum fault which;
	int may_fail;        /* jobs at most that may be told no */
	enum fail_code code; /* and what they are told */
} rows[] = {
	{ "store_step", false, FAULT_store_step, 1, FAIL_STORE },   /* only the one it hit */
	{ "store_sink", false, FAULT_store_sink, 0, FAIL_STORE },   /* all are run again, all pass */
	{ "store_full", false, FAULT_store_full, 0, FAIL_STORE_FULL },
	{ "store_begin", false, FAULT_store_begin, JOBS, FAIL_STORE },
	{ "store_step", true, FAULT_store_step, JOBS, FAIL_STORE },
	{ "store_sink", true, FAULT_store_sink, JOBS, FAIL_STORE },
	{ "store_full", true, FAULT_store_full, JOBS, FAIL_STORE_FULL },
};

static void nth(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		bool untouched = false;
		for (int n = 1; !untouched; n++) {
			assert_true(n < N_MAX);
			begin();
			FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
			char text[32];
			snprintf(text, sizeof text, "%s=%d%s", rows[r].name, n, rows[r].onwards ? "+" : "");
			assert_true(fault_set(str_c(text)));
			for (size_t i = 0; i < JOBS; i++)
				submit(i);
			step_all();
			untouched = fault_count(rows[r].which) < n;
			int failed = 0;
			for (size_t i = 0; i < JOBS; i++) {
				assert_int_equal(jobs[i].answered, 1);
				failed += !jobs[i].job.committed;
				if (!jobs[i].job.committed)
					assert_int_equal(jobs[i].job.why.code, rows[r].code);
			}
			if (failed > (untouched ? 0 : rows[r].may_fail))
				fail_msg("%s: %d of %d jobs were told no", text, failed, JOBS);
			after(JOBS);
		}
	}
}

/* A full disk is said to be full, also to those who ask after our health, until a write succeeds. */
static void full_disk_shows(void **state)
{
	(void)state;
	begin();
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
	assert_true(fault_set(STR("store_full=1+")));
	for (size_t i = 0; i < JOBS; i++)
		submit(i);
	step_all();
	fail_clear(&f.why);
	assert_false(store_healthy(f.store, &f.why));
	assert_int_equal(f.why.code, FAIL_STORE_FULL);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item"), 1); /* reads go on */
	after(JOBS);
}

/* -- SQLite's own ways, without our switches */

static int enough(void *ctx)
{
	(void)ctx;
	return 1;
}

/* An INSERT that is interrupted takes the whole transaction with it (SQLite's sqlite3_interrupt page). */
static bool interrupted(struct commit_job *j, struct tx *tx, struct fail *why)
{
	struct test_job *t = (struct test_job *)j;
	if (t->applied == 0)
		sqlite3_progress_handler(tx->connection->db, 1, enough, NULL);
	bool ok = job_apply(j, tx, why);
	sqlite3_progress_handler(tx->connection->db, 0, NULL, NULL);
	return ok;
}

/* No page more than there are: what SQLite does when the disk has none. */
static bool no_more_pages(struct commit_job *j, struct tx *tx, struct fail *why)
{
	static const char zeros[100000];
	sqlite3 *db = tx->connection->db;
	if (!job_apply(j, tx, why))
		return false;
	sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	struct stmt *q = tx_query(tx, "INSERT INTO meta (name, value) VALUES ('big', $1)", why);
	stmt_bind_blob(q, 1, zeros, sizeof zeros);
	bool ok = stmt_run(q, why);
	stmt_drop(q);
	sqlite3_exec(db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
	return ok;
}

static void real(void **state)
{
	(void)state;
	static const struct { bool (*apply)(struct commit_job *, struct tx *, struct fail *); enum fail_code code; } ways[] = {
		{ interrupted, FAIL_NONE }, { no_more_pages, FAIL_STORE_FULL },
	};
	for (size_t w = 0; w < 2; w++) {
		begin();
		FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
		int64_t sunk = metric_read(M_batches_sunk, 0);
		for (size_t i = 0; i < JOBS; i++) {
			jobs[i] = job_make(&f, JOB_GOOD, (int64_t)i + 1, &answers);
			if (i == 3)
				jobs[i].job.apply = ways[w].apply;
			assert_true(committer_submit(c, &jobs[i].job));
		}
		step_all();
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(jobs[i].job.why.code, i == 3 ? ways[w].code : FAIL_NONE);
		if (w == 0)
			assert_int_equal(metric_read(M_batches_sunk, 0), sunk + 1);
		after(JOBS);
	}
}

/* -- another program holds the database */

struct holder {
	int to_child, from_child;
	pid_t pid;
};

/* Says whether it has the lock, and keeps it until it hears something, or nobody is there any more. */
static void holder_child(const char *path, int in, int out)
{
	sqlite3 *db;
	bool ok = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK;
	char byte = ok ? 'y' : 'n';
	ok = write(out, &byte, 1) == 1 && read(in, &byte, 1) == 1 && ok;
	_exit(ok ? 0 : 1); /* the lock goes with the process */
}

/* A process of its own: SQLite's locks do not know the difference between two users inside one. Each keeps its own ends of the pipes only: so when one dies, the
 * other reads an end and not for ever. */
static void hold(struct holder *h)
{
	char byte = 0, path[96];
	int to_child[2], from_child[2];
	snprintf(path, sizeof path, "%s/siban.db", f.folder);
	assert_true(pipe2(to_child, O_CLOEXEC) == 0 && pipe2(from_child, O_CLOEXEC) == 0);
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		close(to_child[1]);
		close(from_child[0]);
		holder_child(path, to_child[0], from_child[1]);
	}
	close(to_child[0]);
	close(from_child[1]);
	h->to_child = to_child[1];
	h->from_child = from_child[0];
	assert_int_equal(read(h->from_child, &byte, 1), 1);
	assert_int_equal(byte, 'y');
}

static void let_go(struct holder *h)
{
	int status;
	assert_int_equal(write(h->to_child, "x", 1), 1);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_int_equal(status, 0);
	close(h->to_child);
	close(h->from_child);
}

/* A helper that dies is noticed: what is read from it ends. */
static void a_dead_holder_is_noticed(void **state)
{
	(void)state;
	char byte;
	int status;
	struct holder h;
	begin();
	hold(&h);
	assert_int_equal(kill(h.pid, SIGKILL), 0);
	assert_int_equal(read(h.from_child, &byte, 1), 0);
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	close(h.to_child);
	close(h.from_child);
	fixture_drop(&f);
}

static void foreign_lock(void **state)
{
	(void)state;
	begin();
	f.store->busy_ms = 200;
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
	struct holder h;
	hold(&h);
	for (size_t i = 0; i < JOBS; i++)
		submit(i);
	int64_t began = clock_mono_ms();
	assert_int_equal(committer_step(c), JOBS);
	assert_in_range(clock_mono_ms() - began, 100, 1500); /* bounded, and for all of them together */
	for (size_t i = 0; i < JOBS; i++)
		assert_true(jobs[i].answered == 1 && !jobs[i].job.committed && jobs[i].job.why.code == FAIL_STORE && jobs[i].applied == 0);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item"), 1);
	fail_clear(&f.why);
	assert_false(store_healthy(f.store, &f.why));
	let_go(&h);
	after(JOBS);
}

/* -- the process ends itself when a commit leaves the disk unknown */

static void unknown_commit_ends_the_process(void **state)
{
	(void)state;
	begin();
	fixture_close(&f);
	pid_t pid = fork();
	if (pid == 0) {
		struct fail why;
		fail_clear(&why);
		f.store = store_open(&f.config, STORE_SERVE, &why);
		c = f.store == NULL ? NULL : committer_start(f.store, &f.config, &why);
		if (c == NULL || !fault_set(STR("store_commit=1")))
			_exit(1);
		submit(0);
		committer_stop(c); /* drains: the commit fails on the way */
		_exit(2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE)); /* the lock went with it */
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
	after(0);
}

/* The same when it is the checkpointer's fsync; what was answered before is there after. */
static void unknown_checkpoint_ends_the_process(void **state)
{
	(void)state;
	begin();
	fixture_close(&f);
	pid_t pid = fork();
	if (pid == 0) {
		struct fail why;
		fail_clear(&why);
		f.store = store_open(&f.config, STORE_SERVE, &why);
		c = f.store == NULL ? NULL : committer_make(f.store, &f.config, &why);
		struct checkpointer *k = c == NULL ? NULL : checkpointer_start(f.store, &f.config, &why);
		if (k == NULL || !fault_set(STR("store_checkpoint=1")))
			_exit(1);
		for (size_t i = 0; i < JOBS; i++)
			submit(i);
		step_all();
		if (answers != JOBS)
			_exit(2);
		checkpointer_stop(k); /* one last checkpoint */
		_exit(3);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item"), JOBS + 1);
	FIXTURE_OK(&f, (c = committer_make(f.store, &f.config, &f.why)) != NULL);
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i] = job_make(&f, JOB_CONFLICT, (int64_t)i + 1, &answers); /* each is there already */
		assert_true(committer_submit(c, &jobs[i].job));
	}
	step_all();
	for (size_t i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].job.why.code, FAIL_CONFLICT);
		jobs[i].job.committed = true;
	}
	after(JOBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nth), cmocka_unit_test(full_disk_shows), cmocka_unit_test(real), cmocka_unit_test(foreign_lock), cmocka_unit_test(a_dead_holder_is_noticed),
		cmocka_unit_test(unknown_commit_ends_the_process), cmocka_unit_test(unknown_checkpoint_ends_the_process),
	};
	return cmocka_run_group_tests(tests, quiet, NULL);
}
