/* tests/contract/services_money.h - what services_money_test.c tells: plans of what happens with notices, the channel in words, and how both are held beside what we say.
 *
 * What is wrong is written down and not asserted: a mutant's life goes on to its end. */
#ifndef TESTS_SERVICES_MONEY_H
#define TESTS_SERVICES_MONEY_H
#include "both_stores.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "channels/wechat_pay_message.h"
#include "payments/attempts/attempt.h"
#include "payments/bureau/heard.h"
#include "payments/ledger/ledger_walk.h"
#include "payments/orders/arrive.h"
#include "payments/orders/odd_money.h"
#include "payments/refunds/refund.h"
#include "services/money/pay_callback.h"
#include "store/part.h"
#include <inttypes.h>

#define BEGAN INT64_C(1795420800000)
enum { ORDERS = 3, PARTS = 2, THERE_MAX = 48, BACK_MAX = 24, WORDS_MAX = 64, PENDING_MAX = 32, NOISE = 260, ROUNDS = 60, HOLD_MS = 86400000, HOUR_MS = 3600000 };

struct telling {
	int seed, order; /* what happens, and how it is told */
};

static char money_wrong[640];
static struct {
	int told, waited, refunds, odd;
} money_seen;

/* ---- dice: what happens, and in which order it is told, are drawn from two ---- */

static uint64_t plan_dice, order_dice;

static inline int dice(uint64_t *d, int n)
{
	*d = *d * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((*d >> 33) % (uint64_t)n);
}
static inline int draw(int n) { return dice(&order_dice, n); }

/* ---- a plan ---- */

enum plan_kind { GIVEN_UP, PHONE, COUNTER, LATE, LATE_AND_COUNTER, ELSEWHERE, ELSEWHERE_AND_PHONE, PLAN_KINDS };

struct part {
	int64_t fen;
	bool is_withdrawn, is_closed /* the channel gives it up */, is_abnormal;
};
struct plan {
	enum plan_kind kind;
	int64_t fen;
	bool expires;     /* rather than cancelled */
	bool never_there; /* GIVEN_UP: nothing was asked for at the channel */
	int parts;
	struct part part[PARTS];
};

static inline void plan_draw(struct plan *p)
{
	uint64_t *d = &plan_dice;
	*p = (struct plan){ .kind = (enum plan_kind)dice(d, PLAN_KINDS), .fen = 1000 + dice(d, 9000), .expires = dice(d, 4) == 0, .never_there = dice(d, 2) == 0 };
	int64_t left = p->fen;
	for (int n = p->kind == PHONE ? dice(d, PARTS + 1) : 0; p->parts < n; p->parts++) {
		p->part[p->parts] = (struct part){ .fen = 1 + dice(d, (int)(left / 2)), .is_withdrawn = dice(d, 6) == 0, .is_closed = dice(d, 3) == 0, .is_abnormal = dice(d, 3) == 0 };
		left -= p->part[p->parts].fen;
	}
}

/* The one state it ends in, in words: notice, order, what came by phone and at the counter, what went back, odd money. */
static inline int plan_end(const struct plan *p, int n, char *to, size_t size)
{
	int64_t back = 0;
	for (int i = 0; i < p->parts; i++)
		back += p->part[i].is_withdrawn || p->part[i].is_closed ? 0 : p->part[i].fen;
	bool by_phone = p->kind == PHONE || p->kind == LATE, by_counter = p->kind == COUNTER || p->kind == LATE_AND_COUNTER;
	bool goes_back = p->kind == LATE_AND_COUNTER || p->kind == ELSEWHERE_AND_PHONE, elsewhere = p->kind == ELSEWHERE || p->kind == ELSEWHERE_AND_PHONE;
	return snprintf(to, size, "%d: notice %s, order %s, phone %" PRId64 ", counter %" PRId64 ", back %" PRId64 ", odd %s\n", n, elsewhere ? "elsewhere" : by_phone || by_counter ? "paid" : "unpaid",
		p->kind == PHONE ? "paid" : "given up", by_phone ? p->fen : 0, by_counter ? p->fen : 0, goes_back ? p->fen : back, goes_back ? "refunded" : p->kind == LATE ? "applied" : "none");
}

/* ---- the channel, in words ---- */

struct there {
	char number[ATTEMPT_NUMBER_BYTES];
	int64_t fen;
	bool exists, is_paid, is_closed, has_phone;
};
struct back {
	char number[ID_TEXT_BYTES];
	int64_t fen;
	enum refund_said state; /* what a question is answered */
	bool is_asked;
};
struct word { /* on its way to us */
	bool is_refund;
	char text[512];
};

struct life {
	struct plan plan;
	int n, stage, at;
	int64_t notice;
	struct order order;
	struct there *there;    /* what a phone has */
	struct refund refund[PARTS];
	bool is_told_late, is_at_counter;
};

static struct {
	int64_t now_ms, event;
	struct there there[THERE_MAX];
	struct back back[BACK_MAX];
	struct word word[WORDS_MAX];
	int there_count, back_count, word_count;
	struct life life[ORDERS];
	bool is_calm;           /* nothing is lost any more */
	struct arena arena;
	struct tx *tx;
	struct fail *why;
} m;

static const uint8_t money_salt[16] = { 7 };

#define TRY(call) \
	do { \
		if (!(call)) \
			return false; \
	} while (0)

static inline struct id key_draw(void)
{
	static unsigned n;
	uint8_t random[10] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 3 };
	n++;
	return id_make(BEGAN, random);
}

static inline void says(bool is_refund, const char *text)
{
	assert_true(m.word_count < WORDS_MAX);
	struct word *w = &m.word[m.word_count++];
	w->is_refund = is_refund;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static inline const char *trade_text(const struct there *t)
{
	static char text[512];
	int len = snprintf(text, sizeof(text), "{\"appid\":\"wx\",\"mchid\":\"19\",\"out_trade_no\":\"%s\",\"trade_state\":\"%s\"", t->number, t->is_paid ? "SUCCESS" : t->is_closed ? "CLOSED" : "NOTPAY");
	if (t->is_paid)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ",\"transaction_id\":\"42%s\",\"amount\":{\"total\":%" PRId64 ",\"currency\":\"CNY\"}", t->number + 4, t->fen);
	snprintf(text + len, sizeof(text) - (size_t)len, "}");
	return text;
}

static inline const char *refund_text(const struct back *b, enum refund_said said, int64_t fen)
{
	static char text[512];
	static const char *const words[] = { [REFUND_SAID_PROCESSING] = "PROCESSING", [REFUND_SAID_SUCCESS] = "SUCCESS", [REFUND_SAID_CLOSED] = "CLOSED", [REFUND_SAID_ABNORMAL] = "ABNORMAL" };
	snprintf(text, sizeof(text), "{\"mchid\":\"19\",\"out_trade_no\":\"x\",\"transaction_id\":\"42\",\"refund_id\":\"50%s\",\"out_refund_no\":\"%s\",\"refund_status\":\"%s\",\"amount\":{\"total\":%" PRId64
		",\"refund\":%" PRId64 "}}", b->number + 3, b->number, words[said], INT64_C(20000), fen);
	return text;
}

static inline struct there *there_of(const char *number, int64_t fen)
{
	for (int i = 0; i < m.there_count; i++)
		if (strcmp(m.there[i].number, number) == 0)
			return &m.there[i];
	assert_true(m.there_count < THERE_MAX);
	struct there *t = &m.there[m.there_count++];
	*t = (struct there){ .fen = fen };
	strcpy(t->number, number);
	return t;
}

/* ---- refunds there: a number is one refund for ever ---- */

static inline bool back_send(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	char number[ID_TEXT_BYTES];
	(void)tx, (void)now_ms, (void)a, (void)why;
	refund_key_text(r->key, number);
	*effect = 1;
	for (int i = 0; i < m.back_count; i++)
		if (strcmp(m.back[i].number, number) == 0)
			return m.back[i].fen == r->fen || FAILS(why, CONFLICT, "one number, two amounts");
	assert_true(m.back_count < BACK_MAX);
	struct back *b = &m.back[m.back_count++];
	const struct part *p = NULL;
	for (int l = 0; l < ORDERS; l++)
		for (int i = 0; i < m.life[l].plan.parts; i++)
			if (m.life[l].refund[i].id == r->id && r->odd == 0)
				p = &m.life[l].plan.part[i];
	enum refund_said end = p != NULL && p->is_closed ? REFUND_SAID_CLOSED : REFUND_SAID_SUCCESS;
	*b = (struct back){ .fen = r->fen, .state = end };
	strcpy(b->number, number);
	money_seen.refunds++;
	if (p != NULL && p->is_abnormal)
		says(true, refund_text(b, REFUND_SAID_ABNORMAL, r->fen));
	if (draw(2))
		says(true, refund_text(b, REFUND_SAID_PROCESSING, r->fen));
	if (draw(2))
		says(true, refund_text(b, REFUND_SAID_SUCCESS, r->fen + 1)); /* of another amount: nobody's */
	for (int i = p != NULL && p->is_abnormal ? 1 + draw(2) : draw(3); i > 0; i--) /* what became abnormal is staff's: nobody asks */
		says(true, refund_text(b, end, r->fen));
	return true;
}

static inline bool back_query(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	char number[ID_TEXT_BYTES];
	(void)tx, (void)now_ms, (void)a, (void)why;
	refund_key_text(r->key, number);
	for (int i = 0; i < m.back_count; i++)
		m.back[i].is_asked = m.back[i].is_asked || strcmp(m.back[i].number, number) == 0;
	*effect = 2;
	return true;
}

static const struct refund_channel money_channel = { back_send, back_query, NULL };

/* ---- the notifier ---- */

static inline bool state_put(int64_t id, enum effect_state state)
{
	DROP(stmt) struct stmt *q = tx_query(m.tx, "UPDATE effect SET state = $1, attempts = 1 WHERE id = $2", m.why);
	TRY(q != NULL);
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, m.why);
}

static inline bool ordered(struct effect_view *e)
{
	struct attempt a;
	char handle[96];
	int luck = m.is_calm ? 9 : draw(8);
	TRY(attempt_by_effect(m.tx, e->id, &a, &m.arena, m.why));
	struct there *t = there_of(a.number, a.total_fen);
	e->state = luck == 0 ? EFFECT_FAILED : luck == 1 ? EFFECT_UNKNOWN : EFFECT_DONE;
	t->exists = t->exists || e->state != EFFECT_FAILED;
	if (e->state == EFFECT_DONE) {
		snprintf(handle, sizeof(handle), "{\"prepay_id\":\"wx%s\"}", a.number);
		e->said = str_copy(&m.arena, str_c(handle));
		t->has_phone = true;
	}
	strcpy(e->code, luck == 0 ? "PARAM_ERROR" : luck == 1 ? "unclear" : "OK");
	return state_put(e->id, e->state) && attempt_ordered(m.tx, e, m.now_ms, m.why);
}

static inline bool answered(struct effect_view *e)
{
	struct attempt a;
	bool is_lost = !m.is_calm && draw(5) == 0, is_close = e->kind == KIND_wechat_pay_close;
	TRY(attempt_by_asking(m.tx, e->id, &a, &m.arena, m.why));
	if (a.id == 0)
		return state_put(e->id, EFFECT_FAILED);
	struct there *t = there_of(a.number, a.total_fen);
	if (is_close && t->exists && !t->is_paid)
		t->is_closed = true;
	e->state = is_lost ? EFFECT_UNKNOWN : is_close && t->is_paid ? EFFECT_FAILED : EFFECT_DONE;
	if (!is_close && !is_lost && t->exists)
		e->said = str_copy(&m.arena, str_c(trade_text(t)));
	strcpy(e->code, is_lost ? "unclear" : is_close ? t->is_paid ? "ORDER_PAID" : "CLOSED" : t->exists ? "OK" : "ORDER_NOT_EXIST");
	return state_put(e->id, e->state) && (is_close ? attempt_closed : attempt_answered)(m.tx, e, m.now_ms, m.why);
}

static inline bool notifier_step(bool *did)
{
	int64_t ids[PENDING_MAX];
	struct effect_view e;
	bool found;
	int n = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(m.tx, "SELECT id FROM effect WHERE state = 1 AND kind IN (10, 11, 12) ORDER BY id LIMIT 32", m.why);
		TRY(q != NULL);
		while (n < PENDING_MAX && stmt_row(q, m.why))
			ids[n++] = stmt_int(q, 0);
	}
	*did = n > 0;
	if (n == 0)
		return m.why->code == FAIL_NONE;
	TRY(effect_get(m.tx, ids[draw(n)], &e, &found, m.why));
	return e.kind == KIND_wechat_pay_prepay ? ordered(&e) : answered(&e);
}

static inline bool refund_answers(void)
{
	for (int i = 0; i < m.back_count; i++) {
		struct back *b = &m.back[i];
		enum refund_heard heard;
		char channel_no[ID_TEXT_BYTES];
		snprintf(channel_no, sizeof(channel_no), "50%s", b->number + 3);
		const struct refund_word w = { str_c(b->number), b->state, b->fen, str_c(channel_no) };
		if (b->is_asked && (m.is_calm || draw(3) > 0))
			TRY(refund_told(m.tx, &w, m.now_ms, &heard, &m.arena, m.why));
		b->is_asked = false;
	}
	return true;
}

/* ---- callbacks ---- */

static inline bool number(const char *const sql, int64_t one, int64_t *out)
{
	DROP(stmt) struct stmt *q = tx_query(m.tx, sql, m.why);
	TRY(q != NULL);
	stmt_bind_int(q, 1, one);
	*out = stmt_row(q, m.why) ? stmt_int(q, 0) : 0;
	return m.why->code == FAIL_NONE;
}

static inline bool kept(int64_t *id)
{
	char event[32];
	TRY(tx_next_id(m.tx, "pay_callback", id, m.why));
	DROP(stmt) struct stmt *q = tx_query(m.tx, "INSERT INTO pay_callback (id, channel, event, body, word, made_ms) VALUES ($1, 3, $2, $3, 'x', $4)", m.why);
	TRY(q != NULL);
	stmt_bind_int(q, 1, *id);
	stmt_bind_text(q, 2, (struct str){ event, (size_t)snprintf(event, sizeof(event), "EV-%" PRId64, m.event++) });
	stmt_bind_blob(q, 3, "", 0);
	stmt_bind_int(q, 4, m.now_ms);
	return stmt_run(q, m.why);
}

/* Now and then nothing may follow: from the first statement on, or half-way; never what notes that it waits. */
static inline bool follow_fails(void)
{
	char setting[32];
	int64_t slow;
	TRY(number("SELECT COUNT(*) FROM pay_callback_due WHERE made_ms > $1", m.now_ms - 5000, &slow));
	if (m.is_calm || slow > 0)
		return true;
	int what = draw(6);
	if (what < 2)
		snprintf(setting, sizeof(setting), what == 0 ? "callback_follow=1" : "store_step=%d", 2 + draw(30));
	return what >= 2 || fault_set(str_c(setting));
}

static inline bool called_back(void)
{
	if (m.word_count == 0)
		return true;
	int at = draw(m.word_count);
	struct word w = m.word[at];
	bool is_done;
	int64_t id, heard;
	if (m.is_calm || draw(4) > 0) /* or it comes once more */
		m.word[at] = m.word[--m.word_count];
	struct pay_callback c = { .channel = PAY_BY_WECHAT, .word = { w.is_refund ? STR("refund") : STR("transaction"), str_c(w.text), m.now_ms, money_salt } };
	TRY(kept(&id) && follow_fails());
	c.id = id;
	bool ok = pay_callback_follow(m.tx, &c, &heard, &is_done, &m.arena, m.why);
	fault_clear_all();
	money_seen.told++;
	money_seen.waited += ok && !is_done;
	return ok;
}

static inline bool job(void)
{
	int64_t rows;
	if (!m.is_calm && draw(3) == 0)
		TRY(fault_set(STR("callback_follow=1")));
	bool ok = pay_callbacks_follow(m.tx, m.now_ms, 10, &rows, m.why);
	fault_clear_all();
	return ok;
}

/* As job push_refunds does; what its person reads is another's test. */
static inline bool refund_push(int64_t id)
{
	struct refund r;
	TRY(refund_read(m.tx, id, &r, &m.arena, m.why));
	if (r.person == 0 || r.told == r.state)
		return refund_advance(m.tx, &r, m.now_ms, &m.arena, m.why);
	r.next_ms = refund_next_ms(&r, m.now_ms);
	return refund_heard_of(m.tx, &r, m.why);
}

static inline bool sweeps(void)
{
	struct aside_due due;
	int64_t rows;
	TRY(attempts_sweep(m.tx, m.now_ms, 64, &rows, m.why) && orders_expire(m.tx, m.now_ms, 64, &rows, m.why) && refund_due(m.tx, m.now_ms, 8, &due, m.why));
	for (int i = 0; i < due.count; i++)
		TRY(refund_push(due.ids[i]));
	return true;
}

#include "services_money_life.h"
#endif
