/* Goal: statements are prepared once, never clobber each other, and say what the database says. Method: one table, one store. */
#include "store_fixture.h"

#include "store/meta.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_make(&f, "CREATE TABLE thing (\n\tid BIGINT PRIMARY KEY,\n\tname VARCHAR(20) UNIQUE,\n\tbytes BYTEA,\n\tn BIGINT CHECK (n >= 0)\n);\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static bool add(struct tx *tx, int64_t id, struct str name, struct str bytes, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO thing (id, name, bytes, n) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_text(q, 2, name);
	stmt_bind_blob(q, 3, bytes.at, bytes.len);
	stmt_bind_int(q, 4, n);
	return stmt_run(q, why);
}

static bool fill(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t id;
	if (!tx_next_id(tx, "thing", &id, why))
		return false;
	assert_int_equal(id, 1);
	if (!add(tx, 1, STR("one"), STR("\0\1\2"), 1, why) || !add(tx, 2, STR_NONE, STR_NONE, 2, why) || !add(tx, 3, STR(""), STR(""), INT64_MAX, why))
		return false;
	assert_int_equal(tx_changes(tx), 1);
	if (!tx_next_id(tx, "thing", &id, why))
		return false;
	assert_int_equal(id, 4);
	return true;
}

static void values(void **state)
{
	(void)state;
	FIXTURE_OK(&f, store_write(f.store, fill, NULL, &f.why));
	struct connection *c = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(c, &tx, &f.why));
	struct stmt *q = tx_query(&tx, "SELECT name, bytes, n FROM thing ORDER BY id", &f.why);
	assert_true(stmt_row(q, &f.why));
	assert_true(str_eq(stmt_text(q, 0), STR("one")));
	assert_true(str_eq(stmt_blob(q, 1), STR("\0\1\2")));
	assert_int_equal(stmt_int(q, 2), 1);
	assert_true(stmt_row(q, &f.why));
	assert_true(stmt_is_null(q, 0) && stmt_text(q, 0).at == NULL && stmt_blob(q, 1).at == NULL);
	assert_true(stmt_row(q, &f.why));
	assert_true(!stmt_is_null(q, 0) && stmt_text(q, 0).at != NULL && stmt_text(q, 0).len == 0);
	assert_true(stmt_blob(q, 1).at != NULL && stmt_blob(q, 1).len == 0);
	assert_int_equal(stmt_int(q, 2), INT64_MAX);
	assert_false(stmt_row(q, &f.why));
	assert_int_equal(f.why.code, FAIL_NONE);
	assert_false(stmt_row(q, &f.why)); /* does not begin again */
	stmt_drop(q);
	stmt_drop(NULL);
	connection_close(c);
}

static const char by_id[] = "SELECT n FROM thing WHERE id >= $1 ORDER BY id";

static void nested(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(c, &tx, &f.why));
	for (int round = 0; round < 2; round++) {
		struct stmt *outer = tx_query(&tx, by_id, &f.why);
		stmt_bind_int(outer, 1, 1);
		assert_true(stmt_row(outer, &f.why));
		struct stmt *inner = tx_query(&tx, by_id, &f.why), *third = tx_query(&tx, by_id, &f.why);
		assert_true(inner != outer && third != inner && third != outer);
		stmt_bind_int(inner, 1, 2);
		assert_true(stmt_row(inner, &f.why));
		assert_int_equal(stmt_int(inner, 0), 2);
		assert_int_equal(stmt_int(outer, 0), 1);
		stmt_drop(inner);
		assert_true(stmt_row(outer, &f.why));
		assert_int_equal(stmt_int(outer, 0), 2);
		stmt_drop(third);
		stmt_drop(outer);
	}
	assert_int_equal(c->statement_count, 1);
	assert_int_equal(c->open, 0);
	connection_close(c);
}

/* Far more texts than the table's first size: all stay findable. */
static void many(void **state)
{
	(void)state;
	static char sql[1000][40];
	static struct stmt *first[1000];
	struct connection *c = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(c, &tx, &f.why));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			snprintf(sql[i], sizeof sql[i], "SELECT %d", i);
			struct stmt *q = tx_query(&tx, sql[i], &f.why);
			assert_true(round == 0 || q == first[i]);
			first[i] = q;
			assert_true(stmt_row(q, &f.why));
			assert_int_equal(stmt_int(q, 0), i);
			stmt_drop(q);
		}
	}
	connection_close(c);
}

static bool twice(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return add(tx, 9, STR("nine"), STR(""), 0, why) && add(tx, 10, STR("nine"), STR(""), 0, why);
}

static bool negative(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return add(tx, 11, STR("eleven"), STR(""), -1, why);
}

static bool wrong_type(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO thing (id, n) VALUES ($1, $2)", why);
	stmt_bind_int(q, 1, 12);
	stmt_bind_text(q, 2, STR("many"));
	return stmt_run(q, why);
}

static bool no_such_table(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return tx_query(tx, "SELECT id FROM thong", why) != NULL;
}

static void refusals(void **state)
{
	(void)state;
	static const struct { bool (*apply)(struct tx *, void *, struct fail *); enum fail_code code; } cases[] = {
		{ twice, FAIL_CONFLICT }, { negative, FAIL_CONFLICT }, { wrong_type, FAIL_CONFLICT }, { no_such_table, FAIL_INTERNAL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fail_clear(&f.why);
		assert_false(store_write(f.store, cases[i].apply, NULL, &f.why));
		assert_int_equal(f.why.code, cases[i].code);
		assert_null(strstr(f.why.log, "nine"));
	}
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM thing"), 3);
}

static bool put(struct tx *tx, void *ctx, struct fail *why)
{
	return meta_put(tx, STR("case_key"), ctx, 4, why);
}

static bool get(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t len;
	char bytes[4];
	if (!meta_get(tx, STR("none"), bytes, sizeof bytes, &len, why))
		return false;
	assert_int_equal(len, -1);
	if (!meta_get(tx, STR("case_key"), bytes, sizeof bytes, &len, why))
		return false;
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, ctx, 4);
	assert_false(meta_get(tx, STR("case_key"), bytes, 3, &len, why));
	assert_int_equal(why->code, FAIL_INTERNAL);
	fail_clear(why);
	return true;
}

static void meta(void **state)
{
	(void)state;
	FIXTURE_OK(&f, store_write(f.store, put, (char[]){ 1, 0, 2, 3 }, &f.why));
	FIXTURE_OK(&f, store_write(f.store, put, (char[]){ 4, 0, 5, 6 }, &f.why));
	FIXTURE_OK(&f, store_write(f.store, get, (char[]){ 4, 0, 5, 6 }, &f.why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(nested), cmocka_unit_test(many), cmocka_unit_test(refusals), cmocka_unit_test(meta),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
