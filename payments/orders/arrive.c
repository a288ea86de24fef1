/* payments/orders/arrive.c - why this exists: money that has come cannot be refused any more, only put where it belongs. */
#include "payments/orders/arrive.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/day.h"
#include "base/hash.h"
#include "payments/attempts/attempt.h"
#include "payments/orders/odd_money.h"
#include "payments/orders/payment.h"
#include "payments/reconciliation/recon_run.h"

#include <assert.h>

enum { ARENA_MAX = 256 << 10 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

static bool is_kept(struct tx *tx, const struct money *m, struct arena *a, bool *kept, struct fail *why)
{
	struct odd_row odd;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM pay_payment WHERE channel = $1 AND reference = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->channel);
	stmt_bind_text(q, 2, m->reference);
	*kept = stmt_row(q, why);
	if (*kept || why->code != FAIL_NONE)
		return *kept;
	if (!odd_money_by_reference(tx, m->channel, m->reference, &odd, a, why))
		return false;
	*kept = odd.id != 0;
	return true;
}

/* Of an order that cannot take it any more: what has become of its notices? */
static bool why_odd(struct tx *tx, const struct order *o, struct arena *a, struct odd_money *odd, struct fail *why)
{
	struct notice n;
	odd->kind = o->state == ORDER_PAID ? ODD_DOUBLE : ODD_LATE;
	for (int i = 0; i < o->count; i++) {
		if (!notice_read(tx, o->notices[i], &n, a, why))
			return false;
		if (i == 0)
			odd->division = n.division;
		if (n.state == NOTICE_PAID || n.state == NOTICE_ELSEWHERE)
			odd->kind = ODD_DOUBLE;
		else if ((n.state == NOTICE_VOID || n.state == NOTICE_REPLACED) && odd->kind == ODD_LATE)
			odd->kind = ODD_VOID;
	}
	return true;
}

static bool keep_odd(struct tx *tx, const struct money *m, const struct order *o, bool is_amount, int64_t now_ms, struct arena *a, struct fail *why)
{
	int64_t id;
	struct odd_money odd = { .kind = ODD_UNKNOWN_ORDER, .channel = m->channel, .reference = m->reference, .order = o->id, .division = m->division, .fen = m->fen, .came_ms = m->came_ms };
	if (o->id != 0 && !why_odd(tx, o, a, &odd, why))
		return false;
	if (is_amount)
		odd.kind = ODD_AMOUNT;
	return odd_money_put(tx, &odd, now_ms, &id, why);
}

/* *taken false: it was not open any more, and nothing was written: somebody closed an order that nothing was paying for. */
static bool take(struct tx *tx, const struct money *m, const struct order *o, int64_t now_ms, struct arena *a, bool *taken, struct fail *why)
{
	int64_t id;
	*taken = payment_take_late(tx, o, m->channel, m->reference, m->fen, m->came_ms, now_ms, a, &id, why);
	if (*taken || why->code != FAIL_ORDER_STATE)
		return *taken;
	fail_clear(why);
	return true;
}

static bool trade_note(struct tx *tx, const struct money *m, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_channel_trade (channel, reference, channel_no, made_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->channel);
	stmt_bind_text(q, 2, m->reference);
	stmt_bind_text(q, 3, m->channel_no);
	stmt_bind_int(q, 4, now_ms);
	return stmt_run(q, why);
}

bool money_is_kept(struct tx *tx, enum pay_channel channel, struct str channel_no, bool *kept, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM pay_channel_trade t WHERE t.channel = $1 AND t.channel_no = $2"
		" AND (EXISTS (SELECT 1 FROM pay_payment p WHERE p.channel = t.channel AND p.reference = t.reference)"
		" OR EXISTS (SELECT 1 FROM pay_odd o WHERE o.channel = t.channel AND o.reference = t.reference)) LIMIT 1", why);
	*kept = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, channel_no);
	*kept = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* ---- of no order of ours ---- */

/* Nobody else moves it until the transaction's end. */
static bool notice_hold(struct tx *tx, int64_t notice, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_notice WHERE id = $1 /* postgres: FOR UPDATE */", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, notice);
	return stmt_row(q, why) || why->code == FAIL_NONE;
}

/* What keeps it from being paid by this; 0: nothing. What somebody here is paying at this moment is not taken out of his hands. */
static int why_not(const struct notice *n, const struct money *m)
{
	struct fail inner;
	fail_clear(&inner);
	if (!notice_payable(n, day_of(m->came_ms), &inner))
		return inner.code == FAIL_NOTICE_PAID ? ODD_DOUBLE : inner.code == FAIL_NOTICE_QUOTE ? ODD_AMOUNT : ODD_VOID;
	return n->state != NOTICE_UNPAID ? ODD_UNKNOWN_ORDER : n->total_fen != m->fen ? ODD_AMOUNT : 0;
}

/* Named by what the money is known by, so that apply makes the same when it is run again. */
static struct id order_key(const struct money *m)
{
	uint8_t digest[SHA256_BYTES];
	const int64_t channel = m->channel;
	const struct str parts[] = { { (const char *)&channel, sizeof(channel) }, m->reference };
	keyring_index("money.order", parts, sizeof(parts) / sizeof(parts[0]), digest);
	return id_make(m->came_ms, digest);
}

static bool take_for_notice(struct tx *tx, const struct money *m, struct notice *n, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct order o;
	int64_t id;
	struct order_new new = { .key = order_key(m), .notices = n, .count = 1, .now_ms = m->came_ms, .hold_ms = 1, .open_max = INT64_MAX };
	return order_make(tx, &new, &o, why) && payment_take_late(tx, &o, m->channel, m->reference, m->fen, m->came_ms, now_ms, a, &id, why);
}

/* Whose answer was lost learns its number by its notice (channels/wechat_nontax_deed.h): until then nobody knows whose payment this is. */
static bool is_not_named_yet(struct tx *tx, const struct money *m, const struct notice *n, struct arena *a, bool *is_so, struct fail *why)
{
	struct order o;
	struct attempt live;
	*is_so = false;
	if (n->state != NOTICE_LOCKED || m->channel_no.at == NULL)
		return true;
	if (!order_of_notice(tx, n->id, &o, why) || !attempt_live(tx, o.id, &live, a, why))
		return false;
	*is_so = live.id != 0 && live.channel == m->channel && live.channel_no.len == 0;
	return true;
}

static bool of_no_order(struct tx *tx, const struct money *m, int64_t now_ms, struct arena *a, enum money_end *end, struct fail *why)
{
	struct notice *n = arena_alloc(a, sizeof(*n));
	int64_t id;
	bool is_early;
	if (n == NULL)
		return FAILS(why, MEMORY, "a notice");
	if (!notice_hold(tx, m->notice, why) || !notice_read(tx, m->notice, n, a, why) || !is_not_named_yet(tx, m, n, a, &is_early, why))
		return false;
	*end = MONEY_LATER;
	if (is_early)
		return true;
	int kind = why_not(n, m);
	*end = kind == 0 ? MONEY_TAKEN : MONEY_ODD;
	if (kind == 0)
		return take_for_notice(tx, m, n, now_ms, a, why);
	const struct odd_money odd = { .kind = (enum odd_kind)kind, .channel = m->channel, .reference = m->reference, .division = n->division, .fen = m->fen, .came_ms = m->came_ms };
	return odd_money_put(tx, &odd, now_ms, &id, why);
}

static bool arrives(struct tx *tx, const struct money *m, int64_t now_ms, struct arena *a, enum money_end *end, struct fail *why)
{
	struct order o = { .id = 0 };
	bool kept = false, taken = false;
	if ((m->order != 0 && !order_hold(tx, m->order, why)) || !payment_number_hold(tx, m->channel, m->reference, why) || !is_kept(tx, m, a, &kept, why) ||
	    (m->order != 0 && !order_read(tx, m->order, &o, why)))
		return false;
	*end = MONEY_REPEATED;
	if (kept)
		return true;
	if (m->channel_no.at != NULL && !trade_note(tx, m, now_ms, why))
		return false;
	if (o.id == 0 && m->notice != 0)
		return of_no_order(tx, m, now_ms, a, end, why);
	bool is_open = o.id != 0 && (o.state == ORDER_OPEN || o.state == ORDER_PAYING);
	if (is_open && m->fen == o.total_fen && !take(tx, m, &o, now_ms, a, &taken, why))
		return false;
	*end = taken ? MONEY_TAKEN : MONEY_ODD;
	return taken || keep_odd(tx, m, &o, is_open && m->fen != o.total_fen, now_ms, a, why);
}

/* Of a day before: whatever was held beside our books of that day did not see it. */
bool money_arrives(struct tx *tx, const struct money *m, int64_t now_ms, enum money_end *end, struct fail *why)
{
	DROP(arena) struct arena a;
	assert(m->fen > 0 && m->reference.len > 0 && m->reference.len <= PAYMENT_REFERENCE_MAX);
	arena_init(&a, ARENA_MAX);
	return arrives(tx, m, now_ms, &a, end, why) &&
	       (*end == MONEY_REPEATED || day_of(m->came_ms) >= day_of(now_ms) || recon_ask_day_soon(tx, day_of(m->came_ms), now_ms, why));
}
