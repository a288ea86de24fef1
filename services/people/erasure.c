/* services/people/erasure.c - the moves of an erasure, each in one small transaction. */
#include "services/people/erasure.h"
#include "auth/audit.h"
#include "auth/retention.h"
#include "auth/session.h"
#include "auth/token.h"
#include "services/booking/booking.h"
#include "services/cases/case_number.h"
#include "services/cases/case_state.h"
#include "store/store.h"
#include <assert.h>

#define DAY_MS INT64_C(86400000)
enum { TOKENS_BY_HAND_MAX = 8 };

/* ---- what stands against it ---- */

bool erasure_open_cases(struct tx *tx, int64_t person, int64_t *count, char numbers[ERASURE_CASES_TEXT], struct fail *why)
{
	struct buf b = { .at = numbers, .cap = ERASURE_CASES_TEXT };
	_Static_assert((CASE_NUMBER_LENGTH + 1) * ERASURE_CASES_SHOWN < ERASURE_CASES_TEXT, "the first few fit");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state, case_no FROM cases WHERE person = $1 AND parts >= 0 ORDER BY id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	*count = 0;
	while (stmt_row(q, why)) {
		if (case_state_row((enum case_state)stmt_int(q, 0))->mover == CASE_MOVER_NOBODY)
			continue;
		if (*count > 0 && *count < ERASURE_CASES_SHOWN)
			buf_char(&b, ',');
		if (*count < ERASURE_CASES_SHOWN)
			buf_str(&b, stmt_text(q, 1));
		++*count;
	}
	numbers[b.len] = '\0';
	return why->code == FAIL_NONE;
}

static bool refuse_open_cases(struct tx *tx, int64_t person, struct fail *why)
{
	char numbers[ERASURE_CASES_TEXT];
	int64_t count;
	if (!erasure_open_cases(tx, person, &count, numbers, why))
		return false;
	if (count == 0)
		return true;
	FAILS(why, OPEN_CASES, "%lld cases are open", (long long)count);
	fail_fact_number(why, "open_cases", count);
	fail_fact_text(why, "cases", numbers);
	return false;
}

/* ---- asked for, taken back ---- */

#define COLUMNS "id, key, person, state, asked_ms, due_ms"

static void fill(struct stmt *q, struct erasure *e)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*e = (struct erasure){ .id = stmt_int(q, 0), .person = stmt_int(q, 2), .state = (enum erasure_state)stmt_int(q, 3), .asked_ms = stmt_int(q, 4), .due_ms = stmt_int(q, 5) };
	memcpy(e->key.bytes, key.at, ID_BYTES);
}

bool erasure_last(struct tx *tx, int64_t person, struct erasure *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM erasure WHERE person = $1 ORDER BY id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	*out = (struct erasure){ .state = ERASURE_NONE };
	stmt_bind_int(q, 1, person);
	if (stmt_row(q, why))
		fill(q, out);
	return why->code == FAIL_NONE;
}

static bool insert(struct tx *tx, const struct erasure *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO erasure (id, key, person, state, asked_ms, due_ms, ended_ms) VALUES ($1, $2, $3, $4, $5, $6, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	stmt_bind_blob(q, 2, e->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, e->person);
	stmt_bind_int(q, 4, e->state);
	stmt_bind_int(q, 5, e->asked_ms);
	stmt_bind_int(q, 6, e->due_ms);
	return stmt_run(q, why);
}

bool erasure_ask(struct tx *tx, const struct request *r, int64_t days, struct erasure *out, struct fail *why)
{
	struct erasure last;
	uint8_t random[32];
	if (!refuse_open_cases(tx, r->who.id, why) || !erasure_last(tx, r->who.id, &last, why))
		return false;
	if (last.state == ERASURE_WAITING || last.state == ERASURE_UNDER_WAY)
		return FAILS(why, CONFLICT, "one is waiting");
	request_bytes(r, "erasure", random);
	*out = (struct erasure){ .person = r->who.id, .state = ERASURE_WAITING, .asked_ms = r->now_ms, .due_ms = r->now_ms + days * DAY_MS, .key = id_make(r->now_ms, random) };
	struct audit a = { AUDIT_ERASURE_ASKED, AUDIT_OF_PERSON, r->who.id, .result = 202 };
	return tx_next_id(tx, "erasure", &out->id, why) && insert(tx, out, why) && audit_add(tx, r, &a, why);
}

static bool move(struct tx *tx, int64_t id, enum erasure_state to, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE erasure SET state = $1, ended_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	if (to == ERASURE_UNDER_WAY)
		stmt_bind_null(q, 2);
	else
		stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

bool erasure_take_back(struct tx *tx, const struct request *r, struct fail *why)
{
	struct erasure last;
	struct audit a = { AUDIT_ERASURE_TAKEN_BACK, AUDIT_OF_PERSON, r->who.id, .result = 204 };
	if (!erasure_last(tx, r->who.id, &last, why))
		return false;
	if (last.state != ERASURE_WAITING)
		return FAILS(why, NOT_FOUND, "none is waiting");
	return move(tx, last.id, ERASURE_TAKEN_BACK, r->now_ms, why) && audit_add(tx, r, &a, why);
}

/* ---- carried out ---- */

static bool due(struct tx *tx, int64_t now_ms, struct erasure *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM erasure WHERE (state = 1 OR state = 3) AND due_ms <= $1 ORDER BY due_ms, id LIMIT 1", why);
	if (q == NULL)
		return false;
	*e = (struct erasure){ .state = ERASURE_NONE };
	stmt_bind_int(q, 1, now_ms);
	if (stmt_row(q, why))
		fill(q, e);
	return why->code == FAIL_NONE;
}

static bool put_off(struct tx *tx, const struct erasure *e, int64_t until_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE erasure SET due_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, until_ms);
	stmt_bind_int(q, 2, e->id);
	return stmt_run(q, why);
}

static bool take_in(struct tx *tx, const struct erasure *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO erasure_person (erasure, person, is_done) SELECT CAST($1 AS BIGINT), p.id, 0 FROM person p WHERE p.id = $2"
		" OR p.id IN (SELECT m.from_person FROM person_merge m WHERE m.into_person = $3 AND m.undone_ms IS NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	stmt_bind_int(q, 2, e->person);
	stmt_bind_int(q, 3, e->person);
	return stmt_run(q, why);
}

/* Tokens that an operator made belong to no session: the caches must hear of each. */
static bool revoke_by_hand(struct tx *tx, int64_t person, int64_t now_ms, struct fail *why)
{
	int64_t ids[TOKENS_BY_HAND_MAX];
	int count = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM token WHERE principal_id = $1 AND kind = 2 AND session IS NULL AND revoked_ms IS NULL LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, person);
		stmt_bind_int(q, 2, TOKENS_BY_HAND_MAX);
		while (stmt_row(q, why))
			ids[count++] = stmt_int(q, 0);
	}
	bool ok = why->code == FAIL_NONE;
	for (int i = 0; ok && i < count; i++)
		ok = token_revoke(tx, ids[i], now_ms, why);
	return ok;
}

static bool begin(struct tx *tx, const struct erasure *e, int64_t now_ms, struct fail *why)
{
	int64_t ended;
	return take_in(tx, e, why) && move(tx, e->id, ERASURE_UNDER_WAY, now_ms, why) && revoke_by_hand(tx, e->person, now_ms, why) && booking_cancel_all(tx, e->person, now_ms, why) &&
	       session_end_all(tx, WHO_CITIZEN, e->person, 0, SESSION_ENDED_ITSELF, now_ms, &ended, why);
}

/* 0: all are done. */
static bool next_person(struct tx *tx, const struct erasure *e, int64_t *person, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT person FROM erasure_person WHERE erasure = $1 AND is_done = 0 ORDER BY person LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	*person = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool person_done(struct tx *tx, const struct erasure *e, int64_t person, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE erasure_person SET is_done = 1 WHERE erasure = $1 AND person = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, e->id);
	stmt_bind_int(q, 2, person);
	return stmt_run(q, why);
}

static bool end(struct tx *tx, const struct erasure *e, int64_t now_ms, struct fail *why)
{
	char key[ID_TEXT_BYTES];
	id_text(e->key, "er", key);
	struct audit_actor by = { WHO_CITIZEN, e->person, now_ms, key };
	struct audit a = { AUDIT_PERSON_ERASED, AUDIT_OF_PERSON, e->person, .result = 200 };
	return move(tx, e->id, ERASURE_DONE, now_ms, why) && audit_add_of(tx, &by, &a, why);
}

static bool carry_out(struct tx *tx, const struct erasure *e, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	while (*rows < rows_max) {
		int64_t person, some;
		bool is_over;
		if (!next_person(tx, e, &person, why))
			return false;
		if (person == 0)
			return end(tx, e, now_ms, why);
		if (!retention_erase(tx, person, rows_max - *rows, &some, &is_over, why))
			return false;
		*rows += some;
		if (!is_over)
			return true; /* the next bite, or the next minute */
		if (!person_done(tx, e, person, why))
			return false;
	}
	return true;
}

bool erasure_step(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct erasure e;
	char numbers[ERASURE_CASES_TEXT];
	int64_t open;
	bool is_held;
	*rows = 0;
	if (!due(tx, now_ms, &e, why) || e.state == ERASURE_NONE)
		return why->code == FAIL_NONE;
	if (e.state == ERASURE_UNDER_WAY)
		return carry_out(tx, &e, now_ms, rows_max, rows, why);
	if (!retention_is_held(tx, e.person, &is_held, why) || !erasure_open_cases(tx, e.person, &open, numbers, why))
		return false;
	if (is_held || open > 0)
		return put_off(tx, &e, now_ms + DAY_MS, why);
	return begin(tx, &e, now_ms, why) && carry_out(tx, &e, now_ms, rows_max, rows, why);
}
