/* services/booking/booking_inside.h - what the routes of booking share.
 * Thread: the write lane. */
#ifndef SERVICES_BOOKING_INSIDE_H
#define SERVICES_BOOKING_INSIDE_H
#include "auth/audit.h"
#include "services/booking/booking.h"

/* Who did it to which booking, and where. */
MUST_USE bool booking_audit(struct tx *tx, const struct request *r, const struct booking *b, enum audit_act act, int status, struct fail *why);
#endif
