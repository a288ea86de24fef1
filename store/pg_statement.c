/* store/pg_statement.c - why this exists: a statement on PostgreSQL is one round trip whose rows come all at once, so the rows a handler walks over
 * are its own and the connection is free for the next statement meanwhile. */
#include "store/pg_session.h"

#include "base/fault.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* src/include/catalog/pg_type.dat: these numbers do not change */
enum { TYPE_ANY = 0, TYPE_BOOL = 16, TYPE_BYTEA = 17, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23, TYPE_TEXT = 25, TYPE_NUMERIC = 1700 };

struct pg_stmt {
	PGresult *rows;                    /* NULL: not run */
	int row;                           /* the one that is read */
	unsigned wire;                     /* on which it was prepared; 0: on none */
	int count;                         /* of parameters */
	char name[16];
	Oid types[STMT_PARAMS_MAX];        /* a NULL's is the server's to find */
	const char *values[STMT_PARAMS_MAX];
	int lengths[STMT_PARAMS_MAX], formats[STMT_PARAMS_MAX];
	uint64_t numbers[STMT_PARAMS_MAX]; /* in the wire's order */
	const char *said;                  /* to the server: behind the text, or the text itself */
	char text[];
};

/* The highest $n outside quotes. */
static int params_of(const char *sql)
{
	int highest = 0;
	bool quoted = false;
	for (const char *at = sql; *at != '\0'; at++) {
		if (*at == '\'')
			quoted = !quoted;
		int n = !quoted && *at == '$' ? atoi(at + 1) : 0;
		highest = n > highest ? n : highest;
	}
	return highest;
}

static const char covered[] = "/* postgres:";

/* A comment that begins so is said here: a word that SQLite has not and, with its one writer, need not have. */
static void uncover(char *text)
{
	for (char *at, *end; (at = strstr(text, covered)) != NULL && (end = strstr(at, "*/")) != NULL;) {
		memset(at, ' ', sizeof covered - 1);
		memset(end, ' ', 2);
	}
}

bool pg_prepare(struct stmt *s, const char *sql, struct fail *why)
{
	size_t len = strlen(sql) + 1, covers = strstr(sql, covered) != NULL;
	struct pg_stmt *p = calloc(1, sizeof *p + len + covers * len);
	if (p == NULL)
		return FAILS(why, MEMORY, "no memory for a statement");
	memcpy(p->text, sql, len);
	p->said = p->text + covers * len;
	if (covers)
		uncover(memcpy(p->text + len, sql, len));
	p->count = params_of(sql);
	assert(p->count <= STMT_PARAMS_MAX);
	for (int i = 0; i < p->count; i++)
		p->formats[i] = 1;
	snprintf(p->name, sizeof p->name, "s%u", ++s->connection->pg->names);
	s->params = p->count == 64 ? UINT64_MAX : (UINT64_C(1) << p->count) - 1;
	s->pg = p;
	return true;
}

const char *pg_text_of(struct stmt *s)
{
	return s->pg->text;
}

void pg_reset(struct stmt *s)
{
	PQclear(s->pg->rows);
	s->pg->rows = NULL;
}

void pg_finish(struct stmt *s)
{
	PQclear(s->pg->rows);
	free(s->pg);
}

/* -- values */

/* A type that the server was told stays the statement's: NULL goes with each. */
static void bind(struct stmt *s, int n, Oid type, const void *at, size_t len)
{
	struct pg_stmt *p = s->pg;
	assert(n >= 1 && n <= p->count && len <= INT_MAX && !s->stepped && "no such parameter, or bound after a step");
	p->values[n - 1] = at;
	p->lengths[n - 1] = (int)len;
	if (at == NULL || p->types[n - 1] == type)
		return;
	p->types[n - 1] = type;
	p->wire = 0; /* prepared for another type, or before its type was known */
}

void pg_bind_int(struct stmt *s, int n, int64_t v)
{
	s->pg->numbers[n - 1] = htobe64((uint64_t)v);
	bind(s, n, TYPE_INT8, &s->pg->numbers[n - 1], sizeof s->pg->numbers[0]);
}

void pg_bind_text(struct stmt *s, int n, struct str text)
{
	bind(s, n, TYPE_TEXT, text.at, text.len);
}

void pg_bind_bytes(struct stmt *s, int n, const void *at, size_t len)
{
	bind(s, n, TYPE_BYTEA, at, len);
}

/* -- running */

static PGresult *answered(struct connection *c, int sent, const char *doing, struct fail *why)
{
	struct pg *wire = &c->pg->wire;
	PGresult *r = NULL;
	if (sent == 0) {
		pg_fails(wire, NULL, doing, why);
		pg_close(wire);
	} else if ((r = pg_answer(wire, doing, why)) != NULL && PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
		pg_fails(wire, r, doing, why);
		PQclear(r);
		r = NULL;
	}
	if (r == NULL)
		pg_session_failed(c);
	return r;
}

/* A name is taken on this wire already when the types have changed: another one then. */
static bool is_prepared(struct stmt *s, struct fail *why)
{
	struct pg_stmt *p = s->pg;
	struct pg_session *session = s->connection->pg;
	if (p->wire == session->wires)
		return true;
	snprintf(p->name, sizeof p->name, "s%u", ++session->names);
	PGresult *r = answered(s->connection, PQsendPrepare(session->wire.conn, p->name, p->said, p->count, p->types), "preparing a statement", why);
	PQclear(r);
	if (r == NULL)
		return false;
	p->wire = session->wires;
	return true;
}

static PGresult *run(struct stmt *s, struct fail *why)
{
	struct pg_stmt *p = s->pg;
	struct connection *c = s->connection;
	PGconn *conn = c->pg->wire.conn;
	if (conn == NULL) {
		pg_session_failed(c);
		FAILS(why, STORE, "the connection broke under the request");
		return NULL;
	}
	if (!c->store->pg->prepared)
		return answered(c, PQsendQueryParams(conn, p->said, p->count, p->types, p->values, p->lengths, p->formats, 1), "running a statement", why);
	if (!is_prepared(s, why))
		return NULL;
	return answered(c, PQsendQueryPrepared(conn, p->name, p->count, p->values, p->lengths, p->formats, 1), "running a statement", why);
}

/* What a failing server looks like from here, on command. */
static bool fault(struct stmt *s, struct fail *why)
{
	struct connection *c = s->connection;
	if (fault_hit(FAULT_store_step))
		return !FAILS(why, STORE, "disk I/O error (fault switch)");
	if (c->writes && fault_hit(FAULT_store_sink)) {
		pg_close(&c->pg->wire);
		pg_session_failed(c);
		return !FAILS(why, STORE, "the connection broke (fault switch)");
	}
	return false;
}

/* A SELECT leaves the number of changed rows as it is, as on SQLite. */
static void count_changes(struct connection *c, PGresult *r)
{
	const char *did = PQcmdStatus(r);
	if (strncmp(did, "SELECT", 6) != 0)
		c->pg->changes = strtoll(PQcmdTuples(r), NULL, 10);
}

bool pg_row(struct stmt *s, struct fail *why)
{
	struct pg_stmt *p = s->pg;
	if (p->rows != NULL) {
		p->row++;
	} else {
		s->stepped = true;
		p->row = 0;
		if (fault(s, why) || (p->rows = run(s, why)) == NULL) {
			s->done = true;
			return false;
		}
		count_changes(s->connection, p->rows);
	}
	s->done = p->row >= PQntuples(p->rows);
	return !s->done;
}

int64_t pg_changes(const struct connection *c)
{
	return c->pg->changes;
}

/* -- columns */

bool pg_is_null(struct stmt *s, int column)
{
	return PQgetisnull(s->pg->rows, s->pg->row, column);
}

struct str pg_bytes(struct stmt *s, int column)
{
	const struct pg_stmt *p = s->pg;
	if (PQgetisnull(p->rows, p->row, column))
		return STR_NONE;
	return (struct str){ PQgetvalue(p->rows, p->row, column), (size_t)PQgetlength(p->rows, p->row, column) };
}

static uint64_t number_at(const char *at, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n = n << 8 | (uint8_t)at[i];
	return n;
}

/* What a sum of BIGINTs is: digits of base 10000, the first one times 10000 to the power of `weight`. */
static int64_t numeric_at(const char *at)
{
	int digits = (int)number_at(at, 2), weight = (int16_t)number_at(at + 2, 2);
	bool negative = number_at(at + 4, 2) == 0x4000;
	int64_t n = 0;
	for (int i = 0; i <= weight; i++)
		n = n * 10000 + (i < digits ? (int64_t)number_at(at + 8 + 2 * i, 2) : 0);
	return negative ? -n : n;
}

int64_t pg_int(struct stmt *s, int column)
{
	const struct pg_stmt *p = s->pg;
	if (PQgetisnull(p->rows, p->row, column))
		return 0; /* as on SQLite */
	const char *at = PQgetvalue(p->rows, p->row, column);
	switch (PQftype(p->rows, column)) {
	case TYPE_INT8: return (int64_t)number_at(at, 8);
	case TYPE_INT4: return (int32_t)number_at(at, 4);
	case TYPE_INT2: return (int16_t)number_at(at, 2);
	case TYPE_BOOL: return *at;
	case TYPE_NUMERIC: return numeric_at(at);
	default: break;
	}
	assert(!"a column that is no number was read as one");
	return 0;
}
