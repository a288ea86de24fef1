/* Goal: booking a payment, and two refunds of it that end, meet in any order, and what is left has one e-receipt asked for: never none, never two, never over another amount. And the lock of a
 * notice's receipts is what keeps it so: without it, this test sees a payer without his paper.
 * Method: many notices at once, each with those three jobs in the WRITE lane of a PostgreSQL with a connection for each, which stand still for a moment between their statements; what is there
 * when all have ended is counted. Half of the notices were booked before, and their first paper was called back. */
#include "postgres_race.h"

#include "base/arena.h"
#include "payments/bureau/confirmation.h"
#include "payments/bureau/receipt.h"
#include "payments/orders/payment.h"

#define NOW INT64_C(1795420800000)
enum { NOTICES = 16, JOBS_EACH = 3, JOBS = NOTICES * JOBS_EACH, ROUNDS = 12, MUTANT_ROUNDS_MAX = 60, PAID_FEN = 20000, BACK_FEN = 600 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }
static const uint8_t salt[16] = { 7 };
static _Atomic bool is_lockless;

/* ---- where it steps in ---- */

bool __real_receipt_hold(struct tx *tx, int64_t notice, struct fail *why);
bool __wrap_receipt_hold(struct tx *tx, int64_t notice, struct fail *why);
bool __wrap_receipt_hold(struct tx *tx, int64_t notice, struct fail *why)
{
	return atomic_load(&is_lockless) || __real_receipt_hold(tx, notice, why);
}

/* ---- a round's notices ---- */

static bool run(struct tx *tx, const char *sql, int64_t a, int64_t b, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a);
	stmt_bind_int(q, 2, b);
	return stmt_run(q, why);
}

static struct id key_of(int64_t n)
{
	uint8_t random[10] = { 1 };
	memcpy(random + 2, &n, sizeof n);
	return id_make(NOW, random);
}

static bool refund_row(struct tx *tx, int64_t id, int64_t notice, int64_t payment, struct fail *why)
{
	struct id key = key_of(id);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_refund (id, key, payment, notice, asker, asked_by, division, channel, path, ground, reason, amount_fen, state, told, since_ms, tries, word,"
		" channel_no, made_ms, changed_ms) VALUES ($1, $2, $3, $4, 3, 1, 621200, 3, 1, 1, $2, $5, 4, 4, 0, 0, '', '', 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, payment);
	stmt_bind_int(q, 4, notice);
	stmt_bind_int(q, 5, BACK_FEN);
	return stmt_run(q, why);
}

static struct one {
	int64_t notice, confirmation, payment;
	bool was_booked;
} ones[NOTICES];

/* Paid; two parts of it are with the channel, so no receipt is wanted; where it was booked before, its paper was called back. */
static bool begin_one(struct tx *tx, struct one *o, int64_t nth, struct fail *why)
{
	DROP(arena) struct arena a;
	enum notice_put what;
	struct order order;
	struct confirmation c;
	char reference[32];
	struct notice n = { .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"), .payer = STR("王小明"),
		.count = 1, .items = { { STR("103050101"), STR("罚款"), PAID_FEN } }, .amount_fen = PAID_FEN, .total_fen = PAID_FEN, .state = NOTICE_UNPAID };
	arena_init(&a, 1 << 20);
	snprintf(n.code, sizeof(n.code), "6212002610000%07lld", (long long)nth);
	if (!notice_put(tx, &n, NOW, salt, &what, why))
		return false;
	struct order_new want = { .key = key_of(-nth), .person = 1, .notices = &n, .count = 1, .now_ms = NOW, .hold_ms = 60000, .open_max = 100000, .salt = salt };
	struct str number = { reference, (size_t)snprintf(reference, sizeof(reference), "42%lld", (long long)nth) };
	if (!order_make(tx, &want, &order, why) || !payment_take(tx, &order, PAY_BY_WECHAT, number, PAID_FEN, NOW, &a, &o->payment, why) || !confirmation_find(tx, n.id, &c, &a, why))
		return false;
	o->notice = n.id;
	o->confirmation = c.id;
	if (o->was_booked && (!confirmation_move(tx, &c, CONFIRMATION_BOOKED, STR("1"), STR_NONE, NOW, why) ||
			      !run(tx, "UPDATE pay_receipt SET state = 5, changed_ms = $2 WHERE confirmation = $1", o->confirmation, NOW, why)))
		return false;
	return run(tx, "UPDATE pay_confirmation SET wants_receipt = 0, changed_ms = $2 WHERE id = $1", o->confirmation, NOW, why) &&
	       refund_row(tx, 2 * nth, n.id, o->payment, why) && refund_row(tx, 2 * nth + 1, n.id, o->payment, why);
}

static bool begin_all(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t from = *(const int64_t *)ctx;
	for (int i = 0; i < NOTICES; i++) {
		ones[i] = (struct one){ .was_booked = i % 2 == 1 };
		if (!begin_one(tx, &ones[i], from + i, why))
			return false;
	}
	return true;
}

/* ---- what meets ---- */

struct racer {
	struct commit_job job; /* first */
	const struct one *one;
	int64_t refund;        /* 0: the booking */
};
static struct racer racers[JOBS];

static bool books(struct tx *tx, const struct one *o, struct fail *why)
{
	struct confirmation c;
	DROP(arena) struct arena a;
	arena_init(&a, 1 << 20);
	return confirmation_read(tx, o->confirmation, &c, &a, why) && (c.state == CONFIRMATION_BOOKED || confirmation_move(tx, &c, CONFIRMATION_BOOKED, STR("1"), STR_NONE, NOW, why));
}

/* As refund_pay.c does it. */
static bool ends(struct tx *tx, const struct racer *r, struct fail *why)
{
	bool ok = run(tx, "UPDATE pay_refund SET state = 6, changed_ms = $2 WHERE id = $1 AND state = 4", r->refund, NOW, why);
	pause_a_little();
	return ok && receipt_rest(tx, r->one->notice, NOW, why);
}

static bool apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	const struct racer *r = (const struct racer *)job;
	pause_a_little();
	bool ok = r->refund == 0 ? books(tx, r->one, why) : ends(tx, r, why);
	pause_a_little(); /* and what it has is held a while */
	return ok;
}

static void race(int64_t from)
{
	FIXTURE_OK(&f, store_write(f.store, begin_all, &from, &f.why));
	struct commit_job *jobs[JOBS];
	for (int i = 0; i < JOBS; i++) {
		int n = i / JOBS_EACH, k = (i + (int)from) % JOBS_EACH; /* each comes first in turn */
		racers[i] = (struct racer){ .job = { .apply = apply }, .one = &ones[n], .refund = k == 0 ? 0 : 2 * (from + n) + k - 1 };
		jobs[i] = &racers[i].job;
	}
	race_run(jobs, JOBS);
	for (int i = 0; i < JOBS; i++)
		if (!racers[i].job.committed)
			fail_msg("job %d: %s", i, racers[i].job.why.log);
}

/* Of the notices of all rounds so far: those that did not end as all should. */
static int64_t wrong(void)
{
	static const char sql[] = "SELECT COUNT(*) FROM pay_confirmation c LEFT JOIN pay_receipt r ON r.confirmation = c.id WHERE c.state <> 3 OR c.wants_receipt <> 1 OR r.id IS NULL OR r.state <> 1"
		" OR r.amount_fen <> c.amount_fen - 1200 OR r.is_unwanted <> 0";
	_Static_assert(2 * BACK_FEN == 1200, "as the statement says");
	return fixture_number(&f, sql);
}

/* ---- tests ---- */

static int64_t next = 1;

static void one_end(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++, next += NOTICES) {
		race(next);
		assert_int_equal(wrong(), 0);
	}
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM pay_receipt"), ROUNDS * NOTICES);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM pay_receipt WHERE n > 2"), 0);
}

static void without_its_lock(void **state)
{
	(void)state;
	atomic_store(&is_lockless, true);
	int rounds = 0;
	for (; rounds < MUTANT_ROUNDS_MAX && wrong() == 0; rounds++, next += NOTICES)
		race(next);
	atomic_store(&is_lockless, false);
	if (wrong() == 0)
		fail_msg("%d rounds without the lock, and nobody lacked his paper", rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_end), cmocka_unit_test(without_its_lock) };
	return cmocka_run_group_tests(tests, race_start, race_stop);
}
