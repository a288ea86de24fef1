/* services/money/refund_push.c - what nobody asks for and must go on all the same: receipts that are being reversed are asked after, money is sent, the channel is asked, and whoever gets it is
 * told of each step. A job's bite. */
#include "auth/keyring.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "notify/message.h"
#include "payments/fen.h"
#include "services/money/refunding.h"

enum { ARENA_MAX = 64 << 10, ABOUT_MAX = 120 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* What she hears of when it is there; of states that only we see, nothing. */
static enum message_template words_for(const struct refund *f)
{
	switch (f->state) {
	case REFUND_ASKED:
		return 0; /* she asked herself */
	case REFUND_REVIEWED:
		return f->asker == REFUND_ASKED_BY_PERSON ? TEMPLATE_refund_reviewed : TEMPLATE_refund_asked;
	case REFUND_RED_RECEIPT:
		return TEMPLATE_refund_approved;
	case REFUND_SENT:
		if (f->told == REFUND_RED_RECEIPT || f->told == REFUND_UNKNOWN || f->told == REFUND_ABNORMAL)
			return f->path == REFUND_BY_COUNTER && f->told == REFUND_RED_RECEIPT ? TEMPLATE_refund_counter : 0;
		return f->path == REFUND_BY_COUNTER ? TEMPLATE_refund_counter : TEMPLATE_refund_approved;
	case REFUND_DONE:
		return TEMPLATE_refund_done;
	case REFUND_REFUSED:
		return TEMPLATE_refund_refused;
	case REFUND_CLOSED:
		return TEMPLATE_refund_closed;
	case REFUND_WITHDRAWN:
		return f->asker == REFUND_ASKED_BY_PERSON ? 0 : TEMPLATE_refund_withdrawn; /* she did it herself */
	default:
		return 0;
	}
}

/* Of odd money nobody can say more than that it is a payment. */
static bool about(struct tx *tx, const struct refund *f, struct str *out, struct arena *a, struct fail *why)
{
	*out = STR("无法入账的缴款");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT unit_name FROM pay_notice WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->notice);
	if (stmt_row(q, why))
		*out = str_copy(a, stmt_text(q, 0));
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "a message about a refund"));
}

static bool tell(struct tx *tx, const struct refund *f, int64_t now_ms, struct arena *a, struct fail *why)
{
	char yuan[FEN_TEXT_BYTES];
	uint8_t random[SHA256_BYTES];
	const int64_t numbers[] = { f->id, f->state };
	const struct str part = { (const char *)numbers, sizeof(numbers) };
	struct payment_news n = { .person = f->person, .payment = f->id, .template = words_for(f), .yuan = { yuan, fen_yuan(f->fen, yuan) } };
	if (n.template == 0)
		return true;
	keyring_index("refund.message", &part, 1, random);
	return about(tx, f, &n.unit, a, why) && message_payment(tx, &n, now_ms, random, a, why);
}

static bool push(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct refund f = { .id = id };
	arena_init(&a, ARENA_MAX);
	if (!refund_hold(tx, &f, &a, why))
		return false;
	if (f.next_ms == 0 || f.next_ms > now_ms)
		return true; /* somebody was quicker */
	if (f.person == 0 || f.told == f.state)
		return refund_advance(tx, &f, now_ms, &a, why);
	if (!tell(tx, &f, now_ms, &a, why))
		return false;
	f.next_ms = refund_next_ms(&f, now_ms);
	return refund_heard_of(tx, &f, why);
}

bool refunds_push(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct aside_due due;
	*rows = 0;
	if (!refund_due(tx, now_ms, rows_max, &due, why) || !aside_each(tx, ASIDE_REFUNDS, &due, push, now_ms, why))
		return false;
	*rows = due.count;
	return true;
}

/* ---- what waits for staff ---- */

enum { KINDS = ODD_UNKNOWN_ORDER, SHOWN = 2 };
static const enum refund_state shown[SHOWN] = { REFUND_UNKNOWN, REFUND_ABNORMAL };

void money_watch_open(void)
{
	aside_watch_open();
	for (int k = 1; k <= KINDS; k++)
		metric_label(M_odd_money, k, odd_kind_row(k)->text.at);
	for (int i = 0; i < SHOWN; i++)
		metric_label(M_refunds_shown, i, refund_state_text(shown[i]).at);
}

static bool odd_count(struct tx *tx, struct fail *why)
{
	int64_t count[KINDS + 1] = { 0 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, COUNT(*) FROM pay_odd WHERE state = 1 GROUP BY kind", why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why))
		count[stmt_int(q, 0)] = stmt_int(q, 1);
	for (int k = 1; k <= KINDS && why->code == FAIL_NONE; k++)
		metric_set(M_odd_money, k, count[k]);
	return why->code == FAIL_NONE;
}

static bool shown_count(struct tx *tx, struct fail *why)
{
	for (int i = 0; i < SHOWN; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM pay_refund WHERE state = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, shown[i]);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, STORE, "no count of refunds");
		metric_set(M_refunds_shown, i, stmt_int(q, 0));
	}
	return true;
}

bool money_watch(struct tx *tx, int64_t now_ms, struct fail *why)
{
	return odd_count(tx, why) && shown_count(tx, why) && aside_watch(tx, now_ms, why);
}
