/* notify/effect_move.c - why this exists: the state, the turn of the subject, the attempt and what follows must never disagree, so they are
 * changed in one place. */
#include "notify/effect_move.h"

#include <assert.h>
#include <stdio.h>

/* Of nodes that share a database, each touches rows of its own: what it took with effect_free, and of others what they left behind. */

/* From each state, where to. `sending` to `sending` is a question put off. */
#define TO(s) (1u << EFFECT_##s)
static const unsigned may[] = {
	[EFFECT_DUE] = TO(SENDING) | TO(FAILED) | TO(HELD) | TO(CANCELLED),                                      /* woken by its due_ms; gives up at expires_ms */
	[EFFECT_SENDING] = TO(SENDING) | TO(DUE) | TO(DONE) | TO(FAILED) | TO(UNKNOWN) | TO(HELD),              /* woken by the answer, a question's due_ms, the next start, or its owner's death */
	[EFFECT_DONE] = 0,
	[EFFECT_FAILED] = TO(DUE),                                                                               /* an operator replays it */
	[EFFECT_UNKNOWN] = TO(DUE) | TO(DONE),                                                                   /* an operator replays it, or a receipt settles it */
	[EFFECT_HELD] = TO(DUE) | TO(CANCELLED),                                                                 /* an operator */
	[EFFECT_CANCELLED] = 0,
};

static effect_follow_fn followers[EFFECT_KINDS], followers_again[EFFECT_KINDS];

static void put(effect_follow_fn *list, int32_t kind, effect_follow_fn follow)
{
	for (int i = 0; i < EFFECT_KINDS; i++)
		if (effect_kinds[i].number == kind)
			list[i] = follow;
}

void effect_follow(int32_t kind, effect_follow_fn follow)
{
	put(followers, kind, follow);
}

void effect_follow_again(int32_t kind, effect_follow_fn follow)
{
	put(followers_again, kind, follow);
}

static bool follow_by(const effect_follow_fn *list, struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	effect_follow_fn f = kind == NULL ? NULL : list[kind - effect_kinds];
	return f == NULL || f(tx, e, now_ms, why);
}

static bool follow(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	return follow_by(followers, tx, e, now_ms, why);
}

/* -- the turn of a subject */

static bool next_of_subject(struct tx *tx, const char *subject, int64_t *id, enum effect_state *state, struct fail *why)
{
	*id = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, state FROM effect WHERE subject = $1 AND waits = 1 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(subject));
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	*state = (enum effect_state)stmt_int(q, 1);
	return true;
}

/* The next one has the turn; `hold`: but an operator must look first. */
static bool hand_on(struct tx *tx, const char *subject, bool hold, int64_t now_ms, struct fail *why)
{
	int64_t id;
	enum effect_state state;
	if (subject[0] == '\0')
		return true;
	if (!effect_subject_lock(tx, str_c(subject), why) || !next_of_subject(tx, subject, &id, &state, why) || id == 0)
		return why->code == FAIL_NONE;
	if (hold && state == EFFECT_DUE) {
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect SET waits = 0, state = 6, held_by = 3, changed_ms = $1 WHERE id = $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, now_ms);
		stmt_bind_int(q, 2, id);
		return stmt_run(q, why);
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect SET waits = 0 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_run(q, why))
		return false;
	tx_tell(tx, NEWS_EFFECT_DUE, id);
	return true;
}

/* One that was over comes back: it has the turn unless somebody else of its subject does. */
static bool turn_is_taken(struct tx *tx, const char *subject, bool *taken, struct fail *why)
{
	return effect_subject_taken(tx, str_c(subject), taken, why);
}

/* -- moving */

static bool write(struct tx *tx, const struct effect_view *e, const struct effect_move *m, bool waits, int64_t now_ms, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE effect SET state = $1, waits = $2, held_by = $3, rung = $4, asks = $5, due_ms = $6, expires_ms = $7, done_ms = $8, code = $9, ref = $10,"
		" changed_ms = $11, owner = 0 WHERE id = $12 AND state = $13 AND owner = $14 AND attempts = $15", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->to);
	stmt_bind_int(q, 2, waits);
	stmt_bind_int(q, 3, m->held_by);
	stmt_bind_int(q, 4, m->rung);
	stmt_bind_int(q, 5, m->asks);
	stmt_bind_int(q, 6, m->due_ms);
	stmt_bind_int(q, 7, e->expires_ms);
	stmt_bind_int(q, 8, m->done_ms);
	stmt_bind_text(q, 9, str_c(m->code != NULL ? m->code : e->code));
	stmt_bind_text(q, 10, str_c(m->ref != NULL ? m->ref : e->ref));
	stmt_bind_int(q, 11, now_ms);
	stmt_bind_int(q, 12, e->id);
	stmt_bind_int(q, 13, e->state);
	stmt_bind_int(q, 14, e->owner);
	stmt_bind_int(q, 15, e->attempts);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

static void show(struct effect_view *e, const struct effect_move *m, bool waits, int64_t now_ms)
{
	e->state = m->to;
	e->waits = waits;
	e->held_by = m->held_by;
	e->rung = m->rung;
	e->asks = m->asks;
	e->due_ms = m->due_ms;
	e->done_ms = m->done_ms;
	e->changed_ms = now_ms;
	e->owner = 0;
	if (m->code != NULL)
		snprintf(e->code, sizeof e->code, "%s", m->code);
	if (m->ref != NULL)
		snprintf(e->ref, sizeof e->ref, "%s", m->ref);
}

static bool read_receipt(struct tx *tx, struct effect_view *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT receipt FROM effect WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	if (stmt_row(q, why))
		e->receipt = (enum effect_receipt)stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool effect_move(struct tx *tx, struct effect_view *e, const struct effect_move *wish, int64_t now_ms, bool *moved, struct fail *why)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	enum effect_state from = e->state;
	struct effect_move m = *wish;
	bool was_over = effect_is_over(from), waits = e->waits;
	assert((may[from] & 1u << m.to) != 0 && (m.held_by != HELD_BY_NOBODY) == (m.to == EFFECT_HELD));
	/* the receipt was quicker than the answer */
	if (m.to == EFFECT_UNKNOWN && !(tx_lock_row(tx, "effect", e->id, why) && read_receipt(tx, e, why)))
		return false;
	if (m.to == EFFECT_UNKNOWN && e->receipt != RECEIPT_NONE)
		m.to = EFFECT_DONE;
	bool is_over = effect_is_over(m.to);
	if (was_over && !is_over && !turn_is_taken(tx, e->subject, &waits, why))
		return false;
	if (!write(tx, e, &m, waits && !is_over, now_ms, moved, why) || !*moved)
		return why->code == FAIL_NONE;
	bool had_turn = !was_over && !waits;
	show(e, &m, waits && !is_over, now_ms);
	if ((m.to == EFFECT_DUE && !e->waits) || (m.to == EFFECT_SENDING && m.asks > 0)) /* a question is due, too */
		tx_tell(tx, NEWS_EFFECT_DUE, e->id);
	if (!is_over)
		return was_over || m.to != EFFECT_DUE || follow_by(followers_again, tx, e, now_ms, why);
	bool hold = kind != NULL && kind->after == AFTER_HOLD && (m.to == EFFECT_FAILED || m.to == EFFECT_UNKNOWN);
	if (had_turn && !hand_on(tx, e->subject, hold, now_ms, why))
		return false;
	tx_tell(tx, NEWS_EFFECT_ENDED, e->id);
	return follow(tx, e, now_ms, why);
}

/* -- attempts */

static void bind_unless_zero(struct stmt *q, int n, int64_t v)
{
	if (v > 0)
		stmt_bind_int(q, n, v);
	else
		stmt_bind_null(q, n);
}

bool effect_attempt_failed(struct tx *tx, const struct effect_view *e, enum verdict verdict, int http_status, const char *code, int64_t ended_ms, struct fail *why)
{
	assert(effect_is_under_way(e));
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO effect_attempt (effect, n, began_ms, ended_ms, verdict, http_status, code) VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	stmt_bind_int(q, 2, e->attempts);
	stmt_bind_int(q, 3, e->due_ms);
	bind_unless_zero(q, 4, ended_ms);
	stmt_bind_int(q, 5, verdict);
	bind_unless_zero(q, 6, http_status);
	stmt_bind_text(q, 7, str_c(code));
	return stmt_run(q, why);
}

/* -- taking one up */

static struct stmt *free_query(struct tx *tx, bool is_ask, struct fail *why)
{
	return is_ask ?
		tx_query(tx, "SELECT id FROM effect WHERE waits = 0 AND state <= 2 AND state = 2 AND kind = $1 AND asks > 0 AND owner = 0 AND due_ms <= $2 ORDER BY due_ms, id LIMIT $3"
			" /* postgres: FOR UPDATE SKIP LOCKED */", why) :
		tx_query(tx, "SELECT id FROM effect WHERE waits = 0 AND state <= 2 AND state = 1 AND kind = $1 AND due_ms <= $2 ORDER BY due_ms, id LIMIT $3"
			" /* postgres: FOR UPDATE SKIP LOCKED */", why);
}

bool effect_free(struct tx *tx, int32_t kind, bool is_ask, int64_t due_by_ms, int most, int64_t *ids, int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = free_query(tx, is_ask, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, kind);
	stmt_bind_int(q, 2, due_by_ms);
	stmt_bind_int(q, 3, most);
	while (*count < most && stmt_row(q, why))
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* The lock first, as a receipt takes it before the row. */
bool effect_still(struct tx *tx, const struct effect_view *e, bool *ours, struct fail *why)
{
	*ours = false;
	if (!tx_lock_row(tx, "effect", e->id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE id = $1 AND state = $2 AND owner = $3 AND attempts = $4 AND asks = $5 /* postgres: FOR UPDATE */", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	stmt_bind_int(q, 2, e->state);
	stmt_bind_int(q, 3, e->owner);
	stmt_bind_int(q, 4, e->attempts);
	stmt_bind_int(q, 5, e->asks);
	*ours = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool set_owner(struct tx *tx, int64_t id, int64_t owner, int64_t before, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect SET owner = $1 WHERE id = $2 AND state = 2 AND asks > 0 AND owner = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, owner);
	stmt_bind_int(q, 2, id);
	stmt_bind_int(q, 3, before);
	return stmt_run(q, why);
}

bool effect_ask_again(struct tx *tx, const struct effect_view *e, struct fail *why)
{
	return set_owner(tx, e->id, 0, e->owner, why);
}

static bool take(struct stmt *q, struct effect_view *out, struct str *sealed, struct arena *a, struct fail *why)
{
	effect_view_read(q, out);
	*sealed = str_copy(a, stmt_blob(q, EFFECT_COLUMNS));
	return sealed->at != NULL || FAILS(why, MEMORY, "the payload of effect %lld", (long long)out->id);
}

static bool read_whole(struct tx *tx, int64_t id, struct effect_view *out, struct str *sealed, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " EFFECT_COLUMN_LIST ", payload FROM effect JOIN effect_payload ON effect = id WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_row(q, why) && take(q, out, sealed, a, why);
}

/* RETURNING would save the reading, but SQLite makes a table of its own for what it returns: measured, the mark cost three times as much. */
static bool mark(struct tx *tx, int64_t id, int64_t owner, int64_t now_ms, int64_t expired_before_ms, bool *marked, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE effect SET state = 2, attempts = attempts + 1, rung = rung + 1, due_ms = $1, changed_ms = $2, owner = $3"
		" WHERE id = $4 AND state = 1 AND waits = 0 AND expires_ms > $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, owner);
	stmt_bind_int(q, 4, id);
	stmt_bind_int(q, 5, expired_before_ms);
	if (!stmt_run(q, why))
		return false;
	*marked = tx_changes(tx) == 1;
	return true;
}

static bool expire(struct tx *tx, int64_t id, int64_t now_ms, int64_t expired_before_ms, struct effect_view *out, struct fail *why)
{
	struct effect_view e;
	bool found, moved;
	if (!effect_get(tx, id, &e, &found, why))
		return false;
	if (!found || e.state != EFFECT_DUE || e.waits || e.expires_ms > expired_before_ms)
		return true;
	struct effect_move m = { .to = EFFECT_FAILED, .due_ms = e.due_ms, .rung = e.rung, .code = "expired" };
	if (!effect_move(tx, &e, &m, now_ms, &moved, why))
		return false;
	*out = e;
	return true;
}

bool effect_mark(struct tx *tx, int64_t id, int64_t owner, int64_t now_ms, int64_t expired_before_ms, struct effect_view *out, struct str *sealed, struct arena *a,
		 bool *marked, struct fail *why)
{
	if (!mark(tx, id, owner, now_ms, expired_before_ms, marked, why))
		return false;
	if (!*marked)
		return expire(tx, id, now_ms, expired_before_ms, out, why);
	return read_whole(tx, id, out, sealed, a, why);
}

bool effect_take_for_ask(struct tx *tx, int64_t id, int64_t owner, int64_t due_by_ms, struct effect_view *out, struct str *sealed, struct arena *a, bool *found, struct fail *why)
{
	*found = false;
	if (owner > 0 && (!set_owner(tx, id, owner, 0, why) || tx_changes(tx) == 0))
		return why->code == FAIL_NONE;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " EFFECT_COLUMN_LIST ", payload FROM effect JOIN effect_payload ON effect = id WHERE id = $1 AND state = 2 AND asks > 0 AND due_ms <= $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, due_by_ms);
	*found = stmt_row(q, why);
	return *found ? take(q, out, sealed, a, why) : why->code == FAIL_NONE;
}

/* -- what comes later */

/* Its answer may have been judged since the caller looked. */
static bool read_again(struct tx *tx, struct effect_view *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state, receipt, owner, attempts FROM effect WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	if (stmt_row(q, why)) {
		e->state = (enum effect_state)stmt_int(q, 0);
		e->receipt = (enum effect_receipt)stmt_int(q, 1);
		e->owner = stmt_int(q, 2);
		e->attempts = stmt_int(q, 3);
	}
	return why->code == FAIL_NONE;
}

bool effect_receipt(struct tx *tx, struct effect_view *e, enum effect_receipt r, const char *code, int64_t now_ms, bool *news, struct fail *why)
{
	if (!tx_lock_row(tx, "effect", e->id, why) || !read_again(tx, e, why))
		return false;
	*news = e->receipt == RECEIPT_NONE;
	if (!*news)
		return true;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect SET receipt = $1, code = $2, changed_ms = $3 WHERE id = $4", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, r);
		stmt_bind_text(q, 2, str_c(code));
		stmt_bind_int(q, 3, now_ms);
		stmt_bind_int(q, 4, e->id);
		if (!stmt_run(q, why))
			return false;
	}
	e->receipt = r;
	snprintf(e->code, sizeof e->code, "%s", code);
	e->changed_ms = now_ms;
	if (e->state == EFFECT_UNKNOWN) {
		bool moved;
		struct effect_move m = { .to = EFFECT_DONE, .due_ms = e->due_ms, .rung = e->rung };
		return effect_move(tx, e, &m, now_ms, &moved, why);
	}
	return !effect_is_over(e->state) || follow(tx, e, now_ms, why);
}

bool account_stop(struct tx *tx, enum account a, const char *code, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO account_stop (account, stopped_ms, code) VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(account_name(a)));
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_text(q, 3, str_c(code));
	return stmt_run(q, why);
}
