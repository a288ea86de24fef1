/* Goal: an interrupted or failed migration leaves whole files applied or nothing, and can be gone on with.
 * Method: one database is migrated; the n-th statement (BEGIN, opening, commit) fails or the process dies in it, again and again from where it was left, further on when it got no
 * further, until a migration passes untouched. Of the many statements every 41st, of beginnings and ends every third, and all of them with SIBAN_LONG=1. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { N_MAX = 8000 };

static struct fixture f;

/* Each file is there with all its tables, or not at all. Returns how many are. */
static int64_t whole_files(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/siban.db", f.folder);
	sqlite3 *db;
	sqlite3_stmt *q;
	int64_t tables = -1, files = 0;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	tables = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	if (tables > 0) {
		assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM schema_migration", -1, &q, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(q), SQLITE_ROW);
		files = sqlite3_column_int64(q, 0);
		assert_true(files > 0);
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
	return files;
}

struct row {
	const char *name;
	enum fault which;
	enum fail_code code;
	int stride;
};

/* Whole files are there when it has failed; -1: it passed untouched. */
static int64_t failed_at(const struct row *r, int n)
{
	char text[32];
	snprintf(text, sizeof text, "%s=%d", r->name, n);
	assert_true(fault_set(str_c(text)));
	bool ok = fixture_open(&f, STORE_MIGRATE);
	assert_int_equal(ok, fault_count(r->which) < n);
	assert_true(ok || f.why.code == r->code);
	fault_clear_all();
	int64_t version = ok ? store_schema_version(f.store) : 0;
	fixture_close(&f);
	if (!ok)
		return whole_files();
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	assert_int_equal(version, list[count - 1].number);
	return -1;
}

static void nth(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "store_step", FAULT_store_step, FAIL_STORE, 41 }, { "store_full", FAULT_store_full, FAIL_STORE_FULL, 3 }, { "store_begin", FAULT_store_begin, FAIL_STORE, 3 },
		{ "store_open", FAULT_store_open, FAIL_STORE, 1 }, { "store_sink", FAULT_store_sink, FAIL_STORE, 41 },
	};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct migration *list;
	int64_t count = (int64_t)migrations_built_in(&list);
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		int stride = getenv("SIBAN_LONG") != NULL ? 1 : rows[r].stride, failures = 0;
		int64_t files, before = 0;
		fixture_folder(&f);
		log_open(nowhere, LOG_ERROR);
		for (int n = 1; (files = failed_at(&rows[r], n)) >= 0; failures++) {
			assert_in_range(files, before, count);
			n = files > before ? stride : n + stride;
			before = files;
			assert_true(n < N_MAX);
		}
		print_message("%s: %d failures\n", rows[r].name, failures);
		assert_true(failures > 1);
		FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
		fixture_drop(&f);
	}
	log_open(2, LOG_ERROR);
	close(nowhere);
}

/* The process dies inside a commit of the migration: the second, so that each time one file is there more. */
static void killed(void **state)
{
	(void)state;
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	fixture_folder(&f);
	for (size_t n = 1; n <= count; n++) {
		pid_t pid = fork();
		if (pid == 0) {
			log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
			_exit(fault_set(n == 1 ? STR("store_commit=1") : STR("store_commit=2")) && fixture_open(&f, STORE_MIGRATE) ? 1 : 2); /* neither: store_stop_hook is first */
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 70);
		assert_int_equal(whole_files(), n - 1);
	}
	FIXTURE_OK(&f, fixture_open(&f, STORE_MIGRATE)); /* goes on where it was */
	assert_int_equal(store_schema_version(f.store), list[count - 1].number);
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nth), cmocka_unit_test(killed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
