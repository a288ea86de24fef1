/* store/dialect.c - why this exists: one schema text serves SQLite and PostgreSQL. SQLite's STRICT tables know neither BIGINT
 * nor VARCHAR, and PostgreSQL does not know STRICT, so the words are exchanged here and nowhere else. */
#include "store/dialect.h"

#include <ctype.h>

enum body { BODY_BOTH, BODY_SQLITE, BODY_POSTGRES };

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
static bool mark(struct str line, int *body, bool *clustered)
{
	if (str_eq(line, STR("-- sqlite:")))
		*body = BODY_SQLITE;
	else if (str_eq(line, STR("-- postgres:")))
		*body = BODY_POSTGRES;
	else if (str_eq(line, STR("-- end")))
		*body = BODY_BOTH;
	else if (str_eq(line, STR("-- clustered")))
		*clustered = true;
	else
		return false;
	return true;
}

/* Cuts the end mark off `out` from `start` on; false: the statement goes on in the next line. */
static bool cut_end(struct buf *out, size_t start, bool own_body)
{
	struct str text = { out->at + start, out->len - start };
	bool routine = own_body && is_routine(text);
	if (!str_ends(text, routine ? STR(";;") : STR(";")))
		return false;
	out->len--;
	while (!routine && out->len > start && out->at[out->len - 1] == ';')
		out->len--; /* a routine keeps the one of "END;" */
	return true;
}

bool dialect_next(struct dialect *d, struct buf *out, struct fail *why)
{
	bool clustered = false, quoted = false;
	size_t start = out->len;
	while (d->rest.len > 0) {
		struct str line;
		int was = d->body;
		bool was_quoted = quoted;
		str_cut(d->rest, '\n', &line, &d->rest);
		if (!quoted && mark(str_trim(line), &d->body, &clustered)) {
			if (d->body != was && out->len > start)
				return FAILS(why, SCHEMA, "schema: unfinished statement before \"%.*s\"", STR_ARG(line));
			continue;
		}
		if (d->body == BODY_POSTGRES)
			continue;
		line = without_comment(line, &quoted);
		if (!was_quoted)
			line = str_trim(line);
		if (line.len == 0 && !was_quoted)
			continue;
		if (out->len > start)
			buf_char(out, '\n');
		if (d->body == BODY_BOTH)
			put_mapped(out, line, was_quoted);
		else
			buf_str(out, line);
		if (!buf_ok(out))
			return FAILS(why, MEMORY, "no memory for a schema statement");
		if (quoted || !cut_end(out, start, d->body != BODY_BOTH))
			continue;
		if (d->body == BODY_BOTH && starts_nocase((struct str){ out->at + start, out->len - start }, STR("CREATE TABLE")))
			buf_str(out, clustered ? STR(" STRICT, WITHOUT ROWID") : STR(" STRICT"));
		return buf_ok(out) || FAILS(why, MEMORY, "no memory for a schema statement");
	}
	return out->len == start || FAILS(why, SCHEMA, "schema: the last statement has no end");
}
