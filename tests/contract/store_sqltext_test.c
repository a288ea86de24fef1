/* Goal: every SQL text of the project is taken by SQLite and by PostgreSQL, against the schema as it is, and means the same types.
 * Method: find the texts (sql_texts.h), and have both prepare each. PostgreSQL also says what types it sees: a parameter is BIGINT, text or bytes, and so is
 * what comes back, because struct stmt knows nothing else. */
#include "postgres_server.h"
#include "sql_texts.h"
#include "store_fixture.h"

static struct fixture sqlite;
static PGconn *postgres;
static int texts, tables, wrongs;

/* pg_type.dat */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_VARCHAR = 1043, OID_NUMERIC = 1700 };

static void complain(const struct sql_text *t, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n\t%s\n", t->path, t->line, what, t->sql);
	wrongs++;
}

static void sqlite_takes(const struct sql_text *t)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v2(sqlite.store->writer->db, t->sql, -1, &q, NULL) != SQLITE_OK)
		complain(t, sqlite3_errmsg(sqlite.store->writer->db));
	sqlite3_finalize(q);
}

static void one_type(const struct sql_text *t, const char *of, int n, Oid type, bool may_be_short)
{
	static const struct { Oid type; const char *name; } rows[] = {
		{ OID_BOOL, "boolean; write CASE WHEN … THEN 1 ELSE 0 END" },
		{ OID_NUMERIC, "numeric; write CAST(… AS BIGINT)" },
		{ OID_INT4, "a short integer; compare it with a BIGINT column first, or write CAST(… AS BIGINT)" },
	};
	char what[160] = "a type that struct stmt does not know";
	if (type == OID_INT8 || type == OID_TEXT || type == OID_VARCHAR || type == OID_BYTEA || (type == OID_INT4 && may_be_short))
		return;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == type)
			snprintf(what, sizeof what, "%s %d is %s", of, n, rows[i].name);
	complain(t, what);
}

static void postgres_takes(const struct sql_text *t)
{
	char text[SQL_BYTES_MAX];
	PGresult *r = PQprepare(postgres, "", sql_of_postgres(t->sql, text), 0, NULL);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	if (!ok)
		complain(t, PQresultErrorMessage(r));
	PQclear(r);
	if (!ok)
		return;
	r = PQdescribePrepared(postgres, "");
	for (int i = 0; i < PQnparams(r); i++)
		one_type(t, "parameter", i + 1, PQparamtype(r, i), false);
	for (int i = 0; i < PQnfields(r); i++)
		one_type(t, "column", i, PQftype(r, i), true);
	PQclear(r);
}

static void check(const struct sql_text *t)
{
	texts++;
	sqlite_takes(t);
	postgres_takes(t);
}

/* tx_next_id: both number the rows of this table. */
static void check_table(const struct sql_text *t)
{
	char next[256], largest[256];
	tables++;
	snprintf(next, sizeof next, "SELECT nextval('seq_%s')", t->sql);
	snprintf(largest, sizeof largest, "SELECT max(id) FROM %s", t->sql);
	struct sql_text asked = { .path = t->path, .line = t->line, .sql = next };
	postgres_takes(&asked);
	PGresult *r = PQexec(postgres, next);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		complain(t, PQresultErrorMessage(r));
	PQclear(r);
	asked.sql = largest;
	check(&asked);
}

static void all_texts(void **state)
{
	(void)state;
	wrongs = texts = tables = 0;
	sql_scan_tree(SIBAN_SOURCE_DIR, sql_product, check, check_table);
	sql_forget_names();
	assert_true(texts >= 250 && tables >= 10); /* the scanner sees */
	assert_int_equal(wrongs, 0);
}

/* The judges themselves. */
static void judges(void **state)
{
	(void)state;
	static const struct { const char *sql; int wrongs; } rows[] = {
		{ "SELECT id, case_no FROM cases WHERE person = $1", 0 },
		{ "SELECT id FROM no_such_table", 2 },
		{ "SELECT id = $1 FROM cases", 1 },
		{ "SELECT sum(id) FROM cases", 1 },
		{ "SELECT CAST(sum(id) AS BIGINT) FROM cases", 0 },
		{ "SELECT id FROM cases WHERE ($1 = 0 OR id = $1)", 1 },
		{ "SELECT id FROM cases WHERE (id = $1 OR $1 = 0)", 0 },
		{ "SELECT id FROM cases WHERE case_no = 5", 1 },
		{ "SELECT id, max(case_no) FROM cases", 1 },
		{ "SELECT person, count(*) FROM cases GROUP BY department", 1 },
	};
	FILE *err = stderr, *nowhere = fopen("/dev/null", "w");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		wrongs = 0;
		struct sql_text t = { .path = "row", .line = (int)i, .sql = rows[i].sql };
		stderr = nowhere;
		check(&t);
		stderr = err;
		if (wrongs != rows[i].wrongs)
			fail_msg("%s: %d wrongs", rows[i].sql, wrongs);
	}
	fclose(nowhere);
}

/* A table that SQLite guards by triggers (append-only) is guarded by PostgreSQL too: those are the texts that each schema file holds twice. */
static void guards(void **state)
{
	(void)state;
	int tables_seen = 0;
	sqlite3_stmt *q = NULL;
	assert_int_equal(sqlite3_prepare_v2(sqlite.store->writer->db, "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'trigger'", -1, &q, NULL), SQLITE_OK);
	for (; sqlite3_step(q) == SQLITE_ROW; tables_seen++) {
		char sql[160];
		const char *table = (const char *)sqlite3_column_text(q, 0);
		snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass('%s')", table);
		if (postgres_number(postgres, sql) == 0)
			fail_msg("%s has triggers on SQLite and none on PostgreSQL", table);
	}
	sqlite3_finalize(q);
	assert_in_range(tables_seen, 5, 1000);
	assert_int_equal(postgres_number(postgres, "SELECT count(DISTINCT tgrelid) FROM pg_trigger WHERE NOT tgisinternal"), tables_seen);
}

static int start(void **state)
{
	postgres_server_start(state);
	char name[32];
	struct fixture migrated;
	postgres_database(NULL, name);
	fixture_folder(&migrated);
	migrated.config.development = true;
	postgres_url_as("siban", name, migrated.config.store_url);
	FIXTURE_OK(&migrated, fixture_open(&migrated, STORE_MIGRATE));
	fixture_drop(&migrated);
	postgres = postgres_connect("siban", name);
	fixture_make(&sqlite, NULL);
	return 0;
}

static int stop(void **state)
{
	PQfinish(postgres);
	fixture_drop(&sqlite);
	return postgres_server_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(judges), cmocka_unit_test(all_texts), cmocka_unit_test(guards) };
	return cmocka_run_group_tests(tests, start, stop);
}
