/* notify/window.c - why this exists: a million effects may be open after a bad night, and the next hundred are all that anybody needs to know. */
#include "notify/window.h"

/* The condition repeats that of the index (effect_step), word for word: only then is it used. */
static struct stmt *query(struct tx *tx, enum window_of of, struct fail *why)
{
	return of == WINDOW_DUE ?
		tx_query(tx, "SELECT id, due_ms FROM effect WHERE waits = 0 AND state <= 2 AND state = 1 AND kind = $1 ORDER BY due_ms, id LIMIT $2", why) :
		tx_query(tx, "SELECT id, due_ms FROM effect WHERE waits = 0 AND state <= 2 AND state = 2 AND kind = $1 AND asks > 0 AND owner = 0 ORDER BY due_ms, id LIMIT $2",
			 why);
}

bool window_read(struct window *w, struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = query(tx, w->of, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->kind);
	stmt_bind_int(q, 2, WINDOW_ROWS);
	w->at = w->count = 0;
	for (; w->count < WINDOW_ROWS && stmt_row(q, why); w->count++) {
		w->rows[w->count].id = stmt_int(q, 0);
		w->rows[w->count].due_ms = stmt_int(q, 1);
	}
	w->more = w->count == WINDOW_ROWS;
	w->stale = why->code != FAIL_NONE;
	return !w->stale;
}

bool window_wants_reading(const struct window *w)
{
	return w->stale || (w->more && w->at == w->count);
}

bool window_next(struct window *w, int64_t now_ms, int64_t *id)
{
	if (w->at == w->count || w->rows[w->at].due_ms > now_ms)
		return false;
	*id = w->rows[w->at++].id;
	return true;
}

int64_t window_due_ms(const struct window *w)
{
	return w->at < w->count ? w->rows[w->at].due_ms : INT64_MAX;
}

bool window_count(struct tx *tx, int32_t kind, enum window_of of, int64_t most, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT count(*) FROM (SELECT 1 FROM effect WHERE waits = 0 AND state <= 2 AND state = $1 AND kind = $2 LIMIT $3) AS seen", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of == WINDOW_DUE ? 1 : 2);
	stmt_bind_int(q, 2, kind);
	stmt_bind_int(q, 3, most);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*count = stmt_int(q, 0);
	return true;
}
