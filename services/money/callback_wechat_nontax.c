/* services/money/callback_wechat_nontax.c - POST /callbacks/wechatnontax: WeChat's non-tax platform says that a notice was paid, or that money went back.
 *
 * As with WeChat Pay: what was verified is kept as it came, sealed, and in the same transaction the money goes where it belongs; the answer is given when that is committed. It is always 200,
 * in the platform's own form: what we think of the call is the errcode sealed in it.
 * An order that no attempt of ours made is asked about before anything is believed: the platform's tests of this address speak of such orders, too. */
#include "auth/vault.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/wechat_nontax.h"
#include "channels/wechat_nontax_call.h"
#include "notify/account.h"
#include "payments/attempt.h"
#include "payments/odd_money.h"
#include "payments/refund.h"
#include "services/handlers.h"
#include "services/money/nontax_account.h"
#include "services/services.h"

#include <inttypes.h>
#include <stdio.h>

enum { TOLD = 1 };
enum { N_REPLY, N_RESULT };
enum { WORD_BYTES = 32, EVENT_BYTES = 2 * SHA256_BYTES + 1 };

static const char *const results[] = { "taken", "repeated", "differs", "refused", "unverified" };
enum result { TAKEN, REPEATED, DIFFERS, REFUSED, UNVERIFIED };

void wechat_nontax_callback_names(void)
{
	for (int i = 0; i < (int)(sizeof(results) / sizeof(results[0])); i++)
		metric_label(M_wechat_nontax_callbacks, i, results[i]);
}

struct telling {
	struct str word, plain;
	enum nontax_reply reply;     /* what is wrong with it, before anything was looked up */
	struct nontax_trade trade;
	struct str refund_no, refund_id; /* of money that went back; at NULL: it is about none */
	int64_t refund_fen;
	char event[EVENT_BYTES];
};

static const struct nontax_profile *profile(void)
{
	return account_is_configured(ACCOUNT_wechat_nontax) ? nontax_profile_of(services_config()->wechat_nontax_calls) : NULL;
}

static struct secret key(void)
{
	return *account_callback_secret(ACCOUNT_wechat_nontax);
}

/* ---- is it theirs, and about us? ---- */

static bool refund_fields(struct telling *t, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "refund_out_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct telling, refund_no), NULL },
		{ "refund_order_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct telling, refund_id), NULL },
		{ "refund_fee", JSON_F_INT, false, 0, NOTICE_FEN_MAX, offsetof(struct telling, refund_fen), NULL },
	};
	struct fail inner;
	fail_clear(&inner);
	t->refund_no = t->refund_id = STR_NONE;
	DROP(json) json_t *object = json_read(t->plain, &inner);
	return object != NULL && json_take(object, fields, 3, JSON_IGNORE_UNKNOWN, "", t, a, &inner);
}

/* One event each: that an order was paid, that it went back, that a part of it did. Which of the two words for "paid" is used says nothing. */
static void event_name(struct telling *t)
{
	uint8_t digest[SHA256_BYTES];
	struct sha256_run *run = sha256_begin();
	char state = (char)('0' + t->trade.state);
	sha256_more(run, t->trade.order_id);
	sha256_more(run, (struct str){ &state, 1 });
	if (t->refund_no.at != NULL)
		sha256_more(run, t->refund_no);
	sha256_end(run, digest);
	hex_text(digest, sizeof(digest), t->event);
}

static enum nontax_reply verify(struct request *r, struct telling *t)
{
	enum nontax_reply reply = profile()->open(key(), t->word, r->body, &t->plain, &r->arena);
	if (reply != NONTAX_REPLY_OK)
		return reply;
	if (!nontax_trade_read(t->plain, &t->trade, &r->arena) || !refund_fields(t, &r->arena) || !str_eq(t->trade.appid, str_c(services_config()->wechat_nontax_appid)))
		return NONTAX_REPLY_FORM;
	event_name(t);
	return NONTAX_REPLY_OK;
}

static bool parse(struct request *r, struct fail *why)
{
	if (profile() == NULL)
		return FAILS(why, NO_ROUTE, "nobody calls us from there");
	struct telling *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !request_query(r, "wxnontaxstr", &t->word, why))
		return false;
	if (t->word.len > NONTAX_WORD_MAX || !str_is_visible_ascii(t->word))
		return FAILS_FIELD(why, QUERY, "wxnontaxstr", "1 to %d visible characters", NONTAX_WORD_MAX);
	t->reply = verify(r, t);
	return true;
}

/* ---- kept ---- */

/* *fen: what was said then. *reply: what was answered. */
static bool find(struct tx *tx, const struct telling *t, bool *there, int64_t *fen, int *reply, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT word FROM pay_callback WHERE channel = $1 AND event = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, PAY_BY_WECHAT_NONTAX);
	stmt_bind_text(q, 2, str_c(t->event));
	*there = stmt_row(q, why);
	if (!*there)
		return why->code == FAIL_NONE;
	struct str code, sum;
	int64_t n = NONTAX_REPLY_SYSTEM;
	return ((str_cut(stmt_text(q, 0), ' ', &code, &sum) && str_to_i64(code, 0, 999, &n) && str_to_i64(sum, 0, INT64_MAX, fen)) || FAILS(why, STORE, "the word of a callback")) &&
	       ((*reply = (int)n), true);
}

static bool keep(struct tx *tx, struct request *r, const struct telling *t, enum nontax_reply reply, struct fail *why)
{
	int64_t id;
	char word[WORD_BYTES];
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "pay_callback", &id, why) || !vault_seal("pay_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	snprintf(word, sizeof(word), "%d %" PRId64, (int)reply, t->trade.fee_fen);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_callback (id, channel, event, body, word, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, PAY_BY_WECHAT_NONTAX);
	stmt_bind_text(q, 3, str_c(t->event));
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_text(q, 5, str_c(word));
	stmt_bind_int(q, 6, r->now_ms);
	return stmt_run(q, why);
}

/* ---- what follows ---- */

/* Money for a notice that another order had paid: it is among the odd money, and the platform is told. */
static bool is_double(struct tx *tx, struct request *r, const struct telling *t, bool *is, struct fail *why)
{
	struct odd_row odd;
	if (!odd_money_by_reference(tx, PAY_BY_WECHAT_NONTAX, t->trade.trans_id, &odd, &r->arena, why))
		return false;
	*is = odd.id != 0 && odd.money.kind == ODD_DOUBLE;
	return true;
}

static bool trade_told(struct tx *tx, struct request *r, const struct telling *t, enum nontax_reply *reply, struct fail *why)
{
	struct attempt a;
	const struct attempt_word w = attempt_word_of_nontax(&t->trade);
	uint8_t random[32];
	bool twice;
	request_bytes(r, "stray", random);
	if (!attempt_by_channel_no(tx, PAY_BY_WECHAT_NONTAX, t->trade.order_id, &a, &r->arena, why))
		return false;
	if (a.id == 0)
		return attempt_ask_stray(tx, PAY_BY_WECHAT_NONTAX, t->trade.order_id, r->now_ms, random, why);
	if (!order_hold(tx, a.order, why) || !attempt_by_channel_no(tx, PAY_BY_WECHAT_NONTAX, t->trade.order_id, &a, &r->arena, why) || !attempt_told(tx, &a, &w, r->now_ms, why) ||
	    !is_double(tx, r, t, &twice, why))
		return false;
	*reply = twice ? NONTAX_REPLY_PAID : NONTAX_REPLY_OK;
	return true;
}

/* Of a part the trade's own amount says nothing; of the whole its number says which refund it is. */
static bool refund_said(struct tx *tx, struct request *r, const struct telling *t, struct fail *why)
{
	enum refund_heard heard;
	const struct refund_word w = { t->refund_no, t->trade.state == NONTAX_REFUNDED ? REFUND_SAID_SUCCESS : REFUND_SAID_PROCESSING, t->refund_fen, t->refund_id.at != NULL ? t->refund_id : STR("") };
	if (!refund_told(tx, &w, r->now_ms, &heard, &r->arena, why))
		return false;
	if (heard >= REFUND_HEARD_OF_NONE)
		LOG_EVENT(callback_odd, str_c(r->id), L_C("wechat_nontax"), L_C("a refund that is not as ours"));
	return true;
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct telling *t = r->state;
	enum nontax_reply reply = t->reply;
	bool there = false;
	int64_t fen = 0;
	int before = 0;
	r->outcome = (struct outcome){ .code = TOLD, .status = 200, .n = { [N_REPLY] = reply, [N_RESULT] = reply == NONTAX_REPLY_FORM ? REFUSED : UNVERIFIED } };
	if (reply != NONTAX_REPLY_OK)
		return true;
	if (!tx_lock(tx, "pay_callback", str_c(t->event), why) || !find(tx, t, &there, &fen, &before, why))
		return false;
	if (there) {
		bool is_same = fen == t->trade.fee_fen;
		r->outcome.n[N_REPLY] = is_same ? before : NONTAX_REPLY_SYSTEM;
		r->outcome.n[N_RESULT] = is_same ? REPEATED : DIFFERS;
		return true;
	}
	if (!(t->refund_no.at != NULL ? refund_said(tx, r, t, why) : trade_told(tx, r, t, &reply, why)))
		return false;
	r->outcome.n[N_REPLY] = reply;
	r->outcome.n[N_RESULT] = TAKEN;
	return keep(tx, r, t, reply, why);
}

static bool render(struct request *r, struct fail *why)
{
	static const char *const words[] = { [DIFFERS] = "told again of another amount", [REFUSED] = "account", [UNVERIFIED] = "unverified" };
	const struct telling *t = r->state;
	enum result result = (enum result)r->outcome.n[N_RESULT];
	uint8_t random[32];
	metric_add(M_wechat_nontax_callbacks, (int)result, 1);
	if (result >= REFUSED)
		LOG_EVENT(callback_refused, str_c(r->id), L_C("wechat_nontax"), L_C(words[result]));
	else if (result == DIFFERS)
		LOG_EVENT(callback_odd, str_c(r->id), L_C("wechat_nontax"), L_C(words[result]));
	request_bytes(r, "nontax_reply", random);
	struct str body = profile()->seal(key(), t->word, (enum nontax_reply)r->outcome.n[N_REPLY], random, &r->arena);
	if (body.at == NULL)
		return FAILS(why, MEMORY, "an answer to the platform");
	reply_json_text(r, 200, body);
	return true;
}

const struct handler wechat_nontax_callback = { .parse = parse, .apply = apply, .render = render };
