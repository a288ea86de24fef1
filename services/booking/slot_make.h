/* services/booking/slot_make.h - slots are there before anybody asks for them: each day the next one within the horizon, and anew where rules, blackouts or the
 * calendar have changed.
 *
 * A slot is never deleted while somebody sits on it. One that the rules no longer have is closed; one whose capacity shrinks keeps what is taken already.
 * Thread: the write lane. */
#ifndef SERVICES_SLOT_MAKE_H
#define SERVICES_SLOT_MAKE_H
#include "store/store.h"

/* A job's bite: up to `days_max` days of one group. *days: how many were gone through; 0: there was nothing to do. */
MUST_USE bool slots_make(struct tx *tx, int64_t now_ms, int64_t days_max, int64_t *days, struct fail *why);
/* What slots of this group are made of has changed. */
MUST_USE bool slots_outdated(struct tx *tx, int64_t group, struct fail *why);
/* Deletes slots that were over before `before_ms` and that no booking names any more. */
MUST_USE bool slots_forget(struct tx *tx, int64_t before_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
