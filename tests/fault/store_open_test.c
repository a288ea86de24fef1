/* Goal: an interrupted or failed migration leaves whole files applied or nothing, and can be gone on with.
 * Method: fail the n-th statement (n-th commit, n-th opening) for n = 1, 2, … until a migration passes untouched; of the many
 * statements every 293rd (a full disk: every 587th) and every fifth beginning, and all of them with SIBAN_LONG=1. */
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

static void nth(void **state)
{
	(void)state;
	static const struct { const char *name; enum fault which; enum fail_code code; int stride; } rows[] = {
		{ "store_step", FAULT_store_step, FAIL_STORE, 293 }, { "store_full", FAULT_store_full, FAIL_STORE_FULL, 587 },
		{ "store_begin", FAULT_store_begin, FAIL_STORE, 5 }, { "store_open", FAULT_store_open, FAIL_STORE, 1 }, { "store_sink", FAULT_store_sink, FAIL_STORE, 293 },
	};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		bool untouched = false;
		int stride = getenv("SIBAN_LONG") != NULL ? 1 : rows[r].stride;
		for (int n = 1; !untouched; n += stride) {
			assert_true(n < N_MAX);
			fixture_folder(&f);
			log_open(nowhere, LOG_ERROR);
			char text[32];
			snprintf(text, sizeof text, "%s=%d", rows[r].name, n);
			assert_true(fault_set(str_c(text)));
			bool ok = fixture_open(&f, STORE_MIGRATE);
			untouched = fault_count(rows[r].which) < n;
			assert_int_equal(ok, untouched);
			assert_true(ok || f.why.code == rows[r].code);
			fault_clear_all();
			fixture_close(&f);
			assert_in_range(whole_files(), 0, count);
			FIXTURE_OK(&f, fixture_open(&f, STORE_MIGRATE)); /* goes on where it was */
			assert_int_equal(store_schema_version(f.store), list[count - 1].number);
			fixture_close(&f);
			FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
			fixture_drop(&f);
		}
	}
	log_open(2, LOG_ERROR);
	close(nowhere);
}

/* The process dies inside a commit of the migration. */
static void killed(void **state)
{
	(void)state;
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	for (size_t n = 1; n <= count; n++) {
		fixture_folder(&f);
		pid_t pid = fork();
		if (pid == 0) {
			char text[32];
			snprintf(text, sizeof text, "store_commit=%zu", n);
			log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
			_exit(fault_set(str_c(text)) && fixture_open(&f, STORE_MIGRATE) ? 1 : 2); /* neither: store_stop_hook is first */
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 70);
		assert_int_equal(whole_files(), n - 1);
		FIXTURE_OK(&f, fixture_open(&f, STORE_MIGRATE));
		fixture_drop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nth), cmocka_unit_test(killed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
