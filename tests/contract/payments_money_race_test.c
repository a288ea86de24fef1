/* Goal: money of one number of a channel is here once, whoever brings it: the channel's word for an order, for a notice that nobody here ordered, and two people who put it among the odd money.
 * Method: each number by all four at once in the WRITE lane of a PostgreSQL with a connection for each, which stand still for a moment between their statements; then each number is counted, and the
 * channel's account. Without the lock on the number, some is there twice. */
#include "postgres_race.h"

#include "payments/orders/arrive.h"
#include "payments/orders/odd_money.h"
#include "payments/orders/payment.h"

#define NOW INT64_C(1795420800000)
enum { NUMBERS = 12, WAYS = 4, JOBS = NUMBERS * WAYS, ROUNDS = 8, MUTANT_ROUNDS_MAX = 60, FEN = 8000 };

static const uint8_t salt[16] = { 7 };
static _Atomic bool is_lockless;

/* ---- where it steps in ---- */

bool __real_payment_number_hold(struct tx *tx, enum pay_channel channel, struct str reference, struct fail *why);
bool __wrap_payment_number_hold(struct tx *tx, enum pay_channel channel, struct str reference, struct fail *why);
bool __wrap_payment_number_hold(struct tx *tx, enum pay_channel channel, struct str reference, struct fail *why)
{
	bool ok = atomic_load(&is_lockless) || __real_payment_number_hold(tx, channel, reference, why);
	pause_a_little();
	return ok;
}

/* ---- what meets ---- */

struct racer {
	struct commit_job job; /* first */
	char number[32];
	int64_t order, notice; /* at most one; both 0: two people's */
};
static struct racer racers[JOBS];

static bool apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	const struct racer *r = (const struct racer *)job;
	const struct money m = { .channel = PAY_BY_WECHAT_NONTAX, .reference = str_c(r->number), .order = r->order, .notice = r->notice, .division = 621200, .fen = FEN, .came_ms = NOW };
	const struct odd_money odd = { .kind = ODD_UNKNOWN_ORDER, .channel = m.channel, .reference = m.reference, .division = 621200, .fen = FEN, .came_ms = NOW };
	enum money_end end;
	int64_t id;
	bool ok = r->order == 0 && r->notice == 0 ? odd_money_put(tx, &odd, NOW, &id, why) || why->code == FAIL_PAYMENT_REFERENCE : money_arrives(tx, &m, NOW, &end, why);
	pause_a_little(); /* and what it has is held a while */
	return ok;
}

static struct id key_of(int64_t n)
{
	uint8_t random[10] = { 1 };
	memcpy(random + 2, &n, sizeof n);
	return id_make(NOW, random);
}

static bool notice_make(struct tx *tx, int64_t nth, struct notice *n, struct fail *why)
{
	enum notice_put what;
	*n = (struct notice){ .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"), .payer = STR("王小明"),
		.count = 1, .items = { { STR("103050101"), STR("罚款"), FEN } }, .amount_fen = FEN, .total_fen = FEN, .state = NOTICE_UNPAID };
	snprintf(n->code, sizeof(n->code), "6212002610000%07lld", (long long)nth);
	return notice_put(tx, n, NOW, salt, &what, why);
}

/* Of each number: an order that waits for it, a notice that does, and two who put it aside. */
static bool begin_all(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t from = *(const int64_t *)ctx;
	for (int i = 0; i < NUMBERS; i++) {
		struct notice ordered, open;
		struct order o;
		if (!notice_make(tx, 2 * (from + i), &ordered, why) || !notice_make(tx, 2 * (from + i) + 1, &open, why))
			return false;
		struct order_new want = { .key = key_of(from + i), .person = 1, .notices = &ordered, .count = 1, .now_ms = NOW, .hold_ms = 60000, .open_max = 100000, .salt = salt };
		if (!order_make(tx, &want, &o, why))
			return false;
		for (int way = 0; way < WAYS; way++) {
			struct racer *r = &racers[i * WAYS + way];
			*r = (struct racer){ .job = { .apply = apply }, .order = way == 0 ? o.id : 0, .notice = way == 1 ? open.id : 0 };
			snprintf(r->number, sizeof(r->number), "42%lld", (long long)(from + i));
		}
	}
	return true;
}

static void race(int64_t from)
{
	struct commit_job *jobs[JOBS];
	FIXTURE_OK(&f, store_write(f.store, begin_all, &from, &f.why));
	for (int i = 0; i < JOBS; i++)
		jobs[(i + (int)from * 5) % JOBS] = &racers[i].job; /* each comes first in turn */
	race_run(jobs, JOBS);
	for (int i = 0; i < JOBS; i++)
		if (!racers[i].job.committed && racers[i].job.why.code != FAIL_PAYMENT_REFERENCE)
			fail_msg("job %d: %s", i, racers[i].job.why.log);
}

/* Numbers that are here more than once, or not at all. */
static int64_t wrong(int64_t numbers)
{
	int64_t once = fixture_number(&f, "SELECT COUNT(*) FROM (SELECT reference FROM (SELECT reference FROM pay_payment UNION ALL SELECT reference FROM pay_odd) x GROUP BY reference HAVING COUNT(*) = 1) y");
	return numbers - once;
}

/* ---- tests ---- */

static int64_t next = 1;

static void once(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++, next += NUMBERS) {
		race(next);
		assert_int_equal(wrong(next + NUMBERS - 1), 0);
	}
	assert_int_equal(fixture_number(&f, "SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 1"), ROUNDS * NUMBERS * FEN);
	assert_int_equal(fixture_number(&f, "SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting"), 0);
}

static void without_the_lock(void **state)
{
	(void)state;
	atomic_store(&is_lockless, true);
	int rounds = 0;
	for (; rounds < MUTANT_ROUNDS_MAX && wrong(next - 1) == 0; rounds++, next += NUMBERS)
		race(next);
	atomic_store(&is_lockless, false);
	if (wrong(next - 1) == 0)
		fail_msg("%d rounds without the lock, and nothing was there twice", rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(once), cmocka_unit_test(without_the_lock) };
	return cmocka_run_group_tests(tests, race_start, race_stop);
}
