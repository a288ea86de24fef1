/* services/cases/calendar.h - the working days of a place, from the tables of 0016.
 *
 * Everywhere follows the State Council's notice; a region may have days of its own, which hold for what lies in it as well.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_CALENDAR_H
#define SERVICES_CALENDAR_H
#include "services/cases/workdays.h"
#include "store/store.h"

enum { REGION_EVERYWHERE = 0 };

/* All known years; none is not a failure. */
MUST_USE bool calendar_load(struct tx *tx, int64_t region, struct workdays *out, struct fail *why);
/* 0 before the first import. */
MUST_USE bool calendar_version(struct tx *tx, int64_t *out, struct fail *why);
/* Something else that limits are made of has changed: what was computed is computed anew. */
MUST_USE bool calendar_touch(struct tx *tx, struct fail *why);
/* Writes the bits of these years anew from their days: they are known, and no others. last < first: none is. */
MUST_USE bool calendar_renew(struct tx *tx, int first, int last, struct fail *why);
#endif
