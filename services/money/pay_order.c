/* services/money/pay_order.c - POST /v1/orders, GET /v1/orders/{id}, POST /v1/orders/{id}/cancel: somebody wants to pay notices, his own or another's whose code he has.
 *
 * The order holds them for order.hold_minutes, or until the midnight on which a quote ends; then a job gives them up. */
#include "auth/audit.h"
#include "payments/attempts/attempt.h"
#include "payments/bureau/confirmation.h"
#include "payments/orders/payment.h"
#include "services/handlers.h"
#include "services/money/ordering.h"
#include "services/money/pay_notice.h"
#include "services/money/refunding.h"
#include "services/services.h"
#include "store/expiring.h"

enum { ORDERED = 1, CANCELLED };
enum { N_ORDER, N_STATE, N_TOTAL, N_EXPIRES };
enum { PACE_MS = 3600000 };

static const char *const no_query[] = { NULL };

/* ---- order_create ---- */

struct creating {
	struct ordering ordering;
	char person[21];
	size_t person_len;
};

static bool create_parse(struct request *r, struct fail *why)
{
	struct creating *c = request_state(r, sizeof(*c), why);
	if (c == NULL || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	return body != NULL && (json_is_object(body) || FAILS(why, BAD_REQUEST, "not an object")) && ordering_codes(body, &c->ordering, why) &&
	       json_take(body, NULL, 0, JSON_REFUSE_UNKNOWN, "", c, &r->arena, why);
}

/* By the person: an order says of a code as much as a look-up does. */
static bool create_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct creating *c = r->state;
	(void)why;
	c->person_len = i64_text(r->who.id, c->person);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_ORDER_PACE, .key = { c->person, c->person_len },
		.limit = services_config()->orders_per_hour, .ttl_ms = PACE_MS };
	return true;
}

static bool create_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	if (b->op[0].end != EXPIRING_NO)
		return true;
	why->retry_after_s = (int)(b->op[0].left_ms / 1000) + 1;
	return FAILS(why, RATE, "orders of a person");
}

static bool create_look(struct tx *tx, struct request *r, struct fail *why)
{
	return ordering_look(tx, r, &((struct creating *)r->state)->ordering, why);
}

static bool create_ask(struct request *r, struct question *q, struct fail *why)
{
	return ordering_ask(r, &((struct creating *)r->state)->ordering, q, why);
}

static bool create_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	return ordering_answered(r, &((struct creating *)r->state)->ordering, answer, why);
}

static const struct ask ask_finance = { .build = create_ask, .judge = create_answered, .asks_again = true };

static bool create_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct order o;
	if (!ordering_make(tx, r, &((struct creating *)r->state)->ordering, &o, why))
		return false;
	struct audit a = { AUDIT_ORDER_MADE, AUDIT_OF_ORDER, o.id, .result = 201 };
	r->outcome = (struct outcome){ .code = ORDERED, .status = 201,
		.n = { [N_ORDER] = o.id, [N_STATE] = o.state, [N_TOTAL] = o.total_fen, [N_EXPIRES] = o.expires_ms } };
	order_id_text(&o, r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static bool made_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	bool is_open = o->n[N_STATE] == ORDER_OPEN;
	struct json_out j = reply_json(r, o->status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(o->text));
	json_add_text(&j, "state", order_state_text((enum order_state)o->n[N_STATE]));
	json_add_number(&j, "total_fen", o->n[N_TOTAL]);
	if (is_open)
		json_add_time(&j, "expires_at", o->n[N_EXPIRES]);
	else
		json_add_nothing(&j, "expires_at");
	json_add_plain(&j, "next", is_open ? STR("pay") : STR("done"));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler order_create = { .parse = create_parse, .recall = create_recall, .recalled = create_recalled, .look = create_look, .ask = &ask_finance, .apply = create_apply, .render = made_render,
	.miss = FAIL_NOTICE_UNKNOWN };

/* ---- order_show ---- */

struct showing {
	struct id key;
	struct order order;
	struct payment payment;
	struct str booking;        /* at NULL: there is no money to be booked */
	struct refund_sums refunds;
	struct notice notices[ORDER_NOTICES_MAX];
};

static bool key_parse(struct request *r, struct id *key, struct fail *why)
{
	return id_from_text(r->params[0], "or", key) || FAILS(why, NOT_FOUND, "not an order's id");
}

static bool show_parse(struct request *r, struct fail *why)
{
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && key_parse(r, &s->key, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	if (!order_find(tx, s->key, &s->order, why))
		return false;
	if (s->order.id == 0)
		return FAILS(why, NOT_FOUND, "no such order");
	for (int i = 0; i < s->order.count; i++)
		if (!notice_read(tx, s->order.notices[i], &s->notices[i], &r->arena, why))
			return false;
	r->owner = s->order.person;
	return payment_find(tx, s->order.id, &s->payment, &r->arena, why) && confirmation_of_order(tx, s->order.id, &s->booking, why) &&
	       refund_sums_of(tx, s->order.id, 0, &s->refunds, why);
}

/* Somebody else's notice may be in it: no more of it than whoever has its code may see. */
static void notices_out(struct json_out *j, const struct showing *s)
{
	json_put_name(j, "notices");
	json_put_array(j);
	for (int i = 0; i < s->order.count; i++) {
		json_put_object(j);
		json_add_text(j, "payment_code", str_c(s->notices[i].code));
		json_add_text(j, "unit_name", s->notices[i].unit_name);
		json_add_number(j, "total_fen", s->order.notice_fen[i]);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void payment_out(struct json_out *j, const struct payment *p)
{
	if (p->id == 0) {
		json_add_nothing(j, "payment");
		return;
	}
	json_put_name(j, "payment");
	json_put_object(j);
	json_add_text(j, "channel", pay_channel_name(p->channel));
	json_add_number(j, "amount_fen", p->fen);
	json_add_time(j, "taken_at", p->taken_ms);
	json_put_object_end(j);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	char id[ID_TEXT_BYTES];
	static const struct str next[] = { [ORDER_OPEN] = { "pay", 3 }, [ORDER_PAID] = { "done", 4 }, [ORDER_CLOSED] = { "order_again", 11 }, [ORDER_EXPIRED] = { "order_again", 11 },
		[ORDER_PAYING] = { "pay", 3 } };
	order_id_text(&s->order, id);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(id));
	json_add_text(&j, "state", order_state_text(s->order.state));
	json_add_number(&j, "total_fen", s->order.total_fen);
	notices_out(&j, s);
	payment_out(&j, &s->payment);
	if (s->booking.at != NULL) /* 已缴款，入账中 is not 已入账 */
		json_add_plain(&j, "booking", s->booking);
	else
		json_add_nothing(&j, "booking");
	refund_sums_out(&j, &s->refunds, s->payment.fen);
	json_add_time(&j, "made_at", s->order.made_ms);
	if (s->order.state == ORDER_OPEN || s->order.state == ORDER_PAYING)
		json_add_time(&j, "expires_at", s->order.expires_ms);
	else
		json_add_nothing(&j, "expires_at");
	json_add_plain(&j, "next", s->order.ends_as != 0 && s->order.state == ORDER_PAYING ? STR("wait") : next[s->order.state]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler order_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- order_cancel ---- */

/* What a channel could still be paid for is closed there first; then the order is. */
static bool close_order(struct tx *tx, struct request *r, const struct order *o, struct fail *why)
{
	struct attempt a;
	if (o->state != ORDER_PAYING)
		return order_move(tx, o, ORDER_CLOSED, r->now_ms, why);
	if (!attempt_live(tx, o->id, &a, &r->arena, why))
		return false;
	return (a.id != 0 || FAILS(why, INTERNAL, "order %lld is being paid by nothing", (long long)o->id)) && attempt_wind_up(tx, &a, ORDER_CLOSED, r->now_ms, why);
}

static bool cancel_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct order o;
	if (!order_find(tx, s->key, &o, why))
		return false;
	if (o.id == 0 || o.person != principal_whose(&r->who))
		return FAILS(why, NOT_FOUND, "no such order of his");
	if (!order_hold(tx, o.id, why) || !order_read(tx, o.id, &o, why) || !close_order(tx, r, &o, why) || !order_read(tx, o.id, &o, why))
		return false;
	struct audit a = { AUDIT_ORDER_CANCELLED, AUDIT_OF_ORDER, o.id, .result = o.state == ORDER_CLOSED ? 200 : 202 };
	r->outcome = (struct outcome){ .code = CANCELLED, .status = a.result, .n = { [N_ORDER] = o.id, [N_STATE] = o.state, [N_TOTAL] = o.total_fen } };
	order_id_text(&o, r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static bool cancel_render(struct request *r, struct fail *why)
{
	bool is_late = r->outcome.n[N_STATE] != ORDER_CLOSED;
	if (is_late) {
		struct buf b;
		buf_init(&b, &r->arena, 64);
		buf_printf(&b, "/v1/orders/%s", r->outcome.text);
		if (!buf_ok(&b))
			return FAILS(why, MEMORY, "a place to look");
		reply_header(r, "location", buf_text(&b));
	}
	struct json_out j = reply_json(r, is_late ? 202 : 200);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_text(&j, "state", order_state_text((enum order_state)r->outcome.n[N_STATE]));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler order_cancel = { .parse = show_parse, .apply = cancel_apply, .render = cancel_render };
