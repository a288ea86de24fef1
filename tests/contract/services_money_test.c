/* Goal: whatever people, the bureau and a channel do with a notice (pay it, cancel, pay at a counter as well, too late, elsewhere, ask for some of it back), and however the channel's words reach us (lost, doubled,
 * shuffled, early, when nothing may follow from them just now), it ends in the one state that the plan says in words, the channel's own books agree with our ledger, and that sums to zero. And who
 * breaks one of these promises is found out.
 * Method: a plan is drawn from a seed, and told twice, in two orders, each in a transaction that is rolled back. On SQLite and on PostgreSQL; SIBAN_MONEY_SEEDS=n for more. For the last part the
 * linker puts a mutant in the place of one function (--wrap, tests/CMakeLists.txt). */
#include "services_money.h"

#include "base/day.h"

/* ---- mutants ---- */

enum mutant { MUTANT_NONE, MUTANT_HALF_STAYS, MUTANT_SWALLOWS, MUTANT_TWICE, MUTANT_LATE_IS_LOST, MUTANT_ANY_AMOUNT, MUTANT_UNASKED };
static enum mutant mutant;

bool __real_tx_part(struct tx *tx, tx_part_fn part, void *ctx, struct fail *reason, struct fail *why);
bool __wrap_tx_part(struct tx *tx, tx_part_fn part, void *ctx, struct fail *reason, struct fail *why);
bool __wrap_tx_part(struct tx *tx, tx_part_fn part, void *ctx, struct fail *reason, struct fail *why)
{
	if (mutant == MUTANT_HALF_STAYS) {
		fail_clear(reason);
		(void)part(tx, ctx, reason);
		return true;
	}
	bool ok = __real_tx_part(tx, part, ctx, reason, why);
	if (mutant == MUTANT_SWALLOWS)
		fail_clear(reason);
	return ok;
}

bool __real_money_arrives(struct tx *tx, const struct money *came, int64_t now_ms, enum money_end *end, struct fail *why);
bool __wrap_money_arrives(struct tx *tx, const struct money *came, int64_t now_ms, enum money_end *end, struct fail *why);
bool __wrap_money_arrives(struct tx *tx, const struct money *came, int64_t now_ms, enum money_end *end, struct fail *why)
{
	static unsigned n;
	char text[PAYMENT_REFERENCE_MAX + 1];
	struct money changed = *came;
	if (mutant == MUTANT_TWICE)
		changed.reference = (struct str){ text, (size_t)snprintf(text, sizeof(text), "%.*s-%u", STR_ARG(came->reference), n++ % 1000) };
	return __real_money_arrives(tx, &changed, now_ms, end, why);
}

bool __real_attempt_told(struct tx *tx, struct attempt *a, const struct wechat_pay_trade *t, int64_t now_ms, struct fail *why);
bool __wrap_attempt_told(struct tx *tx, struct attempt *a, const struct wechat_pay_trade *t, int64_t now_ms, struct fail *why);
bool __wrap_attempt_told(struct tx *tx, struct attempt *a, const struct wechat_pay_trade *t, int64_t now_ms, struct fail *why)
{
	return (mutant == MUTANT_LATE_IS_LOST && a->state == ATTEMPT_CLOSED) || __real_attempt_told(tx, a, t, now_ms, why);
}

bool __real_refund_told(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why);
bool __wrap_refund_told(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why);
bool __wrap_refund_told(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why)
{
	struct refund_word changed = *w;
	if (mutant == MUTANT_ANY_AMOUNT)
		changed.fen = 0; /* as if it had not said */
	return __real_refund_told(tx, &changed, now_ms, heard, a, why);
}

bool __real_attempt_wind_up(struct tx *tx, struct attempt *a, int64_t ends_as, int64_t now_ms, struct fail *why);
bool __wrap_attempt_wind_up(struct tx *tx, struct attempt *a, int64_t ends_as, int64_t now_ms, struct fail *why);
bool __wrap_attempt_wind_up(struct tx *tx, struct attempt *a, int64_t ends_as, int64_t now_ms, struct fail *why)
{
	struct order o;
	if (mutant != MUTANT_UNASKED || (a->state != ATTEMPT_READY && a->state != ATTEMPT_CLOSING))
		return __real_attempt_wind_up(tx, a, ends_as, now_ms, why);
	if (!attempt_move(tx, a, ATTEMPT_CLOSED, STR_NONE, now_ms, why) || !order_read(tx, a->order, &o, why))
		return false;
	return ends_as == 0 || o.state != ORDER_OPEN || order_move(tx, &o, (enum order_state)ends_as, now_ms, why);
}

/* ---- tests ---- */

enum { SEEDS_SQLITE = 200, SEEDS_POSTGRES = 15, SEEDS_FOR_A_MUTANT = 60 };

static int seeds(int otherwise)
{
	const char *wanted = getenv("SIBAN_MONEY_SEEDS"), *is_long = getenv("SIBAN_LONG");
	return wanted != NULL ? atoi(wanted) : is_long != NULL && strcmp(is_long, "1") == 0 ? 10 * otherwise : otherwise;
}

/* What is wrong with this seed; "" nothing. */
static const char *lived(int n)
{
	for (int order = 0; order < 2; order++) {
		struct telling t = { .seed = n, .order = order };
		fail_clear(&on->f.why);
		if (store_write(on->f.store, money_lived, &t, &on->f.why))
			fail_msg("seed %d was not rolled back", n);
		if (money_wrong[0] == '\0' && on->f.why.code != FAIL_GONE)
			snprintf(money_wrong, sizeof(money_wrong), "%s: %s", fail_row(on->f.why.code)->name, on->f.why.log);
		if (money_wrong[0] != '\0')
			break;
	}
	return money_wrong;
}

static void lives(void **state)
{
	(void)state;
	int count = seeds(on->is_postgres ? SEEDS_POSTGRES : SEEDS_SQLITE);
	memset(&money_seen, 0, sizeof(money_seen));
	for (int n = 1; n <= count; n++)
		if (lived(n)[0] != '\0')
			fail_msg("seed %d: %s", n, money_wrong);
	print_message("%d seeds, each in two orders: %d callbacks told, %d waited; %d refunds; %d times money that fitted nowhere\n", count, money_seen.told, money_seen.waited, money_seen.refunds, money_seen.odd);
	assert_true(money_seen.waited > count / 2 && money_seen.refunds > count / 2 && money_seen.odd > count / 2); /* the lives are worth something */
}

static void mutants_are_found_out(void **state)
{
	(void)state;
	static const struct { enum mutant mutant; const char *what; } rows[] = {
		{ MUTANT_HALF_STAYS, "half of what could not follow stays" },
		{ MUTANT_SWALLOWS, "what could not follow is forgotten" },
		{ MUTANT_TWICE, "money that is told again is other money" },
		{ MUTANT_LATE_IS_LOST, "money of an attempt that is closed is lost" },
		{ MUTANT_ANY_AMOUNT, "a refund's word is believed whatever its amount" },
		{ MUTANT_UNASKED, "an order is given up and nobody asks the channel" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = 1;
		mutant = rows[i].mutant;
		while (n <= SEEDS_FOR_A_MUTANT && lived(n)[0] == '\0')
			n++;
		mutant = MUTANT_NONE;
		if (n > SEEDS_FOR_A_MUTANT)
			fail_msg("nobody noticed that %s", rows[i].what);
		print_message("%s: seed %d, %s\n", rows[i].what, n, money_wrong);
	}
}

/* ---- by hand: which queue it goes to ---- */

enum before { IT_IS_OPEN, IT_IS_GIVEN_UP, AT_THE_COUNTER, IT_IS_VOID, AT_THE_BANK, BY_OTHER_MONEY, NOBODY_ORDERED, ITS_DAYS_ARE_OVER, ITS_QUOTE_IS_OVER };
static const struct {
	enum before before;
	int64_t more_fen;
	enum money_end end;
	enum odd_kind kind;
	bool of_notice; /* the channel says which notice it pays; no order of ours has its number */
} queues[] = {
	{ IT_IS_OPEN, 0, MONEY_TAKEN, 0, false },
	{ IT_IS_OPEN, -1, MONEY_ODD, ODD_AMOUNT, false },
	{ IT_IS_OPEN, 1, MONEY_ODD, ODD_AMOUNT, false },
	{ IT_IS_GIVEN_UP, 0, MONEY_ODD, ODD_LATE, false },
	{ AT_THE_COUNTER, 0, MONEY_ODD, ODD_DOUBLE, false },
	{ IT_IS_VOID, 0, MONEY_ODD, ODD_VOID, false },
	{ AT_THE_BANK, 0, MONEY_ODD, ODD_DOUBLE, false },
	{ BY_OTHER_MONEY, 0, MONEY_ODD, ODD_DOUBLE, false },
	{ NOBODY_ORDERED, 0, MONEY_TAKEN, 0, true },
	{ IT_IS_GIVEN_UP, 0, MONEY_TAKEN, 0, true },
	{ NOBODY_ORDERED, -1, MONEY_ODD, ODD_AMOUNT, true },
	{ NOBODY_ORDERED, 1, MONEY_ODD, ODD_AMOUNT, true },
	{ ITS_QUOTE_IS_OVER, 0, MONEY_ODD, ODD_AMOUNT, true },
	{ IT_IS_OPEN, 0, MONEY_ODD, ODD_UNKNOWN_ORDER, true }, /* it is in somebody's hands */
	{ AT_THE_COUNTER, 0, MONEY_ODD, ODD_DOUBLE, true },
	{ AT_THE_BANK, 0, MONEY_ODD, ODD_DOUBLE, true },
	{ BY_OTHER_MONEY, 0, MONEY_ODD, ODD_DOUBLE, true },
	{ IT_IS_VOID, 0, MONEY_ODD, ODD_VOID, true },
	{ ITS_DAYS_ARE_OVER, 0, MONEY_ODD, ODD_VOID, true },
};

static bool comes(const struct life *l, bool of_notice, int64_t fen, const char *number, enum money_end *end)
{
	const struct money came = { .channel = PAY_BY_WECHAT, .reference = str_c(number), .order = of_notice ? 0 : l->order.id, .notice = of_notice ? l->notice : 0, .division = 621200, .fen = fen,
				    .came_ms = m.now_ms };
	return money_arrives(m.tx, &came, m.now_ms, end, m.why);
}

static bool ends_yesterday(const struct life *l, const char *const sql)
{
	DROP(stmt) struct stmt *q = tx_query(m.tx, sql, m.why);
	TRY(q != NULL);
	stmt_bind_int(q, 1, day_of(m.now_ms) - 1);
	stmt_bind_int(q, 2, l->notice);
	return stmt_run(q, m.why);
}

static bool happens(struct life *l, enum before what)
{
	struct finance_word w = { .is_void = what == IT_IS_VOID, .trace_no = STR("2026112608000099999999999999"), .fen = l->plan.fen };
	char code[32];
	enum money_end end;
	enum heard heard;
	int64_t notice;
	w.payment_code = (struct str){ code, (size_t)snprintf(code, sizeof(code), "6212002610000%07d", l->n) };
	switch (what) {
	case IT_IS_OPEN:
	case NOBODY_ORDERED:
		return true;
	case ITS_DAYS_ARE_OVER:
		return ends_yesterday(l, "UPDATE pay_notice SET last_on = $1 WHERE id = $2");
	case ITS_QUOTE_IS_OVER:
		return ends_yesterday(l, "UPDATE pay_notice SET late_on = $1 WHERE id = $2");
	case BY_OTHER_MONEY:
		return comes(l, false, l->plan.fen, "4201", &end);
	case IT_IS_VOID:
	case AT_THE_BANK:
		return finance_heard(m.tx, &w, m.now_ms, &heard, &notice, &m.arena, m.why);
	default:
		return order_move(m.tx, &l->order, ORDER_EXPIRED, m.now_ms, m.why) && (what == IT_IS_GIVEN_UP || at_the_counter(l));
	}
}

static bool goes_to_its_queue(struct tx *tx, void *ctx, struct fail *why)
{
	size_t i = *(size_t *)ctx;
	struct life l = { .plan = { .fen = 8000 }, .n = 1 };
	enum money_end end, again;
	struct odd_row odd;
	struct notice n;
	bool of_notice = queues[i].of_notice;
	money_begin(tx, why);
	TRY(queues[i].before >= NOBODY_ORDERED ? notice_make(&l, &n) && (l.notice = n.id) != 0 : orders(&l));
	TRY(happens(&l, queues[i].before) && comes(&l, of_notice, 8000 + queues[i].more_fen, "4200", &end) && comes(&l, of_notice, 8000 + queues[i].more_fen, "4200", &again) &&
	    odd_money_by_reference(tx, PAY_BY_WECHAT, STR("4200"), &odd, &m.arena, why) && none("SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM ledger_posting"));
	if (end != queues[i].end || again != MONEY_REPEATED || (odd.id != 0 ? (int)odd.money.kind : 0) != (int)queues[i].kind || money_wrong[0] != '\0')
		fail_msg("row %zu: end %d, told again %d, kind %d %s", i, (int)end, (int)again, odd.id != 0 ? (int)odd.money.kind : 0, money_wrong);
	arena_free(&m.arena);
	return FAILS(why, GONE, "rolled back by the test");
}

static void each_goes_to_its_queue(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		fail_clear(&on->f.why);
		assert_false(store_write(on->f.store, goes_to_its_queue, &i, &on->f.why));
		if (on->f.why.code != FAIL_GONE)
			fail_msg("row %zu: %s: %s", i, fail_row(on->f.why.code)->name, on->f.why.log);
	}
}

static int start(void **state)
{
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	effect_follow(KIND_wechat_pay_query, attempt_answered);
	effect_follow(KIND_wechat_pay_close, attempt_closed);
	refund_channel_compose(PAY_BY_WECHAT, &money_channel);
	sides_make(state, NULL);
	FIXTURE_OK(&sides[0].f, keyring_open(&sides[0].f.config, true, &sides[0].f.why));
	for (int i = 0; i < SIDES; i++)
		FIXTURE_OK(&sides[i].f, store_write(sides[i].f.store, money_people, NULL, &sides[i].f.why));
	log_level_set((enum log_level)(LOG_ERROR + 1));
	return 0;
}

static int stop(void **state)
{
	keyring_close();
	return sides_drop(state);
}

static int unstick(void **state)
{
	fault_clear_all();
	mutant = MUTANT_NONE;
	return side_unstick(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(n) \
		{ "each_goes_to_its_queue", each_goes_to_its_queue, side, unstick, &sides[n] }, \
		{ "lives", lives, side, unstick, &sides[n] }
		ON(0),
		ON(1),
		{ "mutants_are_found_out", mutants_are_found_out, side, unstick, &sides[0] },
	};
	return cmocka_run_group_tests(tests, start, stop);
}
