/* Goal: money neither comes from nothing nor goes there: whatever is posted sums to zero, in each journal and in all; balances are what was posted, over days that are
 * closed in bites; the database refuses whatever would change that; and verification finds each row that somebody changed, put in or took away.
 * Method: random movements from a seed beside a model that adds; statements past the one function that writes; each table altered past the store, and back again.
 * All of it on SQLite and on PostgreSQL. SIBAN_LEDGER_JOURNALS=n measures with n journals. */
#include "both_stores.h"

#include "base/clock.h"
#include "base/day.h"
#include "payments/ledger/ledger_walk.h"
#include "seal_fixture.h"

#define NOW INT64_C(1795420800000)
#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
enum { ACCOUNTS = 9, JOURNALS = 200, DAYS = 6, MOST = 6 };

static int64_t accounts[ACCOUNTS], model[ACCOUNTS];
static uint64_t seed;

static int draw(int n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((seed >> 33) % (uint64_t)n);
}

static void must(bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx)
{
	FIXTURE_OK(&on->f, store_write(on->f.store, apply, ctx, &on->f.why));
}

static bool run_sql(struct tx *tx, void *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

/* ---- accounts ---- */

static bool accounts_open(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int i = 0; i < ACCOUNTS; i++) {
		static const char *const items[] = { "103043211", "103050101", "100000000001" };
		struct ledger_account a = i < 3 ? (struct ledger_account){ .kind = LEDGER_CHANNEL, .channel = PAY_BY_CASH + i }
			: i < 6 ? (struct ledger_account){ .kind = LEDGER_INCOME, .division = 621202, .unit = STR("065000001"), .item = str_c(items[i - 3]) }
			: (struct ledger_account){ .kind = LEDGER_SUSPENSE, .channel = PAY_BY_CASH + i - 6, .division = 621200 };
		if (!ledger_account(tx, &a, NOW, &accounts[i], why))
			return false;
	}
	return true;
}

static void accounts_are_opened_once(void **state)
{
	(void)state;
	int64_t before[ACCOUNTS];
	must(accounts_open, NULL);
	memcpy(before, accounts, sizeof(before));
	must(accounts_open, NULL);
	assert_memory_equal(before, accounts, sizeof(before));
	for (int i = 0; i < ACCOUNTS; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(accounts[i], accounts[k]);
	assert_int_equal(fixture_number(&on->f, "SELECT count(*) FROM ledger_account"), ACCOUNTS);
}

/* ---- random movements ---- */

struct movement {
	struct ledger_posting postings[MOST];
	int which[MOST];
	struct ledger_journal j;
	int64_t id;
	bool is_new;
};

static void movement_draw(struct movement *m, int64_t subject, int64_t now_ms)
{
	int64_t sum = 0;
	*m = (struct movement){ .j = { .cause = LEDGER_FOR_PAYMENT, .subject = subject, .now_ms = now_ms, .count = 2 + draw(MOST - 1) } };
	for (int i = 0; i < m->j.count; i++) {
		int64_t fen = (int64_t)(1 + draw(100000)) * (draw(2) ? 1 : -1);
		if (i == m->j.count - 1)
			fen = -sum;
		else if (i == m->j.count - 2 && sum + fen == 0)
			fen += fen > 0 ? 1 : -1; /* or the last would be of 0 fen */
		sum += fen;
		m->which[i] = draw(ACCOUNTS);
		m->postings[i] = (struct ledger_posting){ accounts[m->which[i]], fen };
	}
	m->j.postings = m->postings;
}

static bool movement_post(struct tx *tx, void *ctx, struct fail *why)
{
	struct movement *m = ctx;
	m->j.postings = m->postings;
	return ledger_post(tx, &m->j, &m->id, &m->is_new, why);
}

static bool post_and_no(struct tx *tx, void *ctx, struct fail *why)
{
	return movement_post(tx, ctx, why) && FAILS(why, GONE, "rolled back by the test");
}

struct closing_bite {
	int64_t now_ms, rows_max, rows;
};

static bool close_bite(struct tx *tx, void *ctx, struct fail *why)
{
	struct closing_bite *b = ctx;
	return ledger_close(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static void close_before(int64_t now_ms, int64_t rows_max)
{
	struct closing_bite b = { now_ms, rows_max, 0 };
	int bites = 0;
	do
		must(close_bite, &b);
	while (b.rows >= rows_max && ++bites < 10000);
	assert_true(bites < 10000);
	assert_int_equal(fixture_number(&on->f, "SELECT count(*) FROM ledger_closing"), 0);
}

static void reading(struct tx *tx, struct connection **c)
{
	*c = store_reader(on->f.store, 0, &on->f.why);
	FIXTURE_OK(&on->f, *c != NULL && reader_begin(*c, tx, &on->f.why));
}

static struct ledger_walk walk_all(int64_t journals_max, int64_t *journals)
{
	struct ledger_walk w = { 0 };
	struct tx tx = { 0 };
	struct connection *c;
	*journals = 0;
	reading(&tx, &c);
	do {
		FIXTURE_OK(&on->f, ledger_walk(&tx, &w, journals_max, &on->f.why));
		*journals += w.journals;
	} while (w.wrong == LEDGER_FINE && !w.is_end);
	connection_close(c);
	return w;
}

static struct ledger_walk_balances balances_all(int64_t rows_max)
{
	struct ledger_walk_balances w = { 0 };
	struct tx tx = { 0 };
	struct connection *c;
	reading(&tx, &c);
	do
		FIXTURE_OK(&on->f, ledger_walk_balances(&tx, &w, rows_max, &on->f.why));
	while (w.wrong == LEDGER_FINE && !w.is_end);
	connection_close(c);
	return w;
}

static int64_t count_of(const char *table)
{
	char sql[80];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return fixture_number(&on->f, sql);
}

/* The last lines of each test here. */
static void balances_hold(void)
{
	struct tx tx = { 0 };
	struct connection *c;
	int64_t journals, fen, total = 0;
	reading(&tx, &c);
	for (int i = 0; i < ACCOUNTS; i++) {
		FIXTURE_OK(&on->f, ledger_balance(&tx, accounts[i], &fen, &on->f.why));
		assert_int_equal(fen, model[i]);
		total += fen;
	}
	connection_close(c);
	assert_int_equal(total, 0);
	assert_int_equal(fixture_number(&on->f, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM ledger_posting"), 0);
	struct ledger_walk w = walk_all(1 + draw(50), &journals);
	if (w.wrong != LEDGER_FINE)
		fail_msg("journal %lld: %s", (long long)w.journal, ledger_wrong_word(w.wrong));
	assert_int_equal(journals, count_of("ledger_journal"));
	struct ledger_walk_balances b = balances_all(1 + draw(50));
	if (b.wrong != LEDGER_FINE)
		fail_msg("account %lld: %s", (long long)b.account, ledger_wrong_word(b.wrong));
}

static void whatever_is_posted_sums_to_zero(void **state)
{
	(void)state;
	must(accounts_open, NULL);
	memset(model, 0, sizeof(model));
	for (int64_t i = 1; i <= JOURNALS; i++) {
		struct movement m;
		int64_t now_ms = NOW + (i * DAYS / JOURNALS) * DAY_MS;
		movement_draw(&m, i, now_ms);
		fail_clear(&on->f.why);
		if (draw(5) == 0)
			assert_false(store_write(on->f.store, post_and_no, &m, &on->f.why));
		must(movement_post, &m);
		assert_true(m.is_new);
		int64_t first = m.id;
		must(movement_post, &m);
		assert_true(!m.is_new && m.id == first);
		for (int k = 0; k < m.j.count; k++)
			model[m.which[k]] += m.postings[k].fen;
		if (draw(20) == 0)
			close_before(now_ms + 2 * HOUR_MS, 1 + draw(40));
	}
	close_before(NOW + DAYS * DAY_MS + 2 * HOUR_MS, 7);
	assert_true(count_of("ledger_balance") > ACCOUNTS);
	balances_hold();
}

static void the_same_cause_again_is_the_same_money(void **state)
{
	(void)state;
	struct movement m;
	movement_draw(&m, 1000001, NOW + 10 * DAY_MS);
	m.j.count = 2;
	m.postings[0].fen = 80;
	m.postings[1].fen = -80;
	must(movement_post, &m);
	m.postings[0].fen = 81;
	m.postings[1].fen = -81;
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, movement_post, &m, &on->f.why));
	assert_int_equal(on->f.why.code, FAIL_CONFLICT);
	/* the correction is another journal, and names it */
	struct movement c = m;
	c.j.cause = LEDGER_FOR_CORRECTION;
	c.j.corrects = c.j.subject = m.id;
	c.postings[0].fen = -80;
	c.postings[1].fen = 80;
	must(movement_post, &c);
	assert_int_not_equal(c.id, m.id);
	balances_hold();
}

static void a_closed_day_takes_nothing(void **state)
{
	(void)state;
	struct movement m;
	int32_t day = day_of(NOW + 20 * DAY_MS);
	close_before(day_begins_ms(day + 1) + HOUR_MS - 1, 100); /* not yet: what was stamped before midnight may still come */
	movement_draw(&m, 1000002, day_begins_ms(day + 1) - 1);
	must(movement_post, &m);
	for (int k = 0; k < m.j.count; k++)
		model[m.which[k]] += m.postings[k].fen;
	assert_int_equal(fixture_number(&on->f, "SELECT day FROM ledger_journal WHERE subject = 1000002"), day);
	close_before(day_begins_ms(day + 1) + HOUR_MS, 100);
	movement_draw(&m, 1000003, day_begins_ms(day + 1) - 1); /* it comes too late, and is the next day's */
	must(movement_post, &m);
	for (int k = 0; k < m.j.count; k++)
		model[m.which[k]] += m.postings[k].fen;
	assert_int_equal(fixture_number(&on->f, "SELECT day FROM ledger_journal WHERE subject = 1000003"), day + 1);
	balances_hold();
}

/* ---- what the database itself refuses ---- */

static const char *const refused[] = {
	"UPDATE ledger_posting SET amount_fen = amount_fen + 1 WHERE journal = 1 AND n = 1",
	"UPDATE ledger_journal SET step = 7 WHERE subject = 1",
	"UPDATE ledger_account SET unit = 'another' WHERE kind = 2",
	"UPDATE ledger_balance SET balance_fen = 0 WHERE account > 0",
	"UPDATE ledger_day SET closed_ms = 0 WHERE day > 0",
	"DELETE FROM ledger_posting WHERE journal = 1 AND n = 1",
	"DELETE FROM ledger_journal WHERE subject = 1",
	"DELETE FROM ledger_account WHERE kind = 3",
	"DELETE FROM ledger_balance WHERE account > 0",
	"DELETE FROM ledger_day WHERE day > 0",
	/* no journal without its postings, nor with others than it says */
	"INSERT INTO ledger_journal (id, fact, cause, subject, step, corrects, day, made_ms, postings, digest) VALUES (900001, 1, 1, 900001, 0, NULL, 99999, 1, 2, '\\x00')",
	/* a closed journal takes no more */
	"INSERT INTO ledger_posting (journal, n, account, amount_fen, day) SELECT MIN(id), 99, MIN(day), 5, 99999 FROM ledger_journal",
	"INSERT INTO ledger_day (day, closed_ms) VALUES (1, 1)",
};

static const char *const half[] = { /* the last is refused */
	"INSERT INTO ledger_posting (journal, n, account, amount_fen, day) SELECT 900002, 1, MIN(id), 5, 99999 FROM ledger_account",
	"INSERT INTO ledger_posting (journal, n, account, amount_fen, day) SELECT 900002, 2, MIN(id), -4, 99999 FROM ledger_account",
	("INSERT INTO ledger_journal (id, fact, cause, subject, step, corrects, day, made_ms, postings, digest) SELECT 900002, 1, 1, 900002, 0, NULL, 99999, 1, 2, digest"
	 " FROM ledger_journal WHERE subject = 1 AND cause = 1"),
};

static bool run_half(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *came = ctx;
	*came = 0;
	for (int i = 0; i < 3; i++, ++*came)
		if (!run_sql(tx, (void *)(uintptr_t)half[i], why))
			return false;
	return true;
}

static void the_database_refuses(void **state)
{
	(void)state;
	int64_t came, postings = count_of("ledger_posting");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (!on->is_postgres && strstr(refused[i], "'\\x00'") != NULL)
			continue; /* another way to write bytes */
		fail_clear(&on->f.why);
		if (store_write(on->f.store, run_sql, (void *)(uintptr_t)refused[i], &on->f.why))
			fail_msg("not refused: %s", refused[i]);
	}
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, run_half, &came, &on->f.why));
	assert_int_equal(came, 2);
	assert_int_equal(count_of("ledger_posting"), postings);
	balances_hold();
}

/* ---- somebody who owns the database ---- */

static const struct { const char *act, *undo; enum ledger_wrong wrong; } altered[] = {
	{ "UPDATE ledger_posting SET amount_fen = amount_fen + 1 WHERE n = 2 AND journal = (SELECT id FROM ledger_journal WHERE subject = 2 AND cause = 1)",
	  "UPDATE ledger_posting SET amount_fen = amount_fen - 1 WHERE n = 2 AND journal = (SELECT id FROM ledger_journal WHERE subject = 2 AND cause = 1)", LEDGER_WRONG_SUM },
	{ "UPDATE ledger_posting SET amount_fen = amount_fen + (CASE n WHEN 1 THEN 500000 ELSE -500000 END) WHERE n <= 2 AND journal = (SELECT id FROM ledger_journal WHERE subject = 3 AND cause = 1)",
	  "UPDATE ledger_posting SET amount_fen = amount_fen - (CASE n WHEN 1 THEN 500000 ELSE -500000 END) WHERE n <= 2 AND journal = (SELECT id FROM ledger_journal WHERE subject = 3 AND cause = 1)",
	  LEDGER_WRONG_CHANGED },
	{ "UPDATE ledger_posting SET account = account + 1000 WHERE n = 1 AND journal = (SELECT MAX(id) FROM ledger_journal)",
	  "UPDATE ledger_posting SET account = account - 1000 WHERE n = 1 AND journal = (SELECT MAX(id) FROM ledger_journal)", LEDGER_WRONG_CHANGED },
	{ "UPDATE ledger_posting SET day = day + 1 WHERE n = 1 AND journal = (SELECT MIN(id) FROM ledger_journal)",
	  "UPDATE ledger_posting SET day = day - 1 WHERE n = 1 AND journal = (SELECT MIN(id) FROM ledger_journal)", LEDGER_WRONG_DAY },
	{ "UPDATE ledger_posting SET n = n + 50 WHERE n = 1 AND journal = (SELECT MIN(id) FROM ledger_journal)",
	  "UPDATE ledger_posting SET n = n - 50 WHERE n > 50 AND journal = (SELECT MIN(id) FROM ledger_journal)", LEDGER_WRONG_CHANGED },
	{ "INSERT INTO ledger_posting SELECT journal, 70, account, 1, day FROM ledger_posting WHERE n = 1 AND journal = (SELECT MIN(id) FROM ledger_journal)",
	  "DELETE FROM ledger_posting WHERE n = 70", LEDGER_WRONG_NUMBER },
	{ "INSERT INTO ledger_posting SELECT 4000000, n, account, amount_fen, day FROM ledger_posting WHERE journal = (SELECT MIN(id) FROM ledger_journal)",
	  "DELETE FROM ledger_posting WHERE journal = 4000000", LEDGER_WRONG_ORPHAN },
	{ "INSERT INTO ledger_posting SELECT 0 - 4, n, account, amount_fen, day FROM ledger_posting WHERE journal = (SELECT MIN(id) FROM ledger_journal)",
	  "DELETE FROM ledger_posting WHERE journal < 0", LEDGER_WRONG_ORPHAN },
	{ "UPDATE ledger_posting SET journal = journal + 5000000 WHERE n = 2 AND journal = (SELECT MIN(id) FROM ledger_journal)",
	  "UPDATE ledger_posting SET journal = journal - 5000000 WHERE journal > 5000000", LEDGER_WRONG_NUMBER },
	{ "UPDATE ledger_journal SET postings = postings + 1 WHERE subject = 5 AND cause = 1", "UPDATE ledger_journal SET postings = postings - 1 WHERE subject = 5 AND cause = 1",
	  LEDGER_WRONG_NUMBER },
	{ "UPDATE ledger_balance SET balance_fen = balance_fen + 1 WHERE account = (SELECT MIN(account) FROM ledger_balance)",
	  "UPDATE ledger_balance SET balance_fen = balance_fen - 1 WHERE account = (SELECT MIN(account) FROM ledger_balance)", LEDGER_WRONG_BALANCE },
	{ "UPDATE ledger_balance SET postings = postings - 1 WHERE account = (SELECT MAX(account) FROM ledger_balance)",
	  "UPDATE ledger_balance SET postings = postings + 1 WHERE account = (SELECT MAX(account) FROM ledger_balance)", LEDGER_WRONG_BALANCE },
	{ "UPDATE ledger_balance SET day = day - 20000 WHERE day = (SELECT MAX(day) FROM ledger_balance)", "UPDATE ledger_balance SET day = day + 20000 WHERE day < 10000",
	  LEDGER_WRONG_BALANCE },
	{ "UPDATE ledger_balance SET account = account + 1000 WHERE account = (SELECT MIN(account) FROM ledger_balance)",
	  "UPDATE ledger_balance SET account = account - 1000 WHERE account > 1000", LEDGER_WRONG_NO_BALANCE },
};

#define SQLITE_OWNER \
	"DROP TRIGGER IF EXISTS ledger_account_no_update; DROP TRIGGER IF EXISTS ledger_account_no_delete; DROP TRIGGER IF EXISTS ledger_journal_no_update;" \
	"DROP TRIGGER IF EXISTS ledger_journal_no_delete; DROP TRIGGER IF EXISTS ledger_posting_no_update; DROP TRIGGER IF EXISTS ledger_posting_no_delete;" \
	"DROP TRIGGER IF EXISTS ledger_posting_no_more; DROP TRIGGER IF EXISTS ledger_balance_no_update; DROP TRIGGER IF EXISTS ledger_balance_no_delete;"

static void past_the_store(const char *sql)
{
	char text[2048];
	snprintf(text, sizeof(text), "%s%s", on->is_postgres ? "SET session_replication_role = replica; " : SQLITE_OWNER, sql);
	if (on->is_postgres) {
		postgres_raw(on->database, text);
		return;
	}
	fixture_close(&on->f);
	fixture_raw(&on->f, text);
	FIXTURE_OK(&on->f, fixture_open(&on->f, STORE_SERVE));
}

static void each_altered_row_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(altered) / sizeof(altered[0]); i++) {
		int64_t journals;
		past_the_store(altered[i].act);
		enum ledger_wrong wrong = walk_all(40, &journals).wrong;
		if (wrong == LEDGER_FINE)
			wrong = balances_all(40).wrong;
		if (wrong != altered[i].wrong)
			fail_msg("%s: %s", altered[i].act, ledger_wrong_word(wrong));
		past_the_store(altered[i].undo);
		balances_hold();
	}
}

/* What stands behind the digests: the chain. */
static void journals_and_accounts_are_sealed(void **state)
{
	(void)state;
	while (seal_some(&on->f, SEAL_NOW, 500) > 0)
		;
	static const struct { const char *act, *undo; enum seal_wrong wrong; } rows[] = {
		{ "UPDATE ledger_journal SET step = 9 WHERE subject = 7 AND cause = 1", "UPDATE ledger_journal SET step = 0 WHERE subject = 7 AND cause = 1", SEAL_WRONG_ROW_CHANGED },
		{ "UPDATE ledger_journal SET subject = -7 WHERE subject = 7 AND cause = 1", "UPDATE ledger_journal SET subject = 7 WHERE subject = -7", SEAL_WRONG_ROW_CHANGED },
		{ "UPDATE ledger_account SET item = '1' WHERE item = '103043211'", "UPDATE ledger_account SET item = '103043211' WHERE item = '1'", SEAL_WRONG_ROW_CHANGED },
		{ "UPDATE ledger_account SET id = id + 1000 WHERE item = '103043211'", "UPDATE ledger_account SET id = id - 1000 WHERE item = '103043211'", SEAL_WRONG_ROW_GONE },
	};
	assert_int_equal(seal_walk_all(&on->f, NULL, 100).wrong, SEAL_FINE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		past_the_store(rows[i].act);
		assert_int_equal(seal_walk_all(&on->f, NULL, 100).wrong, rows[i].wrong);
		past_the_store(rows[i].undo);
		assert_int_equal(seal_walk_all(&on->f, NULL, 100).wrong, SEAL_FINE);
	}
	assert_int_equal(seal_rows_all(&on->f, FACT_LEDGER_JOURNAL, 100).wrong, SEAL_FINE);
	assert_int_equal(seal_rows_all(&on->f, FACT_LEDGER_ACCOUNT, 100).wrong, SEAL_FINE);
}

/* ---- how long it takes: printed ---- */

struct many {
	int64_t first, count;
};

static bool post_many(struct tx *tx, void *ctx, struct fail *why)
{
	struct many *m = ctx;
	for (int64_t i = 0; i < m->count; i++) {
		struct movement one;
		movement_draw(&one, m->first + i, NOW + 40 * DAY_MS);
		one.j.count = 2;
		one.postings[0].fen = 1 + draw(100000);
		one.postings[1].fen = -one.postings[0].fen;
		if (!movement_post(tx, &one, why))
			return false;
	}
	return true;
}

static void how_fast(void **state)
{
	(void)state;
	const char *wanted = getenv("SIBAN_LEDGER_JOURNALS");
	int64_t all = wanted != NULL ? atoll(wanted) : 500, journals;
	int64_t began = clock_mono_ms();
	for (int64_t i = 0; i < all; i += 500)
		must(post_many, &(struct many){ 2000000 + i, 500 });
	int64_t posted = clock_mono_ms();
	assert_int_equal(walk_all(LEDGER_WALK_JOURNALS_MAX, &journals).wrong, LEDGER_FINE);
	int64_t walked = clock_mono_ms();
	while (seal_some(&on->f, SEAL_NOW, 500) > 0)
		;
	int64_t sealed = clock_mono_ms();
	assert_int_equal(seal_walk_all(&on->f, NULL, SEAL_CHECK_ROWS_MAX).wrong, SEAL_FINE);
	int64_t chained = clock_mono_ms();
	print_message("%s: %lld journals of two postings: posted in %lld ms, postings walked in %lld, sealed in %lld, chain walked in %lld\n",
		      on->is_postgres ? "postgres" : "sqlite", (long long)journals, (long long)(posted - began), (long long)(walked - posted), (long long)(sealed - walked),
		      (long long)(chained - sealed));
}

static int start(void **state)
{
	seed = 20261126;
	sides_make(state, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(n) \
		{ "accounts_are_opened_once", accounts_are_opened_once, side, NULL, &sides[n] }, \
		{ "whatever_is_posted_sums_to_zero", whatever_is_posted_sums_to_zero, side, NULL, &sides[n] }, \
		{ "the_same_cause_again_is_the_same_money", the_same_cause_again_is_the_same_money, side, NULL, &sides[n] }, \
		{ "a_closed_day_takes_nothing", a_closed_day_takes_nothing, side, NULL, &sides[n] }, \
		{ "the_database_refuses", the_database_refuses, side, NULL, &sides[n] }, \
		{ "each_altered_row_is_found", each_altered_row_is_found, side, NULL, &sides[n] }, \
		{ "journals_and_accounts_are_sealed", journals_and_accounts_are_sealed, side, NULL, &sides[n] }, \
		{ "how_fast", how_fast, side, NULL, &sides[n] }
		ON(0),
		ON(1),
	};
	return cmocka_run_group_tests(tests, start, sides_drop);
}
