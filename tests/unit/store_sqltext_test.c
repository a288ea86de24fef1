/* Goal: every SQL text of the project runs on SQLite and on PostgreSQL, and binds in the order it reads.
 * Method: find the literals given to tx_query in all *.c files, join adjacent ones, look at parameters and words. */
#include "store_fixture.h"

#include <ctype.h>
#include <dirent.h>
#include <strings.h>

enum { SQL_MAX = 8192, FILE_MAX = 1 << 20 };

static int texts, wrongs;

/* Words of one database only. A leading or trailing letter in a row is matched as part of a word as it stands. */
static const char *const forbidden[] = {
	"datetime(", "strftime(", "julianday(", "unixepoch(", "date(", "now()", "current_timestamp", "json_", "->>", "insert or", "replace into", "update or",
	"rowid", "autoincrement", "serial", "ilike", "glob ", "::", "ifnull(", "iif(", "group_concat(", "string_agg(", "changes()", "last_insert", "pragma",
	"for update", "skip locked", "indexed by", "sqlite_", "pg_", "interval ", "printf(", "format(", "total(", "random()", "hex(", "randomblob", "`", "\"", "[", "?",
};

static bool allowed_word(const char *path, const char *word)
{
	/* migrate.c asks SQLite's own catalogue; it is part of the dialect, as its tests are */
	return strcmp(word, "sqlite_") == 0 && strstr(path, "/store/migrate.c") != NULL;
}

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

static void complain(const char *path, const char *sql, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, sql);
	wrongs++;
}

static void check(const char *path, const char *sql)
{
	texts++;
	int next = 1;
	for (const char *at = strchr(sql, '$'); at != NULL; at = strchr(at + 1, '$')) {
		int n = atoi(at + 1);
		if (n < 1 || n > next)
			complain(path, sql, "parameters are not numbered in order of first appearance");
		next += n == next;
	}
	for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
		if (strcasestr(sql, forbidden[i]) != NULL && !allowed_word(path, forbidden[i]))
			complain(path, sql, forbidden[i]);
	if (comma_limit(sql))
		complain(path, sql, "LIMIT with a comma");
	if (strchr(sql, ';') != NULL)
		complain(path, sql, "one statement per text");
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* The adjacent literals from `at` on, joined; a NAME between them stands for literals elsewhere. Returns the end, or NULL when there is none. */
static const char *literal(const char *at, char *sql)
{
	size_t len = 0;
	if (*at != '"')
		return NULL;
	while (*at == '"') {
		for (at++; *at != '\0' && *at != '"'; at++) {
			if (*at == '\\' && at[1] != '\0')
				at++;
			assert_true(len < SQL_MAX - 1);
			sql[len++] = *at;
		}
		at = skip_space(at + (*at == '"'));
		const char *after_name = skip_space(at + strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"));
		if (*after_name == '"')
			at = after_name;
	}
	sql[len] = '\0';
	return at;
}

static void scan_text(const char *path, const char *text)
{
	static char sql[SQL_MAX];
	for (const char *at = strstr(text, "tx_query("); at != NULL; at = strstr(at + 1, "tx_query(")) {
		if (at > text && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
			continue;
		const char *comma = strchr(at, ',');
		if (comma != NULL && literal(skip_space(comma + 1), sql) != NULL)
			check(path, sql);
	}
}

/* Rows of a table that hold whole texts. */
static void scan_rows(const char *path, const char *text)
{
	static char sql[SQL_MAX];
	for (const char *at = strchr(text, '"'), *after; at != NULL; at = strchr(after, '"')) {
		after = literal(at, sql);
		if (strncmp(sql, "SELECT ", 7) == 0 || strncmp(sql, "UPDATE ", 7) == 0)
			check(path, sql);
	}
}

static bool is_table(const char *path)
{
	return strcmp(path + strlen(path) - 4, ".def") == 0;
}

static void scan_file(const char *path)
{
	static char text[FILE_MAX];
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	size_t len = fread(text, 1, sizeof text - 1, in);
	text[len] = '\0';
	fclose(in);
	(is_table(path) ? scan_rows : scan_text)(path, text);
}

static void scan_folder(const char *path)
{
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
		char below[1024];
		size_t len = strlen(e->d_name);
		snprintf(below, sizeof below, "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.' || strcmp(e->d_name, "build") == 0 || strcmp(e->d_name, "node_modules") == 0)
			continue;
		if (e->d_type == DT_DIR)
			scan_folder(below);
		else if (strcmp(e->d_name, "facts.def") == 0 || strcmp(e->d_name, "sealed_columns.def") == 0)
			scan_file(below);
		else if (len > 2 && strcmp(e->d_name + len - 2, ".c") == 0 && strcmp(e->d_name, "store_sqltext_test.c") != 0)
			scan_file(below);
	}
	closedir(folder);
}

static void all_texts(void **state)
{
	(void)state;
	wrongs = texts = 0;
	scan_folder(SIBAN_SOURCE_DIR);
	assert_true(texts >= 10); /* the scanner sees */
	assert_int_equal(wrongs, 0);
}

/* The scanner itself: what it must find wrong, and what not. */
static void scanner(void **state)
{
	(void)state;
	static const struct { const char *text; int texts, wrongs; } rows[] = {
		{ "tx_query(tx, \"SELECT a FROM t WHERE b = $1 AND c = $2 AND d = $1\", why)", 1, 0 },
		{ "tx_query(tx,\n\t\"SELECT a FROM t \"\n\t\"WHERE b = $2 AND c = $1\", why)", 1, 1 },
		{ "tx_query(tx, \"SELECT a FROM t WHERE b = $1 AND c = $3\", why)", 1, 1 },
		{ "tx_query(tx, \"INSERT OR REPLACE INTO t VALUES ($1)\", why)", 1, 2 },
		{ "tx_query(tx, \"SELECT a FROM t LIMIT $1, $2\", why)", 1, 1 },
		{ "tx_query(tx, \"SELECT a || b FROM t LIMIT $1\", why)", 1, 0 },
		{ "tx_query(tx, \"SELECT a::text FROM t\", why); tx_query(tx, \"SELECT rowid FROM t\", why)", 2, 2 },
		{ "tx_query(tx, by_id, why); my_tx_query(tx, \"SELECT ?\", why)", 0, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		wrongs = texts = 0;
		FILE *err = stderr;
		FILE *nowhere = fopen("/dev/null", "w");
		stderr = nowhere;
		scan_text("row", rows[i].text);
		stderr = err;
		fclose(nowhere);
		if (texts != rows[i].texts || wrongs != rows[i].wrongs)
			fail_msg("%s: %d texts, %d wrongs", rows[i].text, texts, wrongs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(scanner), cmocka_unit_test(all_texts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
