/* tests/store_fixture.h - a folder with a database in it, for tests of the store: made, opened, and gone at the end. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H
#include "store/pg_session.h"
#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka.h wants the ones above */
#include <cmocka.h>

#include "base/fault.h"
#include "base/log.h"
#include "migrated.h"

struct fixture {
	char folder[64];
	struct config config;
	struct store *store;
	struct fail why;
};

static inline void fixture_folder(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	fault_clear_all();
	log_level_set(LOG_ERROR);
	strcpy(f->folder, "/tmp/siban-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	config_defaults(&f->config);
	strcpy(f->config.state_dir, f->folder);
}

#define FIXTURE_OK(f, call) \
	do { \
		fail_clear(&(f)->why); \
		if (!(call)) \
			fail_msg("%s: %s", #call, (f)->why.log); \
	} while (0)

static inline bool fixture_open(struct fixture *f, enum store_mode mode)
{
	fail_clear(&f->why);
	return (f->store = store_open(&f->config, mode, &f->why)) != NULL;
}

static inline void fixture_close(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

/* The teardown of tests that assert inside store_write: a failure leaps out of it with the lock held, and the next test is to fail rather than to wait for ever. */
static inline void fixture_unstick(struct store *s)
{
	if (pthread_mutex_trylock(&s->write_lock) != 0 && !sqlite3_get_autocommit(s->writer->db))
		write_rollback(s->writer);
	pthread_mutex_unlock(&s->write_lock);
}

static inline bool fixture_run_script(struct tx *tx, void *text, struct fail *why)
{
	return schema_script(tx->connection, text, why);
}

/* Migrated, opened, and with the tables of `portable_sql`. */
static inline void fixture_tables(struct fixture *f, const char *portable_sql)
{
	FIXTURE_OK(f, (f->store = migrated_open(&f->config, &f->why)) != NULL);
	if (portable_sql != NULL)
		FIXTURE_OK(f, store_write(f->store, fixture_run_script, (void *)(uintptr_t)portable_sql, &f->why));
	fixture_close(f);
	FIXTURE_OK(f, fixture_open(f, STORE_SERVE));
}

static inline void fixture_make(struct fixture *f, const char *portable_sql)
{
	fixture_folder(f);
	fixture_tables(f, portable_sql);
}

/* The same in an empty database of a PostgreSQL server. */
static inline void fixture_make_at(struct fixture *f, const char *url, const char *portable_sql)
{
	fixture_folder(f);
	strcpy(f->config.store_url, url);
	f->config.development = true; /* a server of tests need not wait for the disk */
	fixture_tables(f, portable_sql);
}

static inline void fixture_drop(struct fixture *f)
{
	fault_clear_all();
	store_close(f->store);
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%.63s'", f->folder);
	assert_int_equal(system(command), 0);
}

/* A connection that has seen nothing yet: what it reads is on the disk. */
static inline struct connection *fixture_reader(struct fixture *f)
{
	struct connection *c = store_reader(f->store, 0, &f->why);
	FIXTURE_OK(f, c != NULL);
	return c;
}

/* One number out of the newest commit. */
static inline int64_t fixture_number_by(struct connection *c, const char *sql)
{
	struct fail why;
	fail_clear(&why);
	int rc = SQLITE_OK;
	int64_t n = 0;
	bool found;
	if (c->pg == NULL)
		n = connection_pragma(c, sql, &rc);
	else if (!pg_session_ready(c, &why) || !pg_session_number(c, sql, &n, &found, &why))
		fail_msg("%s: %s", sql, why.log);
	assert_int_equal(rc, SQLITE_OK);
	return n;
}

/* The same through a connection of its own. */
static inline int64_t fixture_number(struct fixture *f, const char *sql)
{
	struct connection *c = fixture_reader(f);
	int64_t n = fixture_number_by(c, sql);
	connection_close(c);
	return n;
}

/* What the log is told from here to fixture_logged, which gives it back to stderr. */
enum { FIXTURE_LOG_MAX = 8192 };
static inline int fixture_log(void)
{
	char name[] = "/tmp/siban-log-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0 && unlink(name) == 0);
	log_open(fd, LOG_INFO);
	return fd;
}

static inline void fixture_logged(int fd, char text[FIXTURE_LOG_MAX])
{
	log_open(STDERR_FILENO, LOG_ERROR);
	ssize_t len = pread(fd, text, FIXTURE_LOG_MAX - 1, 0);
	assert_in_range(len, 0, FIXTURE_LOG_MAX - 2); /* all of it */
	text[len] = '\0';
	close(fd);
}

/* Past the store, as another program would; it has to be closed. */
static inline void fixture_raw(struct fixture *f, const char *sql)
{
	char path[96];
	snprintf(path, sizeof path, "%s/siban.db", f->folder);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
#endif
