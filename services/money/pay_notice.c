/* services/money/pay_notice.c - GET /v1/notices/{payment_code}: what is to be paid, for whoever has the code, who may be paying for another.
 *
 * A notice that is not in our books, or whose quote has ended, is asked of the finance system: nothing of its answer is kept here; an order keeps it. Whoever walks
 * through codes is slowed down by his address, sooner when they are wrong, and a code that is none, one of elsewhere and one that nobody knows are the same answer. */
#include "services/money/pay_notice.h"

#include "auth/mask.h"
#include "base/day.h"
#include "payments/bureau/confirmation.h"
#include "services/handlers.h"
#include "services/money/finance_account.h"
#include "services/services.h"

struct showing {
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	struct notice notice;
	bool asks, is_told; /* by the finance system */
};

/* ---- a code ---- */

bool pay_code_read(struct str text, char code[PAYMENT_CODE_DIGITS + 1], int64_t *division, struct fail *why)
{
	enum payment_code_profile profile = (enum payment_code_profile)services_config()->payment_code_profile;
	if (text.len > 2 * PAYMENT_CODE_DIGITS || payment_code_read(profile, text, code, division) != PAYMENT_CODE_FINE || *division / 10000 != services_config()->payment_code_province)
		return FAILS(why, NOTICE_UNKNOWN, "not a payment code of the province");
	return true;
}

bool pay_code_place(struct tx *tx, int64_t division, struct fail *why)
{
	if (division / 100 != services_config()->payment_code_prefecture)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, division);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS(why, NOTICE_UNKNOWN, "no such division"));
}

/* ---- a notice ---- */

bool pay_notice_asks(const struct notice *n, int64_t today)
{
	return finance_is_there() && (n->id == 0 || (n->state == NOTICE_UNPAID && notice_quote_ended(n, today)));
}

void json_add_day(struct json_out *j, const char *name, bool has, int64_t day)
{
	char text[DAY_TEXT_BYTES];
	if (!has) {
		json_add_nothing(j, name);
		return;
	}
	day_text((int32_t)day, text);
	json_add_text(j, name, str_c(text));
}

static void items_out(struct json_out *j, const struct notice *n)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < n->count; i++) {
		json_put_object(j);
		json_add_text(j, "item", n->items[i].item);
		json_add_text(j, "name", n->items[i].name);
		json_add_number(j, "amount_fen", n->items[i].fen);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

void pay_notice_public(struct json_out *j, const struct notice *n, struct arena *a)
{
	struct buf payer;
	buf_init(&payer, a, 64);
	mask_name(n->payer_kind, n->payer, &payer);
	json_add_text(j, "payment_code", str_c(n->code));
	json_add_text(j, "state", notice_state_text(n->state));
	json_add_text(j, "kind", notice_kind_text(n->kind));
	json_add_region_code(j, "division", n->division);
	json_add_text(j, "unit", n->unit);
	json_add_text(j, "unit_name", n->unit_name);
	json_add_text(j, "payer", buf_text(&payer));
	items_out(j, n);
	json_add_number(j, "amount_fen", n->amount_fen);
	json_add_number(j, "late_fen", n->late_fen);
	json_add_day(j, "late_on", n->has_late_on, n->late_on);
	json_add_number(j, "total_fen", n->total_fen);
	json_add_day(j, "last_on", n->has_last_on, n->last_on);
}

/* ---- GET ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, names, why) && pay_code_read(r->params[0], s->code, &s->division, why);
}

/* Whoever asks whether it is paid also wants to know whether the finance system has it in its books. */
static bool paid_already(struct tx *tx, const struct notice *n, struct arena *a, struct fail *why)
{
	struct confirmation c;
	if (!confirmation_find(tx, n->id, &c, a, why))
		return false;
	FAILS(why, NOTICE_PAID, "notice %lld", (long long)n->id);
	if (c.id != 0)
		fail_fact_text(why, "booking", confirmation_booking_text(c.state).at);
	return false;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	int64_t today = day_of(r->now_ms);
	if (!pay_code_place(tx, s->division, why) || !notice_find(tx, str_c(s->code), &s->notice, &r->arena, why))
		return false;
	s->asks = pay_notice_asks(&s->notice, today);
	if (s->asks)
		return true;
	if (s->notice.id == 0)
		return FAILS(why, NOTICE_UNKNOWN, "no such code");
	return s->notice.state == NOTICE_PAID ? paid_already(tx, &s->notice, &r->arena, why) : notice_payable(&s->notice, today, why);
}

static bool show_ask(struct request *r, struct question *q, struct fail *why)
{
	struct showing *s = r->state;
	return !s->asks || finance_ask(r, str_c(s->code), FINANCE_OWN, q, why);
}

static bool show_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct showing *s = r->state;
	s->is_told = true;
	return finance_answered(r, str_c(s->code), FINANCE_OWN, answer, &s->notice, why) && notice_payable(&s->notice, day_of(r->now_ms), why);
}

static const struct ask ask_finance = { .build = show_ask, .judge = show_answered };

static bool show_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	pay_notice_public(&j, &s->notice, &r->arena);
	json_add_plain(&j, "source", s->is_told ? STR("finance") : STR("gateway"));
	if (s->notice.has_late_on) /* the quote's end */
		json_add_time(&j, "quote_until", day_begins_ms((int32_t)s->notice.late_on + 1));
	else
		json_add_nothing(&j, "quote_until");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler pay_notice_show = { .parse = show_parse, .look = show_look, .ask = &ask_finance, .render = show_render, .miss = FAIL_NOTICE_UNKNOWN };
