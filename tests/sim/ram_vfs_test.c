/* Goal: the memory file system keeps what was synced and nothing else for sure, fails when told, and SQLite on it (WAL, FULL) comes back from
 * every crash with exactly what was committed.
 * Method: a table that counts commits, a process that dies at a random write, a machine that loses power, again and again. On a disk
 * that lies about syncs the same test must find a loss: else it would find nothing. */
#include "ram_vfs.h"

#include "ram_disk.h"
#include "store/sqlite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { LIVES = 400, COMMITS_MAX = 12, ROW_BYTES = 900 };
#define DB "/ram/test.db"

/* ---- the files alone ---- */

static struct ram_disk disk;

static void test_power_keeps_any_part(void **state)
{
	(void)state;
	bool kept_all = false, kept_none = false, torn = false, later_without_earlier = false;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		disk.rng.state = seed;
		struct ram_file *f = disk_make(&disk, "a");
		char first[1024], second[1024];
		memset(first, 'a', sizeof first);
		memset(second, 'b', sizeof second);
		file_begin(f);
		f->name_is_synced = true;
		file_write(f, 0, first, sizeof first);
		file_settle(&disk, f, 100); /* a sync */
		file_write(f, 0, second, sizeof second);
		file_write(f, sizeof second, second, 512);
		file_lose(&disk, f, 50);
		assert_true(f->is_there && f->now.len >= sizeof first);
		bool s0 = f->now.at[0] == 'b', s1 = f->now.at[512] == 'b', s2 = f->now.len > 1024;
		for (int i = 0; i < 512; i++) /* a sector is whole */
			assert_true(f->now.at[i] == f->now.at[0] && f->now.at[512 + i] == f->now.at[512]);
		kept_all |= s0 && s1 && s2;
		kept_none |= !s0 && !s1 && !s2;
		torn |= s0 != s1;
		later_without_earlier |= !s0 && !s1 && s2;
		disk_drop(&disk);
	}
	assert_true(kept_all && kept_none && torn && later_without_earlier);
}

static void test_names(void **state)
{
	(void)state;
	int made = 0, back = 0;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		disk.rng.state = seed;
		struct ram_file *f = disk_make(&disk, "new");
		file_begin(f);
		file_lose(&disk, f, 100);
		made += f->is_there;
		struct ram_file *g = disk_make(&disk, "old");
		file_begin(g);
		g->name_is_synced = true;
		g->is_there = false;
		g->was_deleted_unsynced = true;
		file_lose(&disk, g, 100);
		back += g->is_there;
		disk_drop(&disk);
	}
	assert_in_range(made, 20, 80); /* without a sync a new name may be lost, and a deleted one may be back */
	assert_in_range(back, 20, 80);
}

/* ---- SQLite on it ---- */

static sqlite3 *db;

static int run(const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t number(const char *sql)
{
	sqlite3_stmt *q;
	int64_t n = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

static bool is_whole(void)
{
	sqlite3_stmt *q;
	bool ok = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
		  strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
	sqlite3_finalize(q);
	return ok;
}

static int open_db(void)
{
	int rc = sqlite3_open_v2(DB, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = run("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_autocheckpoint(db, 0);
	return rc;
}

static void close_db(void)
{
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	db = NULL;
}

static void make_db(uint64_t seed)
{
	ram_vfs_reset(seed);
	assert_int_equal(open_db(), SQLITE_OK);
	assert_int_equal(run("CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB)"), SQLITE_OK);
}

/* One life: commits until it dies. Returns how many were committed; *maybe: one more was under way. */
static int64_t live(struct rng *rng, int64_t have, bool *maybe)
{
	char sql[160];
	*maybe = false;
	if (rng_percent(rng, 80))
		ram_vfs_die(1 + rng_below(rng, 60));
	for (int i = rng_below(rng, COMMITS_MAX); i > 0; i--) {
		snprintf(sql, sizeof sql, "BEGIN; INSERT INTO t VALUES (%lld, randomblob(%d)); COMMIT", (long long)have + 1, ROW_BYTES * (1 + rng_below(rng, 9)));
		if (run(sql) != SQLITE_OK) {
			assert_true(ram_vfs_is_dead());
			*maybe = true;
			return have;
		}
		have++;
		if (rng_percent(rng, 15))
			sqlite3_wal_checkpoint_v2(db, NULL, rng_percent(rng, 50) ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	return have;
}

/* Returns whether every life found all that was committed before. */
static bool lives(uint64_t seed, bool lies)
{
	struct rng rng = { seed };
	bool fine = true;
	make_db(seed);
	ram_vfs_lie(lies);
	for (int64_t have = 0, i = 0; fine && i < 8; i++) {
		bool maybe;
		have = live(&rng, have, &maybe);
		if (rng_percent(&rng, 10) && !ram_vfs_is_dead())
			close_db();
		ram_vfs_crash(rng_percent(&rng, 60) ? RAM_POWER_LOST : RAM_KILLED);
		if (db != NULL)
			close_db();
		fine = open_db() == SQLITE_OK && is_whole();
		int64_t found = number("SELECT count(*) FROM t");
		fine = fine && number("SELECT coalesce(max(id), 0) FROM t") == found && (found == have || (maybe && found == have + 1));
		/* What was found may still be in the system's memory only: as a store at its start, see to it that it stays. */
		fine = fine && sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
		have = found;
	}
	close_db();
	return fine;
}

static void test_committed_is_kept(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++)
		if (!lives(seed, false))
			fail_msg("seed %llu: not what was committed", (unsigned long long)seed);
}

static void test_a_lying_disk_is_noticed(void **state)
{
	(void)state;
	int noticed = 0;
	for (uint64_t seed = 1; seed <= 40; seed++)
		noticed += !lives(seed, true);
	assert_in_range(noticed, 20, 40);
}

static void test_the_same_seed_is_the_same_life(void **state)
{
	(void)state;
	int64_t writes[2], syncs[2];
	for (int i = 0; i < 2; i++) {
		lives(7, false);
		writes[i] = ram_vfs_count(RAM_WRITE);
		syncs[i] = ram_vfs_count(RAM_SYNC);
	}
	assert_true(writes[0] > 0 && writes[0] == writes[1] && syncs[0] > 0 && syncs[0] == syncs[1]);
}

/* ---- faults ---- */

static void test_faults(void **state)
{
	(void)state;
	static const struct { enum ram_op op; int rc; const char *sql; int want; } rows[] = {
		{ RAM_WRITE, SQLITE_IOERR_WRITE, "INSERT INTO t VALUES (2, x'00')", SQLITE_IOERR },
		{ RAM_WRITE, SQLITE_FULL, "INSERT INTO t VALUES (2, x'00')", SQLITE_FULL },
		{ RAM_SYNC, SQLITE_IOERR_FSYNC, "INSERT INTO t VALUES (2, x'00')", SQLITE_IOERR },
		{ RAM_READ, SQLITE_IOERR_READ, "SELECT length(bytes) FROM t", SQLITE_IOERR },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		make_db(i + 1);
		assert_int_equal(run("INSERT INTO t VALUES (1, zeroblob(60000))"), SQLITE_OK);
		assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
		close_db();
		assert_int_equal(open_db(), SQLITE_OK);
		ram_vfs_fail(rows[i].op, 1, rows[i].rc, 1);
		assert_int_equal(run(rows[i].sql), rows[i].want);
		close_db();
		assert_int_equal(open_db(), SQLITE_OK); /* once is once */
		assert_true(is_whole());
		assert_int_equal(number("SELECT count(*) FROM t WHERE id = 1"), 1);
		close_db();
	}
	make_db(1);
	assert_int_equal(run("INSERT INTO t VALUES (1, zeroblob(60000))"), SQLITE_OK);
	assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
	close_db();
	assert_int_equal(open_db(), SQLITE_OK);
	ram_vfs_fail(RAM_READ, 1, SQLITE_IOERR_SHORT_READ, 1000);
	assert_int_not_equal(number("SELECT sum(length(hex(bytes))) FROM t"), 120000); /* the row stands in the half that did not come */
	close_db();
	ram_vfs_fail(RAM_OPEN, 1, SQLITE_CANTOPEN, 1);
	assert_int_equal(open_db(), SQLITE_CANTOPEN);
	close_db();
}

/* After a failed sync the system shows what the disk may never get, and later syncs do not bring it there. */
static void test_a_failed_sync_forgets(void **state)
{
	(void)state;
	bool lost = false, kept = false;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		make_db(seed);
		ram_vfs_fail(RAM_SYNC, 1, SQLITE_IOERR_FSYNC, 1);
		assert_int_equal(run("INSERT INTO t VALUES (1, randomblob(9000))"), SQLITE_IOERR);
		ram_vfs_crash(RAM_KILLED);
		close_db();
		assert_int_equal(open_db(), SQLITE_OK);
		if (number("SELECT count(*) FROM t") == 1) { /* recovered from the system's memory */
			assert_int_equal(run("INSERT INTO t VALUES (2, x'00')"), SQLITE_OK);
			ram_vfs_crash(RAM_POWER_LOST);
			close_db();
			assert_int_equal(open_db(), SQLITE_OK);
			*(number("SELECT count(*) FROM t WHERE id = 2") == 1 ? &kept : &lost) = true;
		}
		close_db();
	}
	assert_true(lost && kept); /* hence the checkpoint at the store's start */
}

static int64_t passed_ns;

static void pass(void *ctx, int64_t ns)
{
	(void)ctx;
	passed_ns += ns;
}

static void test_slow_syncs_take_time(void **state)
{
	(void)state;
	make_db(1);
	ram_vfs_slow(1000, pass, NULL);
	int64_t before = ram_vfs_count(RAM_SYNC);
	assert_int_equal(run("INSERT INTO t VALUES (1, x'00')"), SQLITE_OK);
	assert_true(passed_ns > 0);
	assert_int_equal(passed_ns, (ram_vfs_count(RAM_SYNC) - before) * 1000);
	close_db();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_keeps_any_part), cmocka_unit_test(test_names), cmocka_unit_test(test_committed_is_kept),
		cmocka_unit_test(test_a_lying_disk_is_noticed), cmocka_unit_test(test_the_same_seed_is_the_same_life), cmocka_unit_test(test_faults),
		cmocka_unit_test(test_a_failed_sync_forgets), cmocka_unit_test(test_slow_syncs_take_time),
	};
	ram_vfs_install();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ram_vfs_reset(0);
	return failed;
}
