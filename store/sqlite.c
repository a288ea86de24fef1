/* store/sqlite.c - why this exists: every connection to SQLite is opened here, with the same settings, and every SQLite result
 * code becomes a failure here. */
#include "store/sqlite.h"

#include "base/fault.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const control_sql[CONTROL_COUNT] = {
	[CONTROL_BEGIN] = "BEGIN",
	[CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[CONTROL_COMMIT] = "COMMIT",
	[CONTROL_ROLLBACK] = "ROLLBACK",
	[CONTROL_SAVEPOINT] = "SAVEPOINT job",
	[CONTROL_RELEASE] = "RELEASE job",
	[CONTROL_ROLLBACK_TO] = "ROLLBACK TO job",
	[CONTROL_PART] = "SAVEPOINT part",
	[CONTROL_PART_KEEP] = "RELEASE part",
	[CONTROL_PART_UNDO] = "ROLLBACK TO part",
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Memory statistics cost a process-wide lock per allocation (measured: 7 % of a request). */
static void configure_process(void)
{
	int rc = sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	assert(rc == SQLITE_OK && "SQLite was used before the store was opened");
	rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	assert(rc == SQLITE_OK);
	rc = sqlite3_initialize();
	assert(rc == SQLITE_OK);
	(void)rc;
}

void sqlite_ready(void)
{
	pthread_once(&once, configure_process);
}

enum fail_code sqlite_meaning(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return FAIL_CONFLICT;
	case SQLITE_FULL:
		return FAIL_STORE_FULL;
	case SQLITE_NOMEM:
		return FAIL_MEMORY;
	case SQLITE_IOERR:
		return rc == SQLITE_IOERR_NOMEM ? FAIL_MEMORY : FAIL_STORE;
	case SQLITE_ERROR: /* text SQLite cannot read, or a table that is not there: ours */
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return rc == SQLITE_ERROR_SNAPSHOT ? FAIL_STORE : FAIL_INTERNAL;
	default: /* BUSY, LOCKED, READONLY, CORRUPT, NOTADB, CANTOPEN, PROTOCOL, INTERRUPT, ABORT, … */
		return FAIL_STORE;
	}
}

static bool needs_an_operator(int rc)
{
	int kind = rc & 0xff;
	return kind == SQLITE_IOERR || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN ||
	       kind == SQLITE_PROTOCOL;
}

bool sqlite_fails(struct connection *c, int rc, const char *doing, struct fail *why)
{
	const char *text = sqlite3_errstr(rc);
	if (c != NULL && c->db != NULL && (sqlite3_errcode(c->db) & 0xff) == (rc & 0xff))
		text = sqlite3_errmsg(c->db); /* names tables and columns, never values */
	if (needs_an_operator(rc)) {
		char code[16];
		snprintf(code, sizeof code, "%d", rc);
		LOG_EVENT(store_failed, STR_NONE, L_C(doing), L_C(code), L_C(text));
	}
	return fail_note(why, sqlite_meaning(rc), __FILE__, __LINE__, "%s: %s (%d)", doing, text, rc);
}

static int set_number(sqlite3 *db, const char *pragma, int64_t value)
{
	char sql[96];
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA %s = %lld", pragma, (long long)value);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int set_up(struct connection *c, enum connection_kind kind)
{
	struct store *s = c->store;
	int rc = SQLITE_OK;
#define TRY(call) do { if (rc == SQLITE_OK) rc = (call); } while (0)
	TRY(sqlite3_extended_result_codes(c->db, 1));
	/* A reader meets a lock only while the log is recovered, which store_open has done; a loop must not sleep for it. */
	TRY(sqlite3_busy_timeout(c->db, kind == CONNECTION_READ ? 0 : (int)s->busy_ms));
	TRY(sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL));
	TRY(sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL));
	TRY(sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL)); /* "x" is a name, as in PostgreSQL */
	TRY(sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL));
	TRY(sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL));
	TRY(set_number(c->db, "cell_size_check", 1));
	TRY(set_number(c->db, "mmap_size", 0)); /* a mapping is dropped at each foreign commit: slower (measured) */
	TRY(set_number(c->db, "temp_store", 2));
	TRY(set_number(c->db, "cache_size", -s->cache_kib));
	TRY(set_number(c->db, "synchronous", 2)); /* FULL: COMMIT returns after fdatasync of the log */
	TRY(sqlite3_wal_autocheckpoint(c->db, 0));
	TRY(set_number(c->db, "journal_size_limit", 8 * s->wal_pages * 4120)); /* what one forgotten reader made the log grow to goes back */
	if (kind == CONNECTION_READ || s->mode == STORE_INSPECT)
		TRY(set_number(c->db, "query_only", 1));
#undef TRY
	return rc;
}

static int prepare_controls(struct connection *c)
{
	for (int i = 0; i < CONTROL_COUNT; i++) {
		int rc = sqlite3_prepare_v3(c->db, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &c->control[i], NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

/* On the writer's connection only: it must not checkpoint, it only wakes the thread that does. */
static int after_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
	(void)db;
	(void)name;
	struct store *s = ctx;
	if (frames < atomic_exchange(&s->wal_frames, frames)) /* the log began again */
		atomic_store(&s->checkpoint_at, s->wal_pages);
	if (frames >= atomic_load(&s->checkpoint_at)) {
		pthread_mutex_lock(&s->wal_lock);
		s->wal_grown = true;
		pthread_cond_signal(&s->wal_changed);
		pthread_mutex_unlock(&s->wal_lock);
	}
	return SQLITE_OK;
}

struct connection *connection_open(struct store *s, enum connection_kind kind, int *rc_out, struct fail *why)
{
	sqlite_ready();
	*rc_out = SQLITE_CANTOPEN;
	if (fault_hit(FAULT_store_open)) {
		FAILS(why, STORE, "%s: cannot be opened (fault switch)", s->path);
		return NULL;
	}
	struct connection *c = calloc(1, sizeof *c);
	if (c == NULL) {
		FAILS(why, MEMORY, "no memory for a database connection");
		return NULL;
	}
	c->store = s;
	c->writes = kind == CONNECTION_WRITE;
	int rc = sqlite3_open_v2(s->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc == SQLITE_OK)
		rc = set_up(c, kind);
	if (rc == SQLITE_OK)
		rc = prepare_controls(c);
	*rc_out = rc;
	if (rc != SQLITE_OK) {
		sqlite_fails(c, rc, "opening the database", why);
		connection_close(c);
		return NULL;
	}
	if (c->writes)
		sqlite3_wal_hook(c->db, after_commit, s);
	return c;
}

bool connection_wal(struct connection *c, struct fail *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode = WAL", -1, &q, NULL);
	bool ok = rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "wal") == 0;
	sqlite3_finalize(q);
	if (!ok && rc == SQLITE_ROW)
		return FAILS(why, STORE, "cannot keep a write-ahead log: this file system has no shared memory: %s", c->store->path);
	return ok || sqlite_fails(c, rc, "beginning the write-ahead log", why);
}

void sqlite_close(struct connection *c)
{
	sqlite_reader_leave(c);
	for (int i = 0; i < CONTROL_COUNT; i++)
		sqlite3_finalize(c->control[i]);
	int rc = sqlite3_close(c->db);
	assert(rc == SQLITE_OK && "a statement outlived its connection");
	(void)rc;
}

int connection_control(struct connection *c, enum control which)
{
	sqlite3_stmt *q = c->control[which];
	int rc = sqlite3_step(q);
	int reset = sqlite3_reset(q); /* repeats what step said */
	return rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_ROW ? reset : rc;
}

int64_t connection_pragma(struct connection *c, const char *sql, int *rc)
{
	sqlite3_stmt *q = NULL;
	int64_t value = 0;
	*rc = sqlite3_prepare_v2(c->db, sql, -1, &q, NULL);
	if (*rc == SQLITE_OK && (*rc = sqlite3_step(q)) == SQLITE_ROW) {
		value = sqlite3_column_int64(q, 0);
		*rc = SQLITE_OK;
	}
	sqlite3_finalize(q);
	return value;
}
