/* store/pg_migrate.c - why this exists: a server's database may be anybody's, its role may not be allowed what siban does, and two nodes may bring it up
 * to date at once. */
#include "store/pg_session.h"

/* "SIBN": whoever migrates this database holds it. A lock of the transaction, because behind PgBouncer a session's lock is the next client's. Waiting for
 * it is fine, waiting for a table is not: whoever wants that table next would wait behind us. */
#define MIGRATION_LOCK "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(1397309006); SET LOCAL lock_timeout = '10s'"

#define OURS "relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"

/* A condition that siban has on its database: `sql` counts what breaks it. */
struct condition {
	const char *sql, *refusal;
};

static const struct condition no_others = {
	"SELECT count(*) FROM pg_class WHERE " OURS, "the database belongs to another program: it has tables, but no schema_migration; make one for siban alone",
};

static const struct condition rights[] = {
	{ "SELECT count(*) FROM pg_class WHERE " OURS " AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')"
	  " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))",
	  "the role may not read and write all of siban's tables; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA … TO it" },
	{ "SELECT count(*) FROM pg_sequence JOIN pg_class ON oid = seqrelid WHERE relnamespace = current_schema()::regnamespace"
	  " AND NOT has_sequence_privilege(seqrelid, 'USAGE')",
	  "the role may not use all of siban's sequences; GRANT USAGE ON ALL SEQUENCES IN SCHEMA … TO it" },
};

static const struct condition immediate = {
	"SELECT count(*) FROM pg_constraint WHERE condeferrable AND connamespace = current_schema()::regnamespace",
	"schema: a DEFERRABLE constraint; the write lane allows none",
};

static bool count(struct connection *c, const char *sql, int64_t *n, struct fail *why)
{
	bool found;
	*n = 0;
	return pg_session_number(c, sql, n, &found, why);
}

static bool holds(struct connection *c, const struct condition *x, struct fail *why)
{
	int64_t broken;
	return count(c, x->sql, &broken, why) && (broken == 0 || FAILS(why, SCHEMA, "%s", x->refusal));
}

bool pg_schema_made(struct connection *c, bool *made, struct fail *why)
{
	int64_t n;
	if (!count(c, "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migration')", &n, why))
		return false;
	*made = n > 0;
	return *made || holds(c, &no_others, why);
}

bool pg_rights_suffice(struct connection *c, struct fail *why)
{
	for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++)
		if (!holds(c, &rights[i], why))
			return false;
	return true;
}

bool pg_migration_lock(struct connection *c, struct fail *why)
{
	return connection_exec(c, MIGRATION_LOCK, why);
}

bool pg_none_deferred(struct connection *c, struct fail *why)
{
	return holds(c, &immediate, why);
}
