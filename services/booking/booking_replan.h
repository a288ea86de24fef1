/* services/booking/booking_replan.h - when the hall takes its time away: a day or a part of it is cancelled, or a window group is merged into another. Whoever was booked
 * is given the nearest other time and told; who finds none within two weeks is told that too.
 *
 * What is closed is closed at once; the bookings are gone through by a job, a few in a bite.
 * Thread: the write lane. */
#ifndef SERVICES_BOOKING_REPLAN_H
#define SERVICES_BOOKING_REPLAN_H
#include "services/booking/booking.h"

/* Closes the slots of a group in that time, for good; holds there run out at once. *orphans: visits that are given another time. */
MUST_USE bool group_close(struct tx *tx, int64_t group, int64_t from_ms, int64_t to_ms, struct str note, int64_t now_ms, int64_t *orphans, struct fail *why);
/* Its matters are taken by `into` from now on, and it makes no slots any more. */
MUST_USE bool group_merge(struct tx *tx, int64_t hall, int64_t from_kind, int64_t into_kind, int64_t now_ms, int64_t *orphans, struct fail *why);
/* A job's bite. */
MUST_USE bool bookings_replan(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
