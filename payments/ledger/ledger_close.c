/* payments/ledger/ledger_close.c - why this exists: a balance should not be the sum of all time. When a day is over, what each account that moved then stands at is noted,
 * in bites: a busy account has a million postings a day, and nobody shall wait for their sum. */
#include "payments/ledger/ledger.h"

#include "base/day.h"

#include <inttypes.h>

#define CLOSE_AFTER_MS INT64_C(3600000) /* past midnight: who was stamped before it is long committed, or is moved to the next day */

struct closing {
	int64_t day, account, since, at_day, at_journal, at_n, sum, postings;
};

/* 1: there is one, 0: none, -1: failed. */
static int closing_read(struct tx *tx, struct closing *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT day, account, since, at_day, at_journal, at_n, sum_fen, postings FROM ledger_closing ORDER BY day LIMIT 1", why);
	if (q == NULL)
		return -1;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? 0 : -1;
	*c = (struct closing){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4), stmt_int(q, 5), stmt_int(q, 6), stmt_int(q, 7) };
	return 1;
}

static bool closing_write(struct tx *tx, const struct closing *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE ledger_closing SET account = $1, since = $2, at_day = $3, at_journal = $4, at_n = $5, sum_fen = $6, postings = $7 WHERE day = $8", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->account, c->since, c->at_day, c->at_journal, c->at_n, c->sum, c->postings, c->day };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

static bool by_day(struct stmt *q, int64_t day, int64_t now_ms, struct fail *why)
{
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	if (now_ms != 0)
		stmt_bind_int(q, 2, now_ms);
	return stmt_run(q, why);
}

/* -- the day */

/* Nothing to do: it is closed, or nothing was posted since the last that is. */
static bool is_closed(struct tx *tx, int64_t day, bool *closed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COALESCE((SELECT MAX(day) FROM ledger_day), -1), COALESCE((SELECT day FROM ledger_journal ORDER BY id DESC LIMIT 1), -1)", why);
	if (q == NULL)
		return false;
	*closed = stmt_row(q, why) && (stmt_int(q, 0) >= day || stmt_int(q, 1) <= stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

/* Nobody else writes meanwhile: who posts before sees the day open, who posts after sees it closed. */
static bool day_close(struct tx *tx, int64_t day, int64_t now_ms, struct fail *why)
{
	bool closed;
	if (!tx_alone(tx, why) || !is_closed(tx, day, &closed, why))
		return false;
	if (closed)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO ledger_day (day, closed_ms) VALUES ($1, $2)", why);
	if (!by_day(q, day, now_ms, why))
		return false;
	DROP(stmt) struct stmt *c = tx_query(tx,
		"INSERT INTO ledger_closing (day, account, since, at_day, at_journal, at_n, sum_fen, postings) VALUES ($1, 0, 0, 0, 0, 0, 0, 0)", why);
	return by_day(c, day, 0, why);
}

/* -- its balances */

/* 1: the next account that has not been looked at, begun from its last balance; 0: there is none; -1: failed. */
static int account_next(struct tx *tx, struct closing *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT a.id, b.day, b.balance_fen, b.postings FROM ledger_account a LEFT JOIN ledger_balance b ON b.account = a.id"
		" AND b.day = (SELECT MAX(x.day) FROM ledger_balance x WHERE x.account = a.id) WHERE a.id > $1 ORDER BY a.id LIMIT 1", why);
	if (q == NULL)
		return -1;
	stmt_bind_int(q, 1, c->account);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? 0 : -1;
	int64_t since = stmt_is_null(q, 1) ? -1 : stmt_int(q, 1);
	*c = (struct closing){ c->day, stmt_int(q, 0), since, since + 1, 0, 0, stmt_is_null(q, 1) ? 0 : stmt_int(q, 2), stmt_is_null(q, 1) ? 0 : stmt_int(q, 3) };
	return 1;
}

/* Counts on from where it stands; *done: the account has no more up to the day. */
static bool account_sum(struct tx *tx, struct closing *c, int64_t rows_max, int64_t *rows, bool *done, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT day, journal, n, amount_fen FROM ledger_posting WHERE account = $1 AND (day, journal, n) > ($2, $3, $4) AND day <= $5"
		" ORDER BY day, journal, n LIMIT $6", why);
	int64_t seen = 0;
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->account, c->at_day, c->at_journal, c->at_n, c->day, rows_max - *rows };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (; stmt_row(q, why); seen++) {
		c->at_day = stmt_int(q, 0);
		c->at_journal = stmt_int(q, 1);
		c->at_n = stmt_int(q, 2);
		c->sum += stmt_int(q, 3);
		c->postings++;
	}
	*done = seen < rows_max - *rows;
	*rows += seen;
	return why->code == FAIL_NONE;
}

static bool balance_note(struct tx *tx, const struct closing *c, struct fail *why)
{
	if (c->at_journal == 0)
		return true; /* it did not move */
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO ledger_balance (account, day, balance_fen, postings) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->account, c->day, c->sum, c->postings };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

static bool balances_on(struct tx *tx, struct closing *c, int64_t rows_max, int64_t *rows, struct fail *why)
{
	bool done = c->account == 0;
	while (*rows < rows_max) {
		if (c->account != 0 && !account_sum(tx, c, rows_max, rows, &done, why))
			return false;
		if (!done)
			break;
		if (c->account != 0 && !balance_note(tx, c, why))
			return false;
		int next = account_next(tx, c, why);
		if (next < 0)
			return false;
		if (next == 0) {
			DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM ledger_closing WHERE day = $1", why);
			return by_day(q, c->day, 0, why);
		}
		++*rows;
		done = false;
	}
	return closing_write(tx, c, why);
}

bool ledger_close(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct closing c;
	int64_t day = day_of(now_ms - CLOSE_AFTER_MS) - 1;
	bool closed;
	*rows = 0;
	int open = closing_read(tx, &c, why);
	if (open != 0)
		return open > 0 && balances_on(tx, &c, rows_max, rows, why);
	if (!is_closed(tx, day, &closed, why) || closed)
		return why->code == FAIL_NONE;
	*rows = rows_max; /* its balances follow at once */
	return day_close(tx, day, now_ms, why);
}
