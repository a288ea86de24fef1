/* services/recon_export.c - GET /v1/office/exports: what the payment office works with in its own programs, each time on record. The same question gives the same table. */
#include "auth/audit.h"
#include "base/clock.h"
#include "base/day.h"
#include "payments/ledger.h"
#include "payments/recon_run.h"
#include "services/handlers.h"
#include "services/office_sheet.h"
#include "services/pay_notice.h"
#include "services/recon_item.h"
#include "services/recon_office.h"
#include "services/services.h"

#include <stdio.h>

enum { ROWS_MAX = 5000, DAYS_MAX = 366, DONE = 1, FIRST_BYTES = 32 << 10 };

struct export;
typedef bool (*export_fn)(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why);

struct export {
	export_fn fill;
	const char *name;
	enum office_as as;
	int64_t from, to, rows;
	struct buf body;
};

static struct str day_cell(int64_t day, char out[DAY_TEXT_BYTES])
{
	day_text((int32_t)day, out);
	return str_c(out);
}

/* One more row; false: there are more than an answer holds. */
static bool room(struct export *e, struct fail *why)
{
	return ++e->rows <= ROWS_MAX || FAILS(why, RECON_MANY, "more than %d rows", ROWS_MAX);
}

static struct stmt *query(struct tx *tx, const char *sql, const struct export *e, struct fail *why)
{
	struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, e->from);
	stmt_bind_int(q, 2, e->to);
	return q;
}

/* ---- differences ---- */

static void difference_row(struct office_sheet *s, const struct recon_item *i)
{
	const struct recon_kind_row *k = recon_kind_row(i->kind);
	char day[DAY_TEXT_BYTES];
	office_text(s, day_cell(i->day, day));
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

static bool differences(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	static const char *const heads[] = { "日期", "来源", "方向", "号码", "差异", "状态", "我方金额（元）", "对方金额（元）", "差额（元）", "对账单行号", "区划", "处理" };
	int64_t ours = 0, theirs = 0;
	DROP(stmt) struct stmt *q = query(tx, "SELECT " RECON_ITEM_COLUMNS " FROM recon_item WHERE day >= $1 AND day < $2 AND state <> 4 ORDER BY day, source, kind, number", e, why);
	if (q == NULL)
		return false;
	office_heads(s, heads, 12);
	while (stmt_row(q, why)) {
		struct recon_item i;
		if (!room(e, why) || !recon_item_take(q, &i, a, why))
			return false;
		ours += i.ours_fen;
		theirs += i.theirs_fen;
		difference_row(s, &i);
	}
	office_text(s, STR("合计"));
	for (int i = 0; i < 5; i++)
		office_text(s, STR(""));
	office_fen(s, ours);
	office_fen(s, theirs);
	office_fen(s, theirs - ours);
	office_row(s);
	return why->code == FAIL_NONE;
}

/* ---- days: what was held beside what, and whether it is signed ---- */

static bool days(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	static const char *const heads[] = { "日期", "来源", "状态", "我方笔数", "对方笔数", "相符", "差异", "未查明", "日结" };
	char day[DAY_TEXT_BYTES];
	int64_t sums[5] = { 0 };
	(void)a;
	DROP(stmt) struct stmt *q = query(tx, "SELECT r.day, r.source, r.state, r.ours, r.theirs, r.matched, r.differences, (SELECT COUNT(*) FROM recon_item i WHERE i.source = r.source AND i.day = r.day"
		" AND i.state = 1), COALESCE(d.closed_ms, 0) FROM recon_run r LEFT JOIN recon_day d ON d.day = r.day WHERE r.day >= $1 AND r.day < $2 ORDER BY r.day, r.source", e, why);
	if (q == NULL)
		return false;
	office_heads(s, heads, 9);
	while (stmt_row(q, why)) {
		if (!room(e, why))
			return false;
		office_text(s, day_cell(stmt_int(q, 0), day));
		office_text(s, bill_source_zh(stmt_int(q, 1)));
		office_text(s, recon_run_state_text(stmt_int(q, 2)));
		for (int i = 0; i < 5; i++) {
			office_number(s, stmt_int(q, 3 + i));
			sums[i] += stmt_int(q, 3 + i);
		}
		office_text(s, stmt_int(q, 8) > 0 ? STR("已日结") : STR(""));
		office_row(s);
	}
	office_text(s, STR("合计"));
	office_text(s, STR(""));
	office_text(s, STR(""));
	for (int i = 0; i < 5; i++)
		office_number(s, sums[i]);
	office_row(s);
	return why->code == FAIL_NONE;
}

/* Below three columns of words. */
static void sum_row(struct office_sheet *s, int64_t lines, int64_t fen)
{
	office_text(s, STR("合计"));
	office_text(s, STR(""));
	office_text(s, STR(""));
	office_number(s, lines);
	office_fen(s, fen);
	office_row(s);
}

/* ---- settlement: what reached which account, and what was kept of it ---- */

static bool settlement(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	static const char *const heads[] = { "日期", "来源", "业务", "笔数", "金额（元）" };
	static const char *const words[BILL_BUSINESSES] = { "", "交易", "手续费", "退款", "退还手续费", "提现", "其他" };
	char day[DAY_TEXT_BYTES];
	int64_t lines = 0, fen = 0;
	(void)a;
	DROP(stmt) struct stmt *q = query(tx, "SELECT day, source, business, lines, fen FROM recon_settlement WHERE day >= $1 AND day < $2 ORDER BY day, source, business", e, why);
	if (q == NULL)
		return false;
	office_heads(s, heads, 5);
	while (stmt_row(q, why)) {
		int64_t business = stmt_int(q, 2);
		if (!room(e, why))
			return false;
		office_text(s, day_cell(stmt_int(q, 0), day));
		office_text(s, bill_source_zh(stmt_int(q, 1)));
		office_text(s, str_c(words[business > 0 && business < BILL_BUSINESSES ? business : 0]));
		office_number(s, stmt_int(q, 3));
		office_fen(s, stmt_int(q, 4));
		office_row(s);
		lines += stmt_int(q, 3);
		fen += stmt_int(q, 4);
	}
	sum_row(s, lines, fen);
	return why->code == FAIL_NONE;
}

/* ---- income: by division, unit and item, out of the ledger ---- */

static bool income(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	static const char *const heads[] = { "区划", "执收单位编码", "收入项目编码", "笔数", "金额（元）" };
	int64_t lines = 0, fen = 0;
	(void)a;
	DROP(stmt) struct stmt *q = query(tx, "SELECT a.division, a.unit, a.item, COUNT(*), CAST(SUM(-p.amount_fen) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account"
		" WHERE p.day >= $1 AND p.day < $2 AND a.kind = 2 GROUP BY a.division, a.unit, a.item ORDER BY a.division, a.unit, a.item", e, why);
	if (q == NULL)
		return false;
	office_heads(s, heads, 5);
	while (stmt_row(q, why)) {
		if (!room(e, why))
			return false;
		office_number(s, stmt_int(q, 0));
		office_text(s, stmt_text(q, 1));
		office_text(s, stmt_text(q, 2));
		office_number(s, stmt_int(q, 3));
		office_fen(s, stmt_int(q, 4));
		office_row(s);
		lines += stmt_int(q, 3);
		fen += stmt_int(q, 4);
	}
	sum_row(s, lines, fen);
	return why->code == FAIL_NONE;
}

/* ---- for the finance bureau: what was paid for which notice ---- */

static bool finance(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	static const char *const heads[] = { "payment_code", "unit", "division", "amount", "channel", "reference", "paid_at" };
	char when[RFC3339_BYTES];
	int64_t fen = 0;
	(void)a;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n.payment_code, n.unit, n.division, o.total_fen, p.channel, COALESCE(p.reference, ''), p.taken_ms FROM pay_payment p"
		" JOIN pay_order_notice o ON o.pay_order = p.pay_order JOIN pay_notice n ON n.id = o.notice WHERE p.taken_ms >= $1 AND p.taken_ms < $2 ORDER BY p.id, n.id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day_begins_ms((int32_t)e->from));
	stmt_bind_int(q, 2, day_begins_ms((int32_t)e->to));
	office_heads(s, heads, 7);
	while (stmt_row(q, why)) {
		if (!room(e, why))
			return false;
		office_text(s, stmt_text(q, 0));
		office_text(s, stmt_text(q, 1));
		office_number(s, stmt_int(q, 2));
		office_fen(s, stmt_int(q, 3));
		office_text(s, pay_channel_name(stmt_int(q, 4)));
		office_text(s, stmt_text(q, 5));
		office_text(s, (struct str){ when, time_rfc3339(stmt_int(q, 6), when) });
		office_row(s);
		fen += stmt_int(q, 3);
	}
	office_text(s, STR("合计"));
	office_text(s, STR(""));
	office_text(s, STR(""));
	office_fen(s, fen);
	office_row(s);
	return why->code == FAIL_NONE;
}

/* ---- as UnionPay's text (government.md A7): one day of what terminals took ---- */

static bool unionpay_lines(struct tx *tx, struct export *e, struct buf *lines, int64_t *fen, struct fail *why)
{
	char when[RFC3339_BYTES];
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(reference, ''), amount_fen, taken_ms FROM pay_payment WHERE channel = 2 AND taken_ms >= $1 AND taken_ms < $2 ORDER BY taken_ms, id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day_begins_ms((int32_t)e->from));
	stmt_bind_int(q, 2, day_begins_ms((int32_t)e->to));
	while (stmt_row(q, why)) {
		struct str reference = stmt_text(q, 0);
		if (!room(e, why))
			return false;
		time_rfc3339(stmt_int(q, 2), when); /* 2026-11-23T08:00:00 */
		buf_printf(lines, "|||%.2s%.2s%.2s%.2s%.2s|||%.*s|%012lld\r\n", when + 5, when + 8, when + 11, when + 14, when + 17, STR_ARG(reference), (long long)stmt_int(q, 1));
		*fen += stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

static bool unionpay(struct tx *tx, struct export *e, struct office_sheet *s, struct arena *a, struct fail *why)
{
	struct buf lines;
	int64_t fen = 0;
	char day[DAY_TEXT_BYTES];
	buf_init(&lines, a, FIRST_BYTES);
	if (e->to != e->from + 1)
		return FAILS_FIELD(why, QUERY, "to", "a day alone");
	if (!unionpay_lines(tx, e, &lines, &fen, why))
		return false;
	day_text((int32_t)e->from, day);
	buf_printf(s->out, "#%.4s%.2s%.2s|%012lld|%lld\r\n", day, day + 5, day + 8, (long long)fen, (long long)e->rows);
	buf_str(s->out, buf_text(&lines));
	return buf_ok(&lines) || FAILS(why, MEMORY, "a text of %lld rows", (long long)e->rows);
}

/* ---- the request ---- */

static const struct { const char *name; export_fn fill; bool is_plain; } whats[] = {
	{ "differences", differences, false }, { "days", days, false }, { "settlement", settlement, false }, { "income", income, false }, { "finance", finance, false },
	{ "unionpay", unionpay, true },
};
enum { WHATS = sizeof(whats) / sizeof(whats[0]) };

static bool what_take(struct request *r, struct export *e, struct fail *why)
{
	struct str what, as;
	if (!request_query(r, "what", &what, why) || !request_query(r, "as", &as, why))
		return false;
	if (as.at != NULL && !str_eq(as, STR("csv")) && !str_eq(as, STR("gb18030")) && !str_eq(as, STR("xlsx")))
		return FAILS_FIELD(why, QUERY, "as", "csv, gb18030 or xlsx");
	e->as = str_eq(as, STR("xlsx")) ? OFFICE_XLSX : str_eq(as, STR("gb18030")) ? OFFICE_GB18030 : OFFICE_CSV;
	for (int i = 0; i < WHATS; i++)
		if (str_eq(what, str_c(whats[i].name))) {
			e->fill = whats[i].fill;
			e->name = whats[i].name;
			e->as = whats[i].is_plain ? OFFICE_PLAIN : e->as;
			return true;
		}
	return FAILS_FIELD(why, QUERY, "what", "no such table");
}

static bool export_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "what", "as", "from", "to", NULL };
	struct export *e = request_state(r, sizeof *e, why);
	if (e == NULL || !request_query_only(r, names, why) || !recon_office(r, why) || !what_take(r, e, why) || !recon_day_query(r, "from", -1, &e->from, why) ||
	    !recon_day_query(r, "to", e->from, &e->to, why))
		return false;
	e->to++; /* the day named is in it */
	return (e->to > e->from && e->to - e->from <= DAYS_MAX) || FAILS_FIELD(why, QUERY, "to", "from its first day on, a year at most");
}

static bool export_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct export *e = r->state;
	struct office_sheet s;
	buf_init(&e->body, &r->arena, FIRST_BYTES);
	if (!office_open(&s, e->as, e->name, &e->body, why))
		return false;
	if (e->fill(tx, e, &s, &r->arena, why))
		return office_close(&s, &r->arena, why);
	office_drop(&s);
	return false;
}

static bool export_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct export *e = r->state;
	char words[96], from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
	day_text((int32_t)e->from, from);
	day_text((int32_t)e->to - 1, to);
	int len = snprintf(words, sizeof words, "%s from=%s to=%s rows=%lld", e->name, from, to, (long long)e->rows);
	struct audit a = { AUDIT_RECON_EXPORTED, AUDIT_OF_DAY, e->from, .result = 200, .detail = { words, (size_t)len }, .region = r->who.region };
	r->outcome = (struct outcome){ .code = DONE, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool export_render(struct request *r, struct fail *why)
{
	const struct export *e = r->state;
	static const char *const types[] = { "text/csv; charset=utf-8", "text/csv; charset=gb18030", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/plain; charset=gb18030" };
	static const char *const ends[] = { "csv", "csv", "xlsx", "txt" };
	struct buf name;
	char from[DAY_TEXT_BYTES];
	day_text((int32_t)e->from, from);
	buf_init(&name, &r->arena, 96);
	buf_printf(&name, "attachment; filename=\"%s-%s.%s\"", e->name, from, ends[e->as]);
	r->reply.status = 200;
	r->reply.content_type = types[e->as];
	r->reply.body = e->body;
	reply_header(r, "content-disposition", buf_text(&name));
	return buf_ok(&name) || FAILS(why, MEMORY, "a name");
}

const struct handler recon_export = { .parse = export_parse, .look = export_look, .apply = export_apply, .render = export_render };
