/* payments/reconciliation/recon_ours.c - our side: a day of it in pages, and single records whenever they were made. */
#include "payments/reconciliation/recon_inside.h"

#include "payments/notices/notice.h"
#include "payments/orders/odd_money.h"
#include "payments/orders/order.h"
#include "payments/refunds/refund.h"

#include <stdio.h>

enum { PAGE_ROWS = 10000 };

/* ---- a day ---- */

/* Where a page goes on. */
struct page {
	int64_t at_ms, id, rows;
};

/* What the kind of an odd money says of its notice. */
static uint8_t odd_said(int64_t kind)
{
	return kind == ODD_DOUBLE ? RECON_NOTICE_PAID : kind == ODD_VOID ? RECON_NOTICE_VOID : kind == ODD_LATE ? RECON_NOTICE_UNPAID : RECON_NOTICE_NOBODYS;
}

size_t recon_number_nth(struct str number, int nth, char out[RECON_NUMBER_MAX + 1])
{
	char which[16] = "";
	if (nth > 0)
		snprintf(which, sizeof which, "#%d", nth + 1);
	return (size_t)snprintf(out, RECON_NUMBER_MAX + 1, "%.*s%s", STR_ARG(number), which);
}

/* A row of notices says last what of it went back. */
static bool is_returned(const struct recon_source *s, struct stmt *q, const struct recon_ours_row *row)
{
	return s->side == RECON_BOOKED && row->fen > 0 && stmt_int(q, 4) == row->fen;
}

static bool put_rows(struct stmt *q, const struct recon_source *s, enum recon_ours ours, struct page *p, struct recon_join *j, struct fail *why)
{
	for (p->rows = 0; stmt_row(q, why); p->rows++) {
		struct recon_ours_row row = { .id = stmt_int(q, 0), .fen = stmt_int(q, 2), .at_ms = stmt_int(q, 3), .side = (uint8_t)s->side, .ours = (uint8_t)ours };
		struct str number = stmt_text(q, 1);
		if (ours == RECON_OURS_QUEUED)
			row.notice = odd_said(stmt_int(q, 4));
		else if (is_returned(s, q, &row))
			row.ours = RECON_OURS_RETURNED;
		p->id = row.id;
		p->at_ms = row.at_ms;
		if (number.len > 0 && number.len <= RECON_NUMBER_MAX && !recon_join_put(j, &row, number, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

static bool payments_page(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, COALESCE(reference, ''), amount_fen, taken_ms FROM pay_payment WHERE channel = $1 AND (taken_ms, id) > ($2, $3)"
		" AND taken_ms < $4 ORDER BY channel, taken_ms, id LIMIT $5", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { s->channel, p->at_ms, p->id, to_ms, PAGE_ROWS };
	for (int i = 0; i < 5; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return put_rows(q, s, RECON_OURS_DONE, p, j, why);
}

/* By notice: each has its own amount and code. The id that a page goes on behind is the payment's. */
static bool notices_page(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.id, n.payment_code, o.total_fen, p.taken_ms, (SELECT CAST(COALESCE(SUM(r.amount_fen), 0) AS BIGINT) FROM pay_refund r WHERE r.notice = n.id AND r.state = $1 AND r.since_ms < $2)"
		" FROM (SELECT id, pay_order, taken_ms FROM pay_payment WHERE channel = $3 AND (taken_ms, id) > ($4, $5)"
		" AND taken_ms < $2 ORDER BY channel, taken_ms, id LIMIT $6) p JOIN pay_order_notice o ON o.pay_order = p.pay_order JOIN pay_notice n ON n.id = o.notice"
		" ORDER BY p.taken_ms, p.id, n.id", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { REFUND_DONE, to_ms, s->channel, p->at_ms, p->id, PAGE_ROWS };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return put_rows(q, s, RECON_OURS_DONE, p, j, why);
}

/* What lies among the odd money of that day has come too. */
static bool odd_page(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, reference, amount_fen, came_ms, kind FROM pay_odd WHERE channel = $1 AND (came_ms, id) > ($2, $3)"
		" AND came_ms < $4 ORDER BY channel, came_ms, id LIMIT $5", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { s->channel, p->at_ms, p->id, to_ms, PAGE_ROWS };
	for (int i = 0; i < 5; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return put_rows(q, s, RECON_OURS_QUEUED, p, j, why);
}

/* What a refund is to a statement: sent and unanswered, or done; what was closed again never was. */
static enum recon_ours refund_said(int64_t state)
{
	return state == REFUND_DONE ? RECON_OURS_DONE : state == REFUND_SENT || state == REFUND_UNKNOWN || state == REFUND_ABNORMAL ? RECON_OURS_ASKED : RECON_OURS_NONE;
}

static bool refund_put(struct stmt *q, struct page *p, struct recon_join *j, struct fail *why)
{
	struct recon_ours_row row = { .id = stmt_int(q, 0), .fen = stmt_int(q, 2), .at_ms = stmt_int(q, 3), .division = stmt_int(q, 5), .side = RECON_PAID_BACK,
				      .ours = (uint8_t)refund_said(stmt_int(q, 4)) };
	struct str bytes = stmt_blob(q, 1);
	struct id key;
	char number[ID_TEXT_BYTES];
	p->id = row.id;
	p->at_ms = row.at_ms;
	if (bytes.len != ID_BYTES || row.ours == RECON_OURS_NONE)
		return true;
	memcpy(key.bytes, bytes.at, ID_BYTES);
	return recon_join_put(j, &row, (struct str){ number, refund_key_text(key, number) }, why);
}

/* By the moment they were sent to the channel, the first time. */
static bool refunds_page(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.key, r.amount_fen, t.made_ms, r.state, r.division FROM pay_refund_step t JOIN pay_refund r ON r.id = t.refund"
		" WHERE t.state = $1 AND (t.made_ms, t.refund) > ($2, $3) AND t.made_ms < $4 AND r.channel = $5 AND r.path = $6 ORDER BY t.made_ms, t.refund LIMIT $7", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { REFUND_SENT, p->at_ms, p->id, to_ms, s->channel, REFUND_BY_CHANNEL, PAGE_ROWS };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (p->rows = 0; stmt_row(q, why); p->rows++)
		if (!refund_put(q, p, j, why))
			return false;
	return why->code == FAIL_NONE;
}

/* By a code several may have gone back: the second is its second. */
static bool counter_put(struct recon_join *j, const struct recon_ours_row *row, struct str number, struct fail *why)
{
	char named[RECON_NUMBER_MAX + 1];
	if (number.len == 0 || number.len > RECON_NUMBER_MAX - 8)
		return true;
	for (int nth = 0;; nth++) {
		struct str name = { named, recon_number_nth(number, nth, named) };
		if (recon_join_find(j, RECON_PAID_BACK, name) == NULL)
			return recon_join_put(j, row, name, why);
	}
}

/* Of those paid out at a counter: by the moment that was recorded, and the slip's number or the notice's code. */
static bool counter_page(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.channel_no, COALESCE(n.payment_code, ''), r.amount_fen, t.made_ms, r.division FROM pay_refund_step t JOIN pay_refund r ON r.id = t.refund"
		" LEFT JOIN pay_notice n ON n.id = r.notice WHERE t.state = $1 AND (t.made_ms, t.refund) > ($2, $3) AND t.made_ms < $4 AND r.channel = $5 AND r.path = $6"
		" ORDER BY t.made_ms, t.refund LIMIT $7", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { REFUND_DONE, p->at_ms, p->id, to_ms, s->channel, REFUND_BY_COUNTER, PAGE_ROWS };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (p->rows = 0; stmt_row(q, why); p->rows++) {
		struct recon_ours_row row = { .id = stmt_int(q, 0), .fen = stmt_int(q, 3), .at_ms = stmt_int(q, 4), .division = stmt_int(q, 5), .side = RECON_PAID_BACK, .ours = RECON_OURS_DONE };
		p->id = row.id;
		p->at_ms = row.at_ms;
		if (!counter_put(j, &row, stmt_text(q, s->by == RECON_BY_CODE ? 2 : 1), why))
			return false;
	}
	return why->code == FAIL_NONE;
}

typedef bool (*page_fn)(struct tx *tx, const struct recon_source *s, int64_t to_ms, struct page *p, struct recon_join *j, struct fail *why);

static bool all_pages(struct tx *tx, page_fn page, const struct recon_source *s, int64_t from_ms, int64_t to_ms, struct recon_join *j, struct fail *why)
{
	struct page p = { .at_ms = from_ms - 1, .id = INT64_MAX };
	do
		if (!page(tx, s, to_ms, &p, j, why))
			return false;
	while (p.rows >= PAGE_ROWS);
	return true;
}

static bool channel_load(struct tx *tx, const struct recon_source *s, int64_t from_ms, int64_t to_ms, struct recon_join *j, struct fail *why)
{
	return all_pages(tx, s->by == RECON_BY_NUMBER ? payments_page : notices_page, s, from_ms, to_ms, j, why) &&
	       (s->by != RECON_BY_NUMBER || (all_pages(tx, odd_page, s, from_ms, to_ms, j, why) && all_pages(tx, refunds_page, s, from_ms, to_ms, j, why))) &&
	       (s->side != RECON_PAID_IN || all_pages(tx, counter_page, s, from_ms, to_ms, j, why));
}

bool recon_ours_load(struct tx *tx, const struct recon_source *s, int64_t from_ms, int64_t to_ms, struct recon_join *j, struct fail *why)
{
	static const enum pay_channel all[] = {
#define CHANNEL(name, number, text) PAY_BY_##name,
#include "payments/pay_channels.def"
#undef CHANNEL
	};
	if (s->channel != PAY_NO_CHANNEL)
		return channel_load(tx, s, from_ms, to_ms, j, why);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct recon_source one = *s;
		one.channel = all[i];
		if (!channel_load(tx, &one, from_ms, to_ms, j, why))
			return false;
	}
	return true;
}

/* ---- one ---- */

static bool payment_look(struct tx *tx, int64_t channel, struct str number, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, amount_fen, taken_ms FROM pay_payment WHERE channel = $1 AND reference = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, number);
	if (stmt_row(q, why)) {
		row->ours = RECON_OURS_DONE;
		row->id = stmt_int(q, 0);
		row->fen = stmt_int(q, 1);
		row->at_ms = stmt_int(q, 2);
	}
	return why->code == FAIL_NONE;
}

/* What is said of a notice that some order of ours was for. */
static enum recon_notice notice_said(int64_t state)
{
	return state == NOTICE_PAID ? RECON_NOTICE_PAID : state == NOTICE_VOID || state == NOTICE_REPLACED ? RECON_NOTICE_VOID : RECON_NOTICE_UNPAID;
}

static bool odd_look(struct tx *tx, int64_t channel, struct str number, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, amount_fen, came_ms, division, kind FROM pay_odd WHERE channel = $1 AND reference = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, number);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	int64_t kind = stmt_int(q, 4);
	*row = (struct recon_ours_row){ .id = stmt_int(q, 0), .fen = stmt_int(q, 1), .at_ms = stmt_int(q, 2), .division = stmt_int(q, 3), .side = row->side, .ours = RECON_OURS_QUEUED };
	row->notice = odd_said(kind);
	return true;
}

/* What the rows of `q` say of refunds: id, amount, since when, state, division. */
static bool refund_take(struct stmt *q, struct recon_ours_row *row, struct fail *why)
{
	if (stmt_row(q, why))
		*row = (struct recon_ours_row){ .id = stmt_int(q, 0), .fen = stmt_int(q, 1), .at_ms = stmt_int(q, 2), .division = stmt_int(q, 4), .side = RECON_PAID_BACK,
						.ours = (uint8_t)refund_said(stmt_int(q, 3)) };
	return why->code == FAIL_NONE;
}

/* Paid out at a counter on another day, by the slip's number. */
static bool slip_look(struct tx *tx, int64_t channel, struct str number, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.amount_fen, COALESCE((SELECT MIN(t.made_ms) FROM pay_refund_step t WHERE t.refund = r.id AND t.state = $1), r.since_ms), r.state, r.division"
		" FROM pay_refund r WHERE r.channel = $2 AND r.path = $3 AND r.channel_no = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, REFUND_DONE);
	stmt_bind_int(q, 2, channel);
	stmt_bind_int(q, 3, REFUND_BY_COUNTER);
	stmt_bind_text(q, 4, number);
	return refund_take(q, row, why);
}

/* The same by the notice's code: the last of them. */
static bool notice_refund_look(struct tx *tx, int64_t channel, struct str code, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.amount_fen, r.since_ms, r.state, r.division FROM pay_notice n JOIN pay_refund r ON r.notice = n.id"
		" WHERE n.payment_code = $1 AND r.channel = $2 AND r.path = $3 AND r.state = $4 ORDER BY r.id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	stmt_bind_int(q, 2, channel);
	stmt_bind_int(q, 3, REFUND_BY_COUNTER);
	stmt_bind_int(q, 4, REFUND_DONE);
	return refund_take(q, row, why);
}

bool recon_returned(struct tx *tx, struct str code, int64_t *fen, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT CAST(COALESCE(SUM(r.amount_fen), 0) AS BIGINT) FROM pay_notice n JOIN pay_refund r ON r.notice = n.id WHERE n.payment_code = $1 AND r.state = $2", why);
	*fen = 0;
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	stmt_bind_int(q, 2, REFUND_DONE);
	if (stmt_row(q, why))
		*fen = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool refund_look(struct tx *tx, int64_t channel, struct str number, struct recon_ours_row *row, struct fail *why)
{
	struct id key;
	if (!refund_key(number, &key))
		return slip_look(tx, channel, number, row, why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.amount_fen, COALESCE((SELECT MIN(t.made_ms) FROM pay_refund_step t WHERE t.refund = r.id AND t.state = $1), r.since_ms), r.state, r.division"
		" FROM pay_refund r WHERE r.key = $2 AND r.channel = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, REFUND_SENT); /* the moment whose day's statement has it */
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, channel);
	return refund_take(q, row, why);
}

/* By our own number of what was ordered at the channel: what became of its order and notices. */
static bool attempt_look(struct tx *tx, int64_t channel, struct str order_no, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT a.id, a.total_fen, a.changed_ms, o.state, (SELECT MIN(n.division) FROM pay_order_notice x JOIN pay_notice n ON n.id = x.notice WHERE x.pay_order = o.id),"
		" (SELECT COUNT(*) FROM pay_order_notice x JOIN pay_notice n ON n.id = x.notice WHERE x.pay_order = o.id AND n.state = $1),"
		" (SELECT COUNT(*) FROM pay_order_notice x JOIN pay_notice n ON n.id = x.notice WHERE x.pay_order = o.id AND n.state IN ($2, $3))"
		" FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE (a.out_trade_no = $4 OR a.channel_no = $4) AND a.channel = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, NOTICE_PAID);
	stmt_bind_int(q, 2, NOTICE_VOID);
	stmt_bind_int(q, 3, NOTICE_REPLACED);
	stmt_bind_text(q, 4, order_no);
	stmt_bind_int(q, 5, channel);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	int64_t state = stmt_int(q, 3);
	*row = (struct recon_ours_row){ .id = stmt_int(q, 0), .fen = stmt_int(q, 1), .at_ms = stmt_int(q, 2), .division = stmt_int(q, 4), .side = RECON_PAID_IN,
					.ours = state == ORDER_CLOSED || state == ORDER_EXPIRED || state == ORDER_PAID ? RECON_OURS_OVER : RECON_OURS_OPEN,
					.notice = stmt_int(q, 5) > 0 ? RECON_NOTICE_PAID : stmt_int(q, 6) > 0 ? RECON_NOTICE_VOID : RECON_NOTICE_UNPAID };
	return true;
}

/* By its payment code: paid through this channel on another day, paid otherwise, waiting, or void. */
static bool notice_look(struct tx *tx, const struct recon_source *s, struct str code, struct recon_ours_row *row, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n.id, n.total_fen, n.changed_ms, n.division, n.state, COALESCE((SELECT MAX(p.channel) FROM pay_order_notice o JOIN pay_payment p"
		" ON p.pay_order = o.pay_order WHERE o.notice = n.id), 0) FROM pay_notice n WHERE n.payment_code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	int64_t state = stmt_int(q, 4), channel = stmt_int(q, 5);
	bool is_this = state == NOTICE_PAID && channel != 0 && (s->channel == 0 || channel == s->channel);
	*row = (struct recon_ours_row){ .id = stmt_int(q, 0), .fen = stmt_int(q, 1), .at_ms = stmt_int(q, 2), .division = stmt_int(q, 3), .side = row->side,
					.ours = is_this ? RECON_OURS_DONE : RECON_OURS_OPEN, .notice = (uint8_t)notice_said(state) };
	return true;
}

bool recon_ours_look(struct tx *tx, const struct recon_source *s, enum recon_side side, struct str number, struct str order_no, struct recon_ours_row *row, struct fail *why)
{
	*row = (struct recon_ours_row){ .side = (uint8_t)side, .ours = RECON_OURS_NONE };
	if (s->by == RECON_BY_CODE)
		return side == RECON_PAID_BACK ? notice_refund_look(tx, s->channel, number, row, why) : notice_look(tx, s, number, row, why);
	if (side == RECON_PAID_BACK)
		return refund_look(tx, s->channel, number, row, why);
	return payment_look(tx, s->channel, number, row, why) && (row->ours != RECON_OURS_NONE || odd_look(tx, s->channel, number, row, why)) &&
	       (row->ours != RECON_OURS_NONE || order_no.len == 0 || attempt_look(tx, s->channel, order_no, row, why));
}

bool recon_division_of(struct tx *tx, const struct recon_ours_row *row, int64_t *division, struct fail *why)
{
	*division = row->division;
	if (row->division != 0 || row->ours != RECON_OURS_DONE || row->side == RECON_PAID_BACK)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MIN(n.division), 0) FROM pay_payment p JOIN pay_order_notice o ON o.pay_order = p.pay_order"
		" JOIN pay_notice n ON n.id = o.notice WHERE p.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, row->id);
	if (stmt_row(q, why))
		*division = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}
