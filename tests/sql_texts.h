/* tests/sql_texts.h - every SQL text of the tree, as the compiler puts it together: adjacent literals joined, names of literals put in.
 *
 * A text is what begins with a verb of SQL. Where the two databases have their own rooms (store/) and in tests, only what is handed to tx_query counts: what else
 * they say is in their own language. */
#ifndef TESTS_SQL_TEXTS_H
#define TESTS_SQL_TEXTS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES_MAX = 8192, SQL_FILE_BYTES_MAX = 1 << 20, SQL_NAMES_MAX = 512 };

struct sql_text {
	const char *path, *sql; /* path as seen from the top of the repository; both valid during the visit */
	int line;
};
typedef void (*sql_visit)(const struct sql_text *t);

#define SQL_POSTGRES "/* postgres:" /* …: PostgreSQL's alone, up to the comment's end (store/pg_statement.c) */

/* What both read. */
static inline const char *sql_shared(const char *sql, char out[SQL_BYTES_MAX])
{
	snprintf(out, SQL_BYTES_MAX, "%s", sql);
	for (char *at, *end; (at = strstr(out, SQL_POSTGRES)) != NULL && (end = strstr(at, "*/")) != NULL;)
		memmove(at, end + 2, strlen(end + 2) + 1);
	return out;
}

static inline const char *sql_of_postgres(const char *sql, char out[SQL_BYTES_MAX])
{
	snprintf(out, SQL_BYTES_MAX, "%s", sql);
	for (char *at, *end; (at = strstr(out, SQL_POSTGRES)) != NULL && (end = strstr(at, "*/")) != NULL;) {
		memset(at, ' ', strlen(SQL_POSTGRES));
		memset(end, ' ', 2);
	}
	return out;
}

/* #define NAME "…" */
static struct {
	char path[256], name[64], *text;
} sql_names[SQL_NAMES_MAX];
static size_t sql_name_count;

/* ---- reading C ---- */

static inline bool sql_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Past spaces and comments; a line's continuation is a space. */
static inline const char *sql_space(const char *at)
{
	for (;;) {
		if (isspace((unsigned char)*at) || (at[0] == '\\' && at[1] == '\n'))
			at++;
		else if (at[0] == '/' && at[1] == '/')
			at += strcspn(at, "\n");
		else if (at[0] == '/' && at[1] == '*' && strstr(at + 2, "*/") != NULL)
			at = strstr(at + 2, "*/") + 2;
		else
			return at;
	}
}

/* The text of a name: the file's own, or a header's. */
static inline const char *sql_named(const char *path, const char *name, size_t len)
{
	const char *found = NULL;
	for (size_t i = 0; i < sql_name_count; i++) {
		if (strlen(sql_names[i].name) != len || memcmp(sql_names[i].name, name, len) != 0)
			continue;
		size_t end = strlen(sql_names[i].path);
		if (strcmp(sql_names[i].path, path) == 0)
			return sql_names[i].text;
		if (strcmp(sql_names[i].path + end - 2, ".h") == 0)
			found = sql_names[i].text;
	}
	return found;
}

static inline const char *sql_quoted(const char *at, char *sql, size_t *len)
{
	for (at++; *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		assert_true(*len < SQL_BYTES_MAX - 1);
		sql[(*len)++] = *at;
	}
	return at + (*at == '"');
}

/* Literals and names of literals from `at` on, joined. Returns their end; NULL: there are none. */
static inline const char *sql_group(const char *path, const char *at, char *sql)
{
	const char *end = NULL;
	size_t len = 0;
	for (;;) {
		size_t word = 0;
		while (sql_word(at[word]))
			word++;
		const char *text = word > 0 ? sql_named(path, at, word) : NULL;
		if (*at == '"') {
			at = sql_quoted(at, sql, &len);
		} else if (text != NULL && at[word] != '(') {
			assert_true(len + strlen(text) < SQL_BYTES_MAX);
			memcpy(sql + len, text, strlen(text));
			len += strlen(text);
			at += word;
		} else {
			sql[len] = '\0';
			return end;
		}
		end = at;
		at = sql_space(at);
	}
}

static inline bool sql_is_text(const char *sql)
{
	static const char *const verbs[] = { "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH " };
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strncmp(sql, verbs[i], strlen(verbs[i])) == 0)
			return true;
	return false;
}

/* Is what begins at `at` the second argument of `function`? */
static inline bool sql_given_to(const char *function, const char *text, const char *at)
{
	while (at > text && isspace((unsigned char)at[-1]))
		at--;
	if (at == text || *--at != ',')
		return false;
	while (at > text && (sql_word(at[-1]) || strchr("&->. ", at[-1]) != NULL))
		at--;
	size_t len = strlen(function);
	return at > text && at[-1] == '(' && at - 1 - text >= (ptrdiff_t)len && memcmp(at - 1 - len, function, len) == 0 &&
	       (at - 1 - len == text || !sql_word(at[-2 - (ptrdiff_t)len]));
}

/* ---- one file ---- */

/* A directive's end; a name it gives to literals is kept. */
static inline const char *sql_directive(const char *path, const char *at, bool collect)
{
	static char sql[SQL_BYTES_MAX];
	const char *end = at;
	do
		end += strcspn(end, "\n");
	while (end[-1] == '\\' && *end++ != '\0');
	char name[64];
	int skip = 0;
	if (!collect || sscanf(at, "#define %63[A-Z0-9_]%n", name, &skip) != 1 || at[skip] == '(')
		return end;
	const char *from = sql_space(at + skip), *to = from < end ? sql_group(path, from, sql) : NULL;
	if (to == NULL || sql_space(to) < end)
		return end;
	assert_true(sql_name_count < SQL_NAMES_MAX);
	assert_true(strlen(path) < sizeof sql_names[0].path);
	strcpy(sql_names[sql_name_count].path, path);
	strcpy(sql_names[sql_name_count].name, name);
	sql_names[sql_name_count++].text = strdup(sql);
	return end;
}

/* Calls `text` for each SQL text, `table` for each name of a table whose next id is asked for. NULL: only collects names of literals. */
static inline void sql_scan(const char *path, const char *text, sql_visit visit, sql_visit table)
{
	static char sql[SQL_BYTES_MAX];
	bool own_language = (strncmp(path, "store/", 6) == 0 || strncmp(path, "tests/", 6) == 0) && strstr(path, ".def") == NULL;
	struct sql_text t = { .path = path, .sql = sql, .line = 1 };
	const char *counted = text, *at = sql_space(text);
	while (*at != '\0') {
		const char *next = at + 1;
		if (*at == '#') {
			next = sql_directive(path, at, visit == NULL);
		} else if (*at == '\'') {
			for (; *next != '\0' && *next != '\''; next++)
				next += *next == '\\';
			next += *next == '\'';
		} else if (*at == '"' || sql_word(*at)) {
			const char *end = sql_group(path, at, sql);
			next = end != NULL ? end : at;
			while (end == NULL && sql_word(*next))
				next++;
			for (; counted < at; counted++)
				t.line += *counted == '\n';
			bool given = end != NULL && sql_given_to("tx_query", text, at);
			if (visit != NULL && end != NULL && (given || (sql_is_text(sql) && !own_language)))
				visit(&t);
			if (table != NULL && end != NULL && sql_given_to("tx_next_id", text, at))
				table(&t);
		}
		at = sql_space(next);
	}
}

/* ---- the tree ---- */

static inline void sql_scan_file(const char *top, const char *path, sql_visit visit, sql_visit table)
{
	static char text[SQL_FILE_BYTES_MAX];
	char whole[1024];
	assert_true(snprintf(whole, sizeof whole, "%s/%s", top, path) < (int)sizeof whole);
	FILE *in = fopen(whole, "r");
	assert_non_null(in);
	size_t len = fread(text, 1, sizeof text - 1, in);
	text[len] = '\0';
	fclose(in);
	sql_scan(path, text, visit, table);
}

static inline bool sql_ends(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

static inline void sql_scan_folder(const char *top, const char *folder, sql_visit visit, sql_visit table)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", top, folder);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		assert_true(snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path);
		if (e->d_name[0] == '.' || strcmp(e->d_name, "node_modules") == 0)
			continue;
		if (e->d_type == DT_DIR)
			sql_scan_folder(top, path, visit, table);
		else if (sql_ends(path, ".c") || sql_ends(path, ".h") || sql_ends(path, ".def"))
			sql_scan_file(top, path, visit, table);
	}
	closedir(d);
}

static const char *const sql_product[] = { "auth", "channels", "gateway", "notify", "payments", "services", "store", NULL };

/* All texts of the folders of a list that ends with NULL. */
static inline void sql_scan_tree(const char *top, const char *const *folders, sql_visit visit, sql_visit table)
{
	for (int names = 1; names >= 0; names--)
		for (size_t i = 0; folders[i] != NULL; i++) {
			char path[1024];
			snprintf(path, sizeof path, "%s/%s", top, folders[i]);
			DIR *d = opendir(path);
			if (d == NULL)
				continue; /* a room that is not built yet */
			closedir(d);
			sql_scan_folder(top, folders[i], names ? NULL : visit, names ? NULL : table);
		}
}

static inline void sql_forget_names(void)
{
	while (sql_name_count > 0)
		free(sql_names[--sql_name_count].text);
}
#endif
