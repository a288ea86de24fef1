/* payments/reconciliation/recon_run.c - why rounds are counted: two may hold the same day beside our books, and the older one must not have the last word. */
#include "payments/reconciliation/recon_run.h"

#include "payments/attempts/stray.h"

#include <inttypes.h>

enum { AGAIN_FIRST_MS = 30000, AGAIN_MAX_MS = 1800000, SOON_MS = 2000 /* for the next of its kind */, REASON_MAX = 64 };
enum { AROUND = 3 };
#define OPEN_DAYS 10

struct str recon_run_state_text(int64_t state)
{
	static const char *const texts[] = { "", "asked", "under_way", "done", "no_statement" };
	return str_c(texts[state >= 1 && state <= 4 ? state : 0]);
}

static const char *const item_states[] = { "", "open", "queued", "settled", "gone" };

struct str recon_item_state_text(int64_t state)
{
	return str_c(item_states[state >= 1 && state <= 4 ? state : 0]);
}

int64_t recon_item_state_named(struct str text)
{
	for (int i = 1; i <= 4; i++)
		if (str_eq(str_c(item_states[i]), text))
			return i;
	return 0;
}

static bool run_with(struct tx *tx, const char *sql, const int64_t *numbers, int count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

/* ---- asking ---- */

bool recon_ask(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why)
{
	int64_t id;
	return tx_next_id(tx, "recon_run", &id, why) &&
	       run_with(tx, "INSERT INTO recon_run (id, source, day, state, round, due_ms, tries, reason, ours, theirs, matched, differences, asked_ms, ended_ms)"
			    " VALUES ($1, $2, $3, 1, 1, $4, 0, '', 0, 0, 0, 0, $4, 0) ON CONFLICT (source, day) DO UPDATE SET state = 1, round = recon_run.round + 1, due_ms = excluded.due_ms,"
			    " tries = 0, reason = '', asked_ms = excluded.asked_ms", (int64_t[]){ id, source, day, now_ms }, 4, why);
}

bool recon_ask_soon(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why)
{
	return run_with(tx, "UPDATE recon_run SET state = 1, round = round + 1, due_ms = $1, tries = 0, reason = '', asked_ms = $2 WHERE source = $3 AND day = $4 AND state IN (2, 3, 4)",
			(int64_t[]){ now_ms + SOON_MS, now_ms, source, day }, 4, why);
}

bool recon_ask_day_soon(struct tx *tx, int64_t day, int64_t now_ms, struct fail *why)
{
	return run_with(tx, "UPDATE recon_run SET state = 1, round = round + 1, due_ms = $1, tries = 0, reason = '', asked_ms = $2 WHERE day = $3 AND state IN (2, 3)",
			(int64_t[]){ now_ms + SOON_MS, now_ms, day }, 3, why);
}

bool recon_ask_around(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, struct fail *why)
{
	if (source == BILL_FINANCE && !recon_ask(tx, BILL_RECEIPTS, day, now_ms, why))
		return false;
	return recon_ask(tx, source, day, now_ms, why) &&
	       run_with(tx, "UPDATE recon_run SET state = 1, round = round + 1, due_ms = $1, tries = 0, reason = '', asked_ms = $1 WHERE source = $2 AND day BETWEEN $3 AND $4 AND day <> $5 AND state = 3",
			(int64_t[]){ now_ms, source, day - AROUND, day + AROUND, day }, 5, why);
}

/* When it was asked for stays: by that, the job itself ends. */
bool recon_ask_open(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	bool ok = run_with(tx, "UPDATE recon_run SET state = 1, round = round + 1, due_ms = $1, tries = 0, reason = '' WHERE id IN (SELECT r.id FROM recon_run r"
		" WHERE r.state = 3 AND r.ended_ms < $2 AND r.asked_ms > $3 AND EXISTS (SELECT 1 FROM recon_item i WHERE i.source = r.source AND i.day = r.day AND i.state = 1)"
		" ORDER BY r.id LIMIT $4)", (int64_t[]){ now_ms, now_ms - 1800000, now_ms - OPEN_DAYS * INT64_C(86400000), rows_max }, 4, why);
	*rows = ok ? tx_changes(tx) : 0;
	return ok;
}

/* ---- doing ---- */

bool recon_is_due(struct tx *tx, int64_t now_ms, bool *is, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM recon_run WHERE state IN (1, 2) AND due_ms <= $1 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	*is = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool recon_claim(struct tx *tx, int64_t now_ms, struct recon_claim *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE recon_run SET state = 2, due_ms = $1 WHERE id = (SELECT id FROM recon_run WHERE state IN (1, 2) AND due_ms <= $2 ORDER BY due_ms, id"
		" LIMIT 1 /* postgres: FOR UPDATE SKIP LOCKED */) RETURNING id, source, day, round, tries", why);
	*out = (struct recon_claim){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms + RECON_CLAIM_MS);
	stmt_bind_int(q, 2, now_ms);
	if (stmt_row(q, why))
		*out = (struct recon_claim){ .id = stmt_int(q, 0), .source = (enum bill_source)stmt_int(q, 1), .day = stmt_int(q, 2), .round = stmt_int(q, 3), .tries = stmt_int(q, 4) };
	return why->code == FAIL_NONE;
}

/* Its own row is where two rounds meet: what follows in this transaction is of a round that nobody has begun anew. It is alive, too. */
static bool still_ours(struct tx *tx, const struct recon_claim *c, int64_t now_ms, struct fail *why)
{
	return run_with(tx, "UPDATE recon_run SET due_ms = $1 WHERE id = $2 AND round = $3 AND state = 2", (int64_t[]){ now_ms + RECON_CLAIM_MS, c->id, c->round }, 3, why) &&
	       (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "run %" PRId64 " has a newer round", c->id));
}

static bool item_keep(struct tx *tx, const struct recon_claim *c, const struct recon_found *d, int64_t now_ms, struct fail *why)
{
	int64_t id;
	if (!tx_next_id(tx, "recon_item", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO recon_item (id, source, day, side, number, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, proposal, round, first_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, $14, $15, $15) ON CONFLICT (source, day, side, number) DO UPDATE SET"
		" state = CASE WHEN recon_item.state = 3 AND recon_item.kind = excluded.kind AND recon_item.ours_fen = excluded.ours_fen AND recon_item.theirs_fen = excluded.theirs_fen"
		" THEN 3 WHEN recon_item.state = 3 AND recon_item.action = 1 AND excluded.state = 2 THEN 3 ELSE excluded.state END,"
		" changed_ms = CASE WHEN recon_item.kind = excluded.kind AND recon_item.ours_fen = excluded.ours_fen AND recon_item.theirs_fen = excluded.theirs_fen"
		" AND recon_item.state IN (excluded.state, 3) THEN recon_item.changed_ms ELSE excluded.changed_ms END,"
		" kind = excluded.kind, ours = excluded.ours, ours_fen = excluded.ours_fen, theirs_fen = excluded.theirs_fen, line = excluded.line, division = excluded.division,"
		" at_ms = excluded.at_ms, round = excluded.round", why);
	if (q == NULL)
		return false;
	const int64_t before[] = { id, c->source, c->day, d->side };
	const int64_t after[] = { d->kind, d->ours, d->ours_fen, d->theirs_fen, d->line, d->division, d->at_ms, d->queued ? RECON_ITEM_QUEUED : RECON_ITEM_OPEN, c->round, now_ms };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, before[i]);
	stmt_bind_text(q, 5, str_c(d->number));
	for (int i = 0; i < 10; i++)
		stmt_bind_int(q, i + 6, after[i]);
	return stmt_run(q, why);
}

bool recon_items_keep(struct tx *tx, const struct recon_claim *c, const struct recon_found *found, int64_t count, int64_t now_ms, struct fail *why)
{
	if (!still_ours(tx, c, now_ms, why))
		return false;
	for (int64_t i = 0; i < count; i++) {
		const struct recon_found *d = &found[i];
		const struct stray s = { (enum pay_channel)d->channel, str_c(d->order_no), str_c(d->number), c->source, c->day };
		if (!item_keep(tx, c, d, now_ms, why) || (d->channel != 0 && !stray_found(tx, &s, now_ms, why)))
			return false;
	}
	return true;
}

bool recon_items_clear(struct tx *tx, const struct recon_claim *c, int64_t rows_max, int64_t now_ms, int64_t *rows, struct fail *why)
{
	bool ok = still_ours(tx, c, now_ms, why) &&
		  run_with(tx, "UPDATE recon_item SET state = 4, changed_ms = $1 WHERE id IN (SELECT id FROM recon_item WHERE source = $2 AND day = $3 AND round < $4 AND state IN (1, 2)"
			       " ORDER BY id LIMIT $5)", (int64_t[]){ now_ms, c->source, c->day, c->round, rows_max }, 5, why);
	*rows = ok ? tx_changes(tx) : 0;
	return ok;
}

bool recon_done(struct tx *tx, const struct recon_claim *c, const struct recon_result *r, int64_t now_ms, struct fail *why)
{
	const int64_t numbers[] = { r->has_statement ? RECON_RUN_DONE : RECON_RUN_NOTHING, r->ours, r->theirs, r->matched, r->count, now_ms, r->books, c->id, c->round };
	return run_with(tx, "UPDATE recon_run SET state = $1, ours = $2, theirs = $3, matched = $4, differences = $5, ended_ms = $6, tries = 0, reason = '', books = $7 WHERE id = $8 AND round = $9 AND state = 2",
			numbers, 9, why) && (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "run %" PRId64 " has a newer round", c->id));
}

bool recon_failed(struct tx *tx, const struct recon_claim *c, struct str reason, int64_t now_ms, struct fail *why)
{
	int64_t wait_ms = AGAIN_FIRST_MS << (c->tries < 6 ? c->tries : 6);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE recon_run SET state = 1, tries = tries + 1, reason = $1, due_ms = $2 WHERE id = $3 AND round = $4 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, reason.len <= REASON_MAX ? reason : (struct str){ reason.at, REASON_MAX });
	stmt_bind_int(q, 2, now_ms + (wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS));
	stmt_bind_int(q, 3, c->id);
	stmt_bind_int(q, 4, c->round);
	return stmt_run(q, why);
}
