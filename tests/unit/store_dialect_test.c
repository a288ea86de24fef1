/* Goal: portable DDL becomes what SQLite and PostgreSQL take, and nothing else is touched. Method: text in, statements out. */
#include "store_fixture.h"

#include "base/arena.h"
#include "store/dialect.h"

static const struct { const char *name, *in, *sqlite, *postgres; /* statements joined by '|'; NULL: refused */ } rows[] = {
	{ "types", "CREATE TABLE t (\n\ta BIGINT PRIMARY KEY,\n\tb VARCHAR(12) NOT NULL,\n\tc BYTEA\n);\n",
	  "CREATE TABLE t (\na INTEGER PRIMARY KEY,\nb TEXT NOT NULL,\nc BLOB\n) STRICT",
	  "CREATE TABLE t (\na BIGINT PRIMARY KEY,\nb VARCHAR(12) NOT NULL,\nc BYTEA\n)" },
	{ "ids come from a sequence", "CREATE TABLE t (\n\tid BIGINT PRIMARY KEY CHECK (id > 0),\n\ta BIGINT\n);\nCREATE TABLE u(id BIGINT PRIMARY KEY);\n",
	  "CREATE TABLE t (\nid INTEGER PRIMARY KEY CHECK (id > 0),\na INTEGER\n) STRICT|CREATE TABLE u(id INTEGER PRIMARY KEY) STRICT",
	  "CREATE TABLE t (\nid BIGINT PRIMARY KEY CHECK (id > 0),\na BIGINT\n)|CREATE SEQUENCE seq_t OWNED BY t.id|"
	  "CREATE TABLE u(id BIGINT PRIMARY KEY)|CREATE SEQUENCE seq_u OWNED BY u.id" },
	{ "other keys do not", "CREATE TABLE t (ids BIGINT PRIMARY KEY);\nCREATE TABLE u (a BIGINT, id BIGINT PRIMARY KEY);\n",
	  "CREATE TABLE t (ids INTEGER PRIMARY KEY) STRICT|CREATE TABLE u (a INTEGER, id INTEGER PRIMARY KEY) STRICT",
	  "CREATE TABLE t (ids BIGINT PRIMARY KEY)|CREATE TABLE u (a BIGINT, id BIGINT PRIMARY KEY)" },
	{ "whole words only", "CREATE TABLE t (my_bigint BIGINT, varchars BIGINT);\n", "CREATE TABLE t (my_bigint INTEGER, varchars INTEGER) STRICT",
	  "CREATE TABLE t (my_bigint BIGINT, varchars BIGINT)" },
	{ "words inside quotes stay", "CREATE TABLE t (a VARCHAR(9) CHECK (a <> 'BIGINT; -- no'));\n", "CREATE TABLE t (a TEXT CHECK (a <> 'BIGINT; -- no')) STRICT",
	  "CREATE TABLE t (a VARCHAR(9) CHECK (a <> 'BIGINT; -- no'))" },
	{ "comments go, even those that end like a statement", "-- one;\nCREATE INDEX i ON t (a); -- two;\n-- three\n", "CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a)" },
	{ "a quoted ; at a line's end ends nothing", "CREATE TABLE t (a VARCHAR(3) DEFAULT 'x;\ny');\n", "CREATE TABLE t (a TEXT DEFAULT 'x;\ny') STRICT",
	  "CREATE TABLE t (a VARCHAR(3) DEFAULT 'x;\ny')" },
	{ "two statements", "CREATE TABLE a (i BIGINT);\nCREATE TABLE b (i BIGINT);\n", "CREATE TABLE a (i INTEGER) STRICT|CREATE TABLE b (i INTEGER) STRICT",
	  "CREATE TABLE a (i BIGINT)|CREATE TABLE b (i BIGINT)" },
	{ "clustered", "-- clustered\nCREATE TABLE a (i BIGINT PRIMARY KEY);\nCREATE TABLE b (i BIGINT);\n",
	  "CREATE TABLE a (i INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID|CREATE TABLE b (i INTEGER) STRICT",
	  "CREATE TABLE a (i BIGINT PRIMARY KEY)|CREATE TABLE b (i BIGINT)" },
	{ "a trigger for each",
	  "-- sqlite:\nCREATE TRIGGER t BEFORE DELETE ON a BEGIN\n\tSELECT RAISE(ABORT, 'BIGINT');\nEND;;\n-- end\n-- postgres:\n"
	  "CREATE FUNCTION x() AS $$ BEGIN\n\tRAISE EXCEPTION 'no';\nEND $$;;\nCREATE INDEX p ON a (c);\n-- end\nCREATE INDEX i ON a (b);\n",
	  "CREATE TRIGGER t BEFORE DELETE ON a BEGIN\nSELECT RAISE(ABORT, 'BIGINT');\nEND;|CREATE INDEX i ON a (b)",
	  "CREATE FUNCTION x() AS $$ BEGIN\nRAISE EXCEPTION 'no';\nEND $$;|CREATE INDEX p ON a (c)|CREATE INDEX i ON a (b)" },
	{ "several in one block", "-- sqlite:\nCREATE INDEX i ON a (b);\nCREATE INDEX j ON a (c);;\n-- end\n", "CREATE INDEX i ON a (b)|CREATE INDEX j ON a (c)", "" },
	{ "nothing", "-- only a comment\n\n", "", "" },
	{ "no end", "CREATE TABLE t (a BIGINT)\n", NULL, NULL },
	{ "a block begins inside a statement", "CREATE TABLE t (\n-- sqlite:\na BIGINT);\n-- end\n", NULL, NULL },
	{ "a name too long for its sequence", "CREATE TABLE a23456789012345678901234567890123456789012345678901234567890 (id BIGINT PRIMARY KEY);\n",
	  "CREATE TABLE a23456789012345678901234567890123456789012345678901234567890 (id INTEGER PRIMARY KEY) STRICT", NULL },
};

/* All statements of `text`, joined; false: it was refused. */
static bool translate(enum dialect_body body, const char *text, struct buf *out, struct fail *why)
{
	struct dialect d = { .rest = str_c(text), .body = body };
	for (size_t before = SIZE_MAX; before != out->len;) {
		before = out->len;
		struct buf one;
		buf_init(&one, out->arena, 64);
		if (!dialect_next(&d, &one, why))
			return false;
		if (one.len > 0 && out->len > 0)
			buf_char(out, '|');
		buf_str(out, buf_text(&one));
	}
	return true;
}

static void statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (enum dialect_body body = DIALECT_SQLITE; body <= DIALECT_POSTGRES; body++) {
			const char *want = body == DIALECT_SQLITE ? rows[i].sqlite : rows[i].postgres;
			struct arena arena;
			arena_init(&arena, 1 << 20);
			struct buf out;
			buf_init(&out, &arena, 64);
			struct fail why;
			fail_clear(&why);
			bool ok = translate(body, rows[i].in, &out, &why);
			buf_char(&out, '\0');
			if (ok != (want != NULL) || (ok && strcmp(out.at, want) != 0))
				fail_msg("%s, body %d: got \"%s\" (%s)", rows[i].name, (int)body, out.at, why.log);
			arena_free(&arena);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(statements) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
