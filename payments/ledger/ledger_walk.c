/* payments/ledger/ledger_walk.c - why this exists: that the database refuses changes shows nothing to somebody who owns the database. */
#include "payments/ledger/ledger_walk.h"

#include "store/sealer.h"

static const struct { const char *word, *prose; } wrongs[LEDGER_WRONG_COUNT] = {
	[LEDGER_FINE] = { "", "" },
#define X(name, word, prose) [LEDGER_WRONG_##name] = { word, prose },
	LEDGER_WRONGS(X)
#undef X
};

const char *ledger_wrong_word(enum ledger_wrong w)
{
	return wrongs[w].word;
}

const char *ledger_wrong_prose(enum ledger_wrong w)
{
	return wrongs[w].prose;
}

/* ---- journals and their postings, side by side in the order of journals ---- */

struct posting_row {
	bool is_there;
	int64_t journal, n, account, fen, day;
};

static bool posting_next(struct stmt *q, struct posting_row *p, struct fail *why)
{
	p->is_there = stmt_row(q, why);
	if (p->is_there)
		*p = (struct posting_row){ true, stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4) };
	return why->code == FAIL_NONE;
}

static bool wrong_at(struct ledger_walk *w, enum ledger_wrong what, int64_t journal)
{
	w->wrong = what;
	w->journal = journal;
	return true; /* that it is wrong is what we wanted to know */
}

enum { J_ID, J_DAY, J_POSTINGS, J_DIGEST };

/* The group of one journal: *p is its first posting on entry and the next journal's first on return. */
static bool judge(struct tx *tx, struct ledger_walk *w, struct stmt *j, struct stmt *q, struct posting_row *p, struct fail *why)
{
	struct ledger_digest d;
	uint8_t now[HASH_BYTES];
	int64_t id = stmt_int(j, J_ID), sum = 0, n = 0;
	bool of_day = true, fits = true;
	if (p->is_there && p->journal < id)
		return wrong_at(w, LEDGER_WRONG_ORPHAN, p->journal);
	ledger_digest_begin(&d, id);
	for (; p->is_there && p->journal == id; n++) {
		fits = fits && ledger_digest_more(&d, p->n, p->account, p->fen, p->day);
		of_day = of_day && p->day == stmt_int(j, J_DAY);
		fits = !__builtin_add_overflow(sum, p->fen, &sum) && fits;
		if (!posting_next(q, p, why))
			return false;
	}
	ledger_digest_end(&d, seal_hash(tx), now);
	w->postings += n;
	enum ledger_wrong wrong = n != stmt_int(j, J_POSTINGS) || !fits ? LEDGER_WRONG_NUMBER : sum != 0 ? LEDGER_WRONG_SUM : !of_day ? LEDGER_WRONG_DAY
		: !str_eq(stmt_blob(j, J_DIGEST), (struct str){ (const char *)now, sizeof(now) }) ? LEDGER_WRONG_CHANGED : LEDGER_FINE;
	if (wrong != LEDGER_FINE)
		return wrong_at(w, wrong, id);
	w->journal = id;
	w->journals++;
	return true;
}

/* Where the piece ends: the number of its last journal, or beyond all postings. */
static bool piece_end(struct tx *tx, const struct ledger_walk *w, int64_t journals_max, int64_t *end, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM ledger_journal WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2", why);
	*end = INT64_MAX;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->journal);
	stmt_bind_int(q, 2, journals_max - 1);
	if (stmt_row(q, why))
		*end = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool ledger_walk(struct tx *tx, struct ledger_walk *w, int64_t journals_max, struct fail *why)
{
	struct posting_row p;
	int64_t end;
	w->wrong = LEDGER_FINE;
	w->journals = w->postings = 0;
	if (!piece_end(tx, w, journals_max, &end, why))
		return false;
	w->is_end = end == INT64_MAX;
	DROP(stmt) struct stmt *j = tx_query(tx, "SELECT id, day, postings, digest FROM ledger_journal WHERE id > $1 AND id <= $2 ORDER BY id", why);
	DROP(stmt) struct stmt *q = j == NULL ? NULL : tx_query(tx,
		"SELECT journal, n, account, amount_fen, day FROM ledger_posting WHERE journal > $1 AND journal <= $2 ORDER BY journal, n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(j, 1, w->journal);
	stmt_bind_int(j, 2, end);
	stmt_bind_int(q, 1, w->journal == 0 ? INT64_MIN : w->journal); /* nothing stands before the first */
	stmt_bind_int(q, 2, end);
	if (!posting_next(q, &p, why))
		return false;
	while (w->wrong == LEDGER_FINE && stmt_row(j, why))
		if (!judge(tx, w, j, q, &p, why))
			return false;
	if (why->code == FAIL_NONE && w->wrong == LEDGER_FINE && p.is_there)
		return wrong_at(w, LEDGER_WRONG_ORPHAN, p.journal);
	return why->code == FAIL_NONE;
}

/* ---- balances ---- */

/* Up to where the postings must be summed next: the first balance behind noted_day, or none. */
struct noted {
	bool is_there;
	int64_t day, fen, postings;
};

static bool balance_next(struct tx *tx, const struct ledger_walk_balances *w, struct noted *b, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT day, balance_fen, postings FROM ledger_balance WHERE account = $1 AND day > $2 ORDER BY day LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->account);
	stmt_bind_int(q, 2, w->noted_day);
	b->is_there = stmt_row(q, why);
	if (b->is_there)
		*b = (struct noted){ true, stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2) };
	return why->code == FAIL_NONE;
}

static bool account_next(struct tx *tx, struct ledger_walk_balances *w, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM ledger_account WHERE id > $1 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->account);
	w->is_end = !stmt_row(q, why);
	if (w->is_end)
		return why->code == FAIL_NONE;
	*w = (struct ledger_walk_balances){ .account = stmt_int(q, 0), .noted_day = -1, .rows = w->rows };
	return true;
}

/* Counts on to the end of `day`; *done: it got there. */
static bool count_to(struct tx *tx, struct ledger_walk_balances *w, int64_t day, int64_t rows_max, bool *done, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT day, journal, n, amount_fen FROM ledger_posting WHERE account = $1 AND (day, journal, n) > ($2, $3, $4) AND day <= $5"
		" ORDER BY day, journal, n LIMIT $6", why);
	int64_t seen = 0, most = rows_max - w->rows;
	if (q == NULL)
		return false;
	const int64_t numbers[] = { w->account, w->day, w->journal, w->n, day, most };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (; stmt_row(q, why); seen++) {
		w->day = stmt_int(q, 0);
		w->journal = stmt_int(q, 1);
		w->n = stmt_int(q, 2);
		w->sum = (int64_t)((uint64_t)w->sum + (uint64_t)stmt_int(q, 3)); /* of whatever was put in: a wrong sum is what we look for */
		w->count++;
	}
	w->rows += seen;
	*done = seen < most;
	return why->code == FAIL_NONE;
}

/* The last day whose balances are all noted; -1: none is. */
static bool closed_up_to(struct tx *tx, int64_t *day, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT d.day FROM ledger_day d WHERE NOT EXISTS (SELECT 1 FROM ledger_closing c WHERE c.day = d.day)"
		" ORDER BY d.day DESC LIMIT 1", why);
	*day = -1;
	if (q == NULL)
		return false;
	if (stmt_row(q, why))
		*day = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* Behind the last balance nothing of a closed day may lie. */
static bool account_ends(struct tx *tx, struct ledger_walk_balances *w, int64_t closed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT day FROM ledger_posting WHERE account = $1 AND day > $2 AND day <= $3 ORDER BY day LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->account);
	stmt_bind_int(q, 2, w->noted_day);
	stmt_bind_int(q, 3, closed);
	if (stmt_row(q, why)) {
		w->wrong = LEDGER_WRONG_NO_BALANCE;
		w->noted_day = stmt_int(q, 0);
	}
	return why->code == FAIL_NONE && (w->wrong != LEDGER_FINE || account_next(tx, w, why));
}

bool ledger_walk_balances(struct tx *tx, struct ledger_walk_balances *w, int64_t rows_max, struct fail *why)
{
	int64_t closed;
	w->wrong = LEDGER_FINE;
	w->is_end = false;
	w->rows = 0;
	if (!closed_up_to(tx, &closed, why) || (w->account == 0 && !account_next(tx, w, why)))
		return false;
	while (!w->is_end && w->wrong == LEDGER_FINE && w->rows < rows_max) {
		struct noted b;
		bool done = false;
		if (!balance_next(tx, w, &b, why))
			return false;
		if (!b.is_there) {
			if (!account_ends(tx, w, closed, why))
				return false;
			w->rows++;
			continue;
		}
		if (!count_to(tx, w, b.day, rows_max, &done, why))
			return false;
		if (!done)
			continue;
		if (b.fen != w->sum || b.postings != w->count)
			w->wrong = LEDGER_WRONG_BALANCE;
		w->noted_day = b.day;
		w->rows++;
	}
	return why->code == FAIL_NONE;
}
