/* services/cases/demand_days.c - when a demand is told again: two working days before its end, on its last day, and when it is over. */
#include "services/cases/demand_inside.h"

#include "services/cases/demand.h"
#include "services/cases/time_limit.h"

static bool day_of_stage(const struct workdays *w, int32_t due, int stage, int32_t *day)
{
	if (stage == 0)
		return workdays_select(w, workdays_rank(w, due) - DEMAND_SOON_DAYS, day);
	*day = stage == 1 ? due : due + 1;
	return stage < DEMAND_STAGES;
}

static void next_make(const struct workdays *w, struct demand_days *d)
{
	d->next_on = 0;
	for (; d->stage < DEMAND_STAGES; d->stage++) {
		int32_t day;
		if (!day_of_stage(w, d->due, d->stage, &day) || day <= d->told_on)
			continue;
		d->next_on = day;
		return;
	}
}

bool demand_days_make(struct tx *tx, int64_t region, struct demand_days *d, struct fail *why)
{
	struct workdays w;
	if (!calendar_version(tx, &d->calendar, why) || !calendar_load(tx, region, &w, why))
		return false;
	struct time_limit l = { .begun = d->told_on, .unit = LIMIT_WORKING_DAYS, .days = d->days };
	struct limit_now now = limit_look(&w, &l, d->told_on);
	d->has_due = !now.pending;
	d->due = d->has_due ? now.due : 0;
	d->next_on = 0;
	if (d->has_due)
		next_make(&w, d);
	return true;
}
