/* Goal: portable DDL becomes what SQLite takes, and nothing else is touched. Method: text in, statements out. */
#include "store_fixture.h"

#include "base/arena.h"
#include "store/dialect.h"

static const struct { const char *name, *in, *out; /* statements joined by '|'; NULL: refused */ } rows[] = {
	{ "types", "CREATE TABLE t (\n\ta BIGINT PRIMARY KEY,\n\tb VARCHAR(12) NOT NULL,\n\tc BYTEA\n);\n",
	  "CREATE TABLE t (\na INTEGER PRIMARY KEY,\nb TEXT NOT NULL,\nc BLOB\n) STRICT" },
	{ "whole words only", "CREATE TABLE t (my_bigint BIGINT, varchars BIGINT);\n", "CREATE TABLE t (my_bigint INTEGER, varchars INTEGER) STRICT" },
	{ "words inside quotes stay", "CREATE TABLE t (a VARCHAR(9) CHECK (a <> 'BIGINT; -- no'));\n", "CREATE TABLE t (a TEXT CHECK (a <> 'BIGINT; -- no')) STRICT" },
	{ "comments go, even those that end like a statement", "-- one;\nCREATE INDEX i ON t (a); -- two;\n-- three\n", "CREATE INDEX i ON t (a)" },
	{ "a quoted ; at a line's end ends nothing", "CREATE TABLE t (a VARCHAR(3) DEFAULT 'x;\ny');\n", "CREATE TABLE t (a TEXT DEFAULT 'x;\ny') STRICT" },
	{ "two statements", "CREATE TABLE a (i BIGINT);\nCREATE TABLE b (i BIGINT);\n", "CREATE TABLE a (i INTEGER) STRICT|CREATE TABLE b (i INTEGER) STRICT" },
	{ "clustered", "-- clustered\nCREATE TABLE a (i BIGINT PRIMARY KEY);\nCREATE TABLE b (i BIGINT);\n",
	  "CREATE TABLE a (i INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID|CREATE TABLE b (i INTEGER) STRICT" },
	{ "a trigger for each", "-- sqlite:\nCREATE TRIGGER t BEFORE DELETE ON a BEGIN\n\tSELECT RAISE(ABORT, 'BIGINT');\nEND;;\n-- end\n-- postgres:\nCREATE FUNCTION x;;\n-- end\nCREATE INDEX i ON a (b);\n",
	  "CREATE TRIGGER t BEFORE DELETE ON a BEGIN\nSELECT RAISE(ABORT, 'BIGINT');\nEND;|CREATE INDEX i ON a (b)" },
	{ "several in one block", "-- sqlite:\nCREATE INDEX i ON a (b);\nCREATE INDEX j ON a (c);;\n-- end\n", "CREATE INDEX i ON a (b)|CREATE INDEX j ON a (c)" },
	{ "nothing", "-- only a comment\n\n", "" },
	{ "no end", "CREATE TABLE t (a BIGINT)\n", NULL },
	{ "a block begins inside a statement", "CREATE TABLE t (\n-- sqlite:\na BIGINT);\n-- end\n", NULL },
};

static void statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena arena;
		arena_init(&arena, 1 << 20);
		struct buf out;
		buf_init(&out, &arena, 64);
		struct dialect d = { .rest = str_c(rows[i].in) };
		struct fail why;
		fail_clear(&why);
		bool ok = true;
		for (size_t before = SIZE_MAX; ok && before != out.len;) {
			before = out.len;
			struct buf one;
			buf_init(&one, &arena, 64);
			ok = dialect_next(&d, &one, &why);
			if (ok && one.len > 0) {
				if (out.len > 0)
					buf_char(&out, '|');
				buf_str(&out, buf_text(&one));
			}
		}
		buf_char(&out, '\0');
		if (ok != (rows[i].out != NULL) || (ok && strcmp(out.at, rows[i].out) != 0))
			fail_msg("%s: got \"%s\" (%s)", rows[i].name, out.at, why.log);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(statements) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
