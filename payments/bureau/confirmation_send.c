/* payments/bureau/confirmation_send.c - why this exists: between our word and the finance system's lies a network, and whatever happens there the row must end with its answer. */
#include "payments/bureau/confirmation_send.h"

#include "base/arena.h"
#include "channels/nontax_answer.h"
#include "payments/aside.h"
#include "payments/bureau/deed.h"

#include <inttypes.h>
#include <stdio.h>

enum { ROW_ARENA_MAX = 4 << 10 };
static const struct str prefix = { "confirmation:", 13 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- there ---- */

/* 0: none is under way. */
static bool effect_put(struct tx *tx, int64_t id, int64_t effect, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_confirmation SET effect = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, effect);
	if (effect == 0)
		stmt_bind_null(q, 1);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

bool confirmation_send(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	char subject[SUBJECT_BYTES_MAX];
	int64_t effect;
	if (!account_is_configured(ACCOUNT_finance))
		return true;
	snprintf(subject, sizeof(subject), "confirmation:%" PRId64, id);
	struct deed d = { .kind = KIND_finance_confirm, .subject = str_c(subject), .confirmation = id };
	return deed_add(tx, &d, now_ms, &effect, why) && effect_put(tx, id, effect, why);
}

/* Rows that a payment's own transaction sent are no longer among them. */
static bool unsent(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	_Static_assert(ASIDE_CONFIRMATIONS == 2, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_confirmation WHERE state = 1 AND effect IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 2 AND s.subject = pay_confirmation.id AND s.next_ms > $1) ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	return aside_due_read(q, out, why);
}

bool confirmations_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct aside_due due;
	*rows = 0;
	if (!account_is_configured(ACCOUNT_finance))
		return true;
	if (!unsent(tx, now_ms, rows_max, &due, why) || !aside_each(tx, ASIDE_CONFIRMATIONS, &due, confirmation_send, now_ms, why))
		return false;
	*rows = due.count;
	return true;
}

/* ---- and back ---- */

static bool answered(struct tx *tx, const struct confirmation *c, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	struct str word = str_c(e->code), number = str_c(e->ref);
	switch (nontax_means(word)) {
	case NONTAX_DONE:    return confirmation_move(tx, c, CONFIRMATION_BOOKED, word, number, now_ms, why);
	case NONTAX_TAKEN:   return confirmation_move(tx, c, CONFIRMATION_SENT, word, number, now_ms, why);
	case NONTAX_REFUSED: return confirmation_move(tx, c, CONFIRMATION_REFUSED, word, number, now_ms, why);
	case NONTAX_DOUBLE:  return confirmation_move(tx, c, CONFIRMATION_DOUBLE, word, number, now_ms, why);
	case NONTAX_AGAIN:   break;
	}
	return effect_put(tx, c->id, 0, why); /* the ladder is over, the row is not: the job sends it again */
}

bool confirmation_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct confirmation c;
	int64_t id = deed_subject(e, prefix);
	arena_init(&a, ROW_ARENA_MAX);
	if (id == 0)
		return true;
	if (!tx_lock_row(tx, "pay_confirmation", id, why) || !confirmation_read(tx, id, &c, &a, why))
		return false;
	if (c.effect != e->id)
		return true; /* the finance system spoke first, or staff has sent another */
	if (e->state == EFFECT_CANCELLED)
		return confirmation_move(tx, &c, CONFIRMATION_REFUSED, STR("cancelled"), STR_NONE, now_ms, why);
	return answered(tx, &c, e, now_ms, why);
}
