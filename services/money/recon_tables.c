/* services/money/recon_tables.c - tables of what was held beside what, and of payments: for the office and the finance bureau. */
#include "services/money/recon_tables.h"

#include "base/arena.h"
#include "base/clock.h"
#include "payments/ledger/ledger.h"
#include "payments/reconciliation/recon_day.h"
#include "services/money/pay_notice.h"
#include "services/money/recon_item.h"

#include <stdio.h>

enum { ROW_BYTES = 2048 };

struct str recon_day_cell(int64_t day, char out[DAY_TEXT_BYTES])
{
	day_text((int32_t)day, out);
	return str_c(out);
}

void recon_empty_cells(struct office_sheet *s, int count)
{
	for (int i = 0; i < count; i++)
		office_text(s, STR(""));
}

/* Begins behind `from`'s eve, whatever else the key has. */
bool recon_table_count(const struct recon_table *t, struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	at->key[0] = at->from - 1;
	at->key[1] = at->key[2] = at->key[3] = INT64_MAX;
	return t->count(tx, at, why);
}

static void bind(struct stmt *q, const int64_t *numbers, int count)
{
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
}

/* `sql` asks for one number between two days or moments. */
static bool count_by(struct tx *tx, const char *sql, int64_t from, int64_t to, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ from, to }, 2);
	if (stmt_row(q, why))
		*rows = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* ---- differences ---- */

static bool differences_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	return count_by(tx, "SELECT COUNT(*) FROM recon_item WHERE day >= $1 AND day < $2 AND state <> 4", at->from, at->to, &at->told_rows, why);
}

static void differences_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "日期", "来源", "方向", "号码", "差异", "状态", "我方金额（元）", "对方金额（元）", "差额（元）", "对账单行号", "区划", "处理" };
	(void)at;
	office_heads(s, heads, 12);
}

static void difference_row(struct office_sheet *s, const struct recon_item *i)
{
	const struct recon_kind_row *k = recon_kind_row(i->kind);
	char day[DAY_TEXT_BYTES];
	office_text(s, recon_day_cell(i->day, day));
	office_text(s, bill_source_zh(i->source));
	office_text(s, i->side == RECON_PAID_IN ? STR("缴款") : i->side == RECON_PAID_BACK ? STR("退款") : STR("入账"));
	office_text(s, i->number);
	office_text(s, k->zh);
	office_text(s, recon_item_state_text(i->state));
	office_fen(s, i->ours_fen);
	office_fen(s, i->theirs_fen);
	office_fen(s, i->theirs_fen - i->ours_fen);
	office_number(s, i->line);
	office_number(s, i->division);
	office_text(s, recon_action_text(i->action));
	office_row(s);
}

static bool difference_take(struct stmt *q, struct recon_table_at *at, struct office_sheet *s, struct arena *a, struct fail *why)
{
	struct recon_item i;
	if (!recon_item_take(q, &i, a, why))
		return false;
	difference_row(s, &i);
	const int64_t key[] = { i.day, i.source, i.side, 0 };
	memcpy(at->key, key, sizeof key);
	snprintf(at->text[0], sizeof at->text[0], "%.*s", STR_ARG(i.number));
	at->sums[0] += i.ours_fen;
	at->sums[1] += i.theirs_fen;
	arena_reset(a);
	return true;
}

static bool differences_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t rows = 0;
	struct arena row;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " RECON_ITEM_COLUMNS " FROM recon_item WHERE day < $1 AND state <> 4 AND (day, source, side, number) > ($2, $3, $4, $5)"
		" ORDER BY day, source, side, number LIMIT $6", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ at->to, at->key[0], at->key[1], at->key[2] }, 4);
	stmt_bind_text(q, 5, str_c(at->text[0]));
	stmt_bind_int(q, 6, RECON_TABLE_BITE);
	arena_init(&row, ROW_BYTES * 8);
	for (; stmt_row(q, why) && difference_take(q, at, s, &row, why); rows++)
		;
	arena_free(&row);
	at->rows += rows;
	at->is_over = rows < RECON_TABLE_BITE;
	return why->code == FAIL_NONE;
}

static bool differences_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 5);
	office_fen(s, at->sums[0]);
	office_fen(s, at->sums[1]);
	office_fen(s, at->sums[1] - at->sums[0]);
	office_row(s);
	return true;
}

/* ---- days: what was held beside what, and whether it is signed ---- */

static bool days_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	return count_by(tx, "SELECT COUNT(*) FROM recon_run WHERE day >= $1 AND day < $2", at->from, at->to, &at->told_rows, why);
}

static void days_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "日期", "来源", "状态", "我方笔数", "对方笔数", "相符", "差异", "未查明", "日结" };
	(void)at;
	office_heads(s, heads, 9);
}

static void day_row(struct stmt *q, const struct recon_day *d, struct recon_table_at *at, struct office_sheet *s)
{
	char day[DAY_TEXT_BYTES];
	office_text(s, recon_day_cell(stmt_int(q, 0), day));
	office_text(s, bill_source_zh(stmt_int(q, 1)));
	office_text(s, recon_run_state_text(stmt_int(q, 2)));
	for (int i = 0; i < 5; i++) {
		office_number(s, stmt_int(q, 3 + i));
		at->sums[i] += stmt_int(q, 3 + i);
	}
	office_text(s, d->is_changed ? STR("已变更") : d->is_closed ? STR("已日结") : STR(""));
	office_row(s);
	at->key[0] = stmt_int(q, 0);
	at->key[1] = stmt_int(q, 1);
	at->rows++;
}

static bool days_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t before = at->rows;
	struct recon_day d = { .day = 0 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.day, r.source, r.state, r.ours, r.theirs, r.matched, r.differences, (SELECT COUNT(*) FROM recon_item i WHERE i.source = r.source AND i.day = r.day"
		" AND i.state = 1) FROM (SELECT day, source, state, ours, theirs, matched, differences FROM recon_run WHERE day < $1 AND (day, source) > ($2, $3) ORDER BY day, source LIMIT $4) r"
		" ORDER BY r.day, r.source", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ at->to, at->key[0], at->key[1], RECON_TABLE_BITE }, 4);
	while (stmt_row(q, why)) {
		if (stmt_int(q, 0) != d.day && !recon_day_signed(tx, stmt_int(q, 0), &d, why))
			return false;
		day_row(q, &d, at, s);
	}
	at->is_over = at->rows - before < RECON_TABLE_BITE;
	return why->code == FAIL_NONE;
}

static bool days_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 2);
	for (int i = 0; i < 5; i++)
		office_number(s, at->sums[i]);
	office_row(s);
	return true;
}

/* ---- for the finance bureau: what was paid for which notice, channel by channel ---- */

static const enum pay_channel channels[] = {
#define CHANNEL(name, number, text) PAY_BY_##name,
#include "payments/pay_channels.def"
#undef CHANNEL
};
enum { CHANNELS = sizeof channels / sizeof channels[0] };

static bool finance_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	at->key[0] = 0; /* a channel in the table above */
	at->key[1] = day_begins_ms((int32_t)at->from) - 1;
	for (int i = 0; i < CHANNELS; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM pay_payment p JOIN pay_order_notice o ON o.pay_order = p.pay_order WHERE p.channel = $1 AND p.taken_ms >= $2 AND p.taken_ms < $3", why);
		if (q == NULL)
			return false;
		bind(q, (const int64_t[]){ channels[i], day_begins_ms((int32_t)at->from), day_begins_ms((int32_t)at->to) }, 3);
		if (stmt_row(q, why))
			at->told_rows += stmt_int(q, 0);
		if (why->code != FAIL_NONE)
			return false;
	}
	return true;
}

static void finance_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "payment_code", "unit", "division", "amount", "channel", "reference", "paid_at" };
	(void)at;
	office_heads(s, heads, 7);
}

static void finance_row(struct stmt *q, struct recon_table_at *at, struct office_sheet *s)
{
	char when[RFC3339_BYTES];
	at->key[1] = stmt_int(q, 6);
	at->key[2] = stmt_int(q, 7);
	office_text(s, stmt_text(q, 0));
	office_text(s, stmt_text(q, 1));
	office_number(s, stmt_int(q, 2));
	office_fen(s, stmt_int(q, 3));
	office_text(s, pay_channel_name(stmt_int(q, 4)));
	office_text(s, stmt_text(q, 5));
	time_rfc3339(at->key[1], when);
	when[10] = ' '; /* 2026-11-23 08:00:00: what spreadsheets and bill.h know for a time */
	office_text(s, (struct str){ when, 19 });
	office_row(s);
	at->sums[0] += stmt_int(q, 3);
	at->rows++;
}

/* A channel without another payment is over. */
static bool finance_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t before = at->rows;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT n.payment_code, n.unit, n.division, o.total_fen, p.channel, COALESCE(p.reference, ''), p.taken_ms, p.id FROM (SELECT id, pay_order, channel, reference, taken_ms FROM pay_payment"
		" WHERE channel = $1 AND (taken_ms, id) > ($2, $3) AND taken_ms < $4 ORDER BY channel, taken_ms, id LIMIT $5) p JOIN pay_order_notice o ON o.pay_order = p.pay_order"
		" JOIN pay_notice n ON n.id = o.notice ORDER BY p.taken_ms, p.id, n.id", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ channels[at->key[0]], at->key[1], at->key[2], day_begins_ms((int32_t)at->to), RECON_TABLE_BITE }, 5);
	while (stmt_row(q, why))
		finance_row(q, at, s);
	if (at->rows == before) {
		at->key[0]++;
		at->key[1] = day_begins_ms((int32_t)at->from) - 1;
		at->key[2] = INT64_MAX;
	}
	at->is_over = at->key[0] == CHANNELS;
	return why->code == FAIL_NONE;
}

static bool finance_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 2);
	office_fen(s, at->sums[0]);
	office_row(s);
	return true;
}

/* ---- as UnionPay's text (government.md A7): one day of what terminals took ---- */

/* Its head says the sums, so it is of the payments that were there when it was asked for. */
static bool unionpay_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	at->key[0] = day_begins_ms((int32_t)at->from) - 1;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*), CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT), COALESCE(MAX(id), 0) FROM pay_payment WHERE channel = $1 AND taken_ms >= $2 AND taken_ms < $3", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ PAY_BY_POS, at->key[0] + 1, day_begins_ms((int32_t)at->to) }, 3);
	if (stmt_row(q, why)) {
		at->told_rows = stmt_int(q, 0);
		at->told_fen = stmt_int(q, 1);
		at->told_id = stmt_int(q, 2);
	}
	return why->code == FAIL_NONE;
}

static void unionpay_head(const struct recon_table_at *at, struct office_sheet *s)
{
	char day[DAY_TEXT_BYTES], line[96];
	day_text((int32_t)at->from, day);
	int len = snprintf(line, sizeof line, "#%.4s%.2s%.2s|%012lld|%lld\r\n", day, day + 5, day + 8, (long long)at->told_fen, (long long)at->told_rows);
	office_line(s, (struct str){ line, (size_t)len });
}

static void unionpay_row(struct stmt *q, struct recon_table_at *at, struct office_sheet *s)
{
	char when[RFC3339_BYTES], line[192];
	struct str reference = stmt_text(q, 0); /* without a bar: hall_payment.c */
	at->key[0] = stmt_int(q, 2);
	at->key[1] = stmt_int(q, 3);
	time_rfc3339(at->key[0], when); /* 2026-11-23T08:00:00 */
	int len = snprintf(line, sizeof line, "|||%.2s%.2s%.2s%.2s%.2s|||%.*s|%012lld\r\n", when + 5, when + 8, when + 11, when + 14, when + 17, STR_ARG(reference), (long long)stmt_int(q, 1));
	office_line(s, (struct str){ line, (size_t)len });
	at->sums[0] += stmt_int(q, 1);
	at->rows++;
}

static bool unionpay_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t before = at->rows;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(reference, ''), amount_fen, taken_ms, id FROM pay_payment WHERE channel = $1 AND (taken_ms, id) > ($2, $3) AND taken_ms < $4"
		" AND id <= $5 ORDER BY channel, taken_ms, id LIMIT $6", why);
	if (q == NULL)
		return false;
	bind(q, (const int64_t[]){ PAY_BY_POS, at->key[0], at->key[1], day_begins_ms((int32_t)at->to), at->told_id, RECON_TABLE_BITE }, 6);
	while (stmt_row(q, why))
		unionpay_row(q, at, s);
	at->is_over = at->rows - before < RECON_TABLE_BITE;
	return why->code == FAIL_NONE;
}

static bool unionpay_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)s;
	return (at->rows == at->told_rows && at->sums[0] == at->told_fen) || FAILS(why, CONFLICT, "payments of a day changed while they were read");
}

/* ---- all of them ---- */

static const struct recon_table differences = { "differences", false, false, differences_count, differences_head, differences_bite, differences_foot };
static const struct recon_table days = { "days", false, false, days_count, days_head, days_bite, days_foot };
static const struct recon_table finance = { "finance", false, false, finance_count, finance_head, finance_bite, finance_foot };
static const struct recon_table unionpay = { "unionpay", true, true, unionpay_count, unionpay_head, unionpay_bite, unionpay_foot };
static const struct recon_table *const tables[] = { &differences, &days, &recon_months, &recon_settlements, &recon_settlement_units, &recon_income, &finance, &unionpay };

const struct recon_table *recon_table_in(int nth)
{
	return nth >= 0 && nth < (int)(sizeof tables / sizeof tables[0]) ? tables[nth] : NULL;
}

const struct recon_table *recon_table_named(struct str name)
{
	for (int i = 0; recon_table_in(i) != NULL; i++)
		if (str_eq(name, str_c(tables[i]->name)))
			return tables[i];
	return NULL;
}
