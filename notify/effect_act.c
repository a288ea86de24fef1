/* notify/effect_act.c - why this exists: an operator's hand goes through the same gate as everything else. */
#include "notify/effect_act.h"

#include "notify/effect_move.h"

static bool wrong_state(const struct effect_view *e, struct fail *why)
{
	FAILS(why, EFFECT_STATE, "effect %lld is %s", (long long)e->id, effect_state_name(e->state));
	fail_fact_text(why, "state", effect_state_name(e->state));
	return false;
}

static bool to(struct tx *tx, struct effect_view *e, enum effect_state state, int64_t now_ms, struct fail *why)
{
	bool moved;
	struct effect_move m = { .to = state, .due_ms = state == EFFECT_DUE ? now_ms : e->due_ms, .rung = e->rung };
	if (!effect_move(tx, e, &m, now_ms, &moved, why))
		return false;
	return moved || FAILS(why, CONFLICT, "effect %lld moved meanwhile", (long long)e->id);
}

/* Due from now on, with a ladder and a life of its own again. */
static bool begin_again(struct tx *tx, struct effect_view *e, int64_t now_ms, struct fail *why)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	e->rung = 0;
	if (kind != NULL && e->expires_ms < now_ms + kind->life_ms)
		e->expires_ms = now_ms + kind->life_ms;
	return to(tx, e, EFFECT_DUE, now_ms, why);
}

static bool replay(struct tx *tx, const struct effect_act *a, struct effect_view *e, struct fail *why)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	if (e->state != EFFECT_FAILED && e->state != EFFECT_UNKNOWN)
		return wrong_state(e, why);
	if (e->state == EFFECT_UNKNOWN && (kind == NULL || kind->crash == CRASH_STOP) && !a->may_be_twice)
		return FAILS(why, EFFECT_TWICE, "effect %lld may have been sent, and the receiver would not know a repeat", (long long)e->id);
	return begin_again(tx, e, a->now_ms, why);
}

static bool one(struct tx *tx, struct effect_act *a, struct fail *why)
{
	struct effect_view e;
	bool found, ok = false;
	if (!effect_get(tx, a->id, &e, &found, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "no effect %lld", (long long)a->id);
	switch (a->what) {
	case EFFECT_RELEASE:
		ok = e.state == EFFECT_HELD ? begin_again(tx, &e, a->now_ms, why) : wrong_state(&e, why);
		break;
	case EFFECT_REPLAY:
		ok = replay(tx, a, &e, why);
		break;
	case EFFECT_CANCEL:
		ok = e.state == EFFECT_HELD || e.state == EFFECT_DUE ? to(tx, &e, EFFECT_CANCELLED, a->now_ms, why) : wrong_state(&e, why);
		break;
	case EFFECT_RELEASE_RESTORED:
	case EFFECT_RESUME:
		break;
	}
	a->rows = ok;
	return ok;
}

/* Those held for one reason, and of one account when it matters. */
static bool held_ids(struct tx *tx, enum effect_held_by by, const enum account *account, int64_t ids[EFFECT_ACT_ROWS], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, kind FROM effect WHERE state >= 4 AND state <= 6 AND state = 6 AND held_by = $1 ORDER BY changed_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, by);
	while (*count < EFFECT_ACT_ROWS && stmt_row(q, why)) {
		const struct effect_kind *kind = effect_kind_of((int32_t)stmt_int(q, 1));
		if (account == NULL || (kind != NULL && kind->account == *account))
			ids[(*count)++] = stmt_int(q, 0);
	}
	return why->code == FAIL_NONE;
}

static bool release_held(struct tx *tx, struct effect_act *a, enum effect_held_by by, const enum account *account, struct fail *why)
{
	int64_t ids[EFFECT_ACT_ROWS];
	int count;
	if (!held_ids(tx, by, account, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		struct effect_view e;
		bool found;
		if (!effect_get(tx, ids[i], &e, &found, why) || (found && !begin_again(tx, &e, a->now_ms, why)))
			return false;
	}
	a->rows = count;
	return true;
}

static bool resume(struct tx *tx, struct effect_act *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM account_stop WHERE account = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(account_name(a->account)));
	if (!stmt_run(q, why))
		return false;
	tx_tell(tx, NEWS_EFFECT_DUE, 0);
	return true;
}

bool effect_act_apply(struct tx *tx, void *act, struct fail *why)
{
	struct effect_act *a = act;
	a->rows = 0;
	if (!tx_alone(tx, why)) /* it reads states and turns, and moves by them */
		return false;
	switch (a->what) {
	case EFFECT_RELEASE_RESTORED:
		return release_held(tx, a, HELD_BY_RESTORE, NULL, why);
	case EFFECT_RESUME:
		return resume(tx, a, why) && release_held(tx, a, HELD_BY_ACCOUNT, &a->account, why);
	case EFFECT_RELEASE:
	case EFFECT_REPLAY:
	case EFFECT_CANCEL:
		break;
	}
	return one(tx, a, why);
}

/* What was under way when the copy was made is as if the process had died then. */
static bool end_attempts(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO effect_attempt (effect, n, began_ms, verdict, code) SELECT id, attempts, due_ms, $1, 'restored' FROM effect WHERE state = 2 AND asks = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, VERDICT_UNKNOWN);
	return stmt_run(q, why);
}

bool effect_hold_restored(struct tx *tx, int64_t now_ms, int64_t *held, struct fail *why)
{
	if (!end_attempts(tx, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect SET state = 6, held_by = 1, asks = 0, owner = 0, changed_ms = $1 WHERE state IN (1, 2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	if (!stmt_run(q, why))
		return false;
	*held = tx_changes(tx);
	return true;
}
