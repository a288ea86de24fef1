/* Goal: the same key is answered the same, another body is told, and old outcomes go, oldest first. Method: keys and times by hand. */
#include "store_fixture.h"

#include "store/outcome.h"

#define DAY INT64_C(86400000)
#define NOON (INT64_C(20000) * DAY + DAY / 2)

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_make(&f, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static struct outcome_key key_of(int64_t who, int32_t route, uint8_t key, uint8_t body)
{
	struct outcome_key k = { .who_kind = 2, .who_id = who, .route = route };
	memset(k.key, key, sizeof k.key);
	memset(k.body, body, sizeof k.body);
	return k;
}

struct ask {
	struct outcome_key key;
	int64_t now_ms;
	struct outcome outcome;
	struct outcome_text text;
	enum outcome_found found;
};

static bool put(struct tx *tx, void *ctx, struct fail *why)
{
	struct ask *a = ctx;
	return outcome_put(tx, &a->key, a->now_ms, &a->outcome, &a->text, why);
}

static bool find(struct tx *tx, void *ctx, struct fail *why)
{
	struct ask *a = ctx;
	a->found = outcome_find(tx, &a->key, a->now_ms, &a->outcome, &a->text, why);
	return a->found != OUTCOME_FAILED;
}

static const struct outcome said = { .code = 7, .status = 201, .n = { 1, -2, 3, INT64_MAX, INT64_MIN, 0 } };
static const struct outcome_text sealed = { .at = { 1, 0, 2, 0 }, .len = 4 };

static void found(void **state)
{
	(void)state;
	struct ask a = { .key = key_of(1, 5, 'k', 'b'), .now_ms = NOON, .outcome = said, .text = sealed };
	FIXTURE_OK(&f, store_write(f.store, put, &a, &f.why));
	static const struct { const char *name; int64_t who; int32_t route; uint8_t key, body; int64_t days; enum outcome_found want; } rows[] = {
		{ "the same", 1, 5, 'k', 'b', 0, OUTCOME_REPEATED },
		{ "the day before: the clock was set back over midnight", 1, 5, 'k', 'b', -1, OUTCOME_REPEATED },
		{ "next day", 1, 5, 'k', 'b', 1, OUTCOME_REPEATED },
		{ "48 hours later", 1, 5, 'k', 'b', 2, OUTCOME_REPEATED },
		{ "another body", 1, 5, 'k', 'c', 0, OUTCOME_OTHER_BODY },
		{ "another key", 1, 5, 'l', 'b', 0, OUTCOME_NEW },
		{ "another person", 2, 5, 'k', 'b', 0, OUTCOME_NEW },
		{ "another route", 1, 6, 'k', 'b', 0, OUTCOME_NEW },
		{ "a month later", 1, 5, 'k', 'b', 30, OUTCOME_NEW },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ask b = { .key = key_of(rows[i].who, rows[i].route, rows[i].key, rows[i].body), .now_ms = NOON + rows[i].days * DAY };
		FIXTURE_OK(&f, store_write(f.store, find, &b, &f.why));
		if (b.found != rows[i].want)
			fail_msg("%s: %d", rows[i].name, b.found);
		if (b.found == OUTCOME_REPEATED)
			assert_memory_equal(&b.outcome, &said, sizeof said);
		if (b.found == OUTCOME_REPEATED)
			assert_true(b.text.len == sealed.len && memcmp(b.text.at, sealed.at, sealed.len) == 0);
	}
	/* digests under keys of former days: any of them will do, and only for looking */
	static const uint8_t older[2][SHA256_BYTES] = { { 0 }, { [0 ... SHA256_BYTES - 1] = 'b' } };
	struct ask c = { .key = key_of(1, 5, 'k', 'c'), .now_ms = NOON };
	c.key.older = older;
	for (c.key.older_count = 0; c.key.older_count <= 2; c.key.older_count++) {
		FIXTURE_OK(&f, store_write(f.store, find, &c, &f.why));
		assert_int_equal(c.found, c.key.older_count == 2 ? OUTCOME_REPEATED : OUTCOME_OTHER_BODY);
	}
	struct ask empty = { .key = key_of(1, 5, 'm', 'b'), .now_ms = NOON, .outcome = said };
	FIXTURE_OK(&f, store_write(f.store, put, &empty, &f.why));
	empty.text.len = 9;
	FIXTURE_OK(&f, store_write(f.store, find, &empty, &f.why));
	assert_int_equal(empty.text.len, 0);
	fail_clear(&f.why);
	assert_false(store_write(f.store, put, &a, &f.why));
	assert_int_equal(f.why.code, FAIL_CONFLICT);
}

/* Kept for longer, found for longer. */
struct purge {
	int64_t now_ms, hours, deleted;
	int rows_max;
};

static bool purge(struct tx *tx, void *ctx, struct fail *why)
{
	struct purge *p = ctx;
	return outcome_purge(tx, p->now_ms, p->hours, p->rows_max, &p->deleted, why);
}

static void purged(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct ask a = { .key = key_of(9, 1, (uint8_t)i, 0), .now_ms = NOON + i * DAY, .outcome = said, .text = sealed };
		FIXTURE_OK(&f, store_write(f.store, put, &a, &f.why));
	}
	struct purge p = { .now_ms = NOON + 10 * DAY, .hours = 24 * 20, .rows_max = 4 };
	FIXTURE_OK(&f, store_write(f.store, purge, &p, &f.why));
	assert_int_equal(p.deleted, 0);
	struct ask far = { .key = key_of(9, 1, 0, 0), .now_ms = NOON + 10 * DAY };
	FIXTURE_OK(&f, store_write(f.store, find, &far, &f.why));
	assert_int_equal(far.found, OUTCOME_REPEATED); /* ten days back, now that 20 are kept */
	p.hours = 24 * 2;
	static const int64_t want[] = { 4, 4, 2, 0 }; /* the first test's two, and days 0 to 7 */
	for (int i = 0; i < 4; i++) {
		FIXTURE_OK(&f, store_write(f.store, purge, &p, &f.why));
		assert_int_equal(p.deleted, want[i]);
		if (i == 0)
			assert_int_equal(fixture_number(&f, "SELECT min(day) FROM outcome"), 20002); /* the oldest went first */
	}
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM outcome"), 2);
}

/* Each look-up must be a few seeks however many keys one department has, and the purge must not read what it keeps. */
static void by_index(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 0, &f.why);
	static const char *const plans[] = {
		"EXPLAIN QUERY PLAN SELECT body_hash FROM outcome WHERE who_kind = $1 AND who_id = $2 AND day IN ($3, $4, $5) AND route = $6 AND key_hash = $7",
		"EXPLAIN QUERY PLAN SELECT who_kind, who_id, day, route, key_hash FROM outcome WHERE made_ms < $1 ORDER BY made_ms LIMIT 1",
	};
	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *q;
		assert_int_equal(sqlite3_prepare_v2(c->db, plans[i], -1, &q, NULL), SQLITE_OK);
		while (sqlite3_step(q) == SQLITE_ROW) {
			const char *line = (const char *)sqlite3_column_text(q, 3);
			if (strncmp(line, "SCAN outcome", 12) == 0 || strstr(line, "TEMP B-TREE") != NULL)
				fail_msg("plan %zu: %s", i, line);
		}
		sqlite3_finalize(q);
	}
	connection_close(c);
}

static int count_step(void *steps)
{
	++*(int *)steps;
	return 0;
}

/* One caller with many keys of one day: a bite costs what it deletes, not what is kept. Steps of SQLite's machine, not time. */
static void purge_is_small(void **state)
{
	(void)state;
	enum { KEPT = 20000, BITE = 50, STEPS_PER_ROW_MAX = 200 };
	struct store *s = f.store;
	assert_int_equal(sqlite3_exec(s->writer->db, "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)"
		" INSERT INTO outcome SELECT 4, 1, 30000, 1, CAST(printf('%032d', i) AS BLOB), x'00', 1, 200, 0, 0, 0, 0, 0, 0, x'', 2592000000000 + i FROM c",
		NULL, NULL, NULL), SQLITE_OK);
	struct purge p = { .now_ms = INT64_C(2592000000000) + BITE + 1 + 48 * INT64_C(3600000), .hours = 48, .rows_max = KEPT };
	int steps = 0;
	sqlite3_progress_handler(s->writer->db, 1, count_step, &steps);
	FIXTURE_OK(&f, store_write(s, purge, &p, &f.why));
	sqlite3_progress_handler(s->writer->db, 0, NULL, NULL);
	assert_true(p.deleted >= BITE); /* and what the tests before left */
	assert_in_range(steps, 1, p.deleted * STEPS_PER_ROW_MAX);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM outcome"), KEPT - BITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(found), cmocka_unit_test(purged), cmocka_unit_test(by_index), cmocka_unit_test(purge_is_small) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
