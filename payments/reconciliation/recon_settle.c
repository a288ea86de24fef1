/* payments/reconciliation/recon_settle.c - why the difference to what is posted is posted: a corrected statement must move only what it corrects, and the same one nothing. */
#include "payments/reconciliation/recon_settle.h"

#include "payments/ledger/ledger.h"

#include <string.h>

struct posted {
	struct recon_settled_row rows[RECON_SETTLED_MAX];
	int count;
	int64_t step; /* the last one taken, of any row, posted back or not */
};

/* One account's money of one channel: what is new of it, and what of that is not posted yet. */
struct moving {
	const struct recon_claim *claim;
	const struct recon_settled_row *of;
	int64_t lines[BILL_BUSINESSES], fen[BILL_BUSINESSES], more_fen[BILL_BUSINESSES];
	bool has[BILL_BUSINESSES], is_other;
	int64_t step, now_ms;
};

static bool step_read(struct tx *tx, const struct recon_claim *c, struct posted *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(step), 0) FROM recon_settlement WHERE day = $1 AND source = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->day);
	stmt_bind_int(q, 2, c->source);
	if (stmt_row(q, why))
		p->step = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* Without those that were posted back: corrections leave any number of them, and a statement has no more than RECON_SETTLED_MAX. */
static bool posted_read(struct tx *tx, const struct recon_claim *c, struct posted *p, struct fail *why)
{
	p->count = 0;
	p->step = 0;
	if (!step_read(tx, c, p, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT channel, business, lines, fen, merchant, account FROM recon_settlement WHERE day = $1 AND source = $2 AND (lines <> 0 OR fen <> 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->day);
	stmt_bind_int(q, 2, c->source);
	while (stmt_row(q, why)) {
		int64_t n[4];
		stmt_ints(q, 0, 4, n);
		if (p->count == RECON_SETTLED_MAX || n[1] < 0 || n[1] >= BILL_BUSINESSES)
			return FAILS(why, STORE, "settlement %d of run %lld, of business %lld", p->count, (long long)c->id, (long long)n[1]);
		struct recon_settled_row *r = &p->rows[p->count++];
		*r = (struct recon_settled_row){ .channel = n[0], .business = n[1], .lines = n[2], .fen = n[3] };
		recon_settled_text(r->merchant, stmt_text(q, 4));
		recon_settled_text(r->account, stmt_text(q, 5));
	}
	return why->code == FAIL_NONE;
}

static bool row_put(struct tx *tx, const struct moving *m, int64_t business, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_settlement (day, source, channel, business, lines, fen, step, merchant, account) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
		" ON CONFLICT (day, source, channel, merchant, account, business) DO UPDATE SET lines = excluded.lines, fen = excluded.fen, step = excluded.step", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { m->claim->day, m->claim->source, m->of->channel, business, m->lines[business], m->fen[business], m->step };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_text(q, 8, str_c(m->of->merchant));
	stmt_bind_text(q, 9, str_c(m->of->account));
	return stmt_run(q, why);
}

/* ---- the ledger ---- */

enum { LEGS_MAX = 3 };
struct leg {
	enum ledger_kind kind;
	int64_t fen;
};

static bool post(struct tx *tx, const struct moving *m, enum ledger_cause cause, const struct leg legs[LEGS_MAX], struct fail *why)
{
	struct ledger_posting postings[LEGS_MAX];
	int count = 0;
	int64_t journal;
	bool is_new;
	for (int i = 0; i < LEGS_MAX; i++) {
		struct ledger_account a = { .kind = legs[i].kind, .channel = m->of->channel };
		if (legs[i].fen == 0)
			continue;
		if (legs[i].fen > LEDGER_FEN_MAX || legs[i].fen < -LEDGER_FEN_MAX)
			return FAILS(why, IMPORT, "a statement with more than any account may hold");
		postings[count].fen = legs[i].fen;
		if (!ledger_account(tx, &a, m->now_ms, &postings[count++].account, why))
			return false;
	}
	struct ledger_journal j = { .cause = cause, .subject = m->claim->id, .step = m->step, .now_ms = m->now_ms, .postings = postings, .count = count };
	return count == 0 || ledger_post(tx, &j, &journal, &is_new, why);
}

static bool move(struct tx *tx, const struct moving *m, struct fail *why)
{
	const int64_t *more = m->more_fen;
	int64_t came = more[BILL_TRADE] + more[BILL_BACK], kept = -(more[BILL_FEE] + more[BILL_FEE_BACK]), gone = more[BILL_WITHDRAWN], other = more[BILL_OTHER];
	enum ledger_kind bearer = m->claim->source == BILL_WECHAT_FUND ? LEDGER_BANK : LEDGER_CHANNEL; /* whose account it was taken from */
	return post(tx, m, LEDGER_FOR_SETTLEMENT, (struct leg[LEGS_MAX]){ { LEDGER_BANK, came }, { LEDGER_CHANNEL, -came } }, why) &&
	       post(tx, m, LEDGER_FOR_FEE, (struct leg[LEGS_MAX]){ { LEDGER_FEE, kept }, { bearer, -kept } }, why) &&
	       post(tx, m, LEDGER_FOR_TRANSFER, (struct leg[LEGS_MAX]){ { LEDGER_BANK, gone + other }, { LEDGER_TRANSIT, -gone }, { LEDGER_OTHER, -other } }, why);
}

/* ---- account by account ---- */

static bool is_one_account(const struct recon_settled_row *a, const struct recon_settled_row *b)
{
	return a->channel == b->channel && strcmp(a->merchant, b->merchant) == 0 && strcmp(a->account, b->account) == 0;
}

/* Is there a row before `nth` of the same account? */
static bool was_before(const struct recon_settled_row *rows, int nth, const struct recon_settled_row *of)
{
	for (int i = 0; i < nth; i++)
		if (is_one_account(&rows[i], of))
			return true;
	return false;
}

static void sum_up(struct moving *m, const struct recon_settled *now, const struct posted *then)
{
	int same = 0, all = 0;
	for (int i = 0; i < now->count; i++) {
		const struct recon_settled_row *r = &now->rows[i];
		if (!is_one_account(r, m->of))
			continue;
		m->has[r->business] = true;
		m->lines[r->business] = r->lines;
		m->fen[r->business] = m->more_fen[r->business] = r->fen;
		all++;
	}
	for (int i = 0; i < then->count; i++) {
		const struct recon_settled_row *r = &then->rows[i];
		if (!is_one_account(r, m->of))
			continue;
		same += m->has[r->business] && m->lines[r->business] == r->lines && m->fen[r->business] == r->fen;
		all += !m->has[r->business] && (r->lines != 0 || r->fen != 0);
		m->has[r->business] = true;
		m->more_fen[r->business] -= r->fen;
	}
	m->is_other = same != all;
}

static bool account(struct tx *tx, const struct recon_claim *c, const struct recon_settled_row *of, const struct recon_settled *now, struct posted *then, int64_t now_ms, struct fail *why)
{
	struct moving m = { .claim = c, .of = of, .step = then->step + 1, .now_ms = now_ms };
	sum_up(&m, now, then);
	if (!m.is_other)
		return true;
	then->step++;
	for (int b = 0; b < BILL_BUSINESSES; b++)
		if (m.has[b] && !row_put(tx, &m, b, why))
			return false;
	return move(tx, &m, why);
}

/* ---- what an account's flow says of itself ---- */

static bool flows_forget(struct tx *tx, const struct recon_claim *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM recon_flow WHERE day = $1 AND source = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->day);
	stmt_bind_int(q, 2, c->source);
	return stmt_run(q, why);
}

static bool flow_put(struct tx *tx, const struct recon_claim *c, const struct recon_flow *f, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_flow (day, source, lines, opening_fen, moved_fen, closing_fen, breaks, account) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (day, source, account) DO UPDATE SET lines = excluded.lines, opening_fen = excluded.opening_fen, moved_fen = excluded.moved_fen, closing_fen = excluded.closing_fen,"
		" breaks = excluded.breaks", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { c->day, c->source, f->lines, f->opening_fen, f->moved_fen, f->closing_fen, f->breaks };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_text(q, 8, str_c(f->account));
	return stmt_run(q, why);
}

/* A flow without a line says nothing of a balance. */
static bool flows_put(struct tx *tx, const struct recon_claim *c, const struct recon_settled *now, struct fail *why)
{
	if (!flows_forget(tx, c, why))
		return false;
	for (int i = 0; i < now->flow_count; i++)
		if (now->flows[i].lines > 0 && !flow_put(tx, c, &now->flows[i], why))
			return false;
	return true;
}

bool recon_settle(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why)
{
	const struct recon_settled *now = &r->settled;
	struct posted then;
	if (!r->has_statement)
		return true;
	if (!posted_read(tx, c, &then, why))
		return false;
	for (int i = 0; i < now->count; i++)
		if (!was_before(now->rows, i, &now->rows[i]) && !account(tx, c, &now->rows[i], now, &then, now_ms, why))
			return false;
	for (int i = 0; i < then.count; i++) /* those that are in it no more */
		if (!was_before(then.rows, i, &then.rows[i]) && !was_before(now->rows, now->count, &then.rows[i]) && !account(tx, c, &then.rows[i], now, &then, now_ms, why))
			return false;
	return flows_put(tx, c, now, why);
}
