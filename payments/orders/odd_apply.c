/* payments/orders/odd_apply.c - why this exists: money that came too late is still its payer's wish to pay, while what he wanted to pay is unpaid. */
#include "base/arena.h"
#include "payments/orders/odd_money.h"
#include "payments/orders/payment.h"

#include <inttypes.h>

static bool order_notices(struct tx *tx, int64_t order, int64_t ids[ORDER_NOTICES_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT notice FROM pay_order_notice WHERE pay_order = $1 ORDER BY notice", why);
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, order);
	for (; *count < ORDER_NOTICES_MAX && stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool notices_of(struct tx *tx, const struct odd_applying *w, struct notice *notices, int *count, struct arena *a, struct fail *why)
{
	int64_t ids[ORDER_NOTICES_MAX] = { w->notice }, sum = 0;
	*count = 1;
	if (w->notice == 0 && !order_notices(tx, w->odd->money.order, ids, count, why))
		return false;
	for (int i = 0; i < *count; i++) {
		if (!notice_read(tx, ids[i], &notices[i], a, why))
			return false;
		sum += notices[i].total_fen;
	}
	if (sum == w->odd->money.fen)
		return true;
	FAILS(why, PAYMENT_AMOUNT, "odd money %" PRId64 " is of another amount", w->odd->id);
	fail_fact_number(why, "total_fen", sum);
	return false;
}

/* As if it had been ordered when the money came: what was payable on that day was paid in time. */
static bool order_for(struct tx *tx, const struct odd_applying *w, struct order *o, struct arena *a, struct fail *why)
{
	struct notice *notices = arena_alloc(a, ORDER_NOTICES_MAX * sizeof(*notices));
	struct order_new n = { .key = w->key, .notices = notices, .now_ms = w->odd->money.came_ms, .hold_ms = 1, .open_max = INT64_MAX, .salt = w->salt };
	if (notices == NULL)
		return FAILS(why, MEMORY, "notices");
	if (!notices_of(tx, w, notices, &n.count, a, why) || !odd_money_person(tx, w->odd, &n.person, why))
		return false;
	if (n.person == 0)
		n.staff = w->staff;
	return order_make(tx, &n, o, why);
}

bool odd_money_apply(struct tx *tx, const struct odd_applying *w, int64_t *payment, struct arena *a, struct fail *why)
{
	const struct odd_row *odd = w->odd;
	struct order o;
	if (!odd_kind_row(odd->money.kind)->may_be_applied || (w->notice == 0 && odd->money.order == 0))
		return FAILS(why, ODD_GOES_BACK, "odd money %" PRId64 " is %s", odd->id, odd_kind_row(odd->money.kind)->text.at);
	return odd_move(tx, odd->id, odd->state, ODD_IS_APPLIED, w->now_ms, why) && order_for(tx, w, &o, a, why) && payment_take_odd(tx, &o, odd, w->now_ms, a, payment, why);
}
