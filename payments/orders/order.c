/* payments/orders/order.c - why this exists: between wanting to pay and money that came lies time, in which others want to pay the same. */
#include "payments/orders/order.h"

#include "base/day.h"
#include "payments/aside.h"

#include <assert.h>
#include <inttypes.h>

/* ---- states ---- */

#define TO(name) (1u << ORDER_##name)
static const struct {
	enum order_state number;
	struct str text;
	unsigned may;
} states[] = {
#define STATE(name, number, text, may) { ORDER_##name, { text, sizeof(text) - 1 }, may },
#include "payments/orders/order_states.def"
#undef STATE
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

static int state_row(int64_t state)
{
	for (int i = 0; i < STATES; i++)
		if ((int64_t)states[i].number == state)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str order_state_text(enum order_state s)
{
	return states[state_row(s)].text;
}

static bool refuse_state(const struct order *o, struct fail *why)
{
	FAILS(why, ORDER_STATE, "order %" PRId64 " is %s", o->id, order_state_text(o->state).at);
	fail_fact_text(why, "state", order_state_text(o->state).at);
	return false;
}

/* The order's own row is what two of them meet on. */
static bool state_put(struct tx *tx, const struct order *o, enum order_state to, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_order SET state = $1, changed_ms = $2 WHERE id = $3 AND state = $4", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { to, now_ms, o->id, o->state };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || refuse_state(o, why));
}

static bool is_live_no_more(struct tx *tx, int64_t order, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_order_notice SET is_live = 0 WHERE pay_order = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, order);
	return stmt_run(q, why);
}

bool order_move(struct tx *tx, const struct order *o, enum order_state to, int64_t now_ms, struct fail *why)
{
	if ((states[state_row(o->state)].may & 1u << to) == 0)
		return refuse_state(o, why);
	if (!state_put(tx, o, to, now_ms, why))
		return false;
	if (to == ORDER_OPEN || to == ORDER_PAYING)
		return true; /* it holds what it held */
	if (!is_live_no_more(tx, o->id, why))
		return false;
	for (int i = 0; i < o->count; i++)
		if (!notice_move(tx, o->notices[i], to == ORDER_PAID ? NOTICE_PAID : NOTICE_UNPAID, now_ms, why))
			return false;
	return true;
}

/* ---- reading ---- */

#define ORDER_SELECT "SELECT id, key, COALESCE(person, 0), COALESCE(staff, 0), state, total_fen, expires_ms, made_ms, changed_ms, ends_as FROM pay_order"

static bool row_take(struct stmt *q, struct order *o)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*o = (struct order){ .id = stmt_int(q, 0), .person = stmt_int(q, 2), .staff = stmt_int(q, 3), .state = (enum order_state)stmt_int(q, 4),
			     .total_fen = stmt_int(q, 5), .expires_ms = stmt_int(q, 6), .made_ms = stmt_int(q, 7), .changed_ms = stmt_int(q, 8), .ends_as = stmt_int(q, 9) };
	memcpy(o->key.bytes, key.at, ID_BYTES);
	return true;
}

static bool notices_read(struct tx *tx, struct order *o, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT notice, total_fen FROM pay_order_notice WHERE pay_order = $1 ORDER BY notice", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, o->id);
	for (; o->count < ORDER_NOTICES_MAX && stmt_row(q, why); o->count++) {
		o->notices[o->count] = stmt_int(q, 0);
		o->notice_fen[o->count] = stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

bool order_find(struct tx *tx, struct id key, struct order *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ORDER_SELECT " WHERE key = $1", why);
	*out = (struct order){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	return row_take(q, out) && notices_read(tx, out, why);
}

bool order_of_notice(struct tx *tx, int64_t notice, struct order *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ORDER_SELECT " WHERE id = (SELECT pay_order FROM pay_order_notice WHERE notice = $1 AND is_live = 1)", why);
	*out = (struct order){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, notice);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	return row_take(q, out) && notices_read(tx, out, why);
}

bool order_read(struct tx *tx, int64_t id, struct order *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ORDER_SELECT " WHERE id = $1", why);
	*out = (struct order){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no order %" PRId64, id);
	return row_take(q, out) && notices_read(tx, out, why);
}

/* ---- making one ---- */

static bool one_payer(const struct order_new *n, struct fail *why)
{
	for (int i = 1; i < n->count; i++)
		if (n->notices[0].person == 0 || n->notices[i].person != n->notices[0].person)
			return FAILS(why, ORDER_PAYERS, "%d notices, not of one payer we know", n->count);
	return true;
}

/* Two at once may both be the last: it is a bound on mischief, not on money. */
static bool may_have_one_more(struct tx *tx, const struct order_new *n, struct fail *why)
{
	if (n->person == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM pay_order WHERE person = $1 AND state IN (1, 5)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->person);
	if (stmt_row(q, why) && stmt_int(q, 0) >= n->open_max)
		return FAILS(why, ORDERS, "person %" PRId64 " has %" PRId64 " open", n->person, stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

/* What the finance system told is in our books from now on, as a row or as a newer quote; what we have is read again, for it may have changed since it was looked at. */
static bool notice_ready(struct tx *tx, struct order_new *n, int i, struct fail *why)
{
	struct notice *one = &n->notices[i];
	enum notice_put what;
	if (n->is_told[i] && !(one->id == 0 ? notice_put(tx, one, n->now_ms, n->salt, &what, why) : notice_requote(tx, one, n->now_ms, why)))
		return false;
	return notice_refresh(tx, one, why) && notice_payable(one, day_of(n->now_ms), why) &&
	       (one->state == NOTICE_UNPAID || FAILS(why, ORDER_LIVE, "notice %" PRId64 " is %s", one->id, notice_state_text(one->state).at));
}

/* Not beyond the midnight on which a quote ends. */
static int64_t hold_until(const struct order_new *n)
{
	int64_t until = n->now_ms + n->hold_ms;
	for (int i = 0; i < n->count; i++) {
		int64_t midnight = n->notices[i].has_late_on ? day_begins_ms((int32_t)n->notices[i].late_on + 1) : until;
		until = midnight < until ? midnight : until;
	}
	return until;
}

static bool order_insert(struct tx *tx, const struct order *o, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_order (id, key, person, staff, state, total_fen, expires_ms, made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, o->id);
	stmt_bind_blob(q, 2, o->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, o->person);
	if (o->person == 0)
		stmt_bind_null(q, 3);
	stmt_bind_int(q, 4, o->staff);
	if (o->staff == 0)
		stmt_bind_null(q, 4);
	stmt_bind_int(q, 5, o->state);
	stmt_bind_int(q, 6, o->total_fen);
	stmt_bind_int(q, 7, o->expires_ms);
	stmt_bind_int(q, 8, o->made_ms);
	return stmt_run(q, why);
}

static bool holds(struct tx *tx, const struct order *o, int i, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) VALUES ($1, $2, $3, 1)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, o->id);
	stmt_bind_int(q, 2, o->notices[i]);
	stmt_bind_int(q, 3, o->notice_fen[i]);
	return stmt_run(q, why) && notice_move(tx, o->notices[i], NOTICE_LOCKED, o->made_ms, why);
}

bool order_make(struct tx *tx, struct order_new *n, struct order *out, struct fail *why)
{
	assert(n->count >= 1 && n->count <= ORDER_NOTICES_MAX);
	*out = (struct order){ .key = n->key, .person = n->person, .staff = n->staff, .state = ORDER_OPEN, .made_ms = n->now_ms, .changed_ms = n->now_ms, .count = n->count };
	for (int i = 0; i < n->count; i++) {
		if (!notice_ready(tx, n, i, why))
			return false;
		out->notices[i] = n->notices[i].id;
		out->notice_fen[i] = n->notices[i].total_fen;
		out->total_fen += n->notices[i].total_fen;
	}
	out->expires_ms = hold_until(n);
	if (!one_payer(n, why) || !may_have_one_more(tx, n, why) || !tx_next_id(tx, "pay_order", &out->id, why) || !order_insert(tx, out, why))
		return false;
	for (int i = 0; i < n->count; i++)
		if (!holds(tx, out, i, why))
			return false;
	if (out->total_fen > 0)
		return true;
	bool ok = order_move(tx, out, ORDER_PAID, n->now_ms, why); /* there is nothing to wait for */
	out->state = ORDER_PAID;
	return ok;
}

bool order_hold(struct tx *tx, int64_t order, struct fail *why)
{
	return tx_lock_row(tx, "pay_order", order, why);
}

/* ---- holds that are over ---- */

static bool expired(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	_Static_assert(ASIDE_ORDERS == 5, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_order WHERE state = 1 AND expires_ms <= $1"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 5 AND s.subject = pay_order.id AND s.next_ms > $1) ORDER BY expires_ms, id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	return aside_due_read(q, out, why);
}

static bool expire(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	struct order o;
	return order_hold(tx, id, why) && order_read(tx, id, &o, why) && (o.state != ORDER_OPEN || order_move(tx, &o, ORDER_EXPIRED, now_ms, why));
}

bool orders_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct aside_due due;
	*rows = 0;
	if (!expired(tx, now_ms, rows_max, &due, why) || !aside_each(tx, ASIDE_ORDERS, &due, expire, now_ms, why))
		return false;
	*rows = due.count;
	return true;
}
