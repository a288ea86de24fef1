/* services/booking/hall_queue.c - the line of a window group. */
#include "services/booking/hall_queue.h"
#include <assert.h>
#include <stdio.h>

static const char *const states[QUEUE_STATES] = { [QUEUE_WAITING] = "waiting", [QUEUE_CALLED] = "called", [QUEUE_DONE] = "done", [QUEUE_SKIPPED] = "skipped" };
static const char *const ranks[QUEUE_RANKS] = {
#define RANK(name, number, text, zh, what) [number] = text,
#include "services/booking/queue_ranks.def"
#undef RANK
};

const char *queue_state_text(enum queue_state state)
{
	assert(state >= QUEUE_WAITING && state < QUEUE_STATES);
	return states[state];
}

const char *queue_rank_text(enum queue_rank rank)
{
	assert(rank > 0 && rank < QUEUE_RANKS);
	return ranks[rank];
}

void queue_label(const struct queue_number *n, char out[QUEUE_LABEL_BYTES])
{
	snprintf(out, QUEUE_LABEL_BYTES, "%c%03lld", n->letter, (long long)(n->number % 1000000));
}

/* ---- reading ---- */

#define COLUMNS "n.id, n.key, n.grp, n.day, n.number, n.rank, n.state, COALESCE(n.booking, 0), n.calls, n.skips, n.made_ms, n.desk, g.letter"
#define FROM " FROM queue_number n JOIN booking_group g ON g.id = n.grp "

static void fill(struct stmt *q, struct queue_number *n)
{
	struct str key = stmt_blob(q, 1), desk, letter;
	*n = (struct queue_number){ .id = stmt_int(q, 0), .group = stmt_int(q, 2), .day = stmt_int(q, 3), .number = stmt_int(q, 4), .rank = (enum queue_rank)stmt_int(q, 5),
				    .state = (enum queue_state)stmt_int(q, 6), .booking = stmt_int(q, 7), .calls = stmt_int(q, 8), .skips = stmt_int(q, 9), .made_ms = stmt_int(q, 10) };
	assert(key.len == ID_BYTES);
	memcpy(n->key.bytes, key.at, ID_BYTES);
	desk = stmt_text(q, 11);
	memcpy(n->desk, desk.at, desk.len < sizeof(n->desk) ? desk.len : sizeof(n->desk) - 1);
	letter = stmt_text(q, 12);
	n->letter = letter.len > 0 ? letter.at[0] : '?';
}

bool queue_by_key(struct tx *tx, struct id key, struct queue_number *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS FROM "WHERE n.key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such number");
	fill(q, out);
	return true;
}

bool queue_list(struct tx *tx, int64_t group, int64_t day, struct queue_number *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS FROM "WHERE n.grp = $1 AND n.day = $2 AND n.state <> 3 ORDER BY CASE n.state WHEN 2 THEN 0 WHEN 1 THEN 1 ELSE 2 END,"
		" n.rank, n.id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, day);
	stmt_bind_int(q, 3, max);
	for (*count = 0; stmt_row(q, why); ++*count)
		fill(q, &out[*count]);
	return why->code == FAIL_NONE;
}

static bool first_in_line(struct tx *tx, int64_t group, int64_t day, struct queue_number *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS FROM "WHERE n.grp = $1 AND n.day = $2 AND n.state = 1 ORDER BY n.rank, n.id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, day);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "nobody waits");
	fill(q, out);
	return true;
}

/* ---- joining ---- */

/* The row is ours until the end of the transaction, so that no number is given twice. */
static bool number_next(struct tx *tx, int64_t group, int64_t day, int64_t *number, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO queue_day (grp, day, last) VALUES ($1, $2, 1) ON CONFLICT (grp, day) DO UPDATE SET last = queue_day.last + 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, group);
		stmt_bind_int(q, 2, day);
		if (!stmt_run(q, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT last FROM queue_day WHERE grp = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, day);
	if (!stmt_row(q, why))
		return false;
	*number = stmt_int(q, 0);
	return true;
}

static bool letter_of(struct tx *tx, int64_t group, char *letter, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT letter FROM booking_group WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	if (!stmt_row(q, why))
		return false;
	*letter = stmt_text(q, 0).at[0];
	return true;
}

bool queue_join(struct tx *tx, struct queue_number *n, struct fail *why)
{
	n->state = QUEUE_WAITING;
	if (!letter_of(tx, n->group, &n->letter, why) || !number_next(tx, n->group, n->day, &n->number, why) || !tx_next_id(tx, "queue_number", &n->id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO queue_number (id, key, grp, day, number, rank, state, booking, desk, calls, skips, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, 1, $7, '', 0, 0, $8, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->id);
	stmt_bind_blob(q, 2, n->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, n->group);
	stmt_bind_int(q, 4, n->day);
	stmt_bind_int(q, 5, n->number);
	stmt_bind_int(q, 6, n->rank);
	if (n->booking != 0)
		stmt_bind_int(q, 7, n->booking);
	else
		stmt_bind_null(q, 7);
	stmt_bind_int(q, 8, n->made_ms);
	return stmt_run(q, why);
}

static bool next_group(struct tx *tx, int64_t booking, int64_t *group, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT t.grp FROM booking_seat s JOIN booking_slot t ON t.id = s.slot WHERE s.booking = $1"
		" AND NOT EXISTS (SELECT 1 FROM queue_number n WHERE n.booking = s.booking AND n.grp = t.grp) ORDER BY s.n LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, booking);
	*group = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool queue_next_stop(struct tx *tx, const struct queue_number *done, int64_t now_ms, struct id key, struct queue_number *out, bool *is_there, struct fail *why)
{
	*out = (struct queue_number){ .key = key, .day = done->day, .rank = done->rank, .booking = done->booking, .made_ms = now_ms };
	*is_there = false;
	if (done->booking == 0)
		return true;
	if (!next_group(tx, done->booking, &out->group, why))
		return false;
	*is_there = out->group != 0;
	return !*is_there || queue_join(tx, out, why);
}

/* ---- calling ---- */

static bool row_move(struct tx *tx, const struct queue_number *n, enum queue_state from, int64_t now_ms, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE queue_number SET state = $1, rank = $2, desk = $3, calls = $4, skips = $5, changed_ms = $6 WHERE id = $7 AND state = $8", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->state);
	stmt_bind_int(q, 2, n->rank);
	stmt_bind_text(q, 3, str_c(n->desk));
	stmt_bind_int(q, 4, n->calls);
	stmt_bind_int(q, 5, n->skips);
	stmt_bind_int(q, 6, now_ms);
	stmt_bind_int(q, 7, n->id);
	stmt_bind_int(q, 8, from);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

bool queue_call(struct tx *tx, int64_t group, int64_t day, struct str desk, int64_t now_ms, struct queue_number *out, struct fail *why)
{
	bool moved = false;
	assert(desk.len < sizeof(out->desk));
	while (!moved) { /* another window may be faster: then the next one */
		if (!first_in_line(tx, group, day, out, why))
			return false;
		out->state = QUEUE_CALLED;
		out->calls = 1;
		memcpy(out->desk, desk.at, desk.len);
		out->desk[desk.len] = '\0';
		if (!row_move(tx, out, QUEUE_WAITING, now_ms, &moved, why))
			return false;
	}
	return true;
}

static bool may(const struct queue_number *n, enum queue_deed deed)
{
	switch (deed) {
	case QUEUE_RECALL: return n->state == QUEUE_CALLED && n->calls < QUEUE_CALLS_MAX;
	case QUEUE_SKIP:
	case QUEUE_FINISH: return n->state == QUEUE_CALLED;
	case QUEUE_BACK:   return n->state == QUEUE_SKIPPED && n->skips <= QUEUE_SKIPS_MAX;
	}
	return false;
}

bool queue_do(struct tx *tx, struct queue_number *n, enum queue_deed deed, int64_t now_ms, struct fail *why)
{
	static const enum queue_state to[] = { [QUEUE_RECALL] = QUEUE_CALLED, [QUEUE_SKIP] = QUEUE_SKIPPED, [QUEUE_BACK] = QUEUE_WAITING, [QUEUE_FINISH] = QUEUE_DONE };
	enum queue_state from = n->state;
	bool moved = false;
	if (may(n, deed)) {
		n->state = to[deed];
		n->calls += deed == QUEUE_RECALL;
		n->skips += deed == QUEUE_SKIP;
		if (deed == QUEUE_BACK)
			n->rank = QUEUE_RANK_SKIPPED;
		if (!row_move(tx, n, from, now_ms, &moved, why))
			return false;
	}
	if (moved)
		return true;
	FAILS(why, BOOKING_STATE, "number is %s", queue_state_text(from));
	fail_fact_text(why, "state", queue_state_text(from));
	return false;
}
