/* services/money/hall_payment.c - POST /v1/hall/counter-payments: a clerk took money at a counter (线上线下一体化), in cash or by a terminal, for notices whose codes he was shown.
 *
 * It is an order like any other, paid in the same transaction and in the same ledger. The clerk says what he took: it must be what is owed today, or nothing is kept. */
#include "auth/audit.h"
#include "payments/orders/payment.h"
#include "services/handlers.h"
#include "services/money/ordering.h"
#include "services/services.h"

enum { TAKEN = 1 };
enum { N_ORDER, N_PAYMENT, N_TOTAL, N_CHANNEL, N_MS };

struct taking {
	struct str channel_name, reference;
	int64_t amount_fen;
	enum pay_channel channel;
	struct ordering ordering;
};

/* UnionPay's text has bars between its cells, and no way to say one inside (recon_tables.c). */
static bool reference_check(struct str s, struct fail *why)
{
	return check_visible_ascii(s, why) && memchr(s.at, '|', s.len) == NULL;
}

static bool channel_parse(struct taking *t, struct fail *why)
{
	t->channel = str_eq(t->channel_name, STR("cash")) ? PAY_BY_CASH : str_eq(t->channel_name, STR("pos")) ? PAY_BY_POS : PAY_NO_CHANNEL;
	if (t->channel == PAY_NO_CHANNEL)
		return FAILS_FIELD(why, FIELD, "/channel", "neither cash nor pos");
	if (t->channel == PAY_BY_POS && t->reference.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/reference", "the terminal's number of the payment");
	return t->channel == PAY_BY_POS || t->reference.at == NULL || FAILS_FIELD(why, FIELD, "/reference", "cash has none");
}

static bool take_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "channel", JSON_F_TEXT, true, 1, 16, offsetof(struct taking, channel_name), NULL },
		{ "reference", JSON_F_TEXT, false, 4, PAYMENT_REFERENCE_MAX, offsetof(struct taking, reference), reference_check },
		{ "amount_fen", JSON_F_INT, true, 1, ORDER_NOTICES_MAX * NOTICE_FEN_MAX, offsetof(struct taking, amount_fen), NULL },
	};
	struct taking *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	return body != NULL && (json_is_object(body) || FAILS(why, BAD_REQUEST, "not an object")) && ordering_codes(body, &t->ordering, why) &&
	       json_take(body, fields, 3, JSON_REFUSE_UNKNOWN, "", t, &r->arena, why) && channel_parse(t, why);
}

static bool take_look(struct tx *tx, struct request *r, struct fail *why)
{
	return ordering_look(tx, r, &((struct taking *)r->state)->ordering, why);
}

static bool take_ask(struct request *r, struct question *q, struct fail *why)
{
	return ordering_ask(r, &((struct taking *)r->state)->ordering, q, why);
}

static bool take_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	return ordering_answered(r, &((struct taking *)r->state)->ordering, answer, why);
}

static const struct ask ask_finance = { .build = take_ask, .judge = take_answered, .asks_again = true };

static bool take_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct taking *t = r->state;
	struct order o;
	int64_t payment;
	if (!ordering_is_of_this_counter(r, &t->ordering, why) || !ordering_make(tx, r, &t->ordering, &o, why) ||
	    !payment_take(tx, &o, t->channel, t->reference, t->amount_fen, r->now_ms, &r->arena, &payment, why))
		return false;
	struct audit a = { AUDIT_PAYMENT_TAKEN, AUDIT_OF_ORDER, o.id, .result = 201, .region = r->who.region };
	r->outcome = (struct outcome){ .code = TAKEN, .status = 201,
		.n = { [N_ORDER] = o.id, [N_PAYMENT] = payment, [N_TOTAL] = o.total_fen, [N_CHANNEL] = t->channel, [N_MS] = r->now_ms } };
	order_id_text(&o, r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static bool take_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "order", str_c(o->text));
	json_add_plain(&j, "channel", pay_channel_name(o->n[N_CHANNEL]));
	json_add_number(&j, "amount_fen", o->n[N_TOTAL]);
	json_add_time(&j, "taken_at", o->n[N_MS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_payment = { .parse = take_parse, .look = take_look, .ask = &ask_finance, .apply = take_apply, .render = take_render };
