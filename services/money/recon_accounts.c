/* services/money/recon_accounts.c - what reached which account (清算): the table of it, and GET /v1/office/accounts: a day of it, what each account's flow says of its balance, and where the money of
 * each channel is now. */
#include "payments/ledger/ledger.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/money/recon_office.h"
#include "services/money/recon_tables.h"
#include "services/services.h"

#include <stdio.h>

enum { ROWS_MAX = 4 * RECON_SETTLED_MAX, FLOWS_MAX = 16, HELD_MAX = 5 * RECON_TABLE_CHANNELS };

/* Each with its account's flow, and the closing balance of the day before where that has one. */
#define ROWS "SELECT s.day, s.source, s.channel, s.business, s.lines, s.fen, s.merchant, s.account, b.opening_fen, b.moved_fen, b.closing_fen, b.breaks, p.closing_fen FROM recon_settlement s" \
	" LEFT JOIN recon_flow b ON b.day = s.day AND b.source = s.source AND b.account = s.account AND s.account <> ''" \
	" LEFT JOIN recon_flow p ON p.day = s.day - 1 AND p.source = s.source AND p.account = s.account AND s.account <> ''" \
	" WHERE (s.lines <> 0 OR s.fen <> 0)"
enum { R_DAY, R_SOURCE, R_CHANNEL, R_BUSINESS, R_LINES, R_FEN, R_MERCHANT, R_ACCOUNT, R_OPENING, R_MOVED, R_CLOSING, R_BREAKS, R_BEFORE };

static struct str business_zh(int64_t business)
{
	static const char *const words[BILL_BUSINESSES] = { "", "交易", "手续费", "退款", "退还手续费", "提现", "其他" };
	return str_c(words[business > 0 && business < BILL_BUSINESSES ? business : 0]);
}

/* ---- the table ---- */

static bool table_count(struct tx *tx, struct recon_table_at *at, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM recon_settlement WHERE day >= $1 AND day < $2 AND (lines <> 0 OR fen <> 0)", why);
	at->key[3] = 0;
	at->text[0][0] = at->text[1][0] = '\0';
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, at->from);
	stmt_bind_int(q, 2, at->to);
	if (stmt_row(q, why))
		at->told_rows = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static void table_head(const struct recon_table_at *at, struct office_sheet *s)
{
	static const char *const heads[] = { "日期", "来源", "渠道", "商户号", "账户", "业务", "笔数", "金额（元）", "期初结余（元）", "期末结余（元）", "结余与流水差额（元）", "与上日结余差额（元）" };
	(void)at;
	office_heads(s, heads, 12);
}

/* With the first row of its account: they are of all of them. */
static void flow_cells(struct stmt *q, struct office_sheet *s)
{
	office_fen(s, stmt_int(q, R_OPENING));
	office_fen(s, stmt_int(q, R_CLOSING));
	office_fen(s, stmt_int(q, R_CLOSING) - stmt_int(q, R_OPENING) - stmt_int(q, R_MOVED));
	if (stmt_is_null(q, R_BEFORE))
		office_text(s, STR(""));
	else
		office_fen(s, stmt_int(q, R_OPENING) - stmt_int(q, R_BEFORE));
}

static void table_row(struct stmt *q, struct recon_table_at *at, struct office_sheet *s)
{
	char day[DAY_TEXT_BYTES];
	int64_t key[4];
	stmt_ints(q, R_DAY, 4, key);
	bool is_same = at->rows > 0 && memcmp(key, at->key, 3 * sizeof key[0]) == 0 && str_eq(stmt_text(q, R_MERCHANT), str_c(at->text[0])) && str_eq(stmt_text(q, R_ACCOUNT), str_c(at->text[1]));
	memcpy(at->key, key, sizeof key);
	snprintf(at->text[0], sizeof at->text[0], "%.*s", STR_ARG(stmt_text(q, R_MERCHANT)));
	snprintf(at->text[1], sizeof at->text[1], "%.*s", STR_ARG(stmt_text(q, R_ACCOUNT)));
	office_text(s, recon_day_cell(key[0], day));
	office_text(s, bill_source_zh(key[1]));
	office_text(s, pay_channel_name(key[2]));
	office_text(s, str_c(at->text[0]));
	office_text(s, str_c(at->text[1]));
	office_text(s, business_zh(key[3]));
	office_number(s, stmt_int(q, R_LINES));
	office_fen(s, stmt_int(q, R_FEN));
	if (!is_same && !stmt_is_null(q, R_CLOSING))
		flow_cells(q, s);
	else
		recon_empty_cells(s, 4);
	office_row(s);
	at->sums[0] += stmt_int(q, R_LINES);
	at->sums[1] += stmt_int(q, R_FEN);
	at->rows++;
}

static bool table_bite(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	int64_t before = at->rows;
	DROP(stmt) struct stmt *q = tx_query(tx, ROWS " AND s.day < $1 AND (s.day, s.source, s.channel, s.merchant, s.account, s.business) > ($2, $3, $4, $5, $6, $7)"
		" ORDER BY s.day, s.source, s.channel, s.merchant, s.account, s.business LIMIT $8", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, at->to);
	for (int i = 0; i < 3; i++)
		stmt_bind_int(q, 2 + i, at->key[i]);
	stmt_bind_text(q, 5, str_c(at->text[0]));
	stmt_bind_text(q, 6, str_c(at->text[1]));
	stmt_bind_int(q, 7, at->key[3]);
	stmt_bind_int(q, 8, RECON_TABLE_BITE);
	while (stmt_row(q, why))
		table_row(q, at, s);
	at->is_over = at->rows - before < RECON_TABLE_BITE;
	return why->code == FAIL_NONE;
}

static bool table_foot(const struct recon_table_at *at, struct office_sheet *s, struct fail *why)
{
	(void)why;
	office_text(s, STR("合计"));
	recon_empty_cells(s, 5);
	office_number(s, at->sums[0]);
	office_fen(s, at->sums[1]);
	office_row(s);
	return true;
}

const struct recon_table recon_settlements = { "settlement", false, false, table_count, table_head, table_bite, table_foot };

/* ---- a day ---- */

struct view_row {
	int64_t source, channel, business, lines, fen;
	struct str merchant, account;
};
struct view_flow {
	int64_t source, opening_fen, moved_fen, closing_fen, breaks, before_fen;
	bool has_before;
	struct str account;
};
struct view_held {
	int64_t id, kind, channel, fen;
};
struct view {
	int64_t day;
	int row_count, flow_count, held_count;
	struct view_row rows[ROWS_MAX];
	struct view_flow flows[FLOWS_MAX];
	struct view_held held[HELD_MAX];
};

static bool view_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "day", NULL };
	struct view *v = request_state(r, sizeof *v, why);
	return v != NULL && request_query_only(r, names, why) && recon_office(r, why) && recon_day_query(r, "day", -1, &v->day, why);
}

static bool is_new_flow(const struct view *v, int64_t source, struct str account)
{
	for (int i = 0; i < v->flow_count; i++)
		if (v->flows[i].source == source && str_eq(v->flows[i].account, account))
			return false;
	return v->flow_count < FLOWS_MAX;
}

static bool rows_read(struct tx *tx, struct request *r, struct view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ROWS " AND s.day = $1 ORDER BY s.source, s.channel, s.merchant, s.account, s.business LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->day);
	stmt_bind_int(q, 2, ROWS_MAX);
	while (stmt_row(q, why)) {
		struct view_row *w = &v->rows[v->row_count++];
		int64_t n[5];
		stmt_ints(q, R_SOURCE, 5, n);
		*w = (struct view_row){ n[0], n[1], n[2], n[3], n[4], str_copy(&r->arena, stmt_text(q, R_MERCHANT)), str_copy(&r->arena, stmt_text(q, R_ACCOUNT)) };
		if (!stmt_is_null(q, R_CLOSING) && is_new_flow(v, w->source, w->account))
			v->flows[v->flow_count++] = (struct view_flow){ w->source, stmt_int(q, R_OPENING), stmt_int(q, R_MOVED), stmt_int(q, R_CLOSING), stmt_int(q, R_BREAKS),
									stmt_is_null(q, R_BEFORE) ? 0 : stmt_int(q, R_BEFORE), !stmt_is_null(q, R_BEFORE), w->account };
	}
	return why->code == FAIL_NONE && (!r->arena.refused || FAILS(why, MEMORY, "accounts of a day"));
}

/* By now, not by that day: what a channel owes is what no statement has shown yet. */
static bool held_read(struct tx *tx, struct view *v, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, kind, channel FROM ledger_account WHERE kind IN ($1, $2, $3, $4, $5) ORDER BY channel, kind LIMIT $6", why);
		if (q == NULL)
			return false;
		const int64_t numbers[] = { LEDGER_CHANNEL, LEDGER_BANK, LEDGER_FEE, LEDGER_TRANSIT, LEDGER_OTHER, HELD_MAX };
		for (int i = 0; i < 6; i++)
			stmt_bind_int(q, i + 1, numbers[i]);
		while (stmt_row(q, why))
			v->held[v->held_count++] = (struct view_held){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), 0 };
		if (why->code != FAIL_NONE)
			return false;
	}
	for (int i = 0; i < v->held_count; i++)
		if (!ledger_balance(tx, v->held[i].id, &v->held[i].fen, why))
			return false;
	return true;
}

static bool view_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct view *v = r->state;
	return rows_read(tx, r, v, why) && held_read(tx, v, why);
}

static void row_out(struct json_out *j, const struct view_row *w)
{
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(w->source));
	json_add_text(j, "name", bill_source_zh(w->source));
	json_add_plain(j, "channel", pay_channel_name(w->channel));
	json_add_text(j, "merchant", w->merchant);
	json_add_text(j, "account", w->account);
	json_add_plain(j, "business", bill_business_text(w->business));
	json_add_number(j, "lines", w->lines);
	json_add_number(j, "amount_fen", w->fen);
	json_put_object_end(j);
}

static void flow_out(struct json_out *j, const struct view_flow *f)
{
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(f->source));
	json_add_text(j, "account", f->account);
	json_add_number(j, "opening_fen", f->opening_fen);
	json_add_number(j, "moved_fen", f->moved_fen);
	json_add_number(j, "closing_fen", f->closing_fen);
	json_add_number(j, "gap_fen", f->closing_fen - f->opening_fen - f->moved_fen);
	json_add_number(j, "breaks", f->breaks);
	if (f->has_before)
		json_add_number(j, "since_before_fen", f->opening_fen - f->before_fen);
	else
		json_add_nothing(j, "since_before_fen");
	json_put_object_end(j);
}

static int64_t held_of(const struct view *v, int64_t channel, enum ledger_kind kind)
{
	for (int i = 0; i < v->held_count; i++)
		if (v->held[i].channel == channel && v->held[i].kind == (int64_t)kind)
			return v->held[i].fen;
	return 0;
}

static void held_out(struct json_out *j, const struct view *v, int64_t channel)
{
	json_put_object(j);
	json_add_plain(j, "channel", pay_channel_name(channel));
	json_add_number(j, "owed_fen", held_of(v, channel, LEDGER_CHANNEL));
	json_add_number(j, "reached_fen", held_of(v, channel, LEDGER_BANK));
	json_add_number(j, "on_its_way_fen", held_of(v, channel, LEDGER_TRANSIT));
	json_add_number(j, "kept_fen", held_of(v, channel, LEDGER_FEE));
	json_add_number(j, "other_fen", held_of(v, channel, LEDGER_OTHER));
	json_put_object_end(j);
}

static bool view_render(struct request *r, struct fail *why)
{
	const struct view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_day(&j, "day", true, v->day);
	json_put_name(&j, "accounts");
	json_put_array(&j);
	for (int i = 0; i < v->row_count; i++)
		row_out(&j, &v->rows[i]);
	json_put_array_end(&j);
	json_put_name(&j, "balances");
	json_put_array(&j);
	for (int i = 0; i < v->flow_count; i++)
		flow_out(&j, &v->flows[i]);
	json_put_array_end(&j);
	json_put_name(&j, "now");
	json_put_array(&j);
	for (int i = 0; i < v->held_count; i++)
		if (i == 0 || v->held[i].channel != v->held[i - 1].channel)
			held_out(&j, v, v->held[i].channel);
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler recon_accounts_show = { .parse = view_parse, .look = view_look, .render = view_render };
