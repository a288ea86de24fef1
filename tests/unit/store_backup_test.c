/* Goal: a backup is one moment of the database, whole and on the disk, whatever is written meanwhile; and what is wrong with one is found.
 * Method: a snapshot, commits behind it, the copy looked into; a stop and a full disk in the middle; damaged copies. */
#include "store_fixture.h"

#include "store/backup.h"
#include <sys/stat.h>

#define TABLES "CREATE TABLE parent (id BIGINT PRIMARY KEY);\nCREATE TABLE item (id BIGINT PRIMARY KEY, parent BIGINT NOT NULL REFERENCES parent (id), n BIGINT NOT NULL);\nCREATE INDEX item_n ON item (n);\n"
enum { ITEMS = 20000 };

static bool insert(struct tx *tx, void *count, struct fail *why)
{
	int64_t first;
	if (!tx_next_id(tx, "item", &first, why))
		return false;
	for (int64_t i = first; i < first + *(int *)count; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO item (id, parent, n) VALUES ($1, 1, $2)", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, i);
		stmt_bind_int(q, 2, i * 7919 % ITEMS);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static void make(struct fixture *f)
{
	int count = ITEMS;
	fixture_make(f, TABLES "INSERT INTO parent (id) VALUES (1);\n");
	FIXTURE_OK(f, store_write(f->store, insert, &count, &f->why));
}

static void target(const struct fixture *f, char path[96])
{
	snprintf(path, 96, "%s/copy.db", f->folder);
}

/* The snapshot, begun; and then written behind. */
static struct connection *begun(struct fixture *f)
{
	struct tx tx;
	int more = 50;
	fail_clear(&f->why);
	struct connection *reader = store_reader(f->store, 0, &f->why);
	assert_non_null(reader);
	assert_true(reader_begin(reader, &tx, &f->why));
	int rc;
	assert_int_equal(connection_pragma(reader, "SELECT count(*) FROM item", &rc), ITEMS);
	FIXTURE_OK(f, store_write(f->store, insert, &more, &f->why));
	return reader;
}

static int64_t number_in(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static void one_moment(void **state)
{
	(void)state;
	struct fixture f;
	char path[96];
	struct stat st;
	struct backup_progress p = { 0 };
	make(&f);
	target(&f, path);
	struct connection *reader = begun(&f);
	FIXTURE_OK(&f, store_backup(reader, path, &p, &f.why));
	connection_close(reader);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(p.total_pages > 64 && p.done_pages == p.total_pages); /* more than one step */
	assert_int_equal(st.st_size, p.total_pages * 4096);
	assert_int_equal(number_in(path, "SELECT count(*) FROM item"), ITEMS);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM item"), ITEMS + 50);
	fixture_drop(&f);
}

static void replaces_nothing(void **state)
{
	(void)state;
	struct fixture f;
	char path[96];
	struct backup_progress p = { 0 };
	make(&f);
	target(&f, path);
	FILE *there = fopen(path, "w");
	assert_non_null(there);
	fclose(there);
	struct connection *reader = begun(&f);
	assert_false(store_backup(reader, path, &p, &f.why));
	assert_int_equal(f.why.code, FAIL_SYSTEM);
	assert_non_null(strstr(f.why.log, path));
	connection_close(reader);
	fixture_drop(&f);
}

static void gives_up(void **state)
{
	(void)state;
	struct fixture f;
	char path[96];
	make(&f);
	target(&f, path);
	struct connection *reader = begun(&f);
	struct backup_progress stopped = { .stop = true }, full = { 0 };
	assert_false(store_backup(reader, path, &stopped, &f.why));
	assert_int_equal(f.why.code, FAIL_STOPPING);
	assert_int_equal(unlink(path), 0);
	fail_clear(&f.why);
	assert_true(fault_set(STR("backup=2"))); /* in the middle */
	assert_false(store_backup(reader, path, &full, &f.why));
	assert_int_equal(f.why.code, FAIL_STORE_FULL);
	assert_int_equal(unlink(path), 0);
	fail_clear(&f.why);
	FIXTURE_OK(&f, store_backup(reader, path, &full, &f.why)); /* the snapshot is still good */
	connection_close(reader);
	fixture_drop(&f);
}

static const struct { const char *name, *spoil, *words; } wrongs[] = {
	{ "whole", "SELECT 1", NULL },
	{ "an index that says something else", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX item_n ON item (parent)' WHERE name = 'item_n'", "integrity_check" },
	{ "an orphan", "INSERT INTO item VALUES (999999, 77, 0)", "foreign_key_check" },
};

static void verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct fixture f;
		struct tx tx;
		make(&f);
		fixture_close(&f);
		fixture_raw(&f, wrongs[i].spoil);
		FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
		struct connection *reader = store_reader(f.store, 0, &f.why);
		assert_non_null(reader);
		assert_true(reader_begin(reader, &tx, &f.why));
		bool fine = store_verify(reader, &f.why);
		if (fine != (wrongs[i].words == NULL) || (!fine && (f.why.code != FAIL_STORE || strstr(f.why.log, wrongs[i].words) == NULL)))
			fail_msg("%s: %d \"%s\"", wrongs[i].name, fine, f.why.log);
		connection_close(reader);
		fixture_drop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_moment), cmocka_unit_test(replaces_nothing), cmocka_unit_test(gives_up), cmocka_unit_test(verify) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
