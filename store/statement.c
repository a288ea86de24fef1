/* store/statement.c - why this exists: one SQL text is prepared once per connection. The literal's address is the key, so a
 * look-up is a multiplication and a comparison; SQL is never hashed, compared or built while requests run.
 *
 * The cache and the rules are here, the databases in sqlite_statement.c and pg_statement.c. */
#include "store/pg_session.h"
#include "store/sqlite.h"

#include <assert.h>
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

static struct stmt *prepare(struct connection *c, const char *key, const char *sql, struct fail *why)
{
	struct stmt *s = calloc(1, sizeof *s);
	if (s == NULL) {
		FAILS(why, MEMORY, "no memory for a statement");
		return NULL;
	}
	s->connection = c;
	s->key = key;
	if (c->pg != NULL ? pg_prepare(s, sql, why) : sqlite_prepare(s, sql, why))
		return s;
	free(s);
	return NULL;
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
	assert((s == NULL || strcmp(s->pg != NULL ? pg_text_of(s) : sqlite_text_of(s), sql_literal) == 0) && "SQL texts must be literals");
#endif
	return s;
}

void stmt_drop(struct stmt *s)
{
	if (s == NULL)
		return;
	assert(s->in_use);
	if (s->stepped)
		s->pg != NULL ? pg_reset(s) : sqlite_reset(s);
	s->in_use = false;
	s->connection->open--;
}

void stmt_bind_int(struct stmt *s, int n, int64_t v)
{
	s->pg != NULL ? pg_bind_int(s, n, v) : sqlite_bind_int(s, n, v);
	s->bound |= UINT64_C(1) << (n - 1);
}

void stmt_bind_text(struct stmt *s, int n, struct str text)
{
	s->pg != NULL ? pg_bind_text(s, n, text) : sqlite_bind_text(s, n, text);
	s->bound |= UINT64_C(1) << (n - 1);
}

void stmt_bind_blob(struct stmt *s, int n, const void *at, size_t len)
{
	s->pg != NULL ? pg_bind_bytes(s, n, at, len) : sqlite_bind_bytes(s, n, at, len);
	s->bound |= UINT64_C(1) << (n - 1);
}

void stmt_bind_null(struct stmt *s, int n)
{
	stmt_bind_blob(s, n, NULL, 0);
}

bool stmt_row(struct stmt *s, struct fail *why)
{
	assert(s->in_use && s->bound == s->params && "every $n is bound before the first step");
	if (s->done)
		return false;
	return s->pg != NULL ? pg_row(s, why) : sqlite_row(s, why);
}

bool stmt_run(struct stmt *s, struct fail *why)
{
	while (stmt_row(s, why))
		;
	return why->code == FAIL_NONE;
}

void stmt_ints(struct stmt *s, int first, int count, int64_t *to)
{
	for (int i = 0; i < count; i++)
		to[i] = s->pg != NULL ? pg_int(s, first + i) : sqlite_int(s, first + i);
}

int64_t stmt_int(struct stmt *s, int column)
{
	return s->pg != NULL ? pg_int(s, column) : sqlite_int(s, column);
}

struct str stmt_text(struct stmt *s, int column)
{
	return stmt_blob(s, column); /* the same bytes; sqlite3_column_text would copy them only to put a NUL behind */
}

struct str stmt_blob(struct stmt *s, int column)
{
	return s->pg != NULL ? pg_bytes(s, column) : sqlite_bytes(s, column);
}

bool stmt_is_null(struct stmt *s, int column)
{
	return s->pg != NULL ? pg_is_null(s, column) : sqlite_is_null(s, column);
}

int64_t tx_changes(struct tx *tx)
{
	struct connection *c = tx->connection;
	return c->pg != NULL ? pg_changes(c) : sqlite3_changes64(c->db);
}

/* SQLite has one writer, so the next number is the one after the last, and numbers have no gaps. PostgreSQL's come from the sequence that the dialect makes
 * beside the table: two transactions get different ones at the same time, and one that rolls back leaves a gap. */
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
		snprintf(sql, sizeof sql, c->pg != NULL ? "SELECT nextval('seq_%s')" : "SELECT coalesce(max(id), 0) + 1 FROM %s", table_literal);
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
			s->pg != NULL ? pg_finish(s) : sqlite_finish(s);
			free(s);
		}
	}
	free(c->statements);
	c->statements = NULL;
	c->statement_slots = c->statement_count = 0;
}
