/* services/supervision/case_tally.c - counted when it happens, so that nobody has to believe a count made later. */
#include "services/supervision/case_tally.h"

#include "store/fact.h"

#define BIT(name) (1u << CASE_EVENT_##name)
#define STATE(name) (1u << CASE_##name)

struct str tally_what_name(int64_t what)
{
	static const struct str names[] = { [TALLY_TRIP] = STR("trip"), [TALLY_ASKED_BEFORE] = STR("asked_before_acceptance"), [TALLY_ASKED] = STR("asked"),
					    [TALLY_ENDED] = STR("ended"), [TALLY_ADDED] = STR("added_requirement"), [TALLY_ASKED_AGAIN] = STR("asked_again"),
					    [TALLY_SUPPLEMENT_OVER] = STR("supplement_over") };
	return names[what];
}

bool tally_is_at_window(enum case_event e)
{
	static const uint32_t at_window = BIT(SUBMITTED) | BIT(RECEIVED) | BIT(CORRECT_PRE_DONE) | BIT(ACCEPTED) | BIT(CORRECT_DONE) | BIT(WITHDRAWN) | BIT(DELIVERED);
	return (at_window >> e & 1) != 0;
}

struct tally {
	int64_t id, fact, case_id, seq, what, n, promised, day, department, region;
};
enum { TALLY_COLUMNS = 10 };

static bool insert(struct tx *tx, const int64_t columns[TALLY_COLUMNS], struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_tally (fact, id, case_id, seq, what, n, promised, day, department, region)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", why);
	if (q == NULL)
		return false;
	for (int i = 0; i < TALLY_COLUMNS; i++)
		stmt_bind_int(q, i + 1, columns[i]);
	return stmt_run(q, why);
}

static bool promised_trips(struct tx *tx, int64_t case_id, int64_t *trips, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(g.trips, m.trips) FROM cases c JOIN matter m ON m.id = c.matter"
		" LEFT JOIN guide g ON g.id = c.guide WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld has no matter", (long long)case_id);
	*trips = stmt_int(q, 0);
	return true;
}

/* In the order of store/facts.def. */
static bool add(struct tx *tx, const struct tally_move *m, enum tally_what what, int64_t n, struct fail *why)
{
	struct tally t = { .case_id = m->case_id, .seq = m->seq, .what = what, .n = n, .day = m->day, .department = m->department, .region = m->region };
	if (!promised_trips(tx, m->case_id, &t.promised, why) || !tx_next_id(tx, "case_tally", &t.id, why) || !fact_next(tx, &t.fact, why))
		return false;
	const int64_t columns[TALLY_COLUMNS] = { t.fact, t.id, t.case_id, t.seq, t.what, t.n, t.promised, t.day, t.department, t.region };
	struct fact f = { FACT_CASE_TALLY, t.id, 0, t.department, t.region, m->now_ms };
	struct fact_content content;
	fact_content(&content, fact_row_of(FACT_CASE_TALLY));
	for (int i = 0; i < TALLY_COLUMNS; i++)
		fact_int(&content, columns[i]);
	return insert(tx, columns, why) && fact_add(tx, t.fact, &f, &content, why);
}

static bool count(struct tx *tx, int64_t case_id, enum tally_what what, int64_t *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(n), 0) FROM case_tally WHERE case_id = $1 AND what = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	stmt_bind_int(q, 2, what);
	if (!stmt_row(q, why))
		return false;
	*n = stmt_int(q, 0);
	return true;
}

static bool came_that_day(struct tx *tx, const struct tally_move *m, bool *came, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM case_tally WHERE case_id = $1 AND day = $2 AND what = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->case_id);
	stmt_bind_int(q, 2, m->day);
	*came = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool tally_count(struct tx *tx, const struct tally_move *m, enum tally_what what, struct fail *why)
{
	int64_t n;
	return count(tx, m->case_id, what, &n, why) && add(tx, m, what, n + 1, why);
}

static bool is_end(enum case_state s)
{
	static const uint32_t ends = STATE(NOT_ACCEPTED) | STATE(RETURNED) | STATE(WITHDRAWN) | STATE(ABORTED) | STATE(DELIVERED);
	return (ends >> s & 1) != 0;
}

bool tallies_move(struct tx *tx, const struct tally_move *m, struct fail *why)
{
	bool came = true;
	int64_t trips;
	if (m->in_person && !came_that_day(tx, m, &came, why))
		return false;
	if (!came && !tally_count(tx, m, TALLY_TRIP, why))
		return false;
	if (m->event == CASE_EVENT_CORRECT_PRE_ASKED || m->event == CASE_EVENT_CORRECT_ASKED)
		return tally_count(tx, m, m->event == CASE_EVENT_CORRECT_ASKED ? TALLY_ASKED : TALLY_ASKED_BEFORE, why);
	return !is_end(m->state) || (count(tx, m->case_id, TALLY_TRIP, &trips, why) && add(tx, m, TALLY_ENDED, trips, why));
}
