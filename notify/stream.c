/* notify/stream.c - the number first, in one statement; then the rows, which no other transaction can have taken. */
#include "notify/stream.h"
#include <assert.h>

static const struct str names[STREAM_KINDS] = {
#define STREAM_EVENT(number, name, text) [number] = { text, sizeof(text) - 1 },
#include "notify/stream_event.def"
#undef STREAM_EVENT
};

struct str stream_kind_name(enum stream_kind kind)
{
	return kind > 0 && kind < STREAM_KINDS ? names[kind] : STR_NONE;
}

static bool take_numbers(struct tx *tx, int64_t person, int count, int unread, int64_t *last, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, 
		"UPDATE person SET stream_seq = stream_seq + $1, unread = unread + $2 WHERE id = $3 RETURNING stream_seq", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, count);
	stmt_bind_int(q, 2, unread);
	stmt_bind_int(q, 3, person);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "person %lld", (long long)person);
	*last = stmt_int(q, 0);
	return true;
}

static bool put(struct tx *tx, int64_t person, int64_t seq, const struct stream_event *e, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO stream_event (person, seq, kind, ref, n, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, seq);
	stmt_bind_int(q, 3, e->kind);
	stmt_bind_int(q, 4, e->ref);
	stmt_bind_int(q, 5, e->n);
	stmt_bind_int(q, 6, now_ms);
	return stmt_run(q, why);
}

bool stream_add(struct tx *tx, int64_t person, const struct stream_event *events, int count, int unread, int64_t now_ms, int64_t *first,
	struct fail *why)
{
	int64_t last = 0;
	assert(count > 0);
	if (!take_numbers(tx, person, count, unread, &last, why))
		return false;
	*first = last - count + 1;
	for (int i = 0; i < count; i++)
		if (!put(tx, person, *first + i, &events[i], now_ms, why))
			return false;
	tx_tell(tx, NEWS_PERSON, person);
	return true;
}

bool stream_purge(struct tx *tx, int64_t before_ms, int rows_max, int64_t *deleted, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"DELETE FROM stream_event WHERE (person, seq) IN (SELECT person, seq FROM stream_event WHERE made_ms < $1 ORDER BY made_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, before_ms);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*deleted = tx_changes(tx);
	return true;
}
