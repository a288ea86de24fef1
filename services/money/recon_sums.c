/* services/money/recon_sums.c - tables that sum the ledger: income by division, unit and item; the same by day and channel with what the channel kept of it; months, and so years. */
#include "services/money/recon_tables.h"

#include "base/day.h"
#include "payments/ledger/ledger.h"
#include "payments/reconciliation/recon_day.h"
#include "services/money/pay_notice.h"

#include <stdio.h>

static void bind(struct stmt *q, const int64_t *numbers, int count)
{
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
}

static void keep_text(struct recon_table_at *at, int nth, struct str text)
{
	snprintf(at->text[nth], sizeof at->text[nth], "%.*s", STR_ARG(text));
}

/* ---- income: account by account ---- */

static bool income_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	at->key[0] = -1; /* a division */
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM ledger_account a WHERE a.kind = $1 AND EXISTS (SELECT 1 FROM ledger_posting p WHERE p.account = a.id AND p.day >= $2 AND p.day < $3)", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ LEDGER_INCOME, at->from, at->to }, 3);
	if (stmt_row(q, why))
		at->told_rows = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static void income_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "区划", "执收单位编码", "收入项目编码", "笔数", "金额（元）" };
	(void)at;
	office_heads(s, heads, 5);
}

/* An account that did not move is no row. */
static void income_row(struct stmt *q, struct recon_table_at *at, struct office_sheet *s)
{
	at->key[0] = stmt_int(q, 0);
	keep_text(at, 0, stmt_text(q, 1));
	keep_text(at, 1, stmt_text(q, 2));
	if (stmt_int(q, 3) == 0)
		return;
	office_number(s, at->key[0]);
	office_text(s, stmt_text(q, 1));
	office_text(s, stmt_text(q, 2));
	office_number(s, stmt_int(q, 3));
	office_fen(s, stmt_int(q, 4));
	office_row(s);
	at->sums[0] += stmt_int(q, 3);
	at->sums[1] += stmt_int(q, 4);
	at->rows++;
}

static bool income_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t accounts = 0;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT a.division, a.unit, a.item, COUNT(p.journal), CAST(COALESCE(SUM(-p.amount_fen), 0) AS BIGINT) FROM (SELECT id, division, unit, item FROM ledger_account WHERE kind = $1 AND channel = 0"
		" AND (division, unit, item) > ($2, $3, $4) ORDER BY division, unit, item LIMIT $5) a LEFT JOIN ledger_posting p ON p.account = a.id AND p.day >= $6 AND p.day < $7"
		" GROUP BY a.division, a.unit, a.item ORDER BY a.division, a.unit, a.item", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, LEDGER_INCOME);
	stmt_bind_int(q, 2, at->key[0]);
	stmt_bind_text(q, 3, str_c(at->text[0]));
	stmt_bind_text(q, 4, str_c(at->text[1]));
	stmt_bind_int(q, 5, RECON_TABLE_BITE);
	stmt_bind_int(q, 6, at->from);
	stmt_bind_int(q, 7, at->to);
	for (; stmt_row(q, why); accounts++)
		income_row(q, at, s);
	at->is_over = accounts < RECON_TABLE_BITE;
	return why->code == FAIL_NONE;
}

static bool income_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 2);
	office_number(s, at->sums[0]);
	office_fen(s, at->sums[1]);
	office_row(s);
	return true;
}

const struct recon_table recon_income = { "income", false, false, income_count, income_head, income_bite, income_foot };

/* ---- settlement by unit: income of a day by channel, and its share of what the channel kept (a statement tells that of the whole day alone) ---- */

enum { PAID, FEE, SHARED_PAID, SHARED_FEE };
#define MOVED "SELECT COALESCE((SELECT MIN(a2.channel) FROM ledger_posting p2 JOIN ledger_account a2 ON a2.id = p2.account WHERE p2.journal = p.journal AND a2.kind IN (1, 3, 4)), 0) AS channel," \
	" a.division, a.unit, a.item, -p.amount_fen AS fen FROM ledger_account a JOIN ledger_posting p ON p.account = a.id WHERE a.kind = 2 AND p.day = $1"

static bool is_channel(int64_t channel, struct fail *why)
{
	return (channel >= 0 && channel < RECON_TABLE_CHANNELS) || FAILS(why, STORE, "channel %lld", (long long)channel);
}

/* Behind every key of the day before. */
static void begin_day(struct recon_table_at *at, int64_t day)
{
	at->key[0] = day;
	at->key[1] = at->key[2] = -1;
	memset(at->by_channel, 0, sizeof at->by_channel);
}

static bool units_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM ledger_account a JOIN ledger_posting p ON p.account = a.id WHERE a.kind = $1 AND p.day >= $2 AND p.day < $3"
		" GROUP BY p.day, a.id) x", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ LEDGER_INCOME, at->from, at->to }, 3);
	if (stmt_row(q, why))
		at->told_rows = stmt_int(q, 0);
	begin_day(at, at->from);
	return why->code == FAIL_NONE;
}

static void units_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "日期", "渠道", "区划", "执收单位编码", "收入项目编码", "笔数", "缴款（元）", "退款（元）", "分摊手续费（元）", "净额（元）" };
	(void)at;
	office_heads(s, heads, 10);
}

static bool units_paid(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT channel, CAST(SUM(fen) AS BIGINT) FROM (" MOVED ") x WHERE fen > 0 GROUP BY channel", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, at->key[0]);
	while (stmt_row(q, why)) {
		if (!is_channel(stmt_int(q, 0), why))
			return false;
		at->by_channel[stmt_int(q, 0)][PAID] = stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

static bool units_fee(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT channel, CAST(SUM(-fen) AS BIGINT) FROM recon_settlement WHERE day = $1 AND business IN ($2, $3) GROUP BY channel", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ at->key[0], BILL_FEE, BILL_FEE_BACK }, 3);
	while (stmt_row(q, why)) {
		if (!is_channel(stmt_int(q, 0), why))
			return false;
		at->by_channel[stmt_int(q, 0)][FEE] = stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

/* By what was paid; each gets what is due to all up to him less what those before him got, so that shares come to the whole. */
static int64_t share_of(int64_t *channel, int64_t paid)
{
	channel[SHARED_PAID] += paid;
	int64_t due = channel[PAID] > 0 ? (int64_t)((__int128)channel[FEE] * channel[SHARED_PAID] / channel[PAID]) : 0, share = due - channel[SHARED_FEE];
	channel[SHARED_FEE] = due;
	return share;
}

static void units_cells(struct recon_table_at *at, struct office_sheet *s, int64_t count, int64_t paid, int64_t back, int64_t fee)
{
	const int64_t n[] = { count, paid, back, fee, paid + back - fee };
	office_number(s, n[0]);
	for (int i = 1; i < 5; i++)
		office_fen(s, n[i]);
	for (int i = 0; i < 5; i++)
		at->sums[i] += n[i];
	office_row(s);
	at->rows++;
}

static bool units_row(struct stmt *q, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	char day[DAY_TEXT_BYTES];
	at->key[1] = stmt_int(q, 0);
	at->key[2] = stmt_int(q, 1);
	keep_text(at, 0, stmt_text(q, 2));
	keep_text(at, 1, stmt_text(q, 3));
	if (!is_channel(at->key[1], why))
		return false;
	office_text(s, recon_day_cell(at->key[0], day));
	office_text(s, pay_channel_name(at->key[1]));
	office_number(s, at->key[2]);
	office_text(s, stmt_text(q, 2));
	office_text(s, stmt_text(q, 3));
	units_cells(at, s, stmt_int(q, 4), stmt_int(q, 5), stmt_int(q, 6), share_of(at->by_channel[at->key[1]], stmt_int(q, 5)));
	return true;
}

/* What no unit of the day can bear, because nothing was posted that day. */
static void units_rest(struct recon_table_at *at, struct office_sheet *s)
{
	char day[DAY_TEXT_BYTES];
	for (int c = 0; c < RECON_TABLE_CHANNELS; c++) {
		int64_t left = at->by_channel[c][FEE] - at->by_channel[c][SHARED_FEE];
		if (left == 0)
			continue;
		office_text(s, recon_day_cell(at->key[0], day));
		office_text(s, pay_channel_name(c));
		office_text(s, STR("未分摊"));
		recon_empty_cells(s, 2);
		units_cells(at, s, 0, 0, 0, left);
	}
}

static bool units_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t before = at->rows;
	if (at->key[1] < 0 && (!units_paid(tx, at, why) || !units_fee(tx, at, why)))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT channel, division, unit, item, COUNT(*), CAST(SUM(CASE WHEN fen > 0 THEN fen ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN fen < 0 THEN fen ELSE 0 END) AS BIGINT)"
		" FROM (" MOVED ") x WHERE (channel, division, unit, item) > ($2, $3, $4, $5) GROUP BY channel, division, unit, item ORDER BY channel, division, unit, item LIMIT $6", why);
	if (q == NULL)
		return false;
	bind(q, at->key, 3);
	stmt_bind_text(q, 4, str_c(at->text[0]));
	stmt_bind_text(q, 5, str_c(at->text[1]));
	stmt_bind_int(q, 6, RECON_TABLE_BITE);
	while (stmt_row(q, why))
		if (!units_row(q, at, s, why))
			return false;
	if (why->code == FAIL_NONE && at->rows - before < RECON_TABLE_BITE) {
		units_rest(at, s);
		begin_day(at, at->key[0] + 1);
	}
	at->is_over = at->key[0] == at->to;
	return why->code == FAIL_NONE;
}

static bool units_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 4);
	office_number(s, at->sums[0]);
	for (int i = 1; i < 5; i++)
		office_fen(s, at->sums[i]);
	office_row(s);
	return true;
}

const struct recon_table recon_settlement_units = { "settlement_units", false, false, units_count, units_head, units_bite, units_foot };

/* ---- months: a day in a bite, a row for each channel when its month is over ---- */

enum { CAME, CAME_FEN, BACK, BACK_FEN, REACHED_FEN, KEPT_FEN, WRITTEN_FEN, MONTH_SUMS };
enum { UNEXPLAINED, CLOSED, CHANGED }; /* of channel 0, which nothing comes by */
enum { MONTH_TEXT = 8 };

static bool months_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	(void)tx;
	(void)why;
	begin_day(at, at->from);
	at->told_rows = (at->to - at->from) / 28 * RECON_TABLE_CHANNELS + 2 * RECON_TABLE_CHANNELS;
	return true;
}

static void months_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "月份", "渠道", "缴款笔数", "缴款（元）", "退款笔数", "退款（元）", "到账（元）", "手续费（元）", "差错账（元）", "未查明差异", "已日结天数", "已变更天数" };
	(void)at;
	office_heads(s, heads, 12);
}

/* What went back left the channel's account or, by the treasury, the collecting one: both are refunds, and neither is what arrived. What an account
 * moved on to another of ours, or for another reason than payments, arrived before or never did. */
static bool month_moved(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT channel, SUM(CASE WHEN kind = 1 AND cause IN (1, 3) THEN 1 ELSE 0 END), CAST(SUM(CASE WHEN kind = 1 AND cause IN (1, 3) THEN fen ELSE 0 END) AS BIGINT),"
		" SUM(CASE WHEN kind IN (1, 5) AND cause = 5 THEN 1 ELSE 0 END), CAST(SUM(CASE WHEN kind IN (1, 5) AND cause = 5 THEN fen ELSE 0 END) AS BIGINT),"
		" CAST(SUM(CASE WHEN kind = 5 AND cause NOT IN (5, 9) THEN fen ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN kind = 6 THEN fen ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN kind = 7 THEN fen ELSE 0 END) AS BIGINT)"
		" FROM (SELECT a.channel, a.kind, j.cause, p.amount_fen AS fen FROM ledger_account a JOIN ledger_posting p ON p.account = a.id JOIN ledger_journal j ON j.id = p.journal"
		" WHERE a.kind IN (1, 5, 6, 7) AND p.day = $1) x GROUP BY channel", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, at->key[0]);
	while (stmt_row(q, why)) {
		int64_t n[MONTH_SUMS];
		if (!is_channel(stmt_int(q, 0), why))
			return false;
		stmt_ints(q, 1, MONTH_SUMS, n);
		for (int i = 0; i < MONTH_SUMS; i++)
			at->by_channel[stmt_int(q, 0)][i] += n[i];
	}
	return why->code == FAIL_NONE;
}

static bool month_signed(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	struct recon_day d;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM recon_item WHERE day = $1 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, at->key[0]);
	if (!stmt_row(q, why) || !recon_day_signed(tx, at->key[0], &d, why))
		return false;
	at->by_channel[0][UNEXPLAINED] += stmt_int(q, 0);
	at->by_channel[0][CLOSED] += d.is_closed && !d.is_changed;
	at->by_channel[0][CHANGED] += d.is_changed;
	return true;
}

static void month_cells(struct office_sheet *s, const int64_t *n)
{
	office_number(s, n[CAME]);
	office_fen(s, n[CAME_FEN]);
	office_number(s, n[BACK]);
	for (int i = BACK_FEN; i < MONTH_SUMS; i++)
		office_fen(s, n[i]);
}

static void month_rows(struct recon_table_at *at, struct office_sheet *s, struct str month)
{
	int64_t all[MONTH_SUMS] = { 0 };
	for (int c = 1; c < RECON_TABLE_CHANNELS; c++) {
		bool any = false;
		for (int i = 0; i < MONTH_SUMS; i++) {
			any = any || at->by_channel[c][i] != 0;
			all[i] += at->by_channel[c][i];
		}
		if (!any)
			continue;
		office_text(s, month);
		office_text(s, pay_channel_name(c));
		month_cells(s, at->by_channel[c]);
		office_row(s);
		at->rows++;
	}
	office_text(s, month);
	office_text(s, STR("小计"));
	month_cells(s, all);
	office_number(s, at->by_channel[0][UNEXPLAINED]);
	office_number(s, at->by_channel[0][CLOSED]);
	office_number(s, at->by_channel[0][CHANGED]);
	office_row(s);
	at->rows++;
	for (int i = 0; i < MONTH_SUMS; i++)
		at->sums[i] += all[i];
	at->key[2] += at->by_channel[0][UNEXPLAINED];
	at->key[3] += at->by_channel[0][CLOSED];
	at->key[1] += at->by_channel[0][CHANGED];
}

/* key: the day; then, of the whole, how many days changed since they were signed, what is not explained and how many days are closed. */
static bool months_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	char month[DAY_TEXT_BYTES], next[DAY_TEXT_BYTES];
	if (at->key[0] == at->from)
		at->key[1] = at->key[2] = at->key[3] = 0;
	if (!month_moved(tx, at, why) || !month_signed(tx, at, why))
		return false;
	day_text((int32_t)at->key[0], month);
	day_text((int32_t)at->key[0] + 1, next);
	month[MONTH_TEXT - 1] = next[MONTH_TEXT - 1] = '\0';
	at->key[0]++;
	at->is_over = at->key[0] == at->to;
	if (!at->is_over && strcmp(month, next) == 0)
		return true;
	month_rows(at, s, str_c(month));
	memset(at->by_channel, 0, sizeof at->by_channel);
	return true;
}

static bool months_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	office_text(s, STR(""));
	month_cells(s, at->sums);
	office_number(s, at->key[2]);
	office_number(s, at->key[3]);
	office_number(s, at->key[1]);
	office_row(s);
	return true;
}

const struct recon_table recon_months = { "months", false, false, months_count, months_head, months_bite, months_foot };
