/* store/sqlite_statement.c - why this exists: a statement on SQLite, where a row is read in place and nothing is copied. */
#include "store/sqlite.h"

#include "base/fault.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

/* $1, $2, … are names to SQLite, numbered as they appear: bind index n is $n only when the text keeps that order. */
static void check_text(struct connection *c, sqlite3_stmt *q, const char *tail)
{
#ifdef SIBAN_FAULTS
	assert(*tail == '\0' && "one statement per text");
	assert((c->writes || sqlite3_stmt_readonly(q)) && "a write through a read transaction");
	for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++) {
		char want[16];
		const char *name = sqlite3_bind_parameter_name(q, i);
		snprintf(want, sizeof want, "$%d", i);
		assert(name != NULL && strcmp(name, want) == 0 && "$n must be numbered in order of first appearance");
	}
#else
	(void)c, (void)q, (void)tail;
#endif
}

bool sqlite_prepare(struct stmt *s, const char *sql, struct fail *why)
{
	struct connection *c = s->connection;
	const char *tail = "";
	int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->q, &tail);
	if (rc != SQLITE_OK)
		return sqlite_fails(c, rc, "preparing a statement", why);
	assert(s->q != NULL && "an empty SQL text");
	check_text(c, s->q, tail);
	int params = sqlite3_bind_parameter_count(s->q);
	assert(params <= STMT_PARAMS_MAX);
	s->params = params == 64 ? UINT64_MAX : (UINT64_C(1) << params) - 1;
	return true;
}

const char *sqlite_text_of(struct stmt *s)
{
	return sqlite3_sql(s->q);
}

/* No sqlite3_clear_bindings: stmt_row asserts that the next user binds every parameter anew, and SQLite looks at a stale
 * pointer only when it steps. */
void sqlite_reset(struct stmt *s)
{
	sqlite3_reset(s->q); /* repeats the failure that stmt_row has told */
}

void sqlite_finish(struct stmt *s)
{
	sqlite3_finalize(s->q);
}

static void bound(int rc)
{
	assert(rc == SQLITE_OK && "no such parameter, or bound after a step");
	(void)rc;
}

void sqlite_bind_int(struct stmt *s, int n, int64_t v)
{
	bound(sqlite3_bind_int64(s->q, n, v));
}

void sqlite_bind_text(struct stmt *s, int n, struct str text)
{
	assert(text.len <= INT_MAX);
	bound(sqlite3_bind_text(s->q, n, text.at, (int)text.len, SQLITE_STATIC));
}

void sqlite_bind_bytes(struct stmt *s, int n, const void *at, size_t len)
{
	assert(len <= INT_MAX);
	bound(sqlite3_bind_blob(s->q, n, at, (int)len, SQLITE_STATIC));
}

/* What a broken disk or a dying transaction looks like from here, on command. */
static bool fault(struct stmt *s, struct fail *why)
{
	struct connection *c = s->connection;
	if (fault_hit(FAULT_store_step)) {
		s->done = true;
		return !FAILS(why, STORE, "disk I/O error (fault switch)");
	}
	if (c->writes && fault_hit(FAULT_store_sink)) {
		s->done = true;
		connection_control(c, CONTROL_ROLLBACK);
		return !FAILS(why, STORE, "the transaction was rolled back (fault switch)");
	}
	return false;
}

bool sqlite_row(struct stmt *s, struct fail *why)
{
	if (fault(s, why))
		return false;
	s->stepped = true;
	int rc = sqlite3_step(s->q);
	if (rc == SQLITE_ROW)
		return true;
	s->done = true;
	return rc != SQLITE_DONE && sqlite_fails(s->connection, rc, "running a statement", why);
}

int64_t sqlite_int(struct stmt *s, int column)
{
	return sqlite3_column_int64(s->q, column);
}

struct str sqlite_bytes(struct stmt *s, int column)
{
	/* The column is looked up once; its value is "unprotected", which says nothing under SQLITE_CONFIG_MULTITHREAD. */
	sqlite3_value *v = sqlite3_column_value(s->q, column);
	size_t len = (size_t)sqlite3_value_bytes(v);
	const char *at = sqlite3_value_blob(v);
	if (at == NULL && sqlite3_value_type(v) != SQLITE_NULL)
		at = ""; /* SQLite has no address for no bytes */
	return (struct str){ at, at == NULL ? 0 : len };
}

bool sqlite_is_null(struct stmt *s, int column)
{
	return sqlite3_column_type(s->q, column) == SQLITE_NULL;
}
