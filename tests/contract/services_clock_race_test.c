/* Goal: a clock that an event stops while the calendar's change is being carried into all clocks stays stopped; the others have their new last days.
 * Method: an event of a case that runs, applied and not yet committed; then the job, which saw the clock run and waits for it; then the event commits. On PostgreSQL, where both write at once. */
#include "postgres_race.h"

#include "base/day.h"
#include "services/cases/calendar.h"
#include "services/cases/case_clock.h"

enum { BEGUN = 20515 /* 2026-03-03 */, CASES = 3 };
#define NOW (BEGUN * INT64_C(86400000))

static _Atomic bool has_moved;
static int64_t renewed;

/* ---- what is there ---- */

static const char *const rows[] = {
	"INSERT INTO region (code, name, level) VALUES (620000, '甘肃省', 1)",
	"INSERT INTO department (id, code, name, region) VALUES (1, '11621200000000000A', '市公安局', 620000)",
	"INSERT INTO matter (id, code, name, department, region, type, legal_days, promised_days, trips, online) VALUES (1, 'M1', '补领', 1, 620000, 2, 15, 3, 0, 1)",
	"INSERT INTO case_names (id, matter, region, matter_code, matter_name, department_name, region_name) VALUES (1, 1, 620000, 'M1', '补领', '市公安局', '甘肃省')",
};

static bool run(struct tx *tx, const char *sql, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	if (id != 0)
		stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

/* Cases with a promised and a statutory clock each, made before the calendar was. */
static bool begin(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (!run(tx, rows[i], 0, why))
			return false;
	for (int64_t id = 1; id <= CASES; id++)
		if (!run(tx, "INSERT INTO cases (id, case_no, person, department, case_ref, matter, region, type, state, last_seq, opened_ms, updated_ms, names)"
			     " VALUES ($1, 'C' || CAST($1 AS VARCHAR(3)), 1, 1, 'R' || CAST($1 AS VARCHAR(3)), 1, 620000, 2, 1, 1, 0, 0, 1)", id, why) ||
		    !run(tx, "INSERT INTO case_clock (case_id, kind, phase, begun, days, extended, region, department, calendar, told, broken) VALUES ($1, 2, 1, 20515, 3, 0, 620000, 1, 0, 0, 0), ($1, 3, 1, 20515, 15, 0, 620000, 1, 0, 0, 0)", id, why))
			return false;
	return calendar_renew(tx, 2026, 2026, why);
}

/* ---- what meets ---- */

/* Withdrawn the day after; not committed until the job waits for it. */
static bool withdraw(struct commit_job *job, struct tx *tx, struct fail *why)
{
	const struct clock_move m = { .case_id = 2, .department = 1, .region = 620000, .state = CASE_WITHDRAWN, .day = BEGUN + 1, .seq = 2, .now_ms = NOW };
	PGconn *beside = postgres_connect("postgres", "postgres");
	bool waits = false;
	(void)job;
	bool ok = clocks_move(tx, &m, why);
	atomic_store(&has_moved, true);
	for (int waited = 0; ok && !waits; waited++) {
		if (waited == RACE_PATIENCE_MS)
			return FAILS(why, INTERNAL, "the job waits for nothing");
		poll(NULL, 0, 1);
		waits = postgres_number(beside, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") > 0;
	}
	PQfinish(beside);
	return ok;
}

static bool renew(struct commit_job *job, struct tx *tx, struct fail *why)
{
	(void)job;
	while (!atomic_load(&has_moved))
		poll(NULL, 0, 1);
	return clocks_renew(tx, 100, &renewed, why);
}

static void stays_stopped(void **state)
{
	(void)state;
	struct commit_job event = { .apply = withdraw }, job = { .apply = renew };
	FIXTURE_OK(&f, store_write(f.store, begin, NULL, &f.why));
	race_run((struct commit_job *const[]){ &event, &job }, 2);
	if (!event.committed || !job.committed)
		fail_msg("%s / %s", event.why.log, job.why.log);
	assert_int_equal(renewed, 2 * CASES);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM case_clock WHERE case_id = 2 AND phase = 3 AND stopped_on = 20516 AND broken = 0"), 2);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM case_clock WHERE case_id <> 2 AND phase = 1 AND calendar = 1 AND due > begun"), 2 * (CASES - 1));
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM case_clock WHERE phase < 3 AND calendar < 1"), 0);
	assert_int_equal(fixture_number(&f, "SELECT clock FROM cases WHERE id = 2"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stays_stopped) };
	return cmocka_run_group_tests(tests, race_start, race_stop);
}
