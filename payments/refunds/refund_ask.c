/* payments/refunds/refund_ask.c - why this exists: several may ask for the same money at once, and in parts; together they never get more than was paid. */
#include "payments/refunds/refund_inside.h"

#include "base/arena.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- what may go back ---- */

bool refundable_find(struct tx *tx, int64_t notice, struct refundable *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.id, o.id, n.id, COALESCE(o.person, n.person), o.person, n.department, n.division, p.channel, l.total_fen, COALESCE(r.asked_fen, 0), p.taken_ms"
		" FROM pay_notice n JOIN pay_order_notice l ON l.notice = n.id JOIN pay_order o ON o.id = l.pay_order JOIN pay_payment p ON p.pay_order = o.id"
		" LEFT JOIN pay_refundable r ON r.payment = p.id AND r.notice = n.id WHERE n.id = $1 AND l.total_fen > 0 LIMIT 1", why);
	int64_t n[11];
	*out = (struct refundable){ .payment = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, notice);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	stmt_ints(q, 0, 11, n);
	*out = (struct refundable){ .payment = n[0], .order = n[1], .notice = n[2], .person = n[3], .ordered_by = n[4], .department = n[5], .division = n[6],
		.channel = (enum pay_channel)n[7], .paid_fen = n[8], .asked_fen = n[9], .taken_ms = n[10] };
	return true;
}

static bool counter_is_there(struct tx *tx, const struct refundable *of, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_refundable (payment, notice, paid_fen, asked_fen) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->payment);
	stmt_bind_int(q, 2, of->notice);
	stmt_bind_int(q, 3, of->paid_fen);
	return stmt_run(q, why);
}

static bool refuse_amount(struct tx *tx, const struct refundable *of, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT paid_fen - asked_fen FROM pay_refundable WHERE payment = $1 AND notice = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->payment);
	stmt_bind_int(q, 2, of->notice);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "no counter of payment %" PRId64, of->payment);
	FAILS(why, REFUNDABLE, "of payment %" PRId64 " another amount may go back", of->payment);
	fail_fact_number(why, "refundable_fen", stmt_int(q, 0));
	return false;
}

/* The asker's belief is in the condition: of two who believe the same one is too late. */
static bool counted(struct tx *tx, const struct refund_new *n, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"UPDATE pay_refundable SET asked_fen = asked_fen + $1 WHERE payment = $2 AND notice = $3 AND paid_fen - asked_fen = $4 AND asked_fen + $1 <= paid_fen", why);
		if (q == NULL)
			return false;
		const int64_t numbers[] = { n->fen, n->of->payment, n->of->notice, n->refundable_fen };
		for (int i = 0; i < 4; i++)
			stmt_bind_int(q, i + 1, numbers[i]);
		if (!stmt_run(q, why))
			return false;
	}
	return tx_changes(tx) == 1 || refuse_amount(tx, n->of, why);
}

static bool not_too_many(struct tx *tx, int64_t payment, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM pay_refund WHERE payment = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, payment);
	if (stmt_row(q, why) && stmt_int(q, 0) >= REFUNDS_OF_PAYMENT_MAX)
		return FAILS(why, REFUNDS, "%" PRId64 " refunds of payment %" PRId64, stmt_int(q, 0), payment);
	return why->code == FAIL_NONE;
}

/* ---- of which items ---- */

struct item {
	int64_t n, left_fen;
};

/* What each item brought, late money with the first as when it was posted (payment.c), less what refunds that are not given up take from it. Under the counter's row: nobody else allots. */
static bool items_left(struct tx *tx, const struct refundable *of, struct item items[NOTICE_ITEMS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT i.n, i.amount_fen - CAST(COALESCE((SELECT SUM(t.amount_fen) FROM pay_refund_item t JOIN pay_refund r ON r.id = t.refund"
		" WHERE r.payment = $1 AND r.notice = i.notice AND r.state NOT IN (8, 9, 10) AND t.n = i.n), 0) AS BIGINT), i.amount_fen"
		" FROM pay_notice_item i WHERE i.notice = $2 ORDER BY i.n", why);
	int64_t brought = 0;
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->payment);
	stmt_bind_int(q, 2, of->notice);
	for (; *count < NOTICE_ITEMS_MAX && stmt_row(q, why); ++*count) {
		items[*count] = (struct item){ stmt_int(q, 0), stmt_int(q, 1) };
		brought += stmt_int(q, 2);
	}
	if (*count > 0)
		items[0].left_fen += of->paid_fen - brought;
	return why->code == FAIL_NONE;
}

static bool item_insert(struct tx *tx, int64_t refund, int64_t n, int64_t fen, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_refund_item (refund, n, amount_fen) VALUES ($1, $2, $3)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, refund);
	stmt_bind_int(q, 2, n);
	stmt_bind_int(q, 3, fen);
	return stmt_run(q, why);
}

/* From the first item that has something left. */
static bool allotted_in_order(struct tx *tx, const struct refundable *of, const struct item *items, int count, const struct refund *r, struct fail *why)
{
	int64_t open = r->fen;
	for (int i = 0; i < count && open > 0; i++) {
		int64_t fen = items[i].left_fen < open ? items[i].left_fen : open;
		if (fen > 0 && !item_insert(tx, r->id, items[i].n, fen, why))
			return false;
		open -= fen > 0 ? fen : 0;
	}
	return open == 0 || FAILS(why, STORE, "the items of notice %" PRId64 " do not hold what its counter says", of->notice);
}

static bool refuse_item(const struct refund_item *wish, int place, const struct item *item, struct fail *why)
{
	char at[24];
	snprintf(at, sizeof(at), "/items/%d/n", place);
	if (item == NULL)
		return FAILS_FIELD(why, FIELD, at, "the notice has no item %" PRId64, wish->n);
	FAILS(why, REFUNDABLE, "of item %" PRId64 " %" PRId64 " fen are left", wish->n, item->left_fen);
	fail_fact_number(why, "refundable_fen", item->left_fen);
	fail_fact_number(why, "item", wish->n);
	return false;
}

/* As the asker said: he knows what was charged wrongly. Each item once. */
static bool allotted_as_said(struct tx *tx, const struct refund_new *n, const struct item *items, int count, const struct refund *r, struct fail *why)
{
	for (int i = 0; i < n->item_count; i++) {
		const struct refund_item *wish = &n->items[i];
		const struct item *item = NULL;
		for (int k = 0; k < count; k++)
			if (items[k].n == wish->n)
				item = &items[k];
		if (item == NULL || item->left_fen < wish->fen)
			return refuse_item(wish, i, item, why);
		if (!item_insert(tx, r->id, wish->n, wish->fen, why))
			return false;
	}
	return true;
}

static bool allotted(struct tx *tx, const struct refund_new *n, const struct item *items, int count, const struct refund *r, struct fail *why)
{
	return n->items != NULL ? allotted_as_said(tx, n, items, count, r, why) : allotted_in_order(tx, n->of, items, count, r, why);
}

bool refund_ask(struct tx *tx, const struct refund_new *n, struct refund *out, struct fail *why)
{
	const struct refundable *of = n->of;
	struct item items[NOTICE_ITEMS_MAX];
	int count;
	assert(of->payment != 0 && n->fen > 0 && n->fen <= n->refundable_fen);
	*out = (struct refund){ .key = n->key, .payment = of->payment, .notice = of->notice, .asker = n->asker, .asked_by = n->asked_by, .person = of->person, .department = of->department,
		.division = of->division, .channel = of->channel, .ground = n->ground, .fen = n->fen, .made_ms = n->now_ms,
		.state = n->asker == REFUND_ASKED_BY_PERSON ? REFUND_ASKED : REFUND_REVIEWED }; /* the unit and the office have looked before they asked */
	return counter_is_there(tx, of, why) && counted(tx, n, why) && not_too_many(tx, of->payment, why) && items_left(tx, of, items, &count, why) &&
	       refund_insert(tx, out, n->reason, n->salt, why) && allotted(tx, n, items, count, out, why);
}

bool refund_items(struct tx *tx, const struct refund *r, struct refund_item_row out[NOTICE_ITEMS_MAX], int *count, struct arena *a, struct fail *why)
{
	*count = 0;
	if (r->notice == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT t.n, t.amount_fen, i.item, i.name FROM pay_refund_item t JOIN pay_notice_item i ON i.notice = $1 AND i.n = t.n WHERE t.refund = $2 ORDER BY t.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->notice);
	stmt_bind_int(q, 2, r->id);
	for (; *count < NOTICE_ITEMS_MAX && stmt_row(q, why); ++*count)
		out[*count] = (struct refund_item_row){ stmt_int(q, 0), stmt_int(q, 1), str_copy(a, stmt_text(q, 2)), str_copy(a, stmt_text(q, 3)) };
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "a refund's items"));
}

/* ---- giving up ---- */

bool refund_released(struct tx *tx, const struct refund *r, int64_t now_ms, struct fail *why)
{
	if (r->odd != 0)
		return odd_move(tx, r->odd, ODD_IS_REFUNDING, ODD_IS_OPEN, now_ms, why);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_refundable SET asked_fen = asked_fen - $1 WHERE payment = $2 AND notice = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->fen);
	stmt_bind_int(q, 2, r->payment);
	stmt_bind_int(q, 3, r->notice);
	return stmt_run(q, why);
}

bool refund_reviewed(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why)
{
	return refund_move(tx, r, REFUND_REVIEWED, now_ms, why);
}

bool refund_given_up(struct tx *tx, struct refund *r, enum refund_state to, int64_t now_ms, struct fail *why)
{
	assert(to == REFUND_REFUSED || to == REFUND_WITHDRAWN);
	return refund_move(tx, r, to, now_ms, why) && refund_released(tx, r, now_ms, why);
}
