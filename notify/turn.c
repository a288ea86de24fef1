/* notify/turn.c - why this exists: what the notifier writes, apart from when it writes it. */
#include "notify/turn.h"

#include "notify/ladder.h"

static bool end_one(struct tx *tx, struct flight *f, int64_t now_ms, struct fail *why)
{
	bool moved, ours = true, tells_attempt = !f->is_ask && f->judgement.verdict != VERDICT_DONE;
	struct effect_view e = f->view; /* apply may be run again */
	struct effect_move m = f->move;
	e.said = f->judgement.said;
	if (tells_attempt && e.owner > 0 && !effect_still(tx, &e, &ours, why))
		return false;
	f->is_late = !ours;
	if (!ours)
		return true;
	if (!f->is_ask && f->judgement.verdict == VERDICT_DONE)
		m.done_ms = now_ms;
	else if (!f->is_ask && !effect_attempt_failed(tx, &e, f->judgement.verdict, f->http_status, f->judgement.code, now_ms, why))
		return false;
	if (m.held_by == HELD_BY_ACCOUNT && !account_stop(tx, f->kind->account, f->judgement.code, now_ms, why))
		return false;
	if (!effect_move(tx, &e, &m, now_ms, &moved, why))
		return false;
	f->is_late = !moved;
	return true;
}

/* ---- marks ---- */

static bool is_same(const struct flight *a, const struct flight *b)
{
	return a->kind == b->kind && a->is_ask == b->is_ask;
}

/* Those from `first` on that are of its kind get what is free of it; the others get 0. */
static bool pick_kind(struct tx *tx, struct turn *t, int first, bool is_picked[TURN_MAX], struct fail *why)
{
	const struct flight *one = t->marks[first];
	int64_t ids[TURN_MAX];
	int wanted = 0, found, given = 0;
	for (int i = first; i < t->mark_count; i++)
		wanted += is_same(t->marks[i], one);
	if (!effect_free(tx, one->kind->number, one->is_ask, t->due_by_ms, wanted, ids, &found, why))
		return false;
	for (int i = first; i < t->mark_count; i++)
		if (is_same(t->marks[i], one)) {
			t->marks[i]->id = given < found ? ids[given] : 0;
			given++;
			is_picked[i] = true;
		}
	t->fell_short = t->fell_short || found < wanted;
	return true;
}

static bool pick_anew(struct tx *tx, struct turn *t, struct fail *why)
{
	bool is_picked[TURN_MAX] = { false };
	for (int i = 0; i < t->mark_count; i++)
		if (!is_picked[i] && !pick_kind(tx, t, i, is_picked, why))
			return false;
	return true;
}

static bool mark_one(struct tx *tx, struct flight *f, const struct turn *t, struct fail *why)
{
	arena_reset(&f->arena);
	f->view = (struct effect_view){ .id = 0 };
	f->marked = false;
	if (f->id == 0)
		return true; /* others were at all there was */
	return f->is_ask ? effect_take_for_ask(tx, f->id, t->node, t->due_by_ms, &f->view, &f->sealed, &f->arena, &f->marked, why) :
			   effect_mark(tx, f->id, t->node, t->now_ms, t->expired_before_ms, &f->view, &f->sealed, &f->arena, &f->marked, why);
}

/* ---- what a crash left behind ---- */

/* Of nobody who lives: where there is one node, of nobody at all. */
static bool sending_ids(struct tx *tx, int64_t after, int most, int64_t ids[TURN_MAX], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE waits = 0 AND state <= 2 AND state = 2 AND (asks = 0 OR owner > 0) AND id > $1"
		" AND NOT EXISTS (SELECT 1 FROM node WHERE node.id = effect.owner AND node.ended_ms = 0) ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, after);
	stmt_bind_int(q, 2, most);
	while (*count < most && stmt_row(q, why))
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool recover_one(struct tx *tx, struct turn *t, int64_t id, struct fail *why)
{
	struct effect_view e;
	bool found, moved;
	if (!effect_get(tx, id, &e, &found, why))
		return false;
	if (!found || e.state != EFFECT_SENDING)
		return true;
	bool ours = true; /* another may be at the same one's estate */
	if (t->node > 0 && !effect_still(tx, &e, &ours, why))
		return false;
	if (!ours || !effect_is_under_way(&e))
		return !ours || effect_ask_again(tx, &e, why);
	t->recovered++;
	int64_t now_ms = t->now_ms;
	const struct effect_kind *kind = effect_kind_of(e.kind);
	struct effect_move m = kind != NULL ? ladder_after_crash(kind, &e, now_ms) : (struct effect_move){ .to = EFFECT_UNKNOWN, .code = "no such kind" };
	return effect_attempt_failed(tx, &e, VERDICT_UNKNOWN, 0, "crashed", 0, why) && effect_move(tx, &e, &m, now_ms, &moved, why);
}

static bool recover(struct tx *tx, struct turn *t, struct fail *why)
{
	int64_t ids[TURN_MAX];
	int count;
	t->recovered = 0;
	if (!sending_ids(tx, t->recover_after, t->recover_max, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		t->recover_at = ids[i];
		if (!recover_one(tx, t, ids[i], why))
			return false;
	}
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
	t->fell_short = false;
	if (t->picks_anew && !pick_anew(tx, t, why))
		return false;
	for (int i = 0; i < t->mark_count; i++)
		if (!mark_one(tx, t->marks[i], t, why))
			return false;
	return true;
}
