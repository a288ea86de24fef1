/* services/callback_wechat_pay.c - POST /callbacks/wechatpay: WeChat Pay says that something was paid, or given back. Its signature is the proof, its own number tells a repeat.
 *
 * What was verified is kept as it came, sealed, and in the same transaction the money goes where it belongs: the answer is 204 when that is committed, and what takes
 * longer (the finance bureau, a receipt) are effects of that transaction. Whatever fails is answered so that it comes again; and what never comes, the sweep asks. */
#include "auth/vault.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/wechat_pay_call.h"
#include "channels/wechat_pay_message.h"
#include "payments/arrive.h"
#include "payments/attempt.h"
#include "payments/refund.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/wechat_pay_account.h"

#include <stdio.h>

enum { TOLD = 1 };
enum { N_RESULT, N_HEARD /* enum refund_heard; 0: it is about no refund */ };
enum { WORD_MAX = 32 };

static const char *const results[] = { "taken", "repeated", "other", "refused", "unverified", "elsewhere" };
enum result { TAKEN, REPEATED, OTHER, REFUSED, UNVERIFIED, ELSEWHERE };

void wechat_pay_callback_names(void)
{
	for (int i = 0; i < (int)(sizeof(results) / sizeof(results[0])); i++)
		metric_label(M_wechat_pay_callbacks, i, results[i]);
}

struct telling {
	struct wechat_pay_envelope envelope;
	struct wechat_pay_trade trade;
	struct wechat_pay_refund refund;
	bool is_trade, is_refund;
	enum wechat_pay_wrong wrong; /* of what was verified, and is not about us */
};

static struct wechat_pay_signed signed_of(const struct request *r)
{
	return (struct wechat_pay_signed){ request_header(r, STR("wechatpay-timestamp")), request_header(r, STR("wechatpay-nonce")), request_header(r, STR("wechatpay-serial")),
					   request_header(r, STR("wechatpay-signature")), request_header(r, STR("wechatpay-signature-type")) };
}

static bool unverified(const struct request *r, enum wechat_pay_wrong wrong, struct fail *why)
{
	metric_add(M_wechat_pay_callbacks, UNVERIFIED, 1);
	if (wrong == WECHAT_PAY_WRONG_SERIAL)
		wechat_pay_serial_missed();
	LOG_EVENT(callback_refused, str_c(r->id), L_C("wechat_pay"), L_C(wechat_pay_wrong_text(wrong).at));
	return FAILS(why, CALLBACK_REFUSED, "%s", wechat_pay_wrong_text(wrong).at);
}

/* It is ours when merchant, app and currency are. Of another amount it is ours all the same, and odd. */
static bool is_ours(const struct telling *t)
{
	const struct config *c = services_config();
	if (t->is_refund)
		return str_eq(t->refund.mchid, str_c(c->wechat_pay_mchid));
	return str_eq(t->trade.mchid, str_c(c->wechat_pay_mchid)) && (str_eq(t->trade.appid, str_c(c->wechat_mini_appid)) || str_eq(t->trade.appid, str_c(c->wechat_pay_app_appid))) &&
	       (!wechat_pay_trade_is_paid(&t->trade) || str_eq(t->trade.currency, STR("CNY")));
}

/* Some fifty microseconds (measured 2026-11), most of it RSA: less than the way to another thread and back. */
static bool parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	DROP(shelved) struct shelved *held = NULL, *certified = NULL;
	if (services_config()->wechat_pay_url[0] == '\0')
		return FAILS(why, NO_ROUTE, "nobody pays by WeChat here");
	struct telling *t = request_query_only(r, no_query, why) ? request_state(r, sizeof(*t), why) : NULL;
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	const struct wechat_pay_signed s = signed_of(r);
	if (t == NULL)
		return false;
	enum wechat_pay_wrong wrong = k == NULL ? WECHAT_PAY_WRONG_KEY : wechat_pay_verify(k, wechat_pay_certificates_take(&certified), &s, r->body, r->now_ms);
	if (wrong == WECHAT_PAY_FINE)
		wrong = wechat_pay_envelope(k, r->body, &t->envelope, &r->arena);
	if (wrong != WECHAT_PAY_FINE)
		return unverified(r, wrong, why);
	t->is_trade = str_eq(t->envelope.original_type, STR("transaction"));
	t->is_refund = str_eq(t->envelope.original_type, STR("refund"));
	if ((t->is_trade && !wechat_pay_trade_read(t->envelope.plain, &t->trade, &r->arena)) || (t->is_refund && !wechat_pay_refund_read(t->envelope.plain, &t->refund, &r->arena)))
		return unverified(r, WECHAT_PAY_WRONG_BODY, why);
	if ((t->is_trade || t->is_refund) && !is_ours(t))
		t->wrong = WECHAT_PAY_WRONG_ACCOUNT;
	return true;
}

/* ---- kept ---- */

static bool is_there(struct tx *tx, struct str event, bool *there, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM pay_callback WHERE channel = $1 AND event = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, PAY_BY_WECHAT);
	stmt_bind_text(q, 2, event);
	*there = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool keep(struct tx *tx, struct request *r, const struct telling *t, struct fail *why)
{
	int64_t id;
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "pay_callback", &id, why) || !vault_seal("pay_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_callback (id, channel, event, body, word, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, PAY_BY_WECHAT);
	stmt_bind_text(q, 3, t->envelope.id);
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_text(q, 5, t->wrong != WECHAT_PAY_FINE ? wechat_pay_wrong_text(t->wrong) : t->envelope.event_type.len <= WORD_MAX ? t->envelope.event_type : STR("other"));
	stmt_bind_int(q, 6, r->now_ms);
	return stmt_run(q, why);
}

/* ---- what follows ---- */

/* A number nobody here gave out, and money all the same. */
static bool unknown_order(struct tx *tx, const struct wechat_pay_trade *t, int64_t now_ms, struct fail *why)
{
	enum money_end end;
	const struct money m = { .channel = PAY_BY_WECHAT, .reference = t->transaction_id, .division = services_config()->payment_code_prefecture * 100, .fen = t->total_fen,
		.came_ms = t->success_ms != 0 ? t->success_ms : now_ms };
	return !wechat_pay_trade_is_paid(t) || money_arrives(tx, &m, now_ms, &end, why);
}

static bool trade_told(struct tx *tx, struct request *r, const struct telling *t, struct fail *why)
{
	struct attempt a;
	if (!attempt_by_number(tx, t->trade.out_trade_no, &a, &r->arena, why))
		return false;
	if (a.id == 0)
		return unknown_order(tx, &t->trade, r->now_ms, why);
	return order_hold(tx, a.order, why) && attempt_by_number(tx, t->trade.out_trade_no, &a, &r->arena, why) && attempt_told(tx, &a, &t->trade, r->now_ms, why);
}

/* In what order its words come is nobody's promise; a word we do not know moves nothing. */
static bool of_refund(struct tx *tx, struct request *r, const struct telling *t, struct fail *why)
{
	static const enum refund_said words[] = { [WECHAT_PAY_REFUND_PROCESSING] = REFUND_SAID_PROCESSING, [WECHAT_PAY_REFUND_SUCCESS] = REFUND_SAID_SUCCESS,
		[WECHAT_PAY_REFUND_CLOSED] = REFUND_SAID_CLOSED, [WECHAT_PAY_REFUND_ABNORMAL] = REFUND_SAID_ABNORMAL };
	enum refund_heard heard;
	if (t->refund.state == WECHAT_PAY_REFUND_OTHER)
		return true;
	const struct refund_word w = { t->refund.out_refund_no, words[t->refund.state], t->refund.refund_fen, t->refund.refund_id };
	bool ok = refund_told(tx, &w, r->now_ms, &heard, &r->arena, why);
	r->outcome.n[N_HEARD] = heard;
	return ok;
}

static bool follow(struct tx *tx, struct request *r, const struct telling *t, struct fail *why)
{
	if (t->wrong != WECHAT_PAY_FINE)
		return true;
	if (t->is_trade)
		return trade_told(tx, r, t, why);
	return !t->is_refund || of_refund(tx, r, t, why);
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct telling *t = r->state;
	bool there;
	if (!tx_lock(tx, "pay_callback", t->envelope.id, why) || !is_there(tx, t->envelope.id, &there, why))
		return false;
	enum result result = t->wrong != WECHAT_PAY_FINE ? REFUSED : there ? REPEATED : t->is_trade || t->is_refund ? TAKEN : OTHER;
	r->outcome = (struct outcome){ .code = TOLD, .status = 204, .n = { [N_RESULT] = result } };
	return there || (keep(tx, r, t, why) && follow(tx, r, t, why));
}

/* What was kept, and followed by nothing. */
static void say_if_odd(const struct request *r)
{
	static const char *const words[] = { [REFUND_HEARD_OF_NONE] = "no refund of ours", [REFUND_HEARD_AMOUNT] = "another amount", [REFUND_HEARD_AGAINST] = "against our ledger" };
	int64_t heard = r->outcome.n[N_HEARD];
	if (heard >= 0 && heard < (int64_t)(sizeof(words) / sizeof(words[0])) && words[heard] != NULL)
		LOG_EVENT(callback_odd, str_c(r->id), L_C("wechat_pay"), L_C(words[heard]));
}

static bool render(struct request *r, struct fail *why)
{
	say_if_odd(r);
	enum result result = (enum result)r->outcome.n[N_RESULT];
	metric_add(M_wechat_pay_callbacks, (int)result, 1);
	if (!wechat_pay_is_theirs(r->peer)) /* their networks change: a measure, no wall */
		metric_add(M_wechat_pay_callbacks, ELSEWHERE, 1);
	if (result == REFUSED) {
		LOG_EVENT(callback_refused, str_c(r->id), L_C("wechat_pay"), L_C("account"));
		return FAILS(why, CALLBACK_REFUSED, "of another merchant, app or currency");
	}
	r->reply.status = 204;
	return true;
}

const struct handler wechat_pay_callback = { .parse = parse, .apply = apply, .render = render };
