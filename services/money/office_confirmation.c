/* services/money/office_confirmation.c - GET /v1/office/confirmations: how far the finance system's booking of a day's payments has come, and what it refused; POST …/{payment_code}/send: staff
 * has cleared up why, and it is told again. */
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "base/day.h"
#include "channels/nontax_answer.h"
#include "payments/bureau/confirmation_send.h"
#include "payments/orders/payment.h"
#include "services/handlers.h"
#include "services/services.h"

enum { SENT = 1 };

/* ---- list ---- */

struct row {
	int64_t id, amount_fen, division, channel, paid_ms, booked_ms;
	enum confirmation_state state;
	struct str payment_code, trace_no, word, finance_no, unit_name;
	struct id order;
};

struct page {
	struct cursor from;
	int limit, count;
	int32_t day;         /* -1: what waits for somebody, of any day */
	int64_t state;       /* 0: any */
	struct row items[];
};

static bool state_named(struct str text, int64_t *state)
{
	for (int s = CONFIRMATION_WAITING; s <= CONFIRMATION_DOUBLE; s++)
		if (str_eq(text, confirmation_state_text((enum confirmation_state)s)))
			return (*state = s) != 0;
	return false;
}

static bool day_parse(struct request *r, int32_t *day, struct fail *why)
{
	struct str text = STR_NONE;
	*day = -1;
	if (!request_query(r, "date", &text, why))
		return false;
	return text.at == NULL || day_from_text(text, day) || FAILS_FIELD(why, QUERY, "date", "not a date");
}

static bool state_parse(struct request *r, int32_t day, int64_t *state, struct fail *why)
{
	struct str text = STR_NONE;
	*state = 0;
	if (!request_query(r, "state", &text, why))
		return false;
	if (text.at != NULL && !state_named(text, state))
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	bool is_odd = *state == 0 || *state == CONFIRMATION_REFUSED || *state == CONFIRMATION_DOUBLE;
	return day >= 0 || is_odd || FAILS_FIELD(why, QUERY, "date", "of these only a day's are listed");
}

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "date", "state", NULL };
	struct cursor from = { 0, 0 };
	bool has_cursor;
	int limit;
	int32_t day;
	int64_t state;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why) || !day_parse(r, &day, why) || !state_parse(r, day, &state, why))
		return false;
	struct page *page = request_state(r, sizeof(*page) + ((size_t)limit + 1) * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->from = from;
	page->limit = limit;
	page->day = day;
	page->state = state;
	return true;
}

#define ROW_SELECT "SELECT c.id, c.amount_fen, c.division, c.state, c.booked_ms, p.channel, p.taken_ms, n.payment_code, c.trace_no, c.word, c.finance_no, n.unit_name, o.key" \
	" FROM pay_confirmation c JOIN pay_payment p ON p.id = c.payment JOIN pay_notice n ON n.id = c.notice JOIN pay_order o ON o.id = p.pay_order"

static void row_take(struct stmt *q, struct row *to, struct arena *a)
{
	struct str *const texts[] = { &to->payment_code, &to->trace_no, &to->word, &to->finance_no, &to->unit_name };
	int64_t n[7];
	stmt_ints(q, 0, 7, n);
	*to = (struct row){ .id = n[0], .amount_fen = n[1], .division = n[2], .state = (enum confirmation_state)n[3], .booked_ms = n[4], .channel = n[5], .paid_ms = n[6] };
	for (int i = 0; i < 5; i++)
		*texts[i] = str_copy(a, stmt_text(q, 7 + i));
	memcpy(to->order.bytes, stmt_blob(q, 12).at, ID_BYTES);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	struct region_bounds b = region_bounds(r->who.region);
	DROP(stmt) struct stmt *q = page->day >= 0
		? tx_query(tx, ROW_SELECT " WHERE c.day = $1 AND c.id > $2 AND (c.state = $3 OR $3 = 0) AND c.division BETWEEN $4 AND $5 ORDER BY c.day, c.id LIMIT $6", why)
		: tx_query(tx, ROW_SELECT " WHERE c.state IN (4, 5) AND c.day > $1 AND c.id > $2 AND (c.state = $3 OR $3 = 0) AND c.division BETWEEN $4 AND $5 ORDER BY c.id LIMIT $6", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { page->day, page->from.id, page->state, b.six_first, b.six_last, page->limit + 1 };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (; page->count <= page->limit && stmt_row(q, why); page->count++)
		row_take(q, &page->items[page->count], &r->arena);
	return why->code == FAIL_NONE && (!r->arena.refused || FAILS(why, MEMORY, "a page of confirmations"));
}

static void text_or_nothing(struct json_out *j, const char *name, struct str s)
{
	if (s.len > 0)
		json_add_text(j, name, s);
	else
		json_add_nothing(j, name);
}

static void row_out(struct json_out *j, const struct row *c)
{
	static const struct str next[] = { [CONFIRMATION_WAITING] = { "wait", 4 }, [CONFIRMATION_SENT] = { "wait", 4 }, [CONFIRMATION_BOOKED] = { "done", 4 }, [CONFIRMATION_REFUSED] = { "send", 4 },
		[CONFIRMATION_DOUBLE] = { "refund", 6 } };
	char order[ID_TEXT_BYTES];
	id_text(c->order, "or", order);
	json_put_object(j);
	json_add_text(j, "payment_code", c->payment_code);
	json_add_text(j, "order", str_c(order)); /* whoever refunds it asks by that */
	json_add_text(j, "trace_no", c->trace_no);
	json_add_region_code(j, "division", c->division);
	json_add_text(j, "unit_name", c->unit_name);
	json_add_number(j, "amount_fen", c->amount_fen);
	json_add_plain(j, "channel", pay_channel_name(c->channel));
	json_add_time(j, "paid_at", c->paid_ms);
	json_add_plain(j, "state", confirmation_state_text(c->state));
	text_or_nothing(j, "word", c->word);
	text_or_nothing(j, "meaning", nontax_result_zh(c->word));
	text_or_nothing(j, "finance_no", c->finance_no);
	if (c->booked_ms > 0)
		json_add_time(j, "booked_at", c->booked_ms);
	else
		json_add_nothing(j, "booked_at");
	json_add_plain(j, "next", next[c->state]);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	bool is_more = page->count > page->limit;
	int count = is_more ? page->limit : page->count;
	struct json_out j = reply_list(r);
	for (int i = 0; i < count; i++)
		row_out(&j, &page->items[i]);
	struct cursor next = { 0, is_more ? page->items[count - 1].id : 0 };
	return reply_list_end(r, &j, is_more ? &next : NULL, why);
}

const struct handler office_confirmation_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- again ---- */

struct sending {
	struct notice notice;
	struct confirmation confirmation;
};

static bool send_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_state(r, sizeof(struct sending), why) != NULL && request_query_only(r, no_query, why);
}

static bool send_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct sending *s = r->state;
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	if (payment_code_read(PAYMENT_CODE_OPAQUE, r->params[0], code, &division) != PAYMENT_CODE_FINE)
		return FAILS(why, NOT_FOUND, "not a payment code");
	if (!notice_find(tx, str_c(code), &s->notice, &r->arena, why) || (s->notice.id != 0 && !confirmation_find(tx, s->notice.id, &s->confirmation, &r->arena, why)))
		return false;
	if (s->notice.id == 0 || s->confirmation.id == 0)
		return FAILS(why, NOT_FOUND, "no money of that code");
	r->owner = s->confirmation.division;
	return true;
}

static bool send_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct sending *s = r->state;
	struct confirmation c;
	if (!tx_lock_row(tx, "pay_confirmation", s->confirmation.id, why) || !confirmation_read(tx, s->confirmation.id, &c, &r->arena, why) ||
	    !confirmation_move(tx, &c, CONFIRMATION_WAITING, STR_NONE, STR_NONE, r->now_ms, why) || !confirmation_send(tx, c.id, r->now_ms, why))
		return false;
	struct audit a = { AUDIT_CONFIRMATION_SENT, AUDIT_OF_NOTICE, c.notice, .result = 200, .region = c.division };
	r->outcome = (struct outcome){ .code = SENT, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool send_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "payment_code", r->params[0]);
	json_add_plain(&j, "state", confirmation_state_text(CONFIRMATION_WAITING));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler office_confirmation_send = { .parse = send_parse, .look = send_look, .apply = send_apply, .render = send_render };
