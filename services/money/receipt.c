/* services/money/receipt.c - GET /v1/me/receipts: the e-receipts (财政电子票据) of what one paid, or what was paid for one; GET /v1/office/receipts and POST …/{payment_code}/send: what the finance
 * system refused to issue or to reverse. Whether one is good: services/money/receipt_check.c. */
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "auth/vault.h"
#include "base/arena.h"
#include "channels/nontax_answer.h"
#include "payments/bureau/confirmation.h"
#include "payments/bureau/receipt_send.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

static const char *const no_query[] = { NULL };

/* ---- me_receipt_list ---- */

/* A paper that was reversed whole, as a part of its money went back. */
struct past {
	struct str code, number;
	int64_t amount_fen, issued_ms, reversed_ms;
};

struct row {
	int64_t id, amount_fen, issued_ms, reversed_ms;
	enum receipt_state state;
	bool is_own;                /* its numbers are his to show */
	struct str payment_code, unit_name, code, number, check_code, link, word;
	int64_t n;                  /* which paper it is; those before it are in `past` */
	struct past *past;
	int past_count;
};

struct receipts {
	struct page page;
	struct row items[];
};

static bool page_parse(struct request *r, int64_t first, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, first }, sizeof(struct receipts), sizeof(struct row), why) != NULL;
}

static bool mine_parse(struct request *r, struct fail *why)
{
	return page_parse(r, INT64_MAX, why);
}

#define ROW_SELECT "SELECT r.id, r.amount_fen, r.issued_ms, r.reversed_ms, r.state, COALESCE(n.person, 0), r.n, n.payment_code, n.unit_name, COALESCE(r.code, ''), COALESCE(r.number, '')," \
	" r.check_code, r.link, r.word FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice"

static bool link_open(int64_t id, struct str sealed, struct str *link, struct arena *a, struct fail *why)
{
	struct buf plain;
	*link = STR("");
	if (sealed.len == 0)
		return true;
	buf_init(&plain, a, NONTAX_LINK_MAX);
	if (!vault_open("pay_receipt.link", id, sealed, &plain, why))
		return false;
	*link = buf_text(&plain);
	return buf_ok(&plain) || FAILS(why, MEMORY, "a receipt's link");
}

/* Who paid for another has its number and not its check code, which opens the paper with the other's name. */
static bool row_take(struct stmt *q, int64_t person, struct row *to, struct arena *a, struct fail *why)
{
	int64_t n[7];
	stmt_ints(q, 0, 7, n);
	*to = (struct row){ .id = n[0], .amount_fen = n[1], .issued_ms = n[2], .reversed_ms = n[3], .state = (enum receipt_state)n[4], .is_own = n[5] == 0 || n[5] == person, .n = n[6] };
	struct str *const texts[] = { &to->payment_code, &to->unit_name, &to->code, &to->number, &to->check_code };
	for (int i = 0; i < 5; i++)
		*texts[i] = str_copy(a, stmt_text(q, 7 + i));
	to->word = str_copy(a, stmt_text(q, 13));
	return link_open(to->id, stmt_blob(q, 12), &to->link, a, why) && (!a->refused || FAILS(why, MEMORY, "a receipt"));
}

static bool past_read(struct tx *tx, struct row *t, struct arena *a, struct fail *why)
{
	t->past = arena_alloc(a, (size_t)(t->n - 1) * sizeof(*t->past));
	if (t->past == NULL)
		return FAILS(why, MEMORY, "papers of a receipt");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code, number, amount_fen, issued_ms, reversed_ms FROM pay_receipt_past WHERE receipt = $1 ORDER BY n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->id);
	while (t->past_count < t->n - 1 && stmt_row(q, why))
		t->past[t->past_count++] = (struct past){ str_copy(a, stmt_text(q, 0)), str_copy(a, stmt_text(q, 1)), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4) };
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "papers of a receipt"));
}

static bool mine_read(struct tx *tx, struct request *r, struct fail *why)
{
	struct receipts *list = r->state;
	int64_t person = principal_whose(&r->who);
	DROP(stmt) struct stmt *q = tx_query(tx, ROW_SELECT " WHERE r.id < $1 AND (r.state IN (2, 4, 5, 6) OR r.n > 1) AND c.id IN (SELECT x.id FROM pay_notice y JOIN pay_confirmation x ON x.notice = y.id WHERE y.person = $2"
		" UNION SELECT x.id FROM pay_order o JOIN pay_payment p ON p.pay_order = o.id JOIN pay_confirmation x ON x.payment = p.id WHERE o.person = $2) ORDER BY r.id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, person);
	stmt_bind_int(q, 3, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!row_take(q, person, &list->items[list->page.count - 1], &r->arena, why))
			return false;
	return why->code == FAIL_NONE;
}

static bool mine_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct receipts *list = r->state;
	if (!mine_read(tx, r, why))
		return false;
	for (int i = 0; i < list->page.count; i++)
		if (list->items[i].n > 1 && !past_read(tx, &list->items[i], &r->arena, why))
			return false;
	return true;
}

static void text_or_nothing(struct json_out *j, const char *name, struct str s)
{
	if (s.len > 0)
		json_add_text(j, name, s);
	else
		json_add_nothing(j, name);
}

static void time_or_nothing(struct json_out *j, const char *name, int64_t ms)
{
	if (ms > 0)
		json_add_time(j, name, ms);
	else
		json_add_nothing(j, name);
}

static void past_out(struct json_out *j, const struct row *t)
{
	json_put_name(j, "replaces");
	json_put_array(j);
	for (int i = 0; i < t->past_count; i++) {
		json_put_object(j);
		json_add_text(j, "code", t->past[i].code);
		json_add_text(j, "number", t->past[i].number);
		json_add_number(j, "amount_fen", t->past[i].amount_fen);
		json_add_time(j, "issued_at", t->past[i].issued_ms);
		json_add_time(j, "reversed_at", t->past[i].reversed_ms);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

/* Of a first paper one hears when it is there; of one for what remains from its beginning, for the one before it is good no more. */
static struct str mine_state(enum receipt_state s)
{
	static const struct str words[] = { [RECEIPT_IS_ASKED] = { "being_issued", 12 }, [RECEIPT_IS_ISSUED] = { "valid", 5 }, [RECEIPT_IS_REFUSED] = { "being_issued", 12 },
		[RECEIPT_IS_REVERSING] = { "reversing", 9 }, [RECEIPT_IS_REVERSED] = { "reversed", 8 }, [RECEIPT_IS_NOT_REVERSED] = { "reversing", 9 } };
	return words[s];
}

static void mine_out(struct json_out *j, const struct row *t)
{
	json_put_object(j);
	json_add_text(j, "payment_code", t->payment_code);
	json_add_text(j, "unit_name", t->unit_name);
	json_add_number(j, "amount_fen", t->amount_fen);
	json_add_plain(j, "state", mine_state(t->state));
	text_or_nothing(j, "code", t->code);
	text_or_nothing(j, "number", t->number);
	text_or_nothing(j, "check_code", t->is_own ? t->check_code : STR_NONE);
	text_or_nothing(j, "link", t->is_own ? t->link : STR_NONE);
	time_or_nothing(j, "issued_at", t->issued_ms);
	time_or_nothing(j, "reversed_at", t->reversed_ms);
	past_out(j, t);
	json_put_object_end(j);
}

static bool page_render(struct request *r, void (*out)(struct json_out *j, const struct row *t), struct fail *why)
{
	const struct receipts *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++)
		out(&j, &list->items[i]);
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

static bool mine_render(struct request *r, struct fail *why)
{
	return page_render(r, mine_out, why);
}

const struct handler me_receipt_list = { .parse = mine_parse, .look = mine_look, .render = mine_render };

/* ---- office_receipt_list ---- */

static bool odd_parse(struct request *r, struct fail *why)
{
	return page_parse(r, 0, why);
}

static bool odd_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct receipts *list = r->state;
	struct region_bounds b = region_bounds(r->who.region);
	DROP(stmt) struct stmt *q = tx_query(tx, ROW_SELECT " WHERE r.state IN (3, 6) AND r.id > $1 AND c.division BETWEEN $2 AND $3 ORDER BY r.id LIMIT $4", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { list->page.from.id, b.six_first, b.six_last, list->page.limit + 1 };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	while (page_next(&list->page, q, why))
		if (!row_take(q, 0, &list->items[list->page.count - 1], &r->arena, why))
			return false;
	return why->code == FAIL_NONE;
}

static void odd_out(struct json_out *j, const struct row *t)
{
	json_put_object(j);
	json_add_text(j, "payment_code", t->payment_code);
	json_add_text(j, "unit_name", t->unit_name);
	json_add_number(j, "amount_fen", t->amount_fen);
	json_add_plain(j, "state", receipt_state_text(t->state));
	json_add_text(j, "word", t->word);
	text_or_nothing(j, "meaning", nontax_result_zh(t->word));
	text_or_nothing(j, "code", t->code);
	text_or_nothing(j, "number", t->number);
	json_put_object_end(j);
}

static bool odd_render(struct request *r, struct fail *why)
{
	return page_render(r, odd_out, why);
}

const struct handler office_receipt_list = { .parse = odd_parse, .look = odd_look, .render = odd_render };

/* ---- office_receipt_send ---- */

enum { SENT = 1 };
enum { N_STATE };

struct sending {
	struct notice notice;
	struct confirmation confirmation;
	struct receipt receipt;
};

static bool send_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct sending), why) != NULL && request_query_only(r, no_query, why);
}

static bool send_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct sending *s = r->state;
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	if (payment_code_read(PAYMENT_CODE_OPAQUE, r->params[0], code, &division) != PAYMENT_CODE_FINE)
		return FAILS(why, NOT_FOUND, "not a payment code");
	if (!notice_find(tx, str_c(code), &s->notice, &r->arena, why) || (s->notice.id != 0 && !confirmation_find(tx, s->notice.id, &s->confirmation, &r->arena, why)) ||
	    !receipt_find(tx, s->confirmation.id, &s->receipt, why))
		return false;
	if (s->receipt.id == 0)
		return FAILS(why, NOT_FOUND, "no receipt of that code");
	r->owner = s->confirmation.division;
	return true;
}

static bool send_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct sending *s = r->state;
	struct receipt now;
	if (!tx_lock_row(tx, "pay_receipt", s->receipt.id, why) || !receipt_read(tx, s->receipt.id, &now, why))
		return false;
	if (!receipt_send_again(tx, &now, r->now_ms, why))
		return false;
	struct audit a = { AUDIT_RECEIPT_SENT, AUDIT_OF_NOTICE, s->notice.id, .result = 200, .region = s->confirmation.division };
	r->outcome = (struct outcome){ .code = SENT, .status = 200, .n = { [N_STATE] = now.state } };
	return audit_add(tx, r, &a, why);
}

static bool send_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "payment_code", r->params[0]);
	json_add_plain(&j, "state", receipt_state_text((enum receipt_state)r->outcome.n[N_STATE]));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler office_receipt_send = { .parse = send_parse, .look = send_look, .apply = send_apply, .render = send_render };
