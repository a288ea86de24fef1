/* tests/contract/payments_refund_life.h - what payments_refund_test.c tells: a plan of an order that is paid and goes back in parts, a life of it against a channel that counts, and what must
 * be so at the end of each. */
#ifndef TESTS_PAYMENTS_REFUND_LIFE_H
#define TESTS_PAYMENTS_REFUND_LIFE_H
#include "one_person_sides.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/day.h"
#include "payments/ledger/ledger_walk.h"
#include "payments/refunds/refund.h"
#include <inttypes.h>

#define NOW INT64_C(1795420800000)
enum { ORDERS = 3, PARTS = 3, FACTS_MAX = 8 };

static uint64_t seed;

static int draw(int n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((seed >> 33) % (uint64_t)n);
}

static struct id key_draw(void)
{
	uint8_t random[10];
	for (int i = 0; i < 10; i++)
		random[i] = (uint8_t)draw(256);
	return id_make(NOW, random);
}

static const uint8_t salt[16] = { 7 };

/* ---- a channel that counts ---- */

enum { SENT_MAX = 64 };
static struct {
	int64_t refund, fen;
	int times;
} sent[SENT_MAX];
static int sent_count;

static bool channel_send(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	(void)tx, (void)now_ms, (void)a, (void)why;
	*effect = 1;
	for (int i = 0; i < sent_count; i++)
		if (sent[i].refund == r->id) {
			assert_int_equal(sent[i].fen, r->fen); /* the same number is the same money */
			sent[i].times++;
			return true;
		}
	assert_true(sent_count < SENT_MAX);
	sent[sent_count].refund = r->id;
	sent[sent_count].fen = r->fen;
	sent[sent_count++].times = 1;
	return true;
}

static bool channel_query(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	(void)tx, (void)r, (void)now_ms, (void)a, (void)why;
	*effect = 2;
	return true;
}

static const struct refund_channel channel = { channel_send, channel_query, NULL };

/* ---- a plan ---- */

struct part {
	int64_t fen;
	bool is_withdrawn;
	enum refund_said end; /* SUCCESS or CLOSED */
	bool is_abnormal;     /* on its way */
};
struct plan {
	int64_t items[2], fen;
	bool is_twice, is_expired;
	int parts;
	struct part part[PARTS];
};

static void plan_draw(struct plan *p)
{
	*p = (struct plan){ .items = { 1 + draw(5000), 1 + draw(5000) }, .is_twice = draw(3) == 0, .is_expired = draw(2) == 0, .parts = draw(PARTS + 1) };
	p->fen = p->items[0] + p->items[1];
	int64_t left = p->fen;
	for (int i = 0; i < p->parts && left > 1; i++) {
		p->part[i] = (struct part){ .fen = i == p->parts - 1 ? left : 1 + draw((int)left), .is_withdrawn = draw(5) == 0, .end = draw(4) == 0 ? REFUND_SAID_CLOSED : REFUND_SAID_SUCCESS,
			.is_abnormal = draw(3) == 0 };
		left -= p->part[i].fen;
		if (left < 2)
			p->parts = i + 1;
	}
	if (p->parts > 0 && p->part[p->parts - 1].fen == 0)
		p->parts--;
}

/* ---- a life of it ---- */

enum fact { PAY, PAY_AGAIN_TOLD, PAY_OTHER, EXPIRE };
struct life {
	const struct plan *plan;
	int n;
	int64_t notice;
	struct order order;
	int stage, facts, at;
	int fact[FACTS_MAX];
	struct refund refund[PARTS];
};
struct telling {
	const struct plan *plans;
	char *end;
	size_t end_max;
};

static void shuffle(int *a, int n)
{
	for (int i = n - 1; i > 0; i--) {
		int k = draw(i + 1), t = a[i];
		a[i] = a[k];
		a[k] = t;
	}
}

static bool begin(struct tx *tx, struct life *l, struct arena *a, struct fail *why)
{
	const struct plan *p = l->plan;
	enum notice_put what;
	struct notice n = { .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"), .payer = STR("王小明"),
		.count = 2, .items = { { STR("103050101"), STR("罚款"), p->items[0] }, { STR("103050102"), STR("工本费"), p->items[1] } }, .amount_fen = p->fen, .total_fen = p->fen, .state = NOTICE_UNPAID };
	snprintf(n.code, sizeof(n.code), "6212002610000%07d", l->n);
	if (!notice_put(tx, &n, NOW, salt, &what, why))
		return false;
	l->notice = n.id;
	struct order_new o = { .key = key_draw(), .person = 1, .notices = &n, .count = 1, .now_ms = NOW, .hold_ms = 60000, .open_max = 100, .salt = salt };
	(void)a;
	l->fact[l->facts++] = PAY;
	l->fact[l->facts++] = PAY_AGAIN_TOLD;
	if (p->is_twice)
		l->fact[l->facts++] = PAY_OTHER;
	if (p->is_expired)
		l->fact[l->facts++] = EXPIRE;
	shuffle(l->fact, l->facts);
	return order_make(tx, &o, &l->order, why);
}

/* As whoever takes what a channel brings does: to the order when it is open, else to the odd money; a number once. */
static bool arrives(struct tx *tx, struct life *l, const char *suffix, struct arena *a, struct fail *why)
{
	char text[32];
	struct order o;
	struct odd_row odd;
	int64_t id;
	struct str reference = { text, (size_t)snprintf(text, sizeof(text), "42%d%s", l->n, suffix) };
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_payment WHERE channel = 3 AND reference = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_text(q, 1, reference);
		if (stmt_row(q, why))
			return true;
	}
	if (!odd_money_by_reference(tx, PAY_BY_WECHAT, reference, &odd, a, why) || !order_find(tx, l->order.key, &o, why))
		return false;
	if (odd.id == 0 && o.state == ORDER_OPEN)
		return payment_take(tx, &o, PAY_BY_WECHAT, reference, o.total_fen, NOW, a, &id, why);
	struct odd_money m = { o.state == ORDER_PAID ? ODD_DOUBLE : ODD_LATE, PAY_BY_WECHAT, reference, o.id, 621200, o.total_fen, NOW };
	return odd_money_put(tx, &m, NOW, &id, why);
}

static bool expires(struct tx *tx, struct life *l, struct fail *why)
{
	struct order o;
	return order_find(tx, l->order.key, &o, why) && (o.state != ORDER_OPEN || order_move(tx, &o, ORDER_EXPIRED, NOW, why));
}

static bool settle(struct tx *tx, struct life *l, struct arena *a, struct fail *why)
{
	struct odd_row rows[4];
	int count;
	struct odd_filter f = { .state = ODD_IS_OPEN, .below = INT64_MAX };
	if (!odd_money_list(tx, &f, rows, 4, &count, a, why))
		return false;
	for (int i = 0; i < count; i++) {
		enum odd_proposes what;
		struct refund r;
		enum refund_heard heard;
		char number[ID_TEXT_BYTES];
		int64_t payment;
		if (rows[i].money.order != l->order.id)
			continue;
		if (!odd_money_proposes(tx, &rows[i], &what, why))
			return false;
		struct odd_applying w = { .odd = &rows[i], .key = key_draw(), .staff = 1, .now_ms = NOW, .salt = salt };
		if (what == ODD_TO_APPLY) {
			if (!odd_money_apply(tx, &w, &payment, a, why))
				return false;
			continue;
		}
		if (!refund_odd(tx, &rows[i], key_draw(), 1, STR("重复缴款"), salt, NOW, &r, a, why))
			return false;
		struct refund_word said = { { number, refund_key_text(r.key, number) }, REFUND_SAID_SUCCESS, r.fen, STR("50") };
		char channel_no[32];
		said.channel_no = (struct str){ channel_no, (size_t)snprintf(channel_no, sizeof(channel_no), "odd%" PRId64, r.id) };
		if (!refund_told(tx, &said, NOW, &heard, a, why))
			return false;
		assert_int_equal(heard, REFUND_HEARD);
	}
	return true;
}

static bool ask(struct tx *tx, struct life *l, int i, int64_t fen, int64_t believed, struct fail *why)
{
	struct refundable of;
	if (!refundable_find(tx, l->notice, &of, why))
		return false;
	struct refund_new n = { .key = key_draw(), .of = &of, .asker = REFUND_ASKED_BY_PERSON, .asked_by = 1, .refundable_fen = believed, .fen = fen, .ground = REFUND_FOR_OVERCHARGED,
		.reason = STR("多收了"), .now_ms = NOW, .salt = salt };
	return refund_ask(tx, &n, &l->refund[i], why);
}

/* Asked for, first with a wrong belief; withdrawn or decided. */
static bool asks(struct tx *tx, struct life *l, int i, struct arena *a, struct fail *why)
{
	const struct part *p = &l->plan->part[i];
	struct refundable of;
	if (!refundable_find(tx, l->notice, &of, why))
		return false;
	int64_t left = of.paid_fen - of.asked_fen;
	assert_false(ask(tx, l, i, 1, left + 1, why));
	assert_int_equal(why->code, FAIL_REFUNDABLE);
	fail_clear(why);
	if (!ask(tx, l, i, p->fen, left, why) || !refund_reviewed(tx, &l->refund[i], NOW, why))
		return false;
	if (p->is_withdrawn)
		return refund_given_up(tx, &l->refund[i], REFUND_WITHDRAWN, NOW, why);
	return refund_approved(tx, &l->refund[i], REFUND_BY_CHANNEL, NOW, a, why);
}

/* Its words as the channel may say them: what it was on its way, and its end, each perhaps twice. */
static void words_draw(struct life *l, int i)
{
	const struct part *p = &l->plan->part[i];
	l->facts = l->at = 0;
	l->fact[l->facts++] = (int)p->end;
	if (draw(2))
		l->fact[l->facts++] = (int)p->end;
	if (p->is_abnormal && draw(2))
		l->fact[l->facts++] = REFUND_SAID_ABNORMAL;
	for (int n = draw(3); n > 0; n--)
		l->fact[l->facts++] = REFUND_SAID_PROCESSING;
	shuffle(l->fact, l->facts);
}

static bool says(struct tx *tx, struct life *l, int i, enum refund_said said, struct arena *a, struct fail *why)
{
	char number[ID_TEXT_BYTES], channel_no[ID_TEXT_BYTES + 4];
	enum refund_heard heard;
	struct refund r;
	struct str name = { number, refund_key_text(l->refund[i].key, number) };
	snprintf(channel_no, sizeof(channel_no), "no%s", number);
	if (!refund_read(tx, l->refund[i].id, &r, a, why))
		return false;
	switch (draw(6)) { /* what else may happen to it meanwhile */
	case 0:
		if (!refund_unclear(tx, &r, STR("timeout"), NOW, why))
			return false;
		break;
	case 1:
		if (r.state == REFUND_ABNORMAL && !refund_send_again(tx, &r, NOW, a, why))
			return false;
		break;
	case 2:
		if (r.state != REFUND_DONE && r.state != REFUND_CLOSED && r.state != REFUND_ABNORMAL && !refund_advance(tx, &r, NOW, a, why))
			return false;
		break;
	case 3: { /* of another amount: not believed */
		struct refund_word wrong = { name, REFUND_SAID_SUCCESS, l->refund[i].fen + 1, str_c(channel_no) };
		if (!refund_told(tx, &wrong, NOW, &heard, a, why))
			return false;
		assert_int_equal(heard, REFUND_HEARD_AMOUNT);
		break;
	}
	default:
		break;
	}
	struct refund_word w = { name, said, l->refund[i].fen, str_c(channel_no) };
	if (!refund_told(tx, &w, NOW, &heard, a, why))
		return false;
	assert_true(heard == REFUND_HEARD || heard == REFUND_HEARD_BEFORE);
	return true;
}

/* One step; stage counts: 0 begin, 1 facts of the payment, 2 settle, then for each part: asked, its words. *over when there is none. */
static bool step(struct tx *tx, struct life *l, bool *over, struct arena *a, struct fail *why)
{
	const struct plan *p = l->plan;
	*over = false;
	if (l->stage == 0)
		return begin(tx, l, a, why) && ++l->stage;
	if (l->stage == 1 && l->at < l->facts) {
		int fact = l->fact[l->at++];
		return fact == EXPIRE ? expires(tx, l, why) : arrives(tx, l, fact == PAY_OTHER ? "b" : "a", a, why);
	}
	if (l->stage == 1)
		return settle(tx, l, a, why) && ++l->stage;
	int i = (l->stage - 2) / 2;
	if (i >= p->parts)
		return *over = true;
	if (l->stage % 2 == 0) {
		words_draw(l, i);
		return asks(tx, l, i, a, why) && ++l->stage;
	}
	if (p->part[i].is_withdrawn || l->at == l->facts)
		return ++l->stage != 0;
	return says(tx, l, i, (enum refund_said)l->fact[l->at++], a, why);
}

/* ---- the end ---- */

static bool lines(struct tx *tx, const char *const sql, struct telling *t, struct fail *why)
{
	size_t len = strlen(t->end);
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why))
		len += (size_t)snprintf(t->end + len, t->end_max - len, "%.*s\n", STR_ARG(stmt_text(q, 0)));
	assert_true(len < t->end_max);
	return why->code == FAIL_NONE;
}

static bool number(struct tx *tx, const char *const sql, int64_t *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*out = stmt_int(q, 0);
	return true;
}

static const char *const must_be_none[] = {
	"SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM ledger_posting",
	/* more asked for than was paid */
	"SELECT COUNT(*) FROM pay_refundable WHERE asked_fen > paid_fen",
	"SELECT COUNT(*) FROM pay_payment p WHERE p.amount_fen < (SELECT COALESCE(SUM(r.amount_fen), 0) FROM pay_refund r WHERE r.payment = p.id AND r.state NOT IN (8, 9, 10))",
	/* counters that are not what the refunds say */
	"SELECT COUNT(*) FROM pay_refundable c WHERE c.asked_fen <> (SELECT COALESCE(SUM(r.amount_fen), 0) FROM pay_refund r WHERE r.payment = c.payment AND r.state NOT IN (8, 9, 10))",
	/* one that is done moved money once, another never */
	"SELECT COUNT(*) FROM pay_refund r WHERE (r.state = 6) <> ((SELECT COUNT(*) FROM ledger_journal j WHERE j.cause = 5 AND j.subject = r.id AND j.step = 1) = 1)",
	/* nothing is left on its way */
	"SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind IN (3, 4)",
	/* an item that gave back more than it brought */
	"SELECT COUNT(*) FROM (SELECT SUM(amount_fen) AS fen FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 2 GROUP BY a.id) s WHERE s.fen > 0",
};

static bool end_note(struct tx *tx, struct telling *t, struct fail *why)
{
	struct ledger_walk w = { 0 };
	for (size_t i = 0; i < sizeof(must_be_none) / sizeof(must_be_none[0]); i++) {
		int64_t n;
		if (!number(tx, must_be_none[i], &n, why))
			return false;
		if (n != 0)
			fail_msg("%s: %" PRId64, must_be_none[i], n);
	}
	if (!ledger_walk(tx, &w, LEDGER_WALK_JOURNALS_MAX, why))
		return false;
	assert_int_equal(w.wrong, LEDGER_FINE);
	t->end[0] = '\0';
	return lines(tx, "SELECT CAST(a.kind AS TEXT) || ' ' || a.channel || ' ' || a.item || ' ' || CAST(SUM(p.amount_fen) AS TEXT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account"
		" WHERE a.kind NOT IN (3, 4) GROUP BY a.kind, a.channel, a.item ORDER BY a.kind, a.channel, a.item", t, why) &&
	       lines(tx, "SELECT payment_code || ' ' || state FROM pay_notice ORDER BY payment_code", t, why) &&
	       lines(tx, "SELECT n.payment_code || ' ' || r.amount_fen || ' ' || r.state FROM pay_refund r JOIN pay_notice n ON n.id = r.notice ORDER BY n.payment_code, r.amount_fen, r.state", t, why) &&
	       lines(tx, "SELECT CAST(amount_fen AS TEXT) || ' odd ' || state FROM pay_odd WHERE state <> 2 ORDER BY amount_fen", t, why);
}
#endif
