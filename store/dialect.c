/* store/dialect.c - why this exists: one schema text serves SQLite and PostgreSQL. SQLite's STRICT tables know neither BIGINT
 * nor VARCHAR, and PostgreSQL does not know STRICT, so the words are exchanged here and nowhere else. PostgreSQL writes in many transactions
 * at once, so a table's next id comes from a sequence beside it (tx_next_id) and not from its largest id. */
#include "store/dialect.h"

#include <ctype.h>
#include <string.h>

enum block { BLOCK_BOTH, BLOCK_SQLITE, BLOCK_POSTGRES };

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The line up to a comment that is not inside quotes; `quoted` carries an open quote over lines. */
static struct str without_comment(struct str line, bool *quoted)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] == '\'')
			*quoted = !*quoted;
		else if (!*quoted && line.at[i] == '-' && i + 1 < line.len && line.at[i + 1] == '-')
			return (struct str){ line.at, i };
	}
	return line;
}

/* BIGINT → INTEGER, VARCHAR(n) → TEXT, BYTEA → BLOB, outside quotes and only as whole words. */
static void put_mapped(struct buf *out, struct str line, bool quoted)
{
	for (size_t i = 0; i < line.len;) {
		if (quoted || !is_word_char(line.at[i])) {
			if (line.at[i] == '\'')
				quoted = !quoted;
			buf_char(out, line.at[i++]);
			continue;
		}
		size_t end = i;
		while (end < line.len && is_word_char(line.at[end]))
			end++;
		struct str word = { line.at + i, end - i };
		i = end;
		if (str_eq_nocase(word, STR("BIGINT"))) {
			buf_str(out, STR("INTEGER"));
		} else if (str_eq_nocase(word, STR("BYTEA"))) {
			buf_str(out, STR("BLOB"));
		} else if (str_eq_nocase(word, STR("VARCHAR"))) {
			buf_str(out, STR("TEXT"));
			while (i < line.len && line.at[i] != ')')
				i++;
			i += i < line.len;
		} else {
			buf_str(out, word);
		}
	}
}

static bool starts_nocase(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq_nocase((struct str){ s.at, prefix.len }, prefix);
}

static bool is_routine(struct str statement)
{
	return starts_nocase(statement, STR("CREATE TRIGGER")) || starts_nocase(statement, STR("CREATE FUNCTION")) ||
	       starts_nocase(statement, STR("CREATE OR REPLACE FUNCTION"));
}

/* A comment line that means something. */
static bool mark(struct str line, int *block, bool *clustered)
{
	if (str_eq(line, STR("-- sqlite:")))
		*block = BLOCK_SQLITE;
	else if (str_eq(line, STR("-- postgres:")))
		*block = BLOCK_POSTGRES;
	else if (str_eq(line, STR("-- end")))
		*block = BLOCK_BOTH;
	else if (str_eq(line, STR("-- clustered")))
		*clustered = true;
	else
		return false;
	return true;
}

/* Cuts the end mark off `out` from `start` on; false: the statement goes on in the next line. */
static bool cut_end(struct buf *out, size_t start, bool own_block)
{
	struct str text = { out->at + start, out->len - start };
	bool routine = own_block && is_routine(text);
	if (!str_ends(text, routine ? STR(";;") : STR(";")))
		return false;
	out->len--;
	while (!routine && out->len > start && out->at[out->len - 1] == ';')
		out->len--; /* a routine keeps the one of "END;" */
	return true;
}

static size_t skip_space(struct str s, size_t at)
{
	while (at < s.len && isspace((unsigned char)s.at[at]))
		at++;
	return at;
}

/* Notes the table if its rows are numbered: its first column is "id BIGINT PRIMARY KEY". */
static bool note_numbered(struct dialect *d, struct str table, struct fail *why)
{
	size_t at = skip_space(table, sizeof "CREATE TABLE" - 1), end = at;
	while (end < table.len && is_word_char(table.at[end]))
		end++;
	size_t open = skip_space(table, end), first = skip_space(table, open + 1);
	if (open >= table.len || table.at[open] != '(' || !starts_nocase((struct str){ table.at + first, table.len - first }, STR("id BIGINT PRIMARY KEY")))
		return true;
	if (end - at >= sizeof d->numbered)
		return FAILS(why, SCHEMA, "schema: a name too long for a table with ids: %.*s", (int)(end - at), table.at + at);
	memcpy(d->numbered, table.at + at, end - at);
	d->numbered[end - at] = '\0';
	return true;
}

/* What only one of the two wants behind a statement that both read. */
static bool finish_shared(struct dialect *d, struct buf *out, size_t start, bool clustered, struct fail *why)
{
	struct str text = { out->at + start, out->len - start };
	if (!starts_nocase(text, STR("CREATE TABLE")))
		return true;
	if (d->body == DIALECT_POSTGRES)
		return note_numbered(d, text, why);
	buf_str(out, clustered ? STR(" STRICT, WITHOUT ROWID") : STR(" STRICT"));
	return true;
}

static bool next_sequence(struct dialect *d, struct buf *out, struct fail *why)
{
	buf_printf(out, "CREATE SEQUENCE seq_%s OWNED BY %s.id", d->numbered, d->numbered);
	d->numbered[0] = '\0';
	return buf_ok(out) || FAILS(why, MEMORY, "no memory for a schema statement");
}

static bool is_others(const struct dialect *d)
{
	return d->block == (d->body == DIALECT_SQLITE ? BLOCK_POSTGRES : BLOCK_SQLITE);
}

bool dialect_next(struct dialect *d, struct buf *out, struct fail *why)
{
	bool clustered = false, quoted = false;
	size_t start = out->len;
	if (d->numbered[0] != '\0')
		return next_sequence(d, out, why);
	while (d->rest.len > 0) {
		struct str line;
		int was = d->block;
		bool was_quoted = quoted;
		str_cut(d->rest, '\n', &line, &d->rest);
		if (!quoted && mark(str_trim(line), &d->block, &clustered)) {
			if (d->block != was && out->len > start)
				return FAILS(why, SCHEMA, "schema: unfinished statement before \"%.*s\"", STR_ARG(line));
			continue;
		}
		if (is_others(d))
			continue;
		line = without_comment(line, &quoted);
		if (!was_quoted)
			line = str_trim(line);
		if (line.len == 0 && !was_quoted)
			continue;
		if (out->len > start)
			buf_char(out, '\n');
		if (d->block == BLOCK_BOTH && d->body == DIALECT_SQLITE)
			put_mapped(out, line, was_quoted);
		else
			buf_str(out, line);
		if (!buf_ok(out))
			return FAILS(why, MEMORY, "no memory for a schema statement");
		if (quoted || !cut_end(out, start, d->block != BLOCK_BOTH))
			continue;
		if (d->block == BLOCK_BOTH && !finish_shared(d, out, start, clustered, why))
			return false;
		return buf_ok(out) || FAILS(why, MEMORY, "no memory for a schema statement");
	}
	return out->len == start || FAILS(why, SCHEMA, "schema: the last statement has no end");
}
