/* payments/bureau/heard.c - why this exists: somebody may pay at a bank counter what another has on his phone at that moment, and only the finance system sees both. */
#include "payments/bureau/heard.h"

#include "payments/attempts/attempt.h"
#include "payments/bureau/confirmation.h"

#include <assert.h>

struct str heard_text(int64_t h)
{
	static const struct { int64_t number; struct str text; } rows[] = {
#define HEARD(name, number, text) { number, { text, sizeof(text) - 1 } },
#include "payments/bureau/heard.def"
#undef HEARD
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == h)
			return rows[i].text;
	assert(false && "heard what nobody said");
	return STR_NONE;
}

/* ---- a notice we took no money for ---- */

/* What a channel could still be paid for is to be closed there. */
static bool wind_up(struct tx *tx, struct order *o, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct attempt at;
	if (o->state != ORDER_PAYING)
		return true;
	if (!attempt_live(tx, o->id, &at, a, why) || (at.id != 0 && !attempt_wind_up(tx, &at, ORDER_CLOSED, now_ms, why)))
		return false;
	return order_read(tx, o->id, o, why);
}

/* An order that holds it is closed at once, whatever its channel says later: money that comes for it afterwards is odd money. */
static bool taken_from_orders(struct tx *tx, const struct notice *n, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct order o;
	if (n->state != NOTICE_LOCKED)
		return true;
	if (!order_of_notice(tx, n->id, &o, why) || o.id == 0)
		return why->code == FAIL_NONE;
	if (!order_hold(tx, o.id, why) || !order_read(tx, o.id, &o, why) || !wind_up(tx, &o, now_ms, a, why))
		return false;
	return (o.state != ORDER_OPEN && o.state != ORDER_PAYING) || order_move(tx, &o, ORDER_CLOSED, now_ms, why);
}

static bool ends(struct tx *tx, const struct notice *n, enum notice_state to, int64_t now_ms, struct arena *a, struct fail *why)
{
	return taken_from_orders(tx, n, now_ms, a, why) && notice_move(tx, n->id, to, now_ms, why);
}

static bool paid_there(struct tx *tx, const struct notice *n, int64_t now_ms, enum heard *out, struct arena *a, struct fail *why)
{
	bool is_news = n->state == NOTICE_UNPAID || n->state == NOTICE_LOCKED || n->state == NOTICE_VOID;
	*out = is_news ? HEARD_ELSEWHERE : HEARD_KNOWN;
	return !is_news || ends(tx, n, NOTICE_ELSEWHERE, now_ms, a, why);
}

static bool void_there(struct tx *tx, const struct notice *n, int64_t now_ms, enum heard *out, struct arena *a, struct fail *why)
{
	bool is_news = n->state == NOTICE_UNPAID || n->state == NOTICE_LOCKED;
	*out = is_news ? HEARD_VOID : HEARD_KNOWN;
	return !is_news || ends(tx, n, NOTICE_VOID, now_ms, a, why);
}

/* ---- one whose money we took ---- */

static bool moves(struct tx *tx, const struct confirmation *c, enum confirmation_state to, struct str word, enum heard is, int64_t now_ms, enum heard *out, struct fail *why)
{
	*out = c->state == to ? HEARD_KNOWN : is;
	return c->state == to || confirmation_move(tx, c, to, word, STR_NONE, now_ms, why);
}

static bool about_ours(struct tx *tx, const struct confirmation *c, const struct finance_word *w, int64_t now_ms, enum heard *out, struct fail *why)
{
	bool is_settled = c->state == CONFIRMATION_BOOKED || c->state == CONFIRMATION_DOUBLE;
	*out = HEARD_KNOWN;
	if (w->is_void) {
		*out = HEARD_PAID;
		return is_settled || moves(tx, c, CONFIRMATION_REFUSED, STR("void"), HEARD_PAID, now_ms, out, why);
	}
	if (!str_eq(w->trace_no, str_c(c->serial)))
		return moves(tx, c, CONFIRMATION_DOUBLE, STR("paid_elsewhere"), HEARD_TWICE, now_ms, out, why);
	if (is_settled)
		return true;
	if (w->fen != c->amount_fen)
		return moves(tx, c, CONFIRMATION_REFUSED, STR("other_amount"), HEARD_AMOUNT, now_ms, out, why);
	return moves(tx, c, CONFIRMATION_BOOKED, STR("told"), HEARD_BOOKED, now_ms, out, why);
}

bool finance_heard(struct tx *tx, const struct finance_word *w, int64_t now_ms, enum heard *out, int64_t *notice, struct arena *a, struct fail *why)
{
	struct notice n;
	struct confirmation c;
	*out = HEARD_UNKNOWN;
	if (!notice_find(tx, w->payment_code, &n, a, why))
		return false;
	*notice = n.id;
	if (n.id == 0)
		return true;
	if (!confirmation_find(tx, n.id, &c, a, why))
		return false;
	if (c.id != 0) /* read again with the lock that the end of its effect takes as well */
		return tx_lock_row(tx, "pay_confirmation", c.id, why) && confirmation_find(tx, n.id, &c, a, why) && about_ours(tx, &c, w, now_ms, out, why);
	return w->is_void ? void_there(tx, &n, now_ms, out, a, why) : paid_there(tx, &n, now_ms, out, a, why);
}
