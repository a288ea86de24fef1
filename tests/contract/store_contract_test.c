/* Goal: struct tx means the same whatever database stands behind it. Method: rows of (what is done, what must come out), run
 * against each store there is. */
#include "postgres_server.h"
#include "seal_fixture.h"

#include "store/meta.h"
#include "store/outcome.h"
#include "store/part.h"

static struct fixture f;

static const char tables[] =
	"CREATE TABLE parent (id BIGINT PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE);\n"
	"CREATE TABLE child (\n\tid BIGINT PRIMARY KEY,\n\tparent BIGINT NOT NULL REFERENCES parent (id),\n\tfen BIGINT NOT NULL CHECK (fen >= 0),\n"
	"\tcode VARCHAR(10) UNIQUE,\n\tbytes BYTEA\n);\n"
	"-- clustered\nCREATE TABLE pair (\n\ta BIGINT NOT NULL,\n\tb BYTEA NOT NULL,\n\tn BIGINT NOT NULL,\n\tPRIMARY KEY (a, b)\n);\n";

static bool run(struct tx *tx, const char *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

static int64_t number(struct tx *tx, const char *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_row(q, why) ? stmt_int(q, 0) : -1;
}

static bool new_parent(struct tx *tx, const char *name, int64_t *id, struct fail *why)
{
	if (!tx_next_id(tx, "parent", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO parent (id, name) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_text(q, 2, str_c(name));
	return stmt_run(q, why);
}

static bool base_rows(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t one, two;
	(void)ctx;
	return new_parent(tx, "一窗办", &one, why) && new_parent(tx, "b", &two, why) && one == 1 && two == 2 && run(tx, "INSERT INTO child (id, parent, fen) VALUES (1, 1, 5)", why);
}

/* -- each row runs in a write transaction that is rolled back after it */

static bool duplicate_key(struct tx *tx, struct fail *why) { return run(tx, "INSERT INTO parent (id, name) VALUES (1, 'x')", why); }
static bool duplicate_unique(struct tx *tx, struct fail *why) { return run(tx, "INSERT INTO parent (id, name) VALUES (3, 'b')", why); }
static bool no_parent(struct tx *tx, struct fail *why) { return run(tx, "INSERT INTO child (id, parent, fen) VALUES (2, 99, 0)", why); }
static bool parent_in_use(struct tx *tx, struct fail *why) { return run(tx, "DELETE FROM parent WHERE id = 1", why); }
static bool below_zero(struct tx *tx, struct fail *why) { return run(tx, "UPDATE child SET fen = fen - 6 WHERE id = 1", why); }
static bool not_null(struct tx *tx, struct fail *why) { return run(tx, "INSERT INTO child (id, parent, fen) VALUES (3, 1, NULL)", why); }
static bool two_nulls_are_unique(struct tx *tx, struct fail *why) { return run(tx, "INSERT INTO child (id, parent, fen) VALUES (4, 1, 0), (5, 1, 0)", why); }

static bool conditional_update(struct tx *tx, struct fail *why)
{
	if (!run(tx, "UPDATE child SET fen = fen - 5 WHERE id = 1 AND fen >= 5", why) || tx_changes(tx) != 1)
		return false;
	return run(tx, "UPDATE child SET fen = fen - 5 WHERE id = 1 AND fen >= 5", why) && tx_changes(tx) == 0;
}

static bool upsert_without_change_returns_nothing(struct tx *tx, struct fail *why)
{
	static const char sql[] = "INSERT INTO parent (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name "
	                          "WHERE parent.name <> excluded.name RETURNING id";
	for (int i = 0; i < 2; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, 2);
		stmt_bind_text(q, 2, STR("c"));
		if (stmt_row(q, why) != (i == 0) || why->code != FAIL_NONE)
			return false;
		if (!stmt_run(q, why))
			return false;
	}
	return number(tx, "SELECT count(*) FROM parent WHERE name = 'c'", why) == 1;
}

static bool parameter_used_twice(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM parent WHERE id = $1 OR (id = $2 AND id <> $1)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, 1);
	stmt_bind_int(q, 2, 2);
	return stmt_row(q, why) && stmt_int(q, 0) == 2;
}

static bool values_come_back(struct tx *tx, struct fail *why)
{
	static const char sql[] = "INSERT INTO child (id, parent, fen, code, bytes) VALUES ($1, $2, $3, $4, $5)";
	static const char bytes[] = { 0, 1, (char)0xff, 0 };
	{
		DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, INT64_MAX);
		stmt_bind_int(q, 2, 1);
		stmt_bind_int(q, 3, INT64_MAX);
		stmt_bind_text(q, 4, STR("一'\"\\%"));
		stmt_bind_blob(q, 5, bytes, sizeof bytes);
		if (!stmt_run(q, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT fen, code, bytes FROM child WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, INT64_MAX);
	return stmt_row(q, why) && stmt_int(q, 0) == INT64_MAX && str_eq(stmt_text(q, 1), STR("一'\"\\%")) &&
	       str_eq(stmt_blob(q, 2), (struct str){ bytes, sizeof bytes });
}

static bool empty_is_not_null(struct tx *tx, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO child (id, parent, fen, code, bytes) VALUES (7, 1, 0, $1, $2)", why);
		if (q == NULL)
			return false;
		stmt_bind_text(q, 1, STR(""));
		stmt_bind_null(q, 2);
		if (!stmt_run(q, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code, bytes FROM child WHERE id = 7", why);
	return q != NULL && stmt_row(q, why) && !stmt_is_null(q, 0) && stmt_text(q, 0).len == 0 && stmt_is_null(q, 1);
}

static bool text_is_no_number(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE child SET fen = $1 WHERE id = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, STR("many"));
	return stmt_run(q, why);
}

static bool next_id(struct tx *tx, struct fail *why)
{
	int64_t third, fourth;
	if (!new_parent(tx, "c", &third, why) || !new_parent(tx, "d", &fourth, why))
		return false;
	return third > 2 && fourth > third && (!store_is_embedded(f.store) || fourth == 4); /* only one writer can leave no gaps */
}

static bool rows_in_order(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM parent WHERE id > $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, 0);
	stmt_bind_int(q, 2, 1);
	return stmt_row(q, why) && stmt_int(q, 0) == 1 && !stmt_row(q, why) && why->code == FAIL_NONE;
}

static bool clustered_key(struct tx *tx, struct fail *why)
{
	for (int i = 0; i < 2; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pair (a, b, n) VALUES ($1, $2, 1) ON CONFLICT (a, b) DO UPDATE SET n = pair.n + 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, 1);
		stmt_bind_blob(q, 2, "\0\1", 2);
		if (!stmt_run(q, why))
			return false;
	}
	return number(tx, "SELECT n FROM pair", why) == 2;
}

static bool row_values(struct tx *tx, struct fail *why)
{
	return number(tx, "SELECT count(*) FROM child WHERE (id, parent) IN (SELECT id, id FROM parent)", why) == 1;
}

static bool named_value(struct tx *tx, struct fail *why)
{
	int64_t len;
	char out[8];
	return meta_put(tx, STR("a"), "12", 2, why) && meta_put(tx, STR("a"), "345", 3, why) && meta_get(tx, STR("a"), out, sizeof out, &len, why) && len == 3 &&
	       memcmp(out, "345", 3) == 0;
}

static bool outcome_is_kept(struct tx *tx, struct fail *why)
{
	struct outcome_key key = { .who_kind = 2, .who_id = 3, .route = 4 };
	struct outcome in = { .code = 1, .status = 200, .n = { INT64_MIN, 1, 2, 3, 4, INT64_MAX } }, out;
	struct outcome_text text = { .at = "\1\0\2", .len = 3 }, back;
	if (!outcome_put(tx, &key, 1000, &in, &text, why) || outcome_find(tx, &key, 2000, &out, &back, why) != OUTCOME_REPEATED)
		return false;
	if (back.len != text.len || memcmp(back.at, text.at, text.len) != 0)
		return false;
	key.body[0] = 1;
	return memcmp(&in, &out, sizeof in) == 0 && outcome_find(tx, &key, 2000, &out, &back, why) == OUTCOME_OTHER_BODY;
}

static bool fact_by_key(struct tx *tx, const char *sql, int64_t ref_a, int64_t want, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ref_a);
	stmt_bind_int(q, 2, ref_a == INT64_MIN ? INT64_MIN : 0);
	stmt_bind_int(q, 3, 10);
	int64_t rows = 0;
	while (stmt_row(q, why))
		rows++;
	return why->code == FAIL_NONE && rows == want;
}

/* The same facts give the same digest, chain and answer everywhere, and their keys are found from any place on. */
static bool facts_are_sealed(struct tx *tx, struct fail *why)
{
	struct seal head;
	struct seal_walk walk = { .wrong = SEAL_FINE };
	struct seal_rows rows_of = { .kind = fact_row_of(FACT_AUDIT), .ref_a = INT64_MIN, .ref_b = INT64_MIN };
	int count = 5;
	int64_t sealed, waiting, oldest;
	char hex[2 * HASH_BYTES + 1];
	if (!seal_facts(tx, &count, why) || !sealer_apply(tx, SEAL_NOW, 3, &sealed, why) || sealed != 3 || !sealer_apply(tx, SEAL_NOW, 1, &sealed, why) ||
	    !seal_head(tx, &head, why) || !seal_waiting(tx, &head, &waiting, &oldest, why))
		return false;
	hex_text(head.chain, HASH_BYTES, hex);
	return head.seq == 4 && waiting == 1 && oldest == SEAL_NOW + 5 && strcmp(hex, "99366df4cb05e6da3f01da0df9d96e2715db62cb6d243cf75422640abf9958ca") == 0 &&
	       seal_walk(tx, &walk, 10, why) && walk.wrong == SEAL_FINE && walk.is_end && walk.at.seq == 4 && seal_rows(tx, &rows_of, 10, why) &&
	       rows_of.wrong == SEAL_FINE && rows_of.rows == 5 && fact_by_key(tx, fact_row_of(FACT_AUDIT)->after, 3, 2, why) &&
	       fact_by_key(tx, fact_row_of(FACT_AUDIT)->after, INT64_MIN, 5, why) && fact_by_key(tx, fact_row_of(FACT_CASE_EVENT)->after, INT64_MIN, 0, why);
}

static bool a_fact_stays(struct tx *tx, struct fail *why)
{
	int count = 1;
	return seal_facts(tx, &count, why) && run(tx, "UPDATE fact SET made_ms = 0", why);
}

static bool an_audit_row_stays(struct tx *tx, struct fail *why)
{
	int count = 1;
	return seal_facts(tx, &count, why) && run(tx, "DELETE FROM audit WHERE id > 0", why);
}

static bool a_seal_stays(struct tx *tx, struct fail *why)
{
	int count = 1;
	int64_t sealed;
	return seal_facts(tx, &count, why) && sealer_apply(tx, SEAL_NOW, 1, &sealed, why) && run(tx, "UPDATE seal SET sealed_ms = 0", why);
}

static bool sealed_once(struct tx *tx, struct fail *why)
{
	int count = 1;
	int64_t sealed;
	return seal_facts(tx, &count, why) && sealer_apply(tx, SEAL_NOW, 1, &sealed, why) &&
	       run(tx, "INSERT INTO seal (seq, fact, department, sealed_ms, chain) SELECT 9, fact, department, sealed_ms, chain FROM seal", why);
}

static bool good_part(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	tx_tell(tx, NEWS_PERSON, 1);
	return run(tx, "INSERT INTO parent (id, name) VALUES (60, 'kept')", why);
}

static bool bad_part(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	tx_tell(tx, NEWS_PERSON, 2);
	tx_touch(tx, ROW_CASE, 2);
	return run(tx, "INSERT INTO parent (id, name) VALUES (61, 'undone')", why) && below_zero(tx, why);
}

static bool a_part_fails_alone(struct tx *tx, struct fail *why)
{
	struct fail reason;
	if (!run(tx, "INSERT INTO parent (id, name) VALUES (59, 'before')", why) || !tx_part(tx, good_part, NULL, &reason, why) || reason.code != FAIL_NONE || tx->news->count != 1)
		return false;
	for (int i = 0; i < 2; i++)
		if (!tx_wait(tx, 100, why) || !tx_part(tx, bad_part, NULL, &reason, why) || reason.code != FAIL_CONFLICT || tx->news->count != 1 || tx->touched_count != 0)
			return false;
	return run(tx, "INSERT INTO parent (id, name) VALUES (62, 'after')", why) && number(tx, "SELECT count(*) * 1000 + sum(id) FROM parent WHERE id >= 59", why) == 3181;
}

enum { OURS = FAIL_COUNT /* the program is wrong: SQLite notices by the value, PostgreSQL by the text */ };

static const struct { const char *name; bool (*apply)(struct tx *, struct fail *); enum fail_code code; } rows[] = {
	{ "duplicate key", duplicate_key, FAIL_CONFLICT },
	{ "duplicate unique", duplicate_unique, FAIL_CONFLICT },
	{ "no parent", no_parent, FAIL_CONFLICT },
	{ "parent in use", parent_in_use, FAIL_CONFLICT },
	{ "below zero", below_zero, FAIL_CONFLICT },
	{ "not null", not_null, FAIL_CONFLICT },
	{ "text is no number", text_is_no_number, (enum fail_code)OURS },
	{ "two nulls are unique", two_nulls_are_unique, FAIL_NONE },
	{ "conditional update", conditional_update, FAIL_NONE },
	{ "upsert without change", upsert_without_change_returns_nothing, FAIL_NONE },
	{ "parameter used twice", parameter_used_twice, FAIL_NONE },
	{ "values come back", values_come_back, FAIL_NONE },
	{ "empty is not null", empty_is_not_null, FAIL_NONE },
	{ "next id", next_id, FAIL_NONE },
	{ "rows in order", rows_in_order, FAIL_NONE },
	{ "clustered key", clustered_key, FAIL_NONE },
	{ "row values", row_values, FAIL_NONE },
	{ "named value", named_value, FAIL_NONE },
	{ "outcome", outcome_is_kept, FAIL_NONE },
	{ "facts are sealed", facts_are_sealed, FAIL_NONE },
	{ "a fact stays", a_fact_stays, FAIL_CONFLICT },
	{ "an audit row stays", an_audit_row_stays, FAIL_CONFLICT },
	{ "a seal stays", a_seal_stays, FAIL_CONFLICT },
	{ "sealed once", sealed_once, FAIL_CONFLICT },
	{ "a part fails alone", a_part_fails_alone, FAIL_NONE },
};

struct trial {
	size_t row;
	bool held;
	struct fail why;
};

static bool try_row(struct tx *tx, void *ctx, struct fail *why)
{
	struct trial *t = ctx;
	fail_clear(&t->why);
	t->held = rows[t->row].apply(tx, &t->why);
	return FAILS(why, GONE, "each row leaves nothing");
}

static void each(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct trial t = { .row = i };
		fail_clear(&f.why);
		assert_false(store_write(f.store, try_row, &t, &f.why));
		assert_int_equal(f.why.code, FAIL_GONE);
		enum fail_code want = (int)rows[i].code != OURS ? rows[i].code : store_is_embedded(f.store) ? FAIL_CONFLICT : FAIL_INTERNAL;
		if (t.held != (want == FAIL_NONE) || t.why.code != want)
			fail_msg("%s: %s, %d \"%s\"", rows[i].name, t.held ? "held" : "did not hold", t.why.code, t.why.log);
		assert_int_equal(fixture_number(&f, "SELECT count(*) + (SELECT sum(fen) FROM child) FROM parent"), 7); /* rolled back: as it began */
	}
}

static bool add_one(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct fail inner;
	fail_clear(&inner);
	struct connection *r = store_reader(f.store, 0, &inner);
	struct tx other;
	bool ok = run(tx, "INSERT INTO parent (id, name) VALUES (50, 'new')", why) && reader_begin(r, &other, &inner) &&
	          number(&other, "SELECT count(*) FROM parent WHERE id = 50", &inner) == 0; /* not before the commit */
	connection_close(r);
	return ok || FAILS(why, INTERNAL, "seen before the commit");
}

static void committed_is_seen(void **state)
{
	(void)state;
	FIXTURE_OK(&f, store_write(f.store, add_one, NULL, &f.why));
	struct connection *r = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(r, &tx, &f.why));
	assert_int_equal(number(&tx, "SELECT count(*) FROM parent WHERE id = 50", &f.why), 1);
	connection_close(r);
}

/* -- the stores */

static int sqlite(void **state)
{
	(void)state;
	fixture_make(&f, tables);
	FIXTURE_OK(&f, store_write(f.store, base_rows, NULL, &f.why));
	return 0;
}

static int postgres_as(bool prepared)
{
	char name[32], url[256];
	postgres_database(NULL, name);
	postgres_url_as("siban", name, url);
	fixture_make_at(&f, url, tables);
	fixture_close(&f);
	f.config.store_prepared = prepared;
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	FIXTURE_OK(&f, store_write(f.store, base_rows, NULL, &f.why));
	return 0;
}

static int postgres(void **state)
{
	return postgres_server_start(state) + postgres_as(true);
}

static int postgres_unprepared(void **state)
{
	(void)state;
	return postgres_as(false);
}

static int drop(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static int drop_last(void **state)
{
	return drop(state) + postgres_server_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each), cmocka_unit_test(committed_is_seen) };
	return cmocka_run_group_tests_name("SQLite", tests, sqlite, drop) + cmocka_run_group_tests_name("PostgreSQL", tests, postgres, drop) +
	       cmocka_run_group_tests_name("PostgreSQL, nothing prepared", tests, postgres_unprepared, drop_last);
}
