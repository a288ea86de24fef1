/* Goal: a page of a feed costs the same however much lies before, behind and beside it: on both databases it is cut out by its index, in order.
 * Method: facts of many places (SIBAN_LONG=1: a million), the statements of the tree that page by seal_place, their plans as the
 * databases tell them; pages at both ends and of a place with little in it are timed, and the figures printed. */
#include "base/clock.h"
#include "postgres_server.h"
#include "sql_texts.h"
#include "store_fixture.h"

static struct fixture sqlite;
static PGconn *postgres;
static int64_t facts, seen;

enum { PAGE = 101, PLACE_RARE = 621221, FACTS_SHORT = 20000, FACTS_LONG = 1000000 };

/* Every tenth is of a clock; every thousandth is of the rare place, all are of the prefecture and of one department. %lld: how many. */
static const char *const fill[] = {
	"INSERT INTO department (id, code, name, region) VALUES (1, 'D', 'D', 621200)",
	"INSERT INTO cases (id, case_no, person, department, case_ref, matter, region, type, state, last_seq, opened_ms, updated_ms, names) VALUES (1, 'LN', 1, 1, 'R', 1, 621200, 1, 1, 1, 1, 1, 1)",
	"INSERT INTO fact (id, kind, ref_a, ref_b, department, region, made_ms, digest) SELECT i, CASE WHEN i %% 10 = 0 THEN 3 ELSE 1 END, i, 1, 1, 621200, 1, %s FROM %s",
	"INSERT INTO seal (seq, fact, department, sealed_ms, chain) SELECT i, i, 1, 1, %s FROM %s",
	"INSERT INTO clock_event (id, fact, case_id, kind, what, day, begun, days, due, department, region) SELECT i, i, 1, 2, 4, 1, 1, 1, 1, 1, 621200 FROM %s WHERE i %% 10 = 0",
	"INSERT INTO seal_place (kind, place, seq, ref) SELECT 3, 621200, i, i FROM %s WHERE i %% 10 = 0",
	"INSERT INTO seal_place (kind, place, seq, ref) SELECT 3, -1, i, i FROM %s WHERE i %% 10 = 0",
	"INSERT INTO seal_place (kind, place, seq, ref) SELECT 3, 621221, i, i FROM %s WHERE i %% 1000 = 0",
};

static void statement(char *out, size_t size, const char *from, const char *bytes, const char *rows)
{
	char *at = out;
	for (const char *p = from; *p != '\0' && at < out + size - 200; p++) {
		if (p[0] == '%' && p[1] == '%') {
			*at++ = *p++;
		} else if (p[0] == '%' && p[1] == 's') {
			bool is_bytes = strncmp(p, "%s FROM", 7) == 0;
			at += snprintf(at, 200, "%s", is_bytes ? bytes : rows);
			p++;
		} else {
			*at++ = *p;
		}
	}
	*at = '\0';
}

static void sqlite_do(const char *sql)
{
	char *said = NULL;
	if (sqlite3_exec(sqlite.store->writer->db, sql, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", sql, said);
}

static void fill_both(void)
{
	char sql[1024], rows[160];
	sqlite_do("PRAGMA foreign_keys = OFF");
	sqlite_do("BEGIN");
	postgres_do(postgres, "SET session_replication_role = replica");
	for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++) {
		snprintf(rows, sizeof rows, "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) SELECT i FROM n) AS n", (long long)facts);
		statement(sql, sizeof sql, fill[i], "CAST('0123456789abcdef0123456789abcdef' AS BLOB)", rows);
		sqlite_do(sql);
		snprintf(rows, sizeof rows, "generate_series(1, %lld) AS n(i)", (long long)facts);
		statement(sql, sizeof sql, fill[i], "CAST('0123456789abcdef0123456789abcdef' AS BYTEA)", rows);
		postgres_do(postgres, sql);
	}
	sqlite_do("COMMIT");
	postgres_do(postgres, "SET session_replication_role = origin");
	postgres_do(postgres, "ANALYZE");
}

/* ---- plans ---- */

static void sqlite_plan(const struct sql_text *t)
{
	char sql[SQL_BYTES_MAX + 32], *at = sql;
	sqlite3_stmt *q = NULL;
	int steps = 0;
	bool by_index = false;
	at += snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", t->sql);
	assert_int_equal(sqlite3_prepare_v2(sqlite.store->writer->db, sql, (int)(at - sql), &q, NULL), SQLITE_OK);
	for (; sqlite3_step(q) == SQLITE_ROW; steps++) {
		const char *detail = (const char *)sqlite3_column_text(q, 3);
		if (strncmp(detail, "SCAN ", 5) == 0 && strcmp(detail, "SCAN p") != 0)
			fail_msg("%s:%d on SQLite: %s", t->path, t->line, detail);
		by_index = by_index || strstr(detail, "seal_place USING PRIMARY KEY (kind=? AND place=? AND seq>?)") != NULL;
	}
	assert_true(steps >= 4 && by_index);
	sqlite3_finalize(q);
}

static void postgres_plan(const struct sql_text *t)
{
	char plan[8192] = "";
	size_t len = 0;
	PGresult *r = PQprepare(postgres, "page", t->sql, 0, NULL);
	assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
	PQclear(r);
	r = PQexec(postgres, "EXPLAIN (COSTS OFF) EXECUTE page(621200, 5000, 101)");
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	for (int i = 0; i < PQntuples(r); i++)
		len += (size_t)snprintf(plan + len, sizeof plan - len, "%s\n", PQgetvalue(r, i, 0));
	PQclear(r);
	bool walks = strstr(plan, "Seq Scan on seal") != NULL || strstr(plan, "Seq Scan on clock_event") != NULL; /* of few rows that is the cheapest */
	if (strstr(plan, "Scan using seal_place_pkey on seal_place") == NULL || (walks && facts == FACTS_LONG))
		fail_msg("%s:%d on PostgreSQL:\n%s", t->path, t->line, plan);
	postgres_do(postgres, "DEALLOCATE page");
}

static bool is_feed(const struct sql_text *t)
{
	return strstr(t->sql, "FROM seal_place WHERE kind = ") != NULL && strstr(t->sql, "ORDER BY p.seq") != NULL;
}

static void plan(const struct sql_text *t)
{
	if (!is_feed(t))
		return;
	seen++;
	sqlite_plan(t);
	postgres_plan(t);
}

static void none(const struct sql_text *t)
{
	(void)t;
}

static void plans(void **state)
{
	(void)state;
	seen = 0;
	sql_scan_tree(SIBAN_SOURCE_DIR, sql_product, plan, none);
	sql_forget_names();
	assert_in_range(seen, 3, 100); /* both feeds, and what alerts read */
}

/* ---- time ---- */

static int64_t sqlite_page_us(const char *sql, int64_t place, int64_t after)
{
	sqlite3_stmt *q = NULL;
	int rows = 0;
	assert_int_equal(sqlite3_prepare_v2(sqlite.store->writer->db, sql, -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_int64(q, 1, place);
	sqlite3_bind_int64(q, 2, after);
	sqlite3_bind_int64(q, 3, PAGE);
	int64_t began = clock_mono_ns();
	while (sqlite3_step(q) == SQLITE_ROW)
		rows++;
	int64_t us = (clock_mono_ns() - began) / 1000;
	sqlite3_finalize(q);
	assert_true(rows > 0);
	return us;
}

static int64_t postgres_page_us(const char *sql, int64_t place, int64_t after)
{
	char text[3][24];
	const char *values[] = { text[0], text[1], text[2] };
	const Oid types[] = { 20, 20, 20 };
	snprintf(text[0], sizeof text[0], "%lld", (long long)place);
	snprintf(text[1], sizeof text[1], "%lld", (long long)after);
	snprintf(text[2], sizeof text[2], "%d", PAGE);
	int64_t began = clock_mono_ns();
	PGresult *r = PQexecParams(postgres, sql, 3, types, values, NULL, NULL, 0);
	int64_t us = (clock_mono_ns() - began) / 1000;
	assert_true(PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0);
	PQclear(r);
	return us;
}

static int64_t least_of_nine(int64_t (*page)(const char *, int64_t, int64_t), const char *sql, int64_t place, int64_t after)
{
	int64_t least = INT64_MAX;
	for (int i = 0; i < 9; i++) {
		int64_t us = page(sql, place, after);
		least = us < least ? us : least;
	}
	return least;
}

static void timed(const struct sql_text *t)
{
	static const struct { const char *name; int64_t (*page)(const char *, int64_t, int64_t); } bodies[] = {
		{ "SQLite", sqlite_page_us }, { "PostgreSQL", postgres_page_us } };
	if (!is_feed(t) || strstr(t->sql, "clock_event") == NULL)
		return;
	for (size_t i = 0; i < 2; i++) {
		int64_t first = least_of_nine(bodies[i].page, t->sql, 621200, 0), last = least_of_nine(bodies[i].page, t->sql, 621200, facts - 2000);
		int64_t rare = least_of_nine(bodies[i].page, t->sql, PLACE_RARE, facts / 2);
		print_message("%s:%d, %s, %lld facts: first page %lld us, last %lld us, of a place with one in a thousand %lld us\n", t->path, t->line, bodies[i].name,
			      (long long)facts, (long long)first, (long long)last, (long long)rare);
		assert_true(last < 5 * first + 2000 && rare < 5 * first + 2000);
	}
}

static void pages(void **state)
{
	(void)state;
	sql_scan_tree(SIBAN_SOURCE_DIR, sql_product, timed, none);
	sql_forget_names();
}

static int start(void **state)
{
	postgres_server_start(state);
	char name[32];
	struct fixture migrated;
	const char *is_long = getenv("SIBAN_LONG");
	facts = is_long != NULL && strcmp(is_long, "1") == 0 ? FACTS_LONG : FACTS_SHORT;
	postgres_database(NULL, name);
	fixture_folder(&migrated);
	migrated.config.development = true;
	postgres_url_as("siban", name, migrated.config.store_url);
	FIXTURE_OK(&migrated, fixture_open(&migrated, STORE_MIGRATE));
	fixture_drop(&migrated);
	postgres = postgres_connect("postgres", name);
	fixture_make(&sqlite, NULL);
	fill_both();
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(plans), cmocka_unit_test(pages) };
	return cmocka_run_group_tests(tests, start, stop);
}
