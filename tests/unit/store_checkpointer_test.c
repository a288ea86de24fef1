/* Goal: the log's pages go back beside the writers, the log begins anew, and one that a reader holds is told. Method: many
 * commits with a short log; a reader that stays; what the log file and the metrics say. */
#include "store_jobs.h"

#include "base/metrics.h"
#include "store/checkpointer.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>

static struct fixture f;
static struct committer *c;
static struct checkpointer *k;
static sem_t finished;
static int answers;

enum { PAGES = 100, FLIGHT = 8 };

struct again {
	struct test_job t;
	int left;
};

static struct again jobs[FLIGHT];
static int64_t next_item, kept, lost; /* the committer's thread's while it runs */

static void again(struct commit_job *j)
{
	struct again *a = (struct again *)j;
	*(j->committed ? &kept : &lost) += 1;
	a->t.item = ++next_item;
	if (a->left-- == 0 || !committer_submit(c, j))
		sem_post(&finished);
}

static void commits(int each)
{
	for (int i = 0; i < FLIGHT; i++) {
		jobs[i] = (struct again){ .t = job_make(&f, JOB_GOOD, 0, &answers), .left = each };
		jobs[i].t.job.done = again;
	}
	assert_true(fault_set(STR("committer=hold"))); /* next_item is ours until they run */
	for (int i = 0; i < FLIGHT; i++) {
		jobs[i].t.item = ++next_item;
		assert_true(committer_submit(c, &jobs[i].t.job));
	}
	assert_true(fault_set(STR("committer=")));
	for (int i = 0; i < FLIGHT; i++)
		sem_wait(&finished);
}

static int64_t log_bytes(void)
{
	char path[96];
	struct stat st;
	snprintf(path, sizeof path, "%s/siban.db-wal", f.folder);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void begin(void)
{
	jobs_fixture(&f);
	fixture_close(&f);
	f.config.store_wal_pages = PAGES;
	f.config.store_wal_alarm = 1;
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	next_item = kept = lost = 0;
	assert_int_equal(sem_init(&finished, 0, 0), 0);
	FIXTURE_OK(&f, (k = checkpointer_start(f.store, &f.config, &f.why)) != NULL);
	FIXTURE_OK(&f, (c = committer_start(f.store, &f.config, &f.why)) != NULL);
}

static void end(void)
{
	committer_stop(c);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item"), kept + 1);
	assert_int_equal(lost, 0);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item WHERE id <> 0 AND id NOT IN (SELECT item FROM trace)"), 0);
	checkpointer_stop(k);
	assert_int_equal(log_bytes(), 0); /* one last checkpoint */
	fixture_drop(&f);
}

static void under_load(void **state)
{
	(void)state;
	begin();
	int64_t before = metric_read(M_checkpoints, 0);
	commits(2000);
	assert_true(metric_read(M_checkpoints, 0) > before);
	/* 2,000 batches of several pages; unchecked they would be over 40 MiB */
	assert_in_range(log_bytes(), 1, 16 << 20);
	end();
}

/* Reads the log's own lines: the event and the age of who is to blame. */
static void held_by_a_reader(void **state)
{
	(void)state;
	begin();
	int lines[2];
	assert_int_equal(pipe(lines), 0);
	log_open(lines[1], LOG_WARN);
	struct connection *r = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(r, &tx, &f.why));
	struct stmt *q = tx_query(&tx, "SELECT count(*) FROM item", &f.why);
	assert_true(stmt_row(q, &f.why));
	stmt_drop(q);
	commits(1000);
	char text[512];
	ssize_t len = read(lines[0], text, sizeof text - 1); /* waits for the checkpointer's word */
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, "wal_large"));
	assert_non_null(strstr(text, "oldest_reader_ms"));
	assert_true(metric_read(M_wal_bytes, 0) >= 1 << 20);
	q = tx_query(&tx, "SELECT count(*) FROM item", &f.why); /* the sealed snapshot is unharmed */
	assert_true(stmt_row(q, &f.why));
	assert_int_equal(stmt_int(q, 0), 1);
	stmt_drop(q);
	connection_close(r);
	commits(1000); /* now it can begin anew */
	log_open(2, LOG_ERROR);
	close(lines[0]);
	close(lines[1]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(under_load), cmocka_unit_test(held_by_a_reader) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
