/* services/money/hall_barcode.c - POST /v1/hall/barcode-payments, GET /v1/hall/barcode-payments/{payment}: a payer shows the code of his phone (付款码) at a counter, and a clerk scans it.
 *
 * The money is asked for by an effect, and the clerk waits for its end a few seconds: paid, refused, or not known yet, and then he looks again. While it is not known nobody can take another code for
 * the same notice (payments/attempts/attempt_barcode.c). The code itself is in what is sent to the platform and nowhere else. */
#include "auth/audit.h"
#include "channels/wechat_nontax.h"
#include "notify/account.h"
#include "payments/attempts/attempt.h"
#include "services/handlers.h"
#include "services/money/ordering.h"
#include "services/services.h"

enum { SCANNED = 1 };
enum { N_ATTEMPT, N_EFFECT };

static const char *const no_query[] = { NULL };

struct scanning {
	struct str auth_code;
	int64_t amount_fen;
	struct ordering ordering;
	struct id key;
	struct attempt attempt;
	struct order order;
};

/* ---- hall_barcode ---- */

static bool is_there(struct fail *why)
{
	return (account_is_configured(ACCOUNT_wechat_nontax) && services_config()->wechat_nontax_barcodes) || FAILS_FIELD(why, FIELD, "/auth_code", "not configured: wechat.nontax.barcodes");
}

static bool code_check(struct str code, struct fail *why)
{
	(void)why;
	return nontax_is_barcode(code);
}

static bool scan_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "auth_code", JSON_F_TEXT, true, NONTAX_BARCODE_DIGITS, NONTAX_BARCODE_DIGITS, offsetof(struct scanning, auth_code), code_check },
		{ "amount_fen", JSON_F_INT, true, 1, NOTICE_FEN_MAX, offsetof(struct scanning, amount_fen), NULL },
	};
	struct scanning *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !is_there(why) || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	if (body == NULL || !(json_is_object(body) || FAILS(why, BAD_REQUEST, "not an object")) || !ordering_codes(body, &s->ordering, why))
		return false;
	if (s->ordering.count != 1)
		return FAILS_FIELD(why, FIELD, "/payment_codes", "the platform takes one notice at a time");
	return json_take(body, fields, 2, JSON_REFUSE_UNKNOWN, "", s, &r->arena, why);
}

static bool scan_look(struct tx *tx, struct request *r, struct fail *why)
{
	return ordering_look(tx, r, &((struct scanning *)r->state)->ordering, why);
}

static bool scan_ask(struct request *r, struct question *q, struct fail *why)
{
	return ordering_ask(r, &((struct scanning *)r->state)->ordering, q, why);
}

static bool scan_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	return ordering_answered(r, &((struct scanning *)r->state)->ordering, answer, why);
}

static const struct ask ask_finance = { .build = scan_ask, .judge = scan_answered, .asks_again = true };

static bool begin(struct tx *tx, struct request *r, struct scanning *s, struct fail *why)
{
	uint8_t random[32];
	request_bytes(r, "attempt", random);
	const struct attempt_new n = { .key = id_make(r->now_ms, random), .channel = PAY_BY_WECHAT_NONTAX, .method = ATTEMPT_BY_BARCODE, .auth_code = { s->auth_code }, .now_ms = r->now_ms,
		.salt = random + 16 };
	if (s->order.total_fen != s->amount_fen) {
		FAILS(why, PAYMENT_AMOUNT, "order %lld is of another amount", (long long)s->order.id);
		fail_fact_number(why, "total_fen", s->order.total_fen);
		return false;
	}
	return attempt_make(tx, &s->order, &n, &s->attempt, why);
}

static bool scan_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct scanning *s = r->state;
	if (!ordering_is_of_this_counter(r, &s->ordering, why) || !ordering_make(tx, r, &s->ordering, &s->order, why) || !begin(tx, r, s, why))
		return false;
	struct audit a = { AUDIT_ORDER_PAYING, AUDIT_OF_ORDER, s->order.id, .result = 201, .region = r->who.region };
	r->outcome = (struct outcome){ .code = SCANNED, .status = 201, .n = { [N_ATTEMPT] = s->attempt.id, [N_EFFECT] = s->attempt.effect } };
	id_text(s->attempt.key, "pa", r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static int64_t scan_park(const struct request *r)
{
	return r->outcome.n[N_EFFECT];
}

static bool find(struct tx *tx, struct request *r, struct scanning *s, struct fail *why)
{
	return attempt_find(tx, s->key, &s->attempt, &r->arena, why) && (s->attempt.id == 0 || order_read(tx, s->attempt.order, &s->order, why));
}

static bool scan_revisit(struct tx *tx, struct request *r, struct fail *why)
{
	struct scanning *s = r->state;
	return (id_from_text(str_c(r->outcome.text), "pa", &s->key) || FAILS(why, INTERNAL, "an outcome without its attempt")) && find(tx, r, s, why);
}

/* ---- the answer ---- */

/* Refused or closed, its order is over, and so the notice is free for the next code. */
static struct str next_of(const struct scanning *s)
{
	if (s->attempt.state == ATTEMPT_PAID)
		return STR("done");
	return s->attempt.state == ATTEMPT_FAILED || s->attempt.state == ATTEMPT_CLOSED ? STR("scan_again") : STR("wait");
}

static bool scan_out(struct request *r, const struct scanning *s, int status, struct fail *why)
{
	char id[ID_TEXT_BYTES], order[ID_TEXT_BYTES];
	id_text(s->attempt.key, "pa", id);
	order_id_text(&s->order, order);
	struct json_out j = reply_json(r, status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(id));
	json_add_text(&j, "order", str_c(order));
	json_add_text(&j, "channel", pay_channel_name(s->attempt.channel));
	json_add_text(&j, "state", attempt_state_text(s->attempt.state));
	json_add_text(&j, "order_state", order_state_text(s->order.state));
	json_add_number(&j, "amount_fen", s->attempt.total_fen);
	json_add_plain(&j, "next", next_of(s));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

static bool scan_render(struct request *r, struct fail *why)
{
	const struct scanning *s = r->state;
	struct buf b;
	if (!str_eq(next_of(s), STR("wait")))
		return scan_out(r, s, 201, why);
	buf_init(&b, &r->arena, 64);
	buf_printf(&b, "/v1/hall/barcode-payments/%s", r->outcome.text);
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "a place to look");
	reply_header(r, "location", buf_text(&b));
	return scan_out(r, s, 202, why);
}

const struct handler hall_barcode = { .parse = scan_parse, .look = scan_look, .ask = &ask_finance, .apply = scan_apply, .park = scan_park, .revisit = scan_revisit, .render = scan_render };

/* ---- hall_barcode_show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	struct scanning *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && (id_from_text(r->params[0], "pa", &s->key) || FAILS(why, NOT_FOUND, "not a payment's id"));
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct scanning *s = r->state;
	if (!find(tx, r, s, why))
		return false;
	return (s->attempt.id != 0 && s->order.staff == r->who.id) || FAILS(why, NOT_FOUND, "no such payment of his");
}

static bool show_render(struct request *r, struct fail *why)
{
	return scan_out(r, r->state, 200, why);
}

const struct handler hall_barcode_show = { .parse = show_parse, .look = show_look, .render = show_render };
