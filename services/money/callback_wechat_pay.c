/* services/money/callback_wechat_pay.c - POST /callbacks/wechatpay: WeChat Pay says that something was paid, or given back. Its signature is the proof, its own number tells a repeat.
 *
 * What was verified is kept as it came, sealed: the answer is 204 when that is committed, whatever becomes of the rest. The money goes where it belongs in the same transaction, or later where
 * something stands in the way (services/money/pay_callback.h); what takes longer (the finance bureau, a receipt) are effects. What cannot be kept is answered so that it comes again; and what never comes, the sweep asks. */
#include "auth/vault.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/wechat_pay_call.h"
#include "channels/wechat_pay_message.h"
#include "payments/attempts/attempt.h"
#include "payments/ledger/ledger.h"
#include "payments/orders/arrive.h"
#include "payments/refunds/refund.h"
#include "services/handlers.h"
#include "services/money/pay_callback.h"
#include "services/money/wechat_pay_account.h"
#include "services/services.h"

#include <stdio.h>

enum { TOLD = 1 };
enum { N_RESULT, N_HEARD /* enum refund_heard; 0: it is about no refund */ };
enum { WORD_MAX = 32 };

static const char *const results[] = { "taken", "repeated", "other", "refused", "unverified", "elsewhere", "later" };
enum result { TAKEN, REPEATED, OTHER, REFUSED, UNVERIFIED, ELSEWHERE, LATER };

void wechat_pay_callback_names(void)
{
	for (int i = 0; i < (int)(sizeof(results) / sizeof(results[0])); i++)
		metric_label(M_wechat_pay_callbacks, i, results[i]);
}

/* What it says, read. */
struct told {
	bool is_trade, is_refund; /* neither: of a kind from which nothing follows */
	struct wechat_pay_trade trade;
	struct wechat_pay_refund refund;
};

struct telling {
	struct wechat_pay_envelope envelope;
	struct told told;
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

/* `type` is the envelope's original_type, `said` what it held. false: it is not what its type says. */
static bool told_read(struct str type, struct str said, struct told *out, struct arena *a)
{
	*out = (struct told){ .is_trade = str_eq(type, STR("transaction")), .is_refund = str_eq(type, STR("refund")) };
	if (out->is_trade)
		return wechat_pay_trade_read(said, &out->trade, a);
	return !out->is_refund || wechat_pay_refund_read(said, &out->refund, a);
}

static bool is_about_money(const struct telling *t)
{
	return t->told.is_trade || t->told.is_refund;
}

/* It is ours when merchant, app and currency are. Of another amount it is ours all the same, and odd. */
static bool is_ours(const struct telling *t)
{
	const struct config *c = services_config();
	const struct wechat_pay_trade *trade = &t->told.trade;
	if (t->told.is_refund)
		return str_eq(t->told.refund.mchid, str_c(c->wechat_pay_mchid));
	return str_eq(trade->mchid, str_c(c->wechat_pay_mchid)) && wechat_pay_is_our_appid(c, trade->appid) &&
	       (!wechat_pay_trade_is_paid(trade) || str_eq(trade->currency, STR("CNY")));
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
	if (!told_read(t->envelope.original_type, t->envelope.plain, &t->told, &r->arena))
		return unverified(r, WECHAT_PAY_WRONG_BODY, why);
	if (is_about_money(t) && !is_ours(t))
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

static bool keep(struct tx *tx, struct request *r, const struct telling *t, int64_t *row, struct fail *why)
{
	int64_t id;
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "pay_callback", &id, why) || !vault_seal("pay_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	*row = id;
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

static bool of_trade(struct tx *tx, const struct wechat_pay_trade *t, int64_t now_ms, struct arena *arena, struct fail *why)
{
	struct attempt a;
	const struct attempt_word w = attempt_word_of_trade(t);
	if (!attempt_by_number(tx, t->out_trade_no, &a, arena, why))
		return false;
	if (a.id == 0)
		return unknown_order(tx, t, now_ms, why);
	return order_hold(tx, a.order, why) && attempt_by_number(tx, t->out_trade_no, &a, arena, why) && attempt_told(tx, &a, &w, now_ms, why);
}

/* In what order its words come is nobody's promise; a word we do not know moves nothing. */
static bool of_refund(struct tx *tx, const struct wechat_pay_refund *f, int64_t now_ms, int64_t *heard, struct arena *a, struct fail *why)
{
	static const enum refund_said words[] = { [WECHAT_PAY_REFUND_PROCESSING] = REFUND_SAID_PROCESSING, [WECHAT_PAY_REFUND_SUCCESS] = REFUND_SAID_SUCCESS,
		[WECHAT_PAY_REFUND_CLOSED] = REFUND_SAID_CLOSED, [WECHAT_PAY_REFUND_ABNORMAL] = REFUND_SAID_ABNORMAL };
	enum refund_heard what;
	if (f->state == WECHAT_PAY_REFUND_OTHER)
		return true;
	const struct refund_word w = { f->out_refund_no, words[f->state], f->refund_fen, f->refund_id };
	bool ok = refund_told(tx, &w, now_ms, &what, a, why);
	*heard = ok ? (int64_t)what : 0;
	return ok;
}

bool wechat_pay_follow(struct tx *tx, const struct pay_word *w, int64_t *heard, struct arena *a, struct fail *why)
{
	struct told t;
	if (!told_read(w->type, w->said, &t, a))
		return FAILS(why, INTERNAL, "a callback that could be read when it came");
	if (t.is_trade)
		return of_trade(tx, &t.trade, w->now_ms, a, why);
	return !t.is_refund || of_refund(tx, &t.refund, w->now_ms, heard, a, why);
}

const char *wechat_pay_odd(int64_t heard)
{
	static const char *const words[] = { [REFUND_HEARD_OF_NONE] = "no refund of ours", [REFUND_HEARD_AMOUNT] = "another amount", [REFUND_HEARD_AGAINST] = "against our ledger" };
	return heard >= 0 && heard < (int64_t)(sizeof(words) / sizeof(words[0])) ? words[heard] : NULL;
}

static bool follow(struct tx *tx, struct request *r, const struct telling *t, int64_t row, struct fail *why)
{
	const struct pay_callback c = { PAY_BY_WECHAT, row, { t->envelope.original_type, t->envelope.plain, r->now_ms, r->random } };
	bool is_done;
	if (!pay_callback_follow(tx, &c, &r->outcome.n[N_HEARD], &is_done, &r->arena, why))
		return false;
	if (!is_done)
		r->outcome.n[N_RESULT] = LATER;
	return true;
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct telling *t = r->state;
	bool there;
	int64_t row = 0;
	if (!tx_lock(tx, "pay_callback", t->envelope.id, why) || !is_there(tx, t->envelope.id, &there, why))
		return false;
	enum result result = t->wrong != WECHAT_PAY_FINE ? REFUSED : there ? REPEATED : is_about_money(t) ? TAKEN : OTHER;
	r->outcome = (struct outcome){ .code = TOLD, .status = 204, .n = { [N_RESULT] = result } };
	return there || (keep(tx, r, t, &row, why) && (result != TAKEN || follow(tx, r, t, row, why)));
}

static bool render(struct request *r, struct fail *why)
{
	pay_callback_heard(PAY_BY_WECHAT, str_c(r->id), r->outcome.n[N_HEARD]);
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
