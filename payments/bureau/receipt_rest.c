/* payments/bureau/receipt_rest.c - why this exists: an e-receipt is reversed whole, so whoever got a part of his money back has a paper for none of what he paid, until there is a new one for the rest. */
#include "payments/bureau/receipt.h"

#include "payments/bureau/confirmation.h"
#include "payments/bureau/receipt_send.h"

static bool is_asked_for = true;

void receipts_compose(bool rest_is_asked_for)
{
	is_asked_for = rest_is_asked_for;
}

struct rest {
	int64_t confirmation;          /* 0: no money came for it */
	bool is_booked;
	int64_t left_fen, under_way;
};

/* The finance system's books have what was paid; less what went back, it is the payer's net. */
static bool rest_read(struct tx *tx, int64_t notice, struct rest *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT c.id, c.state, c.amount_fen - CAST(COALESCE((SELECT SUM(r.amount_fen) FROM pay_refund r WHERE r.notice = c.notice AND r.state = 6), 0) AS BIGINT),"
		" (SELECT COUNT(*) FROM pay_refund r WHERE r.notice = c.notice AND r.state IN (3, 4, 5, 7)) FROM pay_confirmation c WHERE c.notice = $1", why);
	int64_t n[4];
	*out = (struct rest){ .confirmation = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, notice);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	stmt_ints(q, 0, 4, n);
	*out = (struct rest){ n[0], n[1] == CONFIRMATION_BOOKED, n[2], n[3] };
	return true;
}

bool receipt_left(struct tx *tx, int64_t confirmation, int64_t *fen, struct fail *why)
{
	struct rest r;
	int64_t notice = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT notice FROM pay_confirmation WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, confirmation);
		if (stmt_row(q, why))
			notice = stmt_int(q, 0);
	}
	if (why->code != FAIL_NONE || !rest_read(tx, notice, &r, why))
		return false;
	*fen = r.left_fen;
	return true;
}

static bool is_wanted_again(struct tx *tx, int64_t confirmation, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_confirmation SET wants_receipt = 1, changed_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, confirmation);
	return stmt_run(q, why);
}

/* ---- a new paper ---- */

static bool past_keep(struct tx *tx, const struct receipt *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_receipt_past (receipt, n, code, number, check_code, red_code, red_number, amount_fen, issued_ms, reversed_ms)"
		" SELECT id, n, code, number, check_code, red_code, red_number, amount_fen, issued_ms, reversed_ms FROM pay_receipt WHERE id = $1 AND code IS NOT NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->id);
	return stmt_run(q, why);
}

static bool paper_begin(struct tx *tx, const struct receipt *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_receipt SET n = $1, amount_fen = $2, word = '', code = NULL, number = NULL, check_code = '', link = $3, red_code = '', red_number = '',"
		" is_unwanted = 0, issued_ms = 0, reversed_ms = 0 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->n);
	stmt_bind_int(q, 2, r->amount_fen);
	stmt_bind_blob(q, 3, "", 0);
	stmt_bind_int(q, 4, r->id);
	return stmt_run(q, why);
}

/* One that nobody would issue is asked for anew too: for what it should be of now. */
static bool renew(struct tx *tx, struct receipt *r, int64_t left_fen, int64_t now_ms, struct fail *why)
{
	if (r->state != RECEIPT_IS_REVERSED && r->state != RECEIPT_IS_REFUSED)
		return true; /* it was asked for before */
	if (!past_keep(tx, r, why) || !receipt_move(tx, r, RECEIPT_IS_ASKED, STR_NONE, now_ms, why))
		return false;
	r->state = RECEIPT_IS_ASKED;
	r->n++;
	r->amount_fen = left_fen;
	r->is_unwanted = false;
	return paper_begin(tx, r, why) && receipt_send(tx, r, now_ms, why);
}

bool receipt_rest(struct tx *tx, int64_t notice, int64_t now_ms, struct fail *why)
{
	struct rest rest;
	struct receipt r;
	if (!receipt_hold(tx, notice, why) || !rest_read(tx, notice, &rest, why))
		return false;
	if (rest.confirmation == 0 || rest.under_way > 0 || rest.left_fen == 0 || !is_asked_for)
		return true;
	/* read again behind that row: whoever books it meanwhile saw that none was wanted */
	if (!is_wanted_again(tx, rest.confirmation, now_ms, why) || !rest_read(tx, notice, &rest, why) || !receipt_find(tx, rest.confirmation, &r, why))
		return false;
	if (r.id != 0)
		return renew(tx, &r, rest.left_fen, now_ms, why);
	return !rest.is_booked || receipt_ask(tx, rest.confirmation, now_ms, why); /* else when it is booked */
}
