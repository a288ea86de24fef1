/* Goal: whatever happens in whichever order (money in time, late, twice; orders given up; parts asked for, withdrawn, decided; the channel's words lost, doubled and shuffled), the ledger sums
 * to zero, no more goes back than was paid, each number moves money once, and the same facts in another order end in the same state. And by hand: what one function refuses.
 * Method: a plan is drawn from a seed; two lives of it are told in two orders, each in a transaction that is rolled back; what is left at the end is compared. All of it on SQLite and on
 * PostgreSQL. SIBAN_REFUND_SEEDS=n for more. */
#include "payments_refund_life.h"

enum { SEEDS_SQLITE = 200, SEEDS_POSTGRES = 40 };

/* ---- by lot ---- */

static bool told(struct tx *tx, void *ctx, struct fail *why)
{
	struct telling *t = ctx;
	struct life lives[ORDERS];
	bool over[ORDERS] = { false };
	int open = ORDERS;
	struct arena a;
	arena_init(&a, 4 << 20);
	sent_count = 0;
	for (int i = 0; i < ORDERS; i++)
		lives[i] = (struct life){ .plan = &t->plans[i], .n = i + 1 };
	bool ok = true;
	while (ok && open > 0) {
		int i = draw(ORDERS);
		if (over[i])
			continue;
		ok = step(tx, &lives[i], &over[i], &a, why);
		open -= over[i];
	}
	ok = ok && end_note(tx, t, why);
	arena_free(&a);
	return ok && FAILS(why, GONE, "rolled back by the test");
}

static void life_of(struct telling *t)
{
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, told, t, &on->f.why));
	if (on->f.why.code != FAIL_GONE)
		fail_msg("%s: %s", fail_row(on->f.why.code)->name, on->f.why.log);
}

static void the_same_facts_end_alike(void **state)
{
	(void)state;
	const char *more = getenv("SIBAN_REFUND_SEEDS");
	int seeds = more != NULL ? atoi(more) : on->is_postgres ? SEEDS_POSTGRES : SEEDS_SQLITE;
	static char one[16384], other[16384];
	for (int n = 1; n <= seeds; n++) {
		struct plan plans[ORDERS];
		seed = (uint64_t)n * 1000003;
		for (int i = 0; i < ORDERS; i++)
			plan_draw(&plans[i]);
		life_of(&(struct telling){ plans, one, sizeof(one) });
		life_of(&(struct telling){ plans, other, sizeof(other) });
		if (strcmp(one, other) != 0)
			fail_msg("seed %d ends in two states:\n%s\nand\n%s", n, one, other);
	}
	print_message("%d seeds\n", seeds);
}

/* ---- by hand ---- */

static bool by_hand(struct tx *tx, void *ctx, struct fail *why)
{
	struct plan plan = { .items = { 20000, 600 }, .fen = 20600 };
	struct life l = { .plan = &plan, .n = 9 };
	struct arena a;
	struct refund r;
	enum refund_heard heard;
	char number_text[ID_TEXT_BYTES];
	int64_t fen;
	(void)ctx;
	arena_init(&a, 1 << 20);
	assert_true(begin(tx, &l, &a, why) && arrives(tx, &l, "a", &a, why));
	/* 20000 of the first item and 100 of the second */
	assert_true(ask(tx, &l, 0, 20100, 20600, why));
	assert_true(ask(tx, &l, 1, 500, 500, why));
	assert_true(number(tx, "SELECT CAST(SUM(CASE WHEN n = 1 THEN amount_fen ELSE 0 END) * 100000 + SUM(CASE WHEN n = 2 THEN amount_fen ELSE 0 END) AS BIGINT) FROM pay_refund_item", &fen, why));
	assert_int_equal(fen, INT64_C(20000) * 100000 + 600);
	r = l.refund[0];
	assert_false(refund_approved(tx, &r, REFUND_BY_CHANNEL, NOW, &a, why)); /* nobody has looked yet */
	assert_int_equal(why->code, FAIL_REFUND_STATE);
	fail_clear(why);
	assert_true(refund_reviewed(tx, &r, NOW, why));
	assert_false(refund_approved(tx, &r, REFUND_BY_COUNTER, NOW, &a, why)); /* it did not come by one */
	assert_int_equal(why->code, FAIL_REFUND_PATH);
	fail_clear(why);
	struct str name = { number_text, refund_key_text(r.key, number_text) };
	struct refund_word word = { name, REFUND_SAID_SUCCESS, 20100, STR("x") };
	assert_true(refund_told(tx, &word, NOW, &heard, &a, why)); /* before anything was sent: our ledger knows better */
	assert_int_equal(heard, REFUND_HEARD_AGAINST);
	assert_true(refund_read(tx, r.id, &r, &a, why) && refund_approved(tx, &r, REFUND_BY_TREASURY, NOW, &a, why));
	assert_int_equal(r.state, REFUND_SENT);
	assert_true(refund_told(tx, &word, NOW, &heard, &a, why));
	assert_int_equal(heard, REFUND_HEARD_AGAINST);
	struct refund again = r;
	assert_true(refund_by_hand(tx, &r, REFUND_BY_TREASURY, STR("TH2026-0001"), NOW, why));
	assert_false(refund_by_hand(tx, &again, REFUND_BY_TREASURY, STR("TH2026-0002"), NOW, why)); /* another was quicker */
	assert_int_equal(why->code, FAIL_REFUND_STATE);
	fail_clear(why);
	assert_true(number(tx, "SELECT CAST(SUM(amount_fen) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 5", &fen, why));
	assert_int_equal(fen, -20100); /* the bank gave it */
	/* a voucher once */
	r = l.refund[1];
	assert_true(refund_reviewed(tx, &r, NOW, why) && refund_approved(tx, &r, REFUND_BY_TREASURY, NOW, &a, why));
	assert_false(refund_by_hand(tx, &r, REFUND_BY_TREASURY, STR("TH2026-0001"), NOW, why));
	assert_int_equal(why->code, FAIL_PAYMENT_REFERENCE);
	fail_clear(why);
	assert_true(refund_by_hand(tx, &r, REFUND_BY_TREASURY, STR("TH2026-0003"), NOW, why));
	struct refund_sums sums;
	assert_true(refund_sums_of(tx, l.order.id, 0, &sums, why));
	assert_true(str_eq(refund_sums_text(&sums, 20600), STR("refunded")));
	struct refund_step steps[REFUND_STEPS_MAX];
	int count;
	assert_true(refund_steps(tx, r.id, steps, &count, why));
	assert_int_equal(count, 5);
	assert_int_equal(steps[4].state, REFUND_DONE);
	arena_free(&a);
	return FAILS(why, GONE, "rolled back by the test");
}

static void what_it_refuses(void **state)
{
	(void)state;
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, by_hand, NULL, &on->f.why));
	if (on->f.why.code != FAIL_GONE)
		fail_msg("%s: %s", fail_row(on->f.why.code)->name, on->f.why.log);
}

static void paths(void **state)
{
	(void)state;
	const int64_t day = 86400000;
	assert_int_equal(refund_path_for(PAY_BY_CASH, NOW, 1, NOW), REFUND_BY_COUNTER);
	assert_int_equal(refund_path_for(PAY_BY_WECHAT, NOW, 1, NOW), REFUND_BY_CHANNEL);
	assert_int_equal(refund_path_for(PAY_BY_WECHAT, NOW, 1, NOW + day), REFUND_BY_CHANNEL);
	assert_int_equal(refund_path_for(PAY_BY_WECHAT, NOW, 1, NOW + 2 * day), REFUND_BY_TREASURY);
	assert_int_equal(refund_path_for(PAY_BY_CASH, NOW, 0, NOW + 2 * day), REFUND_BY_TREASURY);
	assert_int_equal(refund_path_for(PAY_BY_WECHAT, NOW, -1, NOW + 400 * day), REFUND_BY_CHANNEL);
}

static int start(void **state)
{
	refund_channel_compose(PAY_BY_WECHAT, &channel);
	return person_sides_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(n) \
		{ "what_it_refuses", what_it_refuses, side, side_unstick, &sides[n] }, \
		{ "the_same_facts_end_alike", the_same_facts_end_alike, side, side_unstick, &sides[n] }, \
		{ "paths", paths, side, side_unstick, &sides[n] }
		ON(0),
		ON(1),
	};
	return cmocka_run_group_tests(tests, start, person_sides_drop);
}
