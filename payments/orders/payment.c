/* payments/orders/payment.c - why this exists: "paid" must be said by the order, its notices and the ledger at the same moment, or by none of them. */
#include "payments/orders/payment.h"

#include "base/arena.h"
#include "payments/bureau/confirmation.h"
#include "payments/orders/odd_money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { POSTINGS = LEDGER_POSTINGS_MAX };

struct posting_list {
	struct ledger_posting at[POSTINGS];
	int count;
};

static void put(struct posting_list *l, int64_t account, int64_t fen)
{
	for (int i = 0; i < l->count; i++)
		if (l->at[i].account == account) {
			l->at[i].fen += fen;
			return;
		}
	assert(l->count < POSTINGS && "ORDER_NOTICES_MAX notices of NOTICE_ITEMS_MAX items do not fit");
	l->at[l->count++] = (struct ledger_posting){ account, fen };
}

/* What one notice brings each item. Late money is the first item's: nobody tells it apart by items. */
static bool notice_post(struct tx *tx, const struct notice *n, int64_t late_fen, int64_t now_ms, struct posting_list *l, struct fail *why)
{
	for (int i = 0; i < n->count; i++) {
		int64_t account, fen = n->items[i].fen + (i == 0 ? late_fen : 0);
		struct ledger_account income = { .kind = LEDGER_INCOME, .division = n->division, .unit = n->unit, .item = n->items[i].item };
		if (fen == 0)
			continue;
		if (!ledger_account(tx, &income, now_ms, &account, why))
			return false;
		put(l, account, -fen);
	}
	return true;
}

/* Where the money is taken from, and why: the channel that has just got it; or suspense, where it has lain. */
struct source {
	struct ledger_account account;
	enum ledger_cause cause;
	int64_t subject, now_ms;
};

static bool post(struct tx *tx, const struct order *o, const struct payment *p, const struct source *from, struct arena *a, int64_t *journal, struct fail *why)
{
	struct posting_list list = { .count = 0 };
	int64_t account;
	bool is_new;
	struct notice n;
	if (!ledger_account(tx, &from->account, from->now_ms, &account, why))
		return false;
	put(&list, account, p->fen);
	for (int i = 0; i < o->count; i++)
		if (!notice_read(tx, o->notices[i], &n, a, why) || !notice_post(tx, &n, o->notice_fen[i] - n.amount_fen, from->now_ms, &list, why))
			return false;
	struct ledger_journal j = { .cause = from->cause, .subject = from->subject, .now_ms = from->now_ms, .postings = list.at, .count = list.count };
	return ledger_post(tx, &j, journal, &is_new, why);
}

static bool nobody_has(struct tx *tx, const char *sql, const struct payment *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->channel);
	stmt_bind_text(q, 2, p->reference);
	if (stmt_row(q, why))
		return FAILS(why, PAYMENT_REFERENCE, "payment or odd money %" PRId64 " has that number", stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

/* What lies in suspense is not taken a second time from the channel: two people take it out of there. */
static bool reference_is_free(struct tx *tx, const struct payment *p, const struct source *from, struct fail *why)
{
	if (p->reference.at == NULL)
		return true;
	return payment_number_hold(tx, p->channel, p->reference, why) && nobody_has(tx, "SELECT id FROM pay_payment WHERE channel = $1 AND reference = $2", p, why) &&
	       (from->account.kind == LEDGER_SUSPENSE || nobody_has(tx, "SELECT id FROM pay_odd WHERE channel = $1 AND reference = $2", p, why));
}

static bool insert(struct tx *tx, const struct payment *p, int64_t journal, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_payment (id, pay_order, channel, reference, amount_fen, journal, taken_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->id);
	stmt_bind_int(q, 2, p->order);
	stmt_bind_int(q, 3, p->channel);
	stmt_bind_text(q, 4, p->reference);
	stmt_bind_int(q, 5, p->fen);
	stmt_bind_int(q, 6, journal);
	stmt_bind_int(q, 7, p->taken_ms);
	return stmt_run(q, why);
}

static bool take(struct tx *tx, const struct order *o, struct payment *p, struct source *from, struct arena *a, struct fail *why)
{
	int64_t journal;
	if (p->fen != o->total_fen || p->fen == 0) {
		FAILS(why, PAYMENT_AMOUNT, "order %" PRId64 " is of another amount", o->id);
		fail_fact_number(why, "total_fen", o->total_fen);
		return false;
	}
	if (!order_move(tx, o, ORDER_PAID, from->now_ms, why) || !reference_is_free(tx, p, from, why) || !tx_next_id(tx, "pay_payment", &p->id, why))
		return false;
	if (from->subject == 0)
		from->subject = p->id;
	return post(tx, o, p, from, a, &journal, why) && insert(tx, p, journal, why) && confirmation_make(tx, p, o, from->now_ms, why);
}

bool payment_number_hold(struct tx *tx, enum pay_channel channel, struct str reference, struct fail *why)
{
	char name[PAYMENT_REFERENCE_MAX + 32];
	assert(reference.len <= PAYMENT_REFERENCE_MAX);
	snprintf(name, sizeof(name), "%d:%.*s", (int)channel, STR_ARG(reference));
	return tx_lock(tx, "money", str_c(name), why);
}

bool payment_take_late(struct tx *tx, const struct order *o, enum pay_channel channel, struct str reference, int64_t fen, int64_t came_ms, int64_t now_ms, struct arena *a,
		       int64_t *id, struct fail *why)
{
	struct payment p = { .order = o->id, .channel = channel, .reference = reference, .fen = fen, .taken_ms = came_ms };
	struct source from = { { .kind = LEDGER_CHANNEL, .channel = channel }, LEDGER_FOR_PAYMENT, 0, now_ms };
	return take(tx, o, &p, &from, a, why) && (*id = p.id) != 0;
}

bool payment_take(struct tx *tx, const struct order *o, enum pay_channel channel, struct str reference, int64_t fen, int64_t now_ms, struct arena *a, int64_t *id,
		  struct fail *why)
{
	return payment_take_late(tx, o, channel, reference, fen, now_ms, now_ms, a, id, why);
}

bool payment_take_odd(struct tx *tx, const struct order *o, const struct odd_row *odd, int64_t now_ms, struct arena *a, int64_t *id, struct fail *why)
{
	const struct odd_money *m = &odd->money;
	struct payment p = { .order = o->id, .channel = m->channel, .reference = m->reference, .fen = m->fen, .taken_ms = m->came_ms };
	struct source from = { { .kind = LEDGER_SUSPENSE, .channel = m->channel, .division = m->division }, LEDGER_FOR_APPLY, odd->id, now_ms };
	return take(tx, o, &p, &from, a, why) && (*id = p.id) != 0;
}

bool payment_find(struct tx *tx, int64_t order, struct payment *p, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, channel, reference, amount_fen, taken_ms FROM pay_payment WHERE pay_order = $1", why);
	*p = (struct payment){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, order);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*p = (struct payment){ stmt_int(q, 0), order, (enum pay_channel)stmt_int(q, 1), stmt_is_null(q, 2) ? STR_NONE : str_copy(a, stmt_text(q, 2)), stmt_int(q, 3), stmt_int(q, 4) };
	return !a->refused || FAILS(why, MEMORY, "a payment's number");
}
