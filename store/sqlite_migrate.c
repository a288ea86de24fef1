/* store/sqlite_migrate.c - why this exists: what a migration asks of SQLite's own catalogue. */
#include "store/sqlite.h"

bool sqlite_schema_made(struct connection *c, bool *made, struct fail *why)
{
	int rc;
	*made = connection_pragma(c, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'", &rc) > 0;
	return rc == SQLITE_OK || sqlite_fails(c, rc, "reading the schema", why);
}

bool sqlite_mark(struct connection *c, struct fail *why)
{
	char mark[64];
	sqlite3_snprintf(sizeof mark, mark, "PRAGMA application_id = %d", APPLICATION_ID);
	return connection_exec(c, mark, why);
}

bool sqlite_none_deferred(struct connection *c, struct fail *why)
{
	int rc;
	int64_t some = connection_pragma(c, "SELECT count(*) FROM sqlite_schema WHERE upper(sql) LIKE '%DEFERRABLE%' OR upper(sql) LIKE '%INITIALLY DEFERRED%'", &rc);
	if (rc != SQLITE_OK)
		return sqlite_fails(c, rc, "looking for deferred constraints", why);
	return some == 0 || FAILS(why, SCHEMA, "schema: a DEFERRABLE constraint; the write lane allows none");
}
