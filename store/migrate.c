/* store/migrate.c - why this exists: a database says which schema files it was made with, by number and digest, and nothing
 * starts on one that says something else. Each file is one transaction: it was applied, or it was not. What is asked of the database's own
 * catalogue is in sqlite_migrate.c and pg_migrate.c. */
#include "store/pg_session.h"
#include "store/sqlite.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/dialect.h"

#include <assert.h>

enum { STATEMENT_BYTES_MAX = 1 << 20 };

/* A file's number is the four digits of its name. */
#define DIGIT(name, i) ((name)[i] - '0')
#define EMBED(name, text) { DIGIT(name, 0) * 1000 + DIGIT(name, 1) * 100 + DIGIT(name, 2) * 10 + DIGIT(name, 3), name, text },
static const struct migration built_in[] = {
#include "schema_files.inc"
};
#undef EMBED

size_t migrations_built_in(const struct migration **list)
{
	*list = built_in;
	return sizeof built_in / sizeof built_in[0];
}

static bool same_file(const struct migration *m, struct str digest)
{
	uint8_t ours[SHA256_BYTES];
	sha256(str_c(m->text), ours);
	return str_eq(digest, (struct str){ (const char *)ours, sizeof ours });
}

/* The n-th row of schema_migration must be the n-th file. */
static bool as_applied(const struct migration *list, size_t count, size_t n, int number, struct str digest, struct fail *why)
{
	if (number > list[count - 1].number)
		return FAILS(why, SCHEMA, "made by a newer siban (schema %d, this one knows %d); run that version", number, list[count - 1].number);
	if (n >= count || list[n].number != number)
		return FAILS(why, SCHEMA, "damaged: schema file %d was applied out of order or is unknown here", number);
	return same_file(&list[n], digest) ||
	       FAILS(why, SCHEMA, "damaged: schema file %s is not the one that was applied; use the siban it came from", list[n].name);
}

enum schema_found schema_check(struct connection *c, const struct migration *list, size_t count, int *version, struct fail *why)
{
	bool made;
	*version = 0;
	if (!(c->pg != NULL ? pg_schema_made(c, &made, why) : sqlite_schema_made(c, &made, why)))
		return SCHEMA_BAD;
	if (!made)
		return SCHEMA_BEHIND;
	struct tx tx = { .connection = c };
	DROP(stmt) struct stmt *q = tx_query(&tx, "SELECT number, name, sha256 FROM schema_migration ORDER BY number", why);
	if (q == NULL)
		return SCHEMA_BAD;
	size_t applied = 0;
	for (; stmt_row(q, why); applied++) {
		if (!as_applied(list, count, applied, (int)stmt_int(q, 0), stmt_blob(q, 2), why))
			return SCHEMA_BAD;
		*version = (int)stmt_int(q, 0);
	}
	if (why->code != FAIL_NONE)
		return SCHEMA_BAD;
	return applied == count ? SCHEMA_CURRENT : SCHEMA_BEHIND;
}

bool schema_script(struct connection *c, const char *text, struct fail *why)
{
	struct arena arena;
	arena_init(&arena, STATEMENT_BYTES_MAX);
	struct dialect d = { .rest = str_c(text), .body = c->pg != NULL ? DIALECT_POSTGRES : DIALECT_SQLITE };
	struct buf sql;
	buf_init(&sql, &arena, 4096);
	for (;;) {
		sql.len = 0;
		if (!dialect_next(&d, &sql, why) || sql.len == 0)
			break;
		buf_char(&sql, '\0');
		if (!buf_ok(&sql)) {
			FAILS(why, MEMORY, "no memory for a schema statement");
			break;
		}
		if (fault_hit(FAULT_store_step)) {
			FAILS(why, STORE, "disk I/O error (fault switch)");
			break;
		}
		if (!connection_exec(c, sql.at, why))
			break;
	}
	arena_free(&arena);
	return why->code == FAIL_NONE;
}

static bool record(struct connection *c, const struct migration *m, struct fail *why)
{
	uint8_t digest[SHA256_BYTES];
	sha256(str_c(m->text), digest);
	struct tx tx = { .connection = c, .writes = true };
	DROP(stmt) struct stmt *q = tx_query(&tx, "INSERT INTO schema_migration (number, name, sha256, applied_at_ms) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->number);
	stmt_bind_text(q, 2, str_c(m->name));
	stmt_bind_blob(q, 3, digest, sizeof digest);
	stmt_bind_int(q, 4, clock_wall_ms());
	return stmt_run(q, why);
}

/* What every body does in the open transaction, and what only one does. A deferred constraint broken by one request would fail the COMMIT of all that
 * share its batch. */
static bool fill(struct connection *c, const struct migration *m, struct fail *why)
{
	return (c->pg != NULL || sqlite_mark(c, why)) && schema_script(c, m->text, why) &&
	       (c->pg != NULL ? pg_none_deferred(c, why) : sqlite_none_deferred(c, why)) && record(c, m, why);
}

/* Applies list[i] unless another node did so while this one waited for its turn; then *version is what that one left. */
static bool apply(struct connection *c, const struct migration *list, size_t count, size_t i, int *version, struct fail *why)
{
	if (!write_begin(c, why))
		return false;
	if ((c->pg != NULL && !pg_migration_lock(c, why)) || schema_check(c, list, count, version, why) == SCHEMA_BAD) {
		write_rollback(c);
		return false;
	}
	bool behind = *version < list[i].number;
	if (!behind || !fill(c, &list[i], why)) {
		write_rollback(c);
		return !behind;
	}
	struct commit_notes notes = { .touched_all = true };
	if (write_commit(c, &notes, why) != COMMIT_DONE)
		return FAILS(why, STORE, "the commit failed");
	LOG_EVENT(migrated, STR_NONE, L_INT(*version), L_INT(list[i].number), L_C(list[i].name));
	*version = list[i].number;
	return true;
}

bool schema_migrate(struct connection *c, const struct migration *list, size_t count, int *version, struct fail *why)
{
	if ((c->pg != NULL && !pg_session_ready(c, why)) || schema_check(c, list, count, version, why) == SCHEMA_BAD)
		return false;
	for (size_t i = 0; i < count; i++) {
		assert(i == 0 || list[i].number > list[i - 1].number);
		if (list[i].number > *version && !apply(c, list, count, i, version, why))
			return false;
	}
	return true;
}
