/* Goal: a part of a transaction that says no, by itself or as the database said no to it, leaves nothing (rows, news, touched keys, words for the log), and the transaction goes on and is committed; when the
 * transaction itself is gone, nobody goes on. Method: the same parts on SQLite and on PostgreSQL. */
#include "both_stores.h"

#include "store/part.h"

static const char tables[] = "CREATE TABLE parted (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));\n";

static bool put(struct tx *tx, int64_t id, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO parted (id, n) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, n);
	return stmt_run(q, why);
}

static bool is_fine(struct tx *tx, void *ctx, struct fail *why)
{
	return put(tx, *(const int64_t *)ctx, 1, why);
}

static bool changes_its_mind(struct tx *tx, void *ctx, struct fail *why)
{
	tx_touch(tx, ROW_CASE, 7);
	tx_tell(tx, NEWS_PERSON, 7);
	TX_SAY(tx, job_ran, L_C("changed its mind"), L_INT(7));
	return put(tx, *(const int64_t *)ctx, 1, why) && FAILS(why, GONE, "no");
}

static bool is_refused(struct tx *tx, void *ctx, struct fail *why)
{
	return put(tx, *(const int64_t *)ctx, 1, why) && put(tx, *(const int64_t *)ctx + 100, -1, why);
}

static bool collides(struct tx *tx, void *ctx, struct fail *why)
{
	return put(tx, *(const int64_t *)ctx, 1, why) && put(tx, 1, 1, why);
}

static bool is_unreadable(struct tx *tx, void *ctx, struct fail *why)
{
	if (!put(tx, *(const int64_t *)ctx, 1, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM no_such_table", why);
	return q != NULL && stmt_run(q, why);
}

static const struct row {
	const char *name;
	tx_part_fn part;
	enum fail_code reason;
} rows[] = {
	{ "fine", is_fine, FAIL_NONE },
	{ "changes its mind", changes_its_mind, FAIL_GONE },
	{ "refused by a rule", is_refused, FAIL_CONFLICT },
	{ "collides", collides, FAIL_CONFLICT },
	{ "fine again", is_fine, FAIL_NONE },
	{ "not to be read", is_unreadable, FAIL_INTERNAL },
	{ "fine at last", is_fine, FAIL_NONE },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool all(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	if (!put(tx, 1, 0, why))
		return false;
	for (int64_t i = 0; i < ROWS; i++) {
		struct fail reason;
		int64_t id = 10 + i;
		size_t told = tx->news->count;
		if (!tx_part(tx, rows[i].part, &id, &reason, why))
			return false;
		if (reason.code != rows[i].reason)
			fail_msg("%s: %s: %s", rows[i].name, fail_row(reason.code)->name, reason.log);
		assert_int_equal(tx->news->count, told);
		assert_int_equal(tx->touched_count, 0);
	}
	return put(tx, 2, 0, why);
}

static void what_fails_leaves_nothing(void **state)
{
	(void)state;
	FIXTURE_OK(&on->f, store_write(on->f.store, all, NULL, &on->f.why));
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM parted"), 5);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM parted WHERE id IN (1, 2, 10, 14, 16)"), 5);
}

static bool sinks(struct tx *tx, void *ctx, struct fail *why)
{
	struct fail reason;
	int64_t id = 30;
	(void)ctx;
	if (!put(tx, 29, 0, why))
		return false;
	assert_true(fault_set(STR("store_sink=1")));
	bool goes_on = tx_part(tx, is_fine, &id, &reason, why);
	fault_clear_all();
	return goes_on && put(tx, 31, 0, why);
}

/* On PostgreSQL it is run again, on another connection, and meets the same. */
static void a_transaction_that_is_gone_does_not_go_on(void **state)
{
	(void)state;
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, sinks, NULL, &on->f.why));
	assert_int_equal(on->f.why.code, FAIL_STORE);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM parted WHERE id BETWEEN 29 AND 31"), 0);
}

/* The first time it is over before its end; on PostgreSQL it is run again at once. */
static bool says(struct tx *tx, void *ctx, struct fail *why)
{
	int *times = ctx;
	struct fail reason;
	int64_t id = 40;
	++*times;
	TX_SAY(tx, job_ran, L_C("kept"), L_INT(*times));
	if (!tx_part(tx, changes_its_mind, &id, &reason, why))
		return false;
	if (*times == 1)
		assert_true(fault_set(STR("store_sink=1")));
	bool goes_on = tx_part(tx, is_fine, &id, &reason, why);
	fault_clear_all();
	return goes_on;
}

static void what_is_said_is_true_and_said_once(void **state)
{
	char text[FIXTURE_LOG_MAX];
	int times = 0, fd = fixture_log();
	(void)state;
	if (!store_write(on->f.store, says, &times, &on->f.why))
		FIXTURE_OK(&on->f, store_write(on->f.store, says, &times, &on->f.why));
	fixture_logged(fd, text);
	assert_int_equal(times, 2);
	char *said = strstr(text, "\"ev\":\"job_ran\",\"job\":\"kept\",\"rows\":2}\n");
	assert_non_null(said);
	*said = ' ';
	assert_null(strstr(text, "\"ev\":\"job_ran\""));
}

static int start(void **state)
{
	sides_make(state, tables);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(n) \
		{ "what_fails_leaves_nothing", what_fails_leaves_nothing, side, NULL, &sides[n] }, \
		{ "a_transaction_that_is_gone_does_not_go_on", a_transaction_that_is_gone_does_not_go_on, side, NULL, &sides[n] }, \
		{ "what_is_said_is_true_and_said_once", what_is_said_is_true_and_said_once, side, NULL, &sides[n] }
		ON(0),
		ON(1),
	};
	return cmocka_run_group_tests(tests, start, sides_drop);
}
