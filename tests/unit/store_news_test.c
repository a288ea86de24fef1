/* Goal: whoever listens hears of what was committed, after it can be read, and never of what was rolled back; nor does the log.
 * Method: jobs that tell and then succeed or fail, in one batch and alone; the listener reads the table it is told about. */
#include "store_fixture.h"
#include "store_jobs.h"

enum { HEARD_MAX = 8192 };

static struct {
	struct fixture *f;
	struct news at[HEARD_MAX];
	size_t count;
	int calls, readable;
	bool all;
} heard;

static void listen(void *ctx, const struct news *news, size_t count, bool all)
{
	(void)ctx;
	heard.calls++;
	heard.all = heard.all || all;
	for (size_t i = 0; i < count; i++)
		heard.at[heard.count++] = news[i];
	heard.readable = (int)fixture_number(heard.f, "SELECT count(*) FROM t");
}

struct teller {
	struct commit_job job;
	int64_t id;
	int tells;
	bool fails;
};

static bool teller_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct teller *t = CONTAINER(job, struct teller, job);
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO t (id) VALUES ($1)", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, t->id);
		if (!stmt_run(q, why))
			return false;
	}
	for (int i = 0; i < t->tells; i++)
		tx_tell(tx, NEWS_PERSON, t->id);
	TX_SAY(tx, job_ran, L_C("teller"), L_INT(t->id));
	return !t->fails || FAILS(why, CONFLICT, "on purpose");
}

static void teller_done(struct commit_job *job)
{
	(void)job;
}

static void run(struct fixture *f, struct teller *tellers, size_t count)
{
	memset(&heard, 0, sizeof heard);
	heard.f = f;
	fail_clear(&f->why);
	struct committer *c = committer_make(f->store, &f->config, &f->why);
	assert_non_null(c);
	for (size_t i = 0; i < count; i++) {
		tellers[i].job = (struct commit_job){ .apply = teller_apply, .done = teller_done };
		assert_true(committer_submit(c, &tellers[i].job));
	}
	while (committer_step(c) > 0)
		;
	committer_stop(c);
}

static void only_what_was_kept(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, "CREATE TABLE t (id BIGINT PRIMARY KEY);\n");
	store_listen(f.store, listen, NULL);
	struct teller tellers[] = { { .id = 1, .tells = 1 }, { .id = 2, .tells = 3, .fails = true }, { .id = 3, .tells = 2 }, { .id = 4 } };
	run(&f, tellers, 4);
	assert_int_equal(heard.calls, 1); /* one commit, one call */
	assert_int_equal(heard.readable, 3);
	assert_false(heard.all);
	assert_int_equal(heard.count, 3);
	static const int64_t want[] = { 1, 3, 3 };
	for (int i = 0; i < 3; i++)
		assert_int_equal(heard.at[i].key, want[i]);
	fixture_drop(&f);
}

static void a_sunk_batch_tells_once(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, "CREATE TABLE t (id BIGINT PRIMARY KEY);\n");
	store_listen(f.store, listen, NULL);
	struct teller tellers[] = { { .id = 1, .tells = 1 }, { .id = 2, .tells = 1 }, { .id = 3, .tells = 1 } };
	assert_true(fault_set(STR("store_sink=2")));
	run(&f, tellers, 3);
	assert_int_equal(heard.count, heard.readable);
	assert_true(heard.readable >= 2);
	fixture_drop(&f);
}

/* How often the log has this; `lines` is the whole of it. */
static int times(const char *lines, const char *words)
{
	int n = 0;
	while ((lines = strstr(lines, words)) != NULL) {
		n++;
		lines++;
	}
	return n;
}

/* In one batch with one that fails, and when a batch is lost and each is run again alone. */
static void the_log_hears_it_once(void **state)
{
	static const char *const faults[] = { NULL, "store_sink=2" };
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct fixture f;
		char lines[FIXTURE_LOG_MAX];
		fixture_make(&f, "CREATE TABLE t (id BIGINT PRIMARY KEY);\n");
		int fd = fixture_log();
		struct teller tellers[] = { { .id = 1 }, { .id = 2, .fails = true }, { .id = 3 } };
		assert_true(faults[i] == NULL || fault_set(str_c(faults[i])));
		run(&f, tellers, 3);
		fixture_logged(fd, lines);
		assert_int_equal(times(lines, "\"ev\":\"job_ran\""), 2);
		assert_int_equal(times(lines, "\"job\":\"teller\",\"rows\":1}"), 1);
		assert_int_equal(times(lines, "\"job\":\"teller\",\"rows\":3}"), 1);
		fixture_drop(&f);
	}
}

static void too_much_is_said_so(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, "CREATE TABLE t (id BIGINT PRIMARY KEY);\n");
	f.config.store_batch_max = 4;
	store_listen(f.store, listen, NULL);
	struct teller tellers[] = { { .id = 1, .tells = 1000 } };
	run(&f, tellers, 1);
	assert_true(heard.all);
	fixture_drop(&f);
}

static bool alone_apply(struct tx *tx, void *ctx, struct fail *why)
{
	(void)why;
	tx_tell(tx, NEWS_EFFECT_DUE, *(int64_t *)ctx);
	return true;
}

static void alone_too(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, "CREATE TABLE t (id BIGINT PRIMARY KEY);\n");
	memset(&heard, 0, sizeof heard);
	heard.f = &f;
	store_listen(f.store, listen, NULL);
	int64_t key = 77;
	FIXTURE_OK(&f, store_write(f.store, alone_apply, &key, &f.why));
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.at[0].kind, NEWS_EFFECT_DUE);
	assert_int_equal(heard.at[0].key, 77);
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_kept),
		cmocka_unit_test(a_sunk_batch_tells_once),
		cmocka_unit_test(the_log_hears_it_once),
		cmocka_unit_test(too_much_is_said_so),
		cmocka_unit_test(alone_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
