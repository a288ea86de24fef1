/* store/statement.c - why this exists: one SQL text is prepared once per connection. The literal's address is the key, so a
 * look-up is a multiplication and a comparison; SQL is never hashed, compared or built while requests run. */
#include "store/sqlite.h"

#include "base/fault.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATEMENT_SLOTS_FIRST = 256, TABLE_NAME_MAX = 48 };

static size_t slot_of(const struct connection *c, const char *key)
{
	return (size_t)(((uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u) >> 20) & (c->statement_slots - 1);
}

static struct stmt **place_of(struct connection *c, const char *key)
{
	size_t i = slot_of(c, key);
	while (c->statements[i] != NULL && c->statements[i]->key != key)
		i = (i + 1) & (c->statement_slots - 1);
	return &c->statements[i];
}

/* Room for one more, at most half full. */
static bool make_room(struct connection *c, struct fail *why)
{
	if (c->statements != NULL && 2 * (c->statement_count + 1) <= c->statement_slots)
		return true;
	struct stmt **old = c->statements;
	size_t slots = c->statement_slots;
	size_t more = slots == 0 ? STATEMENT_SLOTS_FIRST : 2 * slots;
	struct stmt **now = calloc(more, sizeof *now);
	if (now == NULL)
		return FAILS(why, MEMORY, "no memory for the statement cache");
	c->statements = now;
	c->statement_slots = more;
	for (size_t i = 0; i < slots; i++)
		if (old[i] != NULL)
			*place_of(c, old[i]->key) = old[i];
	free(old);
	return true;
}

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

static struct stmt *prepare(struct connection *c, const char *key, const char *sql, struct fail *why)
{
	struct stmt *s = calloc(1, sizeof *s);
	if (s == NULL) {
		FAILS(why, MEMORY, "no memory for a statement");
		return NULL;
	}
	const char *tail = "";
	int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->q, &tail);
	if (rc != SQLITE_OK) {
		sqlite_fails(c, rc, "preparing a statement", why);
		free(s);
		return NULL;
	}
	assert(s->q != NULL && "an empty SQL text");
	check_text(c, s->q, tail);
	int params = sqlite3_bind_parameter_count(s->q);
	assert(params <= STMT_PARAMS_MAX);
	s->params = params == 64 ? UINT64_MAX : (UINT64_C(1) << params) - 1;
	s->connection = c;
	s->key = key;
	return s;
}

static struct stmt *take(struct stmt *s)
{
	s->in_use = true;
	s->stepped = s->done = false;
	s->bound = 0;
	s->connection->open++;
	return s;
}

/* The statement of `key`, prepared from `sql` when it is new; a twin when it is in use further out. */
static struct stmt *find(struct connection *c, const char *key, const char *sql, struct fail *why)
{
	struct stmt *s = *place_of(c, key);
	while (s != NULL && s->in_use && s->twin != NULL)
		s = s->twin;
	if (s != NULL && !s->in_use)
		return take(s);
	struct stmt *fresh;
	if (!make_room(c, why) || (fresh = prepare(c, key, sql, why)) == NULL)
		return NULL;
	if (s != NULL) {
		s->twin = fresh;
	} else {
		*place_of(c, key) = fresh;
		c->statement_count++;
	}
	return take(fresh);
}

struct stmt *tx_query(struct tx *tx, const char *sql_literal, struct fail *why)
{
	struct connection *c = tx->connection;
	if (c->statements == NULL && !make_room(c, why))
		return NULL;
	struct stmt *s = find(c, sql_literal, sql_literal, why);
#ifdef SIBAN_FAULTS
	assert((s == NULL || strcmp(sqlite3_sql(s->q), sql_literal) == 0) && "SQL texts must be literals");
#endif
	return s;
}

void stmt_drop(struct stmt *s)
{
	if (s == NULL)
		return;
	assert(s->in_use);
	/* No sqlite3_clear_bindings: stmt_row asserts that the next user binds every parameter anew, and SQLite looks at a stale
	 * pointer only when it steps. */
	if (s->stepped)
		sqlite3_reset(s->q); /* repeats the failure that stmt_row has told */
	s->in_use = false;
	s->connection->open--;
}

static void bound(struct stmt *s, int n, int rc)
{
	assert(rc == SQLITE_OK && "no such parameter, or bound after a step");
	(void)rc;
	s->bound |= UINT64_C(1) << (n - 1);
}

void stmt_bind_int(struct stmt *s, int n, int64_t v)
{
	bound(s, n, sqlite3_bind_int64(s->q, n, v));
}

void stmt_bind_text(struct stmt *s, int n, struct str text)
{
	assert(text.len <= INT_MAX);
	bound(s, n, sqlite3_bind_text(s->q, n, text.at, (int)text.len, SQLITE_STATIC));
}

void stmt_bind_blob(struct stmt *s, int n, const void *at, size_t len)
{
	assert(len <= INT_MAX);
	bound(s, n, sqlite3_bind_blob(s->q, n, at, (int)len, SQLITE_STATIC));
}

void stmt_bind_null(struct stmt *s, int n)
{
	bound(s, n, sqlite3_bind_null(s->q, n));
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

bool stmt_row(struct stmt *s, struct fail *why)
{
	assert(s->in_use && s->bound == s->params && "every $n is bound before the first step");
	if (s->done || fault(s, why))
		return false;
	s->stepped = true;
	int rc = sqlite3_step(s->q);
	if (rc == SQLITE_ROW)
		return true;
	s->done = true;
	return rc != SQLITE_DONE && sqlite_fails(s->connection, rc, "running a statement", why);
}

bool stmt_run(struct stmt *s, struct fail *why)
{
	while (stmt_row(s, why))
		;
	return why->code == FAIL_NONE;
}

int64_t stmt_int(struct stmt *s, int column)
{
	return sqlite3_column_int64(s->q, column);
}

struct str stmt_text(struct stmt *s, int column)
{
	return stmt_blob(s, column); /* sqlite3_column_text would copy the value only to put a NUL behind it */
}

struct str stmt_blob(struct stmt *s, int column)
{
	/* The column is looked up once; its value is "unprotected", which says nothing under SQLITE_CONFIG_MULTITHREAD. */
	sqlite3_value *v = sqlite3_column_value(s->q, column);
	size_t len = (size_t)sqlite3_value_bytes(v);
	const char *at = sqlite3_value_blob(v);
	if (at == NULL && sqlite3_value_type(v) != SQLITE_NULL)
		at = ""; /* SQLite has no address for no bytes */
	return (struct str){ at, at == NULL ? 0 : len };
}

bool stmt_is_null(struct stmt *s, int column)
{
	return sqlite3_column_type(s->q, column) == SQLITE_NULL;
}

int64_t tx_changes(struct tx *tx)
{
	return sqlite3_changes64(tx->connection->db);
}

bool tx_next_id(struct tx *tx, const char *table_literal, int64_t *id, struct fail *why)
{
	struct connection *c = tx->connection;
	assert(tx->writes && "elsewhere two would get the same number");
	if (c->statements == NULL && !make_room(c, why))
		return false;
	char sql[64 + TABLE_NAME_MAX] = "";
	struct stmt *s = *place_of(c, table_literal);
	assert(s == NULL || !s->in_use);
	if (s == NULL) {
		assert(strlen(table_literal) <= TABLE_NAME_MAX);
		snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) + 1 FROM %s", table_literal);
	}
	DROP(stmt) struct stmt *q = find(c, table_literal, sql, why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*id = stmt_int(q, 0);
	return true;
}

void connection_finalize(struct connection *c)
{
	assert(c->open == 0 && "a statement was not dropped");
	for (size_t i = 0; i < c->statement_slots; i++) {
		for (struct stmt *s = c->statements[i], *next; s != NULL; s = next) {
			next = s->twin;
			sqlite3_finalize(s->q);
			free(s);
		}
	}
	free(c->statements);
	c->statements = NULL;
	c->statement_slots = c->statement_count = 0;
}
