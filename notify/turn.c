/* notify/turn.c - why this exists: what the notifier writes, apart from when it writes it. */
#include "notify/turn.h"

#include "notify/ladder.h"

static bool end_one(struct tx *tx, struct flight *f, int64_t now_ms, struct fail *why)
{
	bool moved;
	struct effect_view e = f->view; /* apply may be run again */
	struct effect_move m = f->move;
	if (!f->is_ask && f->judgement.verdict == VERDICT_DONE)
		m.done_ms = now_ms;
	else if (!f->is_ask && !effect_attempt_failed(tx, &e, f->judgement.verdict, f->http_status, f->judgement.code, now_ms, why))
		return false;
	if (m.held_by == HELD_BY_ACCOUNT && !account_stop(tx, f->kind->account, f->judgement.code, now_ms, why))
		return false;
	return effect_move(tx, &e, &m, now_ms, &moved, why);
}

static bool mark_one(struct tx *tx, struct flight *f, const struct turn *t, struct fail *why)
{
	arena_reset(&f->arena);
	f->view = (struct effect_view){ .id = 0 };
	return f->is_ask ? effect_take_for_ask(tx, f->id, t->due_by_ms, &f->view, &f->sealed, &f->arena, &f->marked, why) :
			   effect_mark(tx, f->id, t->now_ms, t->expired_before_ms, &f->view, &f->sealed, &f->arena, &f->marked, why);
}

/* ---- what a crash left behind ---- */

static bool sending_ids(struct tx *tx, int64_t after, int most, int64_t ids[TURN_MAX], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE waits = 0 AND state <= 2 AND state = 2 AND asks = 0 AND id > $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, after);
	stmt_bind_int(q, 2, most);
	while (*count < most && stmt_row(q, why))
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool recover_one(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	struct effect_view e;
	bool found, moved;
	if (!effect_get(tx, id, &e, &found, why))
		return false;
	if (!found || !effect_is_under_way(&e))
		return true;
	const struct effect_kind *kind = effect_kind_of(e.kind);
	struct effect_move m = kind != NULL ? ladder_after_crash(kind, &e, now_ms) : (struct effect_move){ .to = EFFECT_UNKNOWN, .code = "no such kind" };
	return effect_attempt_failed(tx, &e, VERDICT_UNKNOWN, 0, "crashed", 0, why) && effect_move(tx, &e, &m, now_ms, &moved, why);
}

static bool recover(struct tx *tx, struct turn *t, struct fail *why)
{
	int64_t ids[TURN_MAX];
	int count;
	if (!sending_ids(tx, t->recover_after, t->recover_max, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		t->recover_at = ids[i];
		if (!recover_one(tx, ids[i], t->now_ms, why))
			return false;
	}
	t->recovered = count;
	t->recovered_all = count < t->recover_max;
	return true;
}

bool turn_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct turn *t = (struct turn *)job;
	if (t->recovers)
		return recover(tx, t, why);
	for (int i = 0; i < t->end_count; i++)
		if (!end_one(tx, t->ends[i], t->now_ms, why))
			return false;
	for (int i = 0; i < t->mark_count; i++)
		if (!mark_one(tx, t->marks[i], t, why))
			return false;
	return true;
}
