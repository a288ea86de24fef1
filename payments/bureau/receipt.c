/* payments/bureau/receipt.c - why this exists: a paper that proves a payment outlives the payment, unless somebody sees to it that it is called back first. */
#include "payments/bureau/receipt.h"

#include "payments/bureau/receipt_send.h"

#include <assert.h>
#include <inttypes.h>

/* ---- states ---- */

#define TO(name) (1u << RECEIPT_IS_##name)
static const struct {
	enum receipt_state number;
	struct str text;
	unsigned may;
} states[] = {
#define STATE(name, number, text, may) { RECEIPT_IS_##name, { text, sizeof(text) - 1 }, may },
#include "payments/bureau/receipt_states.def"
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

struct str receipt_state_text(enum receipt_state s)
{
	return states[state_row(s)].text;
}

bool receipt_refuse_state(const struct receipt *r, struct fail *why)
{
	FAILS(why, RECEIPT_STATE, "receipt %" PRId64 " is %s", r->id, receipt_state_text(r->state).at);
	fail_fact_text(why, "state", receipt_state_text(r->state).at);
	return false;
}

bool receipt_move(struct tx *tx, const struct receipt *r, enum receipt_state to, struct str word, int64_t now_ms, struct fail *why)
{
	if ((states[state_row(r->state)].may & 1u << to) == 0)
		return receipt_refuse_state(r, why);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE pay_receipt SET state = $1, effect = NULL, word = COALESCE($2, word), issued_ms = $3, reversed_ms = $4, changed_ms = $5 WHERE id = $6 AND state = $7", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	stmt_bind_text(q, 2, word);
	stmt_bind_int(q, 3, to == RECEIPT_IS_ISSUED ? now_ms : r->issued_ms);
	stmt_bind_int(q, 4, to == RECEIPT_IS_REVERSED ? now_ms : r->reversed_ms);
	stmt_bind_int(q, 5, now_ms);
	stmt_bind_int(q, 6, r->id);
	stmt_bind_int(q, 7, r->state);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || receipt_refuse_state(r, why));
}

/* ---- reading ---- */

#define RECEIPT_SELECT "SELECT id, confirmation, state, effect, is_unwanted, made_ms, issued_ms, reversed_ms, n, amount_fen FROM pay_receipt"

static void row_take(struct stmt *q, struct receipt *r)
{
	int64_t n[10];
	stmt_ints(q, 0, 10, n);
	*r = (struct receipt){ .id = n[0], .confirmation = n[1], .state = states[state_row(n[2])].number, .effect = n[3], .is_unwanted = n[4] != 0, .made_ms = n[5], .issued_ms = n[6], .reversed_ms = n[7],
		.n = n[8], .amount_fen = n[9] };
}

bool receipt_find(struct tx *tx, int64_t confirmation, struct receipt *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, RECEIPT_SELECT " WHERE confirmation = $1", why);
	*out = (struct receipt){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, confirmation);
	if (stmt_row(q, why))
		row_take(q, out);
	return why->code == FAIL_NONE;
}

bool receipt_read(struct tx *tx, int64_t id, struct receipt *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, RECEIPT_SELECT " WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no receipt %" PRId64, id);
	row_take(q, out);
	return true;
}

/* ---- before money goes back ---- */

bool receipt_hold(struct tx *tx, int64_t notice, struct fail *why)
{
	return tx_lock_row(tx, "receipts of a notice", notice, why);
}

/* A booking that is answered later finds it, for both write the row: no receipt is asked for any more. */
static bool ask_no_more(struct tx *tx, int64_t notice, int64_t now_ms, int64_t *confirmation, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_confirmation SET wants_receipt = 0, changed_ms = $1 WHERE notice = $2 RETURNING id", why);
	*confirmation = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, notice);
	if (stmt_row(q, why))
		*confirmation = stmt_int(q, 0);
	return why->code == FAIL_NONE && (*confirmation == 0 || stmt_run(q, why));
}

/* Before it is read: whoever has it sent again meanwhile has finished then. */
static bool is_unwanted(struct tx *tx, int64_t confirmation, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_receipt SET is_unwanted = 1, changed_ms = $1 WHERE is_unwanted = 0 AND confirmation = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, confirmation);
	return stmt_run(q, why);
}

static bool reverse_one(struct tx *tx, struct receipt *r, int64_t now_ms, struct fail *why)
{
	if (!receipt_move(tx, r, RECEIPT_IS_REVERSING, STR_NONE, now_ms, why))
		return false;
	r->state = RECEIPT_IS_REVERSING;
	return receipt_send(tx, r, now_ms, why);
}

bool receipt_reverse(struct tx *tx, int64_t notice, int64_t now_ms, bool *is_clear, bool *is_stuck, struct fail *why)
{
	struct receipt r;
	int64_t confirmation;
	*is_clear = true;
	*is_stuck = false;
	if (!receipt_hold(tx, notice, why) || !ask_no_more(tx, notice, now_ms, &confirmation, why) || !is_unwanted(tx, confirmation, now_ms, why) ||
	    !receipt_find(tx, confirmation, &r, why))
		return false;
	if (r.id == 0)
		return true;
	*is_clear = r.state == RECEIPT_IS_REVERSED || r.state == RECEIPT_IS_REFUSED;
	*is_stuck = r.state == RECEIPT_IS_NOT_REVERSED;
	return r.state != RECEIPT_IS_ISSUED || reverse_one(tx, &r, now_ms, why);
}
