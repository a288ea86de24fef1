/* Goal: every SQL text of the project is written in what SQLite and PostgreSQL share, and binds in the order it reads.
 * Method: find the texts (sql_texts.h), look at parameters and words. That both take them is seen by contract.store_sqltext_test. */
#include "sql_texts.h"

#include <strings.h>

static int texts, tables, wrongs;
static bool quiet;

/* Words of one database only. A leading or trailing letter in a row is matched as part of a word as it stands. */
static const char *const forbidden[] = {
	"datetime(", "strftime(", "julianday(", "unixepoch(", "date(", "now()", "current_timestamp", "json_", "->>", "insert or", "replace into", "update or",
	"rowid", "autoincrement", "nextval", "advisory", "returning *", "select *", "serial", "ilike", "glob ", "::", "ifnull(", "iif(", "group_concat(", "string_agg(", "changes()", "last_insert", "pragma",
	"for update", "skip locked", "indexed by", "sqlite_", "pg_", "interval ", "printf(", "format(", "total(", "random()", "hex(", "randomblob", "`", "\"", "[", "?",
};

/* LIMIT a, b is SQLite's alone. */
static bool comma_limit(const char *sql)
{
	const char *at = strcasestr(sql, "limit ");
	for (; at != NULL; at = strcasestr(at, "limit ")) {
		at += 6;
		size_t len = strspn(at, "$0123456789 ");
		if (at[len] == ',')
			return true;
	}
	return false;
}

static void complain(const struct sql_text *t, const char *what)
{
	if (!quiet)
		fprintf(stderr, "%s:%d: %s: %s\n", t->path, t->line, what, t->sql);
	wrongs++;
}

static void check(const struct sql_text *whole)
{
	char shared[SQL_BYTES_MAX];
	struct sql_text without = *whole, *t = &without;
	without.sql = sql_shared(whole->sql, shared);
	texts++;
	int next = 1;
	for (const char *at = strchr(t->sql, '$'); at != NULL; at = strchr(at + 1, '$')) {
		int n = atoi(at + 1);
		if (n < 1 || n > next)
			complain(t, "parameters are not numbered in order of first appearance");
		next += n == next;
	}
	for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
		if (strcasestr(t->sql, forbidden[i]) != NULL)
			complain(t, forbidden[i]);
	if (comma_limit(t->sql))
		complain(t, "LIMIT with a comma");
	if (strchr(t->sql, ';') != NULL)
		complain(t, "one statement per text");
}

static void all_texts(void **state)
{
	(void)state;
	static const char *const with_tests[] = { "auth", "channels", "gateway", "notify", "payments", "services", "store", "tests/contract", NULL };
	wrongs = texts = 0;
	sql_scan_tree(SIBAN_SOURCE_DIR, with_tests, check, NULL);
	sql_forget_names();
	assert_true(texts >= 250); /* the scanner sees */
	assert_int_equal(wrongs, 0);
}

static void count_table(const struct sql_text *t)
{
	tables += strcmp(t->sql, "t") == 0;
}

/* The scanner itself: what it must find, find wrong, and pass over. */
static void scanner(void **state)
{
	(void)state;
	static const struct { const char *path, *text; int texts, wrongs, tables; } rows[] = {
		{ "a/b.c", "tx_query(tx, \"SELECT a FROM t WHERE b = $1 AND c = $2 AND d = $1\", why)", 1, 0, 0 },
		{ "a/b.c", "tx_query(tx,\n\t\"SELECT a FROM t \"\n\t\"WHERE b = $2 AND c = $1\", why)", 1, 1, 0 },
		{ "a/b.c", "tx_query(tx, \"SELECT a FROM t WHERE b = $1 AND c = $3\", why)", 1, 1, 0 },
		{ "a/b.c", "tx_query(tx, \"INSERT OR REPLACE INTO t VALUES ($1)\", why)", 1, 2, 0 },
		{ "a/b.c", "tx_query(tx, \"SELECT a FROM t LIMIT $1, $2\", why)", 1, 1, 0 },
		{ "a/b.c", "tx_query(tx, \"SELECT a || b FROM t LIMIT $1\", why)", 1, 0, 0 },
		{ "a/b.c", "tx_query(tx, \"SELECT a::text FROM t\", why); tx_query(tx, \"SELECT rowid FROM t\", why)", 2, 2, 0 },
		{ "a/b.c", "c ? tx_query(tx, NAMED \" WHERE ?\", why) : \"other words; ?\" /* \"SELECT ?\" */ // \"SELECT ?\"", 1, 1, 0 },
		{ "a/b.c", "#define OTHER \"SELECT ?\"\n#define MORE(x) x \"SELECT ?\"\ntx_query(tx, OTHER, why)", 0, 0, 0 },
		{ "a/b.c", "static const char sql[] = \"UPDATE t SET a = $2\"; char q = '\"';", 1, 1, 0 },
		{ "a/b.def", "ROW(\"SELECT a\", \"SELECT ?\")", 2, 1, 0 },
		{ "store/x.c", "exec(c, \"SELECT pragma\"); tx_query(&tx, \"SELECT pragma\", why)", 1, 1, 0 },
		{ "tests/x.c", "exec(c, \"SELECT pragma\"); tx_query(&tx, \"SELECT pragma\", why)", 1, 1, 0 },
		{ "store/x.def", "ROW(\"SELECT ?\")", 1, 1, 0 },
		{ "a/b.c", "tx_query(tx, \"PRAGMA x\", why); my_tx_query(tx, \"PRAGMA x\", why)", 1, 1, 0 },
		{ "a/b.c", "tx_next_id(tx, \"t\", &id, why) + next_id(tx, \"t\")", 0, 0, 1 },
	};
	quiet = true;
	sql_scan("a/names.h", "#define NAMED \"SELECT a \" \\\n\t\"FROM t\"\n", NULL, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		wrongs = texts = tables = 0;
		sql_scan(rows[i].path, rows[i].text, check, count_table);
		if (texts != rows[i].texts || wrongs != rows[i].wrongs || tables != rows[i].tables)
			fail_msg("%s: %d texts, %d wrongs, %d tables", rows[i].text, texts, wrongs, tables);
	}
	sql_forget_names();
	quiet = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(scanner), cmocka_unit_test(all_texts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
