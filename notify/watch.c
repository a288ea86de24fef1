/* notify/watch.c - why this exists: numbers about effects are many, and would hide the notifier's own thoughts. */
#include "notify/watch.h"

#include "base/metrics.h"
#include "notify/window.h"

enum { OPEN_DUE, OPEN_SENDING, OPENS };
enum { ENDINGS = EFFECT_CANCELLED + 1 };

void watch_names(void)
{
	static const char *const verdicts[] = { "none", "done", "again", "failed", "unknown", "stop" };
	static char open_names[EFFECT_KINDS * OPENS][48], move_names[EFFECT_KINDS * ENDINGS][48];
	for (int i = 0; i < (int)(sizeof(verdicts) / sizeof(verdicts[0])); i++)
		metric_label(M_effect_attempts, i, verdicts[i]);
	for (int k = 0; k < EFFECT_KINDS; k++) {
		const char *kind = effect_kinds[k].name;
		for (int o = 0; o < OPENS; o++) {
			snprintf(open_names[k * OPENS + o], sizeof(open_names[0]), "%s:%s", kind, o == OPEN_DUE ? "due" : "sending");
			metric_label(M_effects_open, k * OPENS + o, open_names[k * OPENS + o]);
		}
		for (int s = EFFECT_DUE; s < ENDINGS; s++) {
			snprintf(move_names[k * ENDINGS + s], sizeof(move_names[0]), "%s:%s", kind, effect_state_name((enum effect_state)s));
			metric_label(M_effect_outcomes, k * ENDINGS + s, move_names[k * ENDINGS + s]);
		}
		metric_label(M_effect_oldest_due_ms, k, kind);
	}
	for (int s = EFFECT_FAILED; s <= EFFECT_HELD; s++)
		metric_label(M_effects_shown, s, effect_state_name((enum effect_state)s));
	for (int a = 0; a < ACCOUNTS; a++) {
		const char *name = account_name((enum account)a);
		metric_label(M_account_breaker, a, name);
		metric_label(M_account_stopped, a, name);
		metric_label(M_account_in_flight, a, name);
		metric_label(M_account_seconds, a, name);
	}
}

void watch_attempt(const struct flight *f)
{
	int kind = (int)(f->kind - effect_kinds);
	metric_add(M_effect_attempts, f->judgement.verdict, 1);
	metric_add(M_effect_outcomes, kind * ENDINGS + (int)f->move.to, 1);
	LOG_EVENT(effect_attempt, STR_NONE, L_INT(f->id), L_C(f->kind->name), L_INT(f->view.attempts), L_C(effect_state_name(f->move.to)),
		  L_C(f->judgement.code));
	if (f->move.to == EFFECT_FAILED || f->move.to == EFFECT_UNKNOWN || f->move.to == EFFECT_HELD)
		LOG_EVENT(effect_troubled, STR_NONE, L_INT(f->id), L_C(f->kind->name), L_C(effect_state_name(f->move.to)), L_C(f->judgement.code));
}

void watch_expired(const struct effect_view *e)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	metric_add(M_effect_outcomes, (int)(kind - effect_kinds) * ENDINGS + (int)e->state, 1);
	LOG_EVENT(effect_troubled, STR_NONE, L_INT(e->id), L_C(kind->name), L_C(effect_state_name(e->state)), L_C(e->code));
}

void watch_lanes(const struct lane lanes[ACCOUNTS])
{
	for (int a = 0; a < ACCOUNTS; a++) {
		metric_set(M_account_breaker, a, lanes[a].is_configured ? (int64_t)lanes[a].breaker : 0);
		metric_set(M_account_stopped, a, lanes[a].is_stopped);
		metric_set(M_account_in_flight, a, lanes[a].in_flight);
	}
}

/* The first of a kind that is due waits longest. */
static bool oldest_due(struct tx *tx, int32_t kind, int64_t now_ms, int64_t *age_ms, struct fail *why)
{
	*age_ms = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT due_ms FROM effect WHERE waits = 0 AND state <= 2 AND state = 1 AND kind = $1 ORDER BY due_ms LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, kind);
	if (stmt_row(q, why) && stmt_int(q, 0) < now_ms)
		*age_ms = now_ms - stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool shown(struct tx *tx, enum effect_state state, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM (SELECT 1 FROM effect WHERE state >= 4 AND state <= 6 AND state = $1 LIMIT $2) AS shown", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, WATCH_COUNT_MAX);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*count = stmt_int(q, 0);
	return true;
}

bool watch_open(struct tx *tx, int64_t now_ms, struct fail *why)
{
	int64_t n = 0;
	for (int k = 0; k < EFFECT_KINDS; k++) {
		for (int o = 0; o < OPENS; o++) {
			if (!window_count(tx, effect_kinds[k].number, o == OPEN_DUE ? WINDOW_DUE : WINDOW_ASK, WATCH_COUNT_MAX, &n, why))
				return false;
			metric_set(M_effects_open, k * OPENS + o, n);
		}
		if (!oldest_due(tx, effect_kinds[k].number, now_ms, &n, why))
			return false;
		metric_set(M_effect_oldest_due_ms, k, n);
	}
	for (int s = EFFECT_FAILED; s <= EFFECT_HELD; s++) {
		if (!shown(tx, (enum effect_state)s, &n, why))
			return false;
		metric_set(M_effects_shown, s, n);
	}
	return true;
}
