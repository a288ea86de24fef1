/* Goal: nothing is served from a folder that is not ours, not whole or not current, and the reason is in plain words.
 * Method: spoil a good folder in one way per row, try to open it. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void in_file(struct fixture *f, off_t at, const char *bytes, size_t len)
{
	char path[96];
	snprintf(path, sizeof path, "%s/siban.db", f->folder);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0 && pwrite(fd, bytes, len, at) == (ssize_t)len);
	close(fd);
}

static void newer(struct fixture *f) { fixture_raw(f, "INSERT INTO schema_migration VALUES (9999, '9999_x.sql', x'00', 0)"); }
static void damaged(struct fixture *f) { fixture_raw(f, "UPDATE schema_migration SET sha256 = x'00' WHERE number = 1"); }
static void behind(struct fixture *f) { fixture_raw(f, "DELETE FROM schema_migration WHERE number = (SELECT max(number) FROM schema_migration)"); }
static void foreign(struct fixture *f) { fixture_raw(f, "PRAGMA application_id = 7"); }
static void text(struct fixture *f) { in_file(f, 0, "once upon a time there was a file", 33); }

static void torn(struct fixture *f)
{
	char junk[4096];
	memset(junk, 0xff, sizeof junk);
	in_file(f, 4096, junk, sizeof junk); /* the second page: the root of the first table */
}

static void no_file(struct fixture *f)
{
	char path[96];
	snprintf(path, sizeof path, "%s/siban.db", f->folder);
	assert_int_equal(unlink(path), 0);
}

static void no_folder(struct fixture *f) { strcat(f->config.state_dir, "/none"); }
static void no_change(struct fixture *f) { (void)f; }

static const struct { const char *name; void (*spoil)(struct fixture *); enum store_mode mode; enum fail_code code; const char *words; } rows[] = {
	{ "good", no_change, STORE_SERVE, FAIL_NONE, "" },
	{ "good, again migrated", no_change, STORE_MIGRATE, FAIL_NONE, "" },
	{ "good, looked at", no_change, STORE_INSPECT, FAIL_NONE, "" },
	{ "newer", newer, STORE_SERVE, FAIL_SCHEMA, "made by a newer siban" },
	{ "newer, migrating", newer, STORE_MIGRATE, FAIL_SCHEMA, "made by a newer siban" },
	{ "newer, looked at", newer, STORE_INSPECT, FAIL_NONE, "" },
	{ "checksum", damaged, STORE_SERVE, FAIL_SCHEMA, "damaged: schema file 0001_store.sql" },
	{ "checksum, migrating", damaged, STORE_MIGRATE, FAIL_SCHEMA, "damaged" },
	{ "behind", behind, STORE_SERVE, FAIL_SCHEMA, "run siban migrate" },
	{ "foreign", foreign, STORE_SERVE, FAIL_SCHEMA, "another program" },
	{ "not a database", text, STORE_SERVE, FAIL_STORE, "is not a database" },
	{ "not a database, migrating", text, STORE_MIGRATE, FAIL_STORE, "is not a database" },
	{ "torn page, migrating", torn, STORE_MIGRATE, FAIL_STORE, "is damaged" },
	{ "no file", no_file, STORE_SERVE, FAIL_SCHEMA, "run siban migrate" },
	{ "no folder", no_folder, STORE_SERVE, FAIL_STORE, "mkdir" },
};

static void spoiled(void **state)
{
	(void)state;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_open(nowhere, LOG_ERROR);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		fixture_make(&f, NULL);
		fixture_close(&f);
		rows[i].spoil(&f);
		bool ok = fixture_open(&f, rows[i].mode);
		if (ok != (rows[i].code == FAIL_NONE) || (!ok && (f.why.code != rows[i].code || strstr(f.why.log, rows[i].words) == NULL)))
			fail_msg("%s: %d \"%s\"", rows[i].name, f.why.code, f.why.log);
		fixture_drop(&f);
	}
	log_open(2, LOG_ERROR);
	close(nowhere);
}

static void newer_keeps_its_version(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, NULL);
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	assert_int_equal(store_schema_version(f.store), list[count - 1].number);
	fixture_drop(&f);
}

static void lock(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, NULL);
	assert_true(store_is_locked(&f.config));
	struct fail why;
	fail_clear(&why);
	assert_null(store_open(&f.config, STORE_SERVE, &why));
	assert_int_equal(why.code, FAIL_STORE);
	assert_non_null(strstr(why.log, "another siban"));
	fail_clear(&why);
	assert_null(store_open(&f.config, STORE_MIGRATE, &why));
	fail_clear(&why);
	struct store *second = store_open(&f.config, STORE_INSPECT, &why);
	assert_non_null(second);
	store_close(second);
	assert_true(store_is_locked(&f.config)); /* looking at it did not take the lock away */
	fixture_close(&f);
	assert_false(store_is_locked(&f.config));
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	fixture_drop(&f);
}

/* Rights mean nothing to root, so somebody else tries. */
static void read_only(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return;
	struct fixture f;
	fixture_make(&f, NULL);
	fixture_close(&f);
	char path[96];
	for (int step = 0; step < 2; step++) {
		snprintf(path, sizeof path, "%s/siban.db", f.folder);
		assert_int_equal(chmod(f.folder, step == 0 ? 0755 : 0777), 0); /* first the folder, then the file is not to be written */
		assert_int_equal(chmod(path, 0444), 0);
		snprintf(path, sizeof path, "%s/siban.lock", f.folder);
		assert_int_equal(chmod(path, 0666), 0);
		pid_t child = fork();
		if (child == 0) {
			struct fail why;
			fail_clear(&why);
			bool refused = setgid(65534) == 0 && setuid(65534) == 0 && store_open(&f.config, STORE_SERVE, &why) == NULL && why.code == FAIL_STORE &&
			               strstr(why.log, step == 0 ? "not writable" : "read-only") != NULL;
			if (!refused)
				fprintf(stderr, "step %d: \"%s\"\n", step, why.log);
			_exit(refused ? 0 : 1);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	fixture_drop(&f);
}

static void private_files(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, NULL);
	static const char *const names[] = { "siban.db", "siban.db-wal", "siban.db-shm", "siban.lock" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[96];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", f.folder, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	fixture_drop(&f);
}

/* -- files of our own instead of the built-in ones */

static const struct migration bad_list[] = {
	{ 1, "0001_a.sql", "CREATE TABLE schema_migration (\n number BIGINT PRIMARY KEY, name VARCHAR(64), sha256 BYTEA, applied_at_ms BIGINT);\n" },
	{ 2, "0002_b.sql", "CREATE TABLE p (id BIGINT PRIMARY KEY);\nCREATE TABLE c (p BIGINT REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED);\n" },
};

static void deferrable_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, NULL);
	fixture_raw(&f, "DROP TABLE schema_migration; DROP TABLE meta");
	int version;
	fail_clear(&f.why);
	assert_false(schema_migrate(f.store->writer, bad_list, 2, &version, &f.why));
	assert_int_equal(f.why.code, FAIL_SCHEMA);
	assert_non_null(strstr(f.why.log, "DEFERRABLE"));
	assert_int_equal(version, 1);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM sqlite_schema WHERE name IN ('p', 'c')"), 0);
	fixture_drop(&f);
}

static void healthy(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f, NULL);
	FIXTURE_OK(&f, store_healthy(f.store, &f.why));
	fixture_raw(&f, "DELETE FROM schema_migration");
	fail_clear(&f.why);
	assert_false(store_healthy(f.store, &f.why));
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled), cmocka_unit_test(newer_keeps_its_version), cmocka_unit_test(lock), cmocka_unit_test(read_only),
		cmocka_unit_test(private_files), cmocka_unit_test(deferrable_is_refused), cmocka_unit_test(healthy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
