/* services/cases/outage.h - days on which we ourselves could not serve. Whoever declares one says where and why; it is audited, public, and never taken back, and the
 * limits it covered are made anew without those days.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_OUTAGE_H
#define SERVICES_OUTAGE_H
#include "services/cases/time_limit.h"
#include "store/store.h"

/* Appends to out[*count] what was declared for the region, or for what it lies in, and reaches `from` or later. */
MUST_USE bool outages_add(struct tx *tx, int64_t region, int32_t from, struct day_span *out, int max, int *count, struct fail *why);
#endif
