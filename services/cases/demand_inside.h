/* services/cases/demand_inside.h - a demand's days, for those two who write them. */
#ifndef SERVICES_DEMAND_INSIDE_H
#define SERVICES_DEMAND_INSIDE_H
#include "services/cases/calendar.h"

enum { DEMAND_STAGES = 3 };

struct demand_days {
	int32_t told_on, days;
	int64_t calendar;   /* its version */
	bool has_due;
	int32_t due;
	int stage;          /* how many reminders are behind it */
	int32_t next_on;    /* 0: none */
};
/* From told_on, days and stage the rest, by the region's calendar of today. Reminders of days that were over when it was told are passed over. */
MUST_USE bool demand_days_make(struct tx *tx, int64_t region, struct demand_days *d, struct fail *why);
#endif
