/* Goal: of a bite each row stands for itself: what fails for good leaves nothing but its row here, with the reason and a time that is later with each try; what is done is no longer here; what
 * the store says of itself takes the whole bite back, and the log hears of none of it; and what somebody else has done meanwhile is forgotten. Method: a queue's work played by the test. All of it on SQLite and on PostgreSQL. */
#include "both_stores.h"

#include "base/arena.h"
#include "payments/aside.h"

#define NOW INT64_C(1795420800000)

static const char tables[] = "CREATE TABLE worked (id BIGINT PRIMARY KEY);\n";

/* What happens to row 2; the others are done, but for one that the store never is ready for. */
enum { UNREADY = 99 };
static enum fail_code trouble;

static bool work(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	(void)now_ms;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO worked (id) VALUES ($1)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (id == UNREADY)
		return FAILS(why, STORE, "just now");
	return stmt_run(q, why) && (id != 2 || trouble == FAIL_NONE || fail_note(why, trouble, __FILE__, __LINE__, "row 2"));
}

struct bite {
	struct aside_due due;
	int64_t now_ms;
};

static bool bitten(struct tx *tx, void *ctx, struct fail *why)
{
	const struct bite *b = ctx;
	return aside_each(tx, ASIDE_ORDERS, &b->due, work, b->now_ms, why);
}

static enum fail_code bite(struct bite b, enum fail_code row_2)
{
	fail_clear(&on->f.why);
	trouble = row_2;
	return store_write(on->f.store, bitten, &b, &on->f.why) ? FAIL_NONE : on->f.why.code;
}

static const struct bite all = { { { 1, 2, 3 }, 3 }, NOW }, second = { { { 2 }, 1 }, NOW };

static void each_row_stands_for_itself(void **state)
{
	static const int64_t waits_s[] = { 60, 300, 1800, 7200, 21600, 86400, 86400 };
	(void)state;
	assert_int_equal(bite(all, FAIL_REFUND_STATE), FAIL_NONE);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM worked WHERE id IN (1, 3)"), 2);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM worked"), 2);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside WHERE queue = 5 AND subject = 2 AND tries = 1 AND reason = 'refund_state' AND made_ms = 1795420800000"), 1);
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		struct bite later = second;
		later.now_ms += (int64_t)i;
		if (i > 0)
			assert_int_equal(bite(later, FAIL_CONFLICT), FAIL_NONE);
		assert_int_equal(fixture_number(&on->f, "SELECT next_ms FROM pay_aside"), later.now_ms + 1000 * waits_s[i]);
		assert_int_equal(fixture_number(&on->f, "SELECT tries FROM pay_aside"), i + 1);
	}
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside WHERE reason = 'conflict' AND made_ms = 1795420800000"), 1);
	assert_int_equal(bite(second, FAIL_NONE), FAIL_NONE);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside"), 0);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM worked"), 3);
}

static bool emptied(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM worked", why);
	return q != NULL && stmt_run(q, why);
}

/* Memory is a row's: each has an arena of its own. */
static void what_the_store_says_of_itself_is_no_rows_fault(void **state)
{
	static const enum fail_code its_own[] = { FAIL_STORE, FAIL_STORE_FULL, FAIL_DEADLINE, FAIL_STOPPING };
	const struct bite others = { { { 11, 2, 13 }, 3 }, NOW };
	(void)state;
	FIXTURE_OK(&on->f, store_write(on->f.store, emptied, NULL, &on->f.why));
	for (size_t i = 0; i < sizeof(its_own) / sizeof(its_own[0]); i++) {
		assert_int_equal(bite(others, its_own[i]), its_own[i]);
		assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM worked"), 0);
		assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside"), 0);
	}
	char log[FIXTURE_LOG_MAX];
	int fd = fixture_log();
	assert_int_equal(bite((struct bite){ { { 11, 2, UNREADY }, 3 }, NOW }, FAIL_CONFLICT), FAIL_STORE); /* the second was set aside in it */
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside"), 0);
	fixture_logged(fd, log);
	assert_null(strstr(log, "row_set_aside"));
	fd = fixture_log();
	assert_int_equal(bite(others, FAIL_MEMORY), FAIL_NONE);
	fixture_logged(fd, log);
	assert_non_null(strstr(log, "\"ev\":\"row_set_aside\",\"queue\":\"orders\""));
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM worked"), 2);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside WHERE reason = 'out_of_memory'"), 1);
}

static bool watched(struct tx *tx, void *ctx, struct fail *why)
{
	return aside_watch(tx, *(const int64_t *)ctx, why);
}

static bool listed(struct tx *tx, void *ctx, struct fail *why)
{
	struct aside rows[4];
	int count;
	struct arena a;
	(void)ctx;
	arena_init(&a, 1 << 16);
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_aside SET division = 621202", why); /* the test's rows are in no table that says where they are */
		assert_true(q != NULL && stmt_run(q, why));
	}
	assert_true(aside_list(tx, 621221, 0, 0, rows, 4, &count, &a, why));
	assert_int_equal(count, 0);
	assert_true(aside_list(tx, 621200, 0, 0, rows, 4, &count, &a, why));
	assert_int_equal(count, 1);
	assert_true(rows[0].queue == ASIDE_ORDERS && rows[0].subject == 2 && rows[0].tries == 1 && str_eq(aside_queue_text(rows[0].queue), STR("orders")));
	assert_true(aside_list(tx, 621200, ASIDE_ORDERS, 2, rows, 4, &count, &a, why));
	assert_int_equal(count, 0);
	arena_free(&a);
	return true;
}

/* It is there an hour after its time came, and not found due since. */
static void what_others_have_done_is_forgotten(void **state)
{
	int64_t then = NOW + 60000 + 3600000;
	(void)state;
	FIXTURE_OK(&on->f, store_write(on->f.store, watched, &then, &on->f.why));
	FIXTURE_OK(&on->f, store_write(on->f.store, listed, NULL, &on->f.why));
	then++;
	FIXTURE_OK(&on->f, store_write(on->f.store, watched, &then, &on->f.why));
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_aside"), 0);
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
		{ "each_row_stands_for_itself", each_row_stands_for_itself, side, NULL, &sides[n] }, \
		{ "what_the_store_says_of_itself_is_no_rows_fault", what_the_store_says_of_itself_is_no_rows_fault, side, NULL, &sides[n] }, \
		{ "what_others_have_done_is_forgotten", what_others_have_done_is_forgotten, side, NULL, &sides[n] }
		ON(0),
		ON(1),
	};
	return cmocka_run_group_tests(tests, start, sides_drop);
}
