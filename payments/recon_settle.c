/* payments/recon_settle.c - why the difference to what is posted is posted: a corrected fund flow must move only what it corrects, and the same one nothing. */
#include "payments/recon_settle.h"

#include "payments/ledger.h"

struct posted {
	int64_t lines[BILL_BUSINESSES], fen[BILL_BUSINESSES], step;
};

static bool posted_read(struct tx *tx, const struct recon_claim *c, struct posted *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT business, lines, fen, step FROM recon_settlement WHERE source = $1 AND day = $2", why);
	*p = (struct posted){ .step = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->source);
	stmt_bind_int(q, 2, c->day);
	while (stmt_row(q, why)) {
		int64_t business = stmt_int(q, 0);
		if (business < 0 || business >= BILL_BUSINESSES)
			return FAILS(why, STORE, "a settlement of business %lld", (long long)business);
		p->lines[business] = stmt_int(q, 1);
		p->fen[business] = stmt_int(q, 2);
		p->step = stmt_int(q, 3) > p->step ? stmt_int(q, 3) : p->step;
	}
	return why->code == FAIL_NONE;
}

static bool row_put(struct tx *tx, const struct recon_claim *c, int64_t business, const struct recon_settled *s, int64_t step, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_settlement (source, day, business, lines, fen, step) VALUES ($1, $2, $3, $4, $5, $6)"
		" ON CONFLICT (source, day, business) DO UPDATE SET lines = excluded.lines, fen = excluded.fen, step = excluded.step", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->source, c->day, business, s->lines, s->fen, step };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

static bool move(struct tx *tx, const struct recon_claim *c, enum ledger_cause cause, int64_t step, enum ledger_kind from, enum ledger_kind to, int64_t fen, int64_t now_ms,
		 struct fail *why)
{
	struct ledger_account accounts[] = { { .kind = to, .channel = PAY_BY_WECHAT }, { .kind = from, .channel = PAY_BY_WECHAT } };
	struct ledger_posting postings[] = { { .fen = fen }, { .fen = -fen } };
	int64_t journal;
	bool is_new;
	if (fen == 0)
		return true;
	for (int i = 0; i < 2; i++)
		if (!ledger_account(tx, &accounts[i], now_ms, &postings[i].account, why))
			return false;
	struct ledger_journal j = { .cause = cause, .subject = c->id, .step = step, .now_ms = now_ms, .postings = postings, .count = 2 };
	return ledger_post(tx, &j, &journal, &is_new, why);
}

bool recon_settle(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why)
{
	struct posted p;
	bool is_other = false;
	int64_t more[BILL_BUSINESSES];
	if (c->source != BILL_WECHAT_FUND || !r->has_statement)
		return true;
	if (!posted_read(tx, c, &p, why))
		return false;
	for (int i = 0; i < BILL_BUSINESSES; i++) {
		more[i] = r->settled[i].fen - p.fen[i];
		is_other = is_other || more[i] != 0 || r->settled[i].lines != p.lines[i];
	}
	if (!is_other)
		return true;
	for (int i = 0; i < BILL_BUSINESSES; i++)
		if ((r->settled[i].lines != 0 || p.lines[i] != 0) && !row_put(tx, c, i, &r->settled[i], p.step + 1, why))
			return false;
	return move(tx, c, LEDGER_FOR_SETTLEMENT, p.step + 1, LEDGER_CHANNEL, LEDGER_BANK, more[BILL_TRADE] + more[BILL_BACK], now_ms, why) &&
	       move(tx, c, LEDGER_FOR_FEE, p.step + 1, LEDGER_BANK, LEDGER_FEE, -(more[BILL_FEE] + more[BILL_FEE_BACK]), now_ms, why);
}
