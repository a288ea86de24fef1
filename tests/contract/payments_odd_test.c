/* Goal: money that fits nowhere is kept once, whole, and on the suspense account; nothing that came is changed or deleted; the list walks its index; the table of states is kept by one
 * function and its row. Method: rows of each kind put twice, and wrongly; statements past the functions. All of it on SQLite and on PostgreSQL. */
#include "both_stores.h"

#include "base/arena.h"
#include "payments/ledger/ledger_walk.h"
#include "payments/orders/odd_money.h"

#define NOW INT64_C(1795420800000)

struct putting {
	struct odd_money m;
	int64_t id;
};

static bool put(struct tx *tx, void *ctx, struct fail *why)
{
	struct putting *p = ctx;
	return odd_money_put(tx, &p->m, NOW, &p->id, why);
}

static enum fail_code put_fails(struct putting *p)
{
	fail_clear(&on->f.why);
	return store_write(on->f.store, put, p, &on->f.why) ? FAIL_NONE : on->f.why.code;
}

static const struct putting rows[] = {
	{ .m = { ODD_LATE, PAY_BY_WECHAT, { "4200000001202611230000000001", 28 }, 0, 621200, 20600, NOW - 5000 } },
	{ .m = { ODD_DOUBLE, PAY_BY_POS, { "T-0002", 6 }, 0, 621202, 600, NOW } },
	{ .m = { ODD_VOID, PAY_BY_WECHAT, { "4200000001202611230000000003", 28 }, 0, 621202, 1, NOW } },
	{ .m = { ODD_AMOUNT, PAY_BY_WECHAT, { "4200000001202611230000000004", 28 }, 0, 621221, 99, NOW } },
	{ .m = { ODD_UNKNOWN_ORDER, PAY_BY_WECHAT, { "4200000001202611230000000005", 28 }, 0, 621200, INT64_C(999999999999), NOW } },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int64_t suspense_fen(void)
{
	return fixture_number(&on->f, "SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 3");
}

static int64_t channel_fen(void)
{
	return fixture_number(&on->f, "SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 1");
}

static void kept_once(void **state)
{
	(void)state;
	int64_t sum = 0;
	for (int i = 0; i < ROWS; i++) {
		struct putting first = rows[i], again = rows[i];
		assert_int_equal(put_fails(&first), FAIL_NONE);
		again.m.kind = ODD_LATE; /* who tells it again may take it for something else: what was kept stays */
		assert_int_equal(put_fails(&again), FAIL_NONE);
		assert_int_equal(first.id, again.id);
		sum += rows[i].m.fen;
	}
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_odd"), ROWS);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM ledger_journal WHERE cause = 3"), ROWS);
	assert_int_equal(suspense_fen(), -sum);
	assert_int_equal(channel_fen(), sum);
}

static void the_number_of_other_money(void **state)
{
	(void)state;
	struct putting other = rows[0];
	other.m.fen++;
	assert_int_equal(put_fails(&other), FAIL_CONFLICT);
	struct putting elsewhere = rows[1]; /* another channel's numbers are others */
	elsewhere.m.channel = PAY_BY_WECHAT;
	assert_int_equal(put_fails(&elsewhere), FAIL_NONE);
	assert_int_equal(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_odd WHERE reference = 'T-0002'"), 2);
}

static bool all_found(struct tx *tx, void *ctx, struct fail *why)
{
	struct arena a;
	struct odd_row row, same;
	(void)ctx;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < ROWS; i++) {
		char text[ID_TEXT_BYTES];
		struct id key;
		enum odd_proposes what;
		if (!odd_money_by_reference(tx, rows[i].m.channel, rows[i].m.reference, &row, &a, why))
			return false;
		assert_true(row.id != 0 && row.money.fen == rows[i].m.fen && row.money.kind == rows[i].m.kind && row.money.division == rows[i].m.division);
		odd_money_key_text(row.key, text);
		assert_true(odd_money_key(str_c(text), &key));
		if (!odd_money_find(tx, key, &same, &a, why) || !odd_money_proposes(tx, &row, &what, why))
			return false;
		assert_int_equal(same.id, row.id);
		/* of no order nothing can be applied by itself */
		assert_int_equal(what, row.money.kind == ODD_UNKNOWN_ORDER ? ODD_TO_LOOK : ODD_TO_REFUND);
	}
	arena_free(&a);
	return true;
}

static void found_and_proposed(void **state)
{
	(void)state;
	FIXTURE_OK(&on->f, store_write(on->f.store, all_found, NULL, &on->f.why));
}

struct listing {
	struct odd_filter f;
	int want, most;
};

static bool listed(struct tx *tx, void *ctx, struct fail *why)
{
	struct listing *l = ctx;
	struct odd_row out[10];
	struct arena a;
	int count, total = 0;
	arena_init(&a, 1 << 20);
	do {
		if (!odd_money_list(tx, &l->f, out, l->most, &count, &a, why))
			return false;
		for (int i = 0; i < count; i++) {
			assert_true(out[i].id < l->f.below);
			l->f.below = out[i].id;
		}
		total += count;
	} while (count == l->most);
	arena_free(&a);
	assert_int_equal(total, l->want);
	return true;
}

static void lists(void **state)
{
	(void)state;
	struct listing cases[] = {
		{ { 0, 0, 0, INT64_MAX }, ROWS + 1, 2 },
		{ { ODD_IS_OPEN, 0, 621200, INT64_MAX }, ROWS + 1, 10 },
		{ { ODD_IS_OPEN, 0, 621202, INT64_MAX }, 3, 1 },
		{ { ODD_IS_OPEN, ODD_VOID, 621202, INT64_MAX }, 1, 10 },
		{ { ODD_IS_APPLIED, 0, 0, INT64_MAX }, 0, 10 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FIXTURE_OK(&on->f, store_write(on->f.store, listed, &cases[i], &on->f.why));
}

static bool run_sql(struct tx *tx, void *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

static void the_database_refuses(void **state)
{
	static const char *const refused[] = {
		"UPDATE pay_odd SET amount_fen = amount_fen + 1 WHERE kind = 1",
		"UPDATE pay_odd SET reference = 'other' WHERE kind = 1",
		"UPDATE pay_odd SET division = 621202 WHERE kind = 1",
		"DELETE FROM pay_odd WHERE kind = 1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		fail_clear(&on->f.why);
		if (store_write(on->f.store, run_sql, (void *)(uintptr_t)refused[i], &on->f.why))
			fail_msg("not refused: %s", refused[i]);
	}
}

struct moving {
	int64_t id;
	enum odd_state from, to;
};

static bool moved(struct tx *tx, void *ctx, struct fail *why)
{
	const struct moving *m = ctx;
	return odd_move(tx, m->id, m->from, m->to, NOW + 1, why);
}

static void states_are_a_table(void **state)
{
	(void)state;
	int64_t id = fixture_number(&on->f, "SELECT id FROM pay_odd WHERE kind = 3");
	const struct {
		struct moving m;
		enum fail_code want;
	} cases[] = {
		{ { id, ODD_IS_OPEN, ODD_IS_REFUNDED }, FAIL_ODD_STATE },
		{ { id, ODD_IS_OPEN, ODD_IS_REFUNDING }, FAIL_NONE },
		{ { id, ODD_IS_OPEN, ODD_IS_REFUNDING }, FAIL_ODD_STATE }, /* another was quicker */
		{ { id, ODD_IS_REFUNDING, ODD_IS_OPEN }, FAIL_NONE },
		{ { id, ODD_IS_OPEN, ODD_IS_APPLIED }, FAIL_NONE },
		{ { id, ODD_IS_APPLIED, ODD_IS_OPEN }, FAIL_ODD_STATE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct moving m = cases[i].m;
		fail_clear(&on->f.why);
		bool ok = store_write(on->f.store, moved, &m, &on->f.why);
		assert_int_equal(ok ? FAIL_NONE : on->f.why.code, cases[i].want);
	}
}

static bool ledger_is_whole(struct tx *tx, void *ctx, struct fail *why)
{
	struct ledger_walk w = { 0 };
	(void)ctx;
	if (!ledger_walk(tx, &w, LEDGER_WALK_JOURNALS_MAX, why))
		return false;
	assert_true(w.is_end);
	assert_int_equal(w.wrong, LEDGER_FINE);
	return true;
}

static void the_ledger_holds(void **state)
{
	(void)state;
	assert_int_equal(fixture_number(&on->f, "SELECT CAST(SUM(amount_fen) AS BIGINT) FROM ledger_posting"), 0);
	FIXTURE_OK(&on->f, store_write(on->f.store, ledger_is_whole, NULL, &on->f.why));
}

static int start(void **state)
{
	sides_make(state, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(n) \
		{ "kept_once", kept_once, side, NULL, &sides[n] }, \
		{ "the_number_of_other_money", the_number_of_other_money, side, NULL, &sides[n] }, \
		{ "found_and_proposed", found_and_proposed, side, NULL, &sides[n] }, \
		{ "lists", lists, side, NULL, &sides[n] }, \
		{ "the_database_refuses", the_database_refuses, side, NULL, &sides[n] }, \
		{ "states_are_a_table", states_are_a_table, side, NULL, &sides[n] }, \
		{ "the_ledger_holds", the_ledger_holds, side, NULL, &sides[n] }
		ON(0),
		ON(1),
	};
	return cmocka_run_group_tests(tests, start, sides_drop);
}
