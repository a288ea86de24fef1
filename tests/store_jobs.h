/* tests/store_jobs.h - small jobs for tests of the committer: each adds one row, the way its test wants it. */
#ifndef TESTS_STORE_JOBS_H
#define TESTS_STORE_JOBS_H
#include "store_fixture.h"

#include "store/committer.h"

#define JOBS_TABLES "CREATE TABLE item (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);\nCREATE TABLE trace (id BIGINT PRIMARY KEY, item BIGINT NOT NULL UNIQUE);\n"

enum job_kind { JOB_GOOD, JOB_CONFLICT /* its second row collides */, JOB_REFUSES /* after it wrote */, JOB_SINKS_ONCE, JOB_SINKS_ALWAYS };

struct test_job {
	struct commit_job job; /* first: the committer gives this back */
	enum job_kind kind;
	int64_t item;
	int applied, answered; /* how often */
	int order;             /* of the answer, from 1 */
	uint64_t number;       /* published when the answer came */
	int *answers;          /* shared */
	struct store *store;
};

static inline bool job_insert(struct tx *tx, const char *sql, int64_t id, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, n);
	return stmt_run(q, why);
}

static inline bool job_apply(struct commit_job *j, struct tx *tx, struct fail *why)
{
	struct test_job *t = (struct test_job *)j;
	int64_t trace;
	t->applied++;
	if (!job_insert(tx, "INSERT INTO item (id, n) VALUES ($1, $2)", t->item, 1, why) || !tx_next_id(tx, "trace", &trace, why) ||
	    !job_insert(tx, "INSERT INTO trace (id, item) VALUES ($1, $2)", trace, t->kind == JOB_CONFLICT ? 0 : t->item, why))
		return false;
	if (t->kind == JOB_REFUSES)
		return FAILS(why, NOT_FOUND, "refuses");
	if (t->kind == JOB_SINKS_ALWAYS || (t->kind == JOB_SINKS_ONCE && t->applied == 1)) {
		sqlite3_exec(tx->connection->db, "ROLLBACK", NULL, NULL, NULL); /* what a full disk does on its own */
		return FAILS(why, STORE, "sank");
	}
	return true;
}

static inline void job_done(struct commit_job *j)
{
	struct test_job *t = (struct test_job *)j;
	t->answered++;
	t->order = ++*t->answers;
	t->number = store_commit_number(t->store);
}

static inline struct test_job job_make(struct fixture *f, enum job_kind kind, int64_t item, int *answers)
{
	return (struct test_job){ .job = { .apply = job_apply, .done = job_done }, .kind = kind, .item = item, .answers = answers, .store = f->store };
}

/* The last lines of every test: no half of a request is there, and an item is there exactly when its job was told so. */
static inline void jobs_invariants(struct fixture *f, const struct test_job *jobs, size_t count)
{
	struct connection *c = fixture_reader(f);
	assert_int_equal(fixture_number_by(c, "SELECT count(*) FROM item WHERE id <> 0 AND id NOT IN (SELECT item FROM trace)"), 0);
	assert_int_equal(fixture_number_by(c, "SELECT count(*) FROM trace WHERE item NOT IN (SELECT id FROM item)"), 0);
	for (size_t i = 0; i < count; i++) {
		char sql[80];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM item WHERE id = %lld", (long long)jobs[i].item);
		assert_int_equal(fixture_number_by(c, sql), jobs[i].job.committed ? 1 : 0);
		assert_true(jobs[i].job.committed || jobs[i].job.why.code != FAIL_NONE);
	}
	assert_int_equal(f->store->writing, 0); /* or the checkpointer would wait for ever */
	assert_int_equal(fixture_number_by(c, "SELECT count(*) FROM (SELECT item FROM trace GROUP BY item HAVING count(*) > 1)"), 0);
	connection_close(c);
}

static inline bool job_row_zero(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return job_insert(tx, "INSERT INTO item (id, n) VALUES ($1, $2)", 0, 1, why) && job_insert(tx, "INSERT INTO trace (id, item) VALUES ($1, $2)", 1, 0, why);
}

static inline void jobs_fixture(struct fixture *f)
{
	fixture_make(f, JOBS_TABLES);
	FIXTURE_OK(f, store_write(f->store, job_row_zero, NULL, &f->why));
}
#endif
