/* services/money/callback_wechat_nontax.c - POST /callbacks/wechatnontax: WeChat's non-tax platform says that a notice was paid, or that money went back.
 *
 * As with WeChat Pay: what was verified is kept as it came, sealed, and the answer is given when that is committed; the money goes where it belongs in the same transaction, or later where something
 * stands in the way (services/money/pay_callback.h). It is always 200, in the platform's own form: what we think of the call is the errcode sealed in it.
 * An order that no attempt of ours made is asked about before anything is believed: the platform's tests of this address speak of such orders, too. What follows: payments/attempts/stray.h. */
#include "auth/vault.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "payments/attempts/attempt.h"
#include "payments/orders/odd_money.h"
#include "payments/refunds/refund.h"
#include "services/handlers.h"
#include "services/money/nontax_account.h"
#include "services/money/pay_callback.h"
#include "services/services.h"

#include <inttypes.h>
#include <stdio.h>

enum { TOLD = 1 };
enum { N_REPLY, N_RESULT, N_HEARD };
enum heard { HEARD_NOTHING, HEARD_TWICE, HEARD_ODD_REFUND }; /* what came of it */
enum { WORD_BYTES = 32, EVENT_BYTES = 2 * SHA256_BYTES + 1 };

static const char *const results[] = { "taken", "repeated", "differs", "refused", "unverified", "later" };
enum result { TAKEN, REPEATED, DIFFERS, REFUSED, UNVERIFIED, LATER };

void wechat_nontax_callback_names(void)
{
	for (int i = 0; i < (int)(sizeof(results) / sizeof(results[0])); i++)
		metric_label(M_wechat_nontax_callbacks, i, results[i]);
}

/* What it says, read. */
struct told {
	struct nontax_trade trade;
	struct str refund_no, refund_id; /* of money that went back; at NULL: it is about none */
	int64_t refund_fen;
};

struct telling {
	struct str word, plain;
	enum nontax_reply reply;     /* what is wrong with it, before anything was looked up */
	struct told told;
	char event[EVENT_BYTES];
};

/* ---- is it theirs, and about us? ---- */

static bool told_read(struct str said, struct told *t, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "refund_out_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct told, refund_no), NULL },
		{ "refund_order_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct told, refund_id), NULL },
		{ "refund_fee", JSON_F_INT, false, 0, NOTICE_FEN_MAX, offsetof(struct told, refund_fen), NULL },
	};
	struct fail inner;
	fail_clear(&inner);
	*t = (struct told){ .refund_fen = 0 };
	if (!nontax_trade_read(said, &t->trade, a))
		return false;
	DROP(json) json_t *object = json_read(said, &inner);
	return object != NULL && json_take(object, fields, 3, JSON_IGNORE_UNKNOWN, "", t, a, &inner);
}

/* One event each: that an order was paid, that it went back, that a part of it did. Which of the two words for "paid" is used says nothing. */
static void event_name(struct telling *t)
{
	uint8_t digest[SHA256_BYTES];
	struct sha256_run *run = sha256_begin();
	char state = (char)('0' + t->told.trade.state);
	sha256_more(run, t->told.trade.order_id);
	sha256_more(run, (struct str){ &state, 1 });
	if (t->told.refund_no.at != NULL)
		sha256_more(run, t->told.refund_no);
	sha256_end(run, digest);
	hex_text(digest, sizeof(digest), t->event);
}

static enum nontax_reply verify(struct request *r, struct telling *t)
{
	enum nontax_reply reply = nontax_call_open(r, t->word, &t->plain);
	if (reply != NONTAX_REPLY_OK)
		return reply;
	if (!told_read(t->plain, &t->told, &r->arena) || !str_eq(t->told.trade.appid, str_c(services_config()->wechat_nontax_appid)))
		return NONTAX_REPLY_FORM;
	event_name(t);
	return NONTAX_REPLY_OK;
}

static bool parse(struct request *r, struct fail *why)
{
	struct telling *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !nontax_call_begin(r, &t->word, why))
		return false;
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

static bool keep(struct tx *tx, struct request *r, const struct telling *t, int64_t *row, struct fail *why)
{
	int64_t id;
	char word[WORD_BYTES];
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "pay_callback", &id, why) || !vault_seal("pay_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	*row = id;
	snprintf(word, sizeof(word), "%d %" PRId64, (int)NONTAX_REPLY_OK, t->told.trade.fee_fen);
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

/* A repeat is answered as the first was. */
static bool keep_reply(struct tx *tx, const struct telling *t, int64_t row, enum nontax_reply reply, struct fail *why)
{
	char word[WORD_BYTES];
	snprintf(word, sizeof(word), "%d %" PRId64, (int)reply, t->told.trade.fee_fen);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_callback SET word = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(word));
	stmt_bind_int(q, 2, row);
	return stmt_run(q, why);
}

/* ---- what follows ---- */

/* Money for a notice that another order had paid: it is among the odd money, and the platform is told. */
static bool is_double(struct tx *tx, const struct nontax_trade *t, int64_t *heard, struct arena *a, struct fail *why)
{
	struct odd_row odd;
	if (!odd_money_by_reference(tx, PAY_BY_WECHAT_NONTAX, t->trans_id, &odd, a, why))
		return false;
	*heard = odd.id != 0 && odd.money.kind == ODD_DOUBLE ? HEARD_TWICE : HEARD_NOTHING;
	return true;
}

static bool of_trade(struct tx *tx, const struct nontax_trade *t, const struct pay_word *said, int64_t *heard, struct arena *arena, struct fail *why)
{
	struct attempt a;
	const struct attempt_word w = attempt_word_of_nontax(t);
	if (!attempt_by_channel_no(tx, PAY_BY_WECHAT_NONTAX, t->order_id, &a, arena, why))
		return false;
	if (a.id == 0)
		return attempt_ask_stray(tx, PAY_BY_WECHAT_NONTAX, t->order_id, 0, said->now_ms, said->random, why);
	return order_hold(tx, a.order, why) && attempt_by_channel_no(tx, PAY_BY_WECHAT_NONTAX, t->order_id, &a, arena, why) && attempt_told(tx, &a, &w, said->now_ms, why) &&
	       is_double(tx, t, heard, arena, why);
}

/* Of a part the trade's own amount says nothing; of the whole its number says which refund it is. */
static bool of_refund(struct tx *tx, const struct told *t, int64_t now_ms, int64_t *heard, struct arena *a, struct fail *why)
{
	enum refund_heard what;
	const struct refund_word w = { t->refund_no, t->trade.state == NONTAX_REFUNDED ? REFUND_SAID_SUCCESS : REFUND_SAID_PROCESSING, t->refund_fen, t->refund_id.at != NULL ? t->refund_id : STR("") };
	if (!refund_told(tx, &w, now_ms, &what, a, why))
		return false;
	*heard = what >= REFUND_HEARD_OF_NONE ? HEARD_ODD_REFUND : HEARD_NOTHING;
	return true;
}

bool wechat_nontax_follow(struct tx *tx, const struct pay_word *w, int64_t *heard, struct arena *a, struct fail *why)
{
	struct told t;
	if (!told_read(w->said, &t, a))
		return FAILS(why, INTERNAL, "a callback that could be read when it came");
	return t.refund_no.at != NULL ? of_refund(tx, &t, w->now_ms, heard, a, why) : of_trade(tx, &t.trade, w, heard, a, why);
}

const char *wechat_nontax_odd(int64_t heard)
{
	return heard == HEARD_ODD_REFUND ? "a refund that is not as ours" : NULL;
}

static bool follow(struct tx *tx, struct request *r, const struct telling *t, int64_t row, struct fail *why)
{
	uint8_t random[32];
	bool is_done;
	request_bytes(r, "stray", random);
	const struct pay_callback c = { PAY_BY_WECHAT_NONTAX, row, { t->told.refund_no.at != NULL ? STR("nontax_refund") : STR("nontax_trade"), t->plain, r->now_ms, random } };
	if (!pay_callback_follow(tx, &c, &r->outcome.n[N_HEARD], &is_done, &r->arena, why))
		return false;
	if (!is_done)
		r->outcome.n[N_RESULT] = LATER;
	if (r->outcome.n[N_HEARD] != HEARD_TWICE)
		return true;
	r->outcome.n[N_REPLY] = NONTAX_REPLY_PAID;
	return keep_reply(tx, t, row, NONTAX_REPLY_PAID, why);
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct telling *t = r->state;
	bool there = false;
	int64_t fen = 0, row = 0;
	int before = 0;
	r->outcome = (struct outcome){ .code = TOLD, .status = 200, .n = { [N_REPLY] = t->reply, [N_RESULT] = t->reply == NONTAX_REPLY_FORM ? REFUSED : UNVERIFIED } };
	if (t->reply != NONTAX_REPLY_OK)
		return true;
	if (!tx_lock(tx, "pay_callback", str_c(t->event), why) || !find(tx, t, &there, &fen, &before, why))
		return false;
	if (there) {
		bool is_same = fen == t->told.trade.fee_fen;
		r->outcome.n[N_REPLY] = is_same ? before : NONTAX_REPLY_SYSTEM;
		r->outcome.n[N_RESULT] = is_same ? REPEATED : DIFFERS;
		return true;
	}
	r->outcome.n[N_RESULT] = TAKEN;
	return keep(tx, r, t, &row, why) && follow(tx, r, t, row, why);
}

static bool render(struct request *r, struct fail *why)
{
	static const char *const words[] = { [DIFFERS] = "told again of another amount", [REFUSED] = "account", [UNVERIFIED] = "unverified" };
	const struct telling *t = r->state;
	enum result result = (enum result)r->outcome.n[N_RESULT];
	uint8_t random[32];
	metric_add(M_wechat_nontax_callbacks, (int)result, 1);
	pay_callback_heard(PAY_BY_WECHAT_NONTAX, str_c(r->id), r->outcome.n[N_HEARD]);
	if (result == REFUSED || result == UNVERIFIED)
		LOG_EVENT(callback_refused, str_c(r->id), L_C("wechat_nontax"), L_C(words[result]));
	else if (result == DIFFERS)
		LOG_EVENT(callback_odd, str_c(r->id), L_C("wechat_nontax"), L_C(words[result]));
	request_bytes(r, "nontax_reply", random);
	return nontax_call_answer(r, t->word, (enum nontax_reply)r->outcome.n[N_REPLY], NULL, random, why);
}

const struct handler wechat_nontax_callback = { .parse = parse, .apply = apply, .render = render };
