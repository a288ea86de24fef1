/* services/cases/joint_wait.c - until when a part must be begun by its department (启动时限): as long as an application may wait for its acceptance, from the day on which nothing stood in
 * its way any more. Nothing is written down for it: what it is made of is. */
#include "services/cases/joint.h"

#include "base/day.h"
#include "services/cases/calendar.h"
#include "services/cases/outage.h"
#include "services/services.h"
#include "store/store.h"

static bool latest(struct stmt *q, int64_t *ms, struct fail *why)
{
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	if (!stmt_is_null(q, 0) && stmt_int(q, 0) > *ms)
		*ms = stmt_int(q, 0);
	return true;
}

/* 7: accepted. */
static bool accepted_on(struct tx *tx, int64_t whole, int64_t *ms, struct fail *why)
{
	_Static_assert(CASE_EVENT_ACCEPTED == 7, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT MIN(occurred_ms) FROM case_event WHERE case_id = $1 AND event = 7", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	return latest(q, ms, why);
}

/* 5 and 10 to 16: decided, one way or the other, as part_is_decided says. */
static bool decided_on(struct tx *tx, int64_t whole, int n, int64_t *ms, struct fail *why)
{
	_Static_assert(CASE_NOT_ACCEPTED == 5 && CASE_DECIDED_OK == 10 && CASE_DELIVERED == 16, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT MIN(e.occurred_ms) FROM case_part p JOIN case_event e ON e.case_id = p.part WHERE p.whole = $1 AND p.n = $2"
		" AND (e.state = 5 OR e.state >= 10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	stmt_bind_int(q, 2, n);
	return latest(q, ms, why);
}

bool joint_wait(struct tx *tx, int64_t whole, uint32_t needs, int64_t region, struct part_wait *out, struct fail *why)
{
	struct workdays w;
	struct day_span pauses[PAUSES_MAX];
	int64_t ms = 0;
	*out = (struct part_wait){ .has_due = false };
	if (!accepted_on(tx, whole, &ms, why))
		return false;
	for (int n = 1; n <= PARTS_MAX; n++)
		if ((needs >> n & 1) != 0 && !decided_on(tx, whole, n, &ms, why))
			return false;
	struct time_limit l = { .begun = day_of(ms), .unit = LIMIT_WORKING_DAYS, .days = (int32_t)services_config()->clock_acceptance_days, .pauses = pauses };
	if (!calendar_load(tx, region, &w, why) || !outages_add(tx, region, l.begun, pauses, PAUSES_MAX, &l.pause_count, why))
		return false;
	struct limit_now now = limit_look(&w, &l, l.begun);
	*out = (struct part_wait){ .has_due = !now.pending, .due = now.due, .yellow = now.yellow };
	return true;
}
