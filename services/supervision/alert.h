/* services/supervision/alert.h - limits that are nearly over or broken are told, not only shown (预警、督办).
 *
 * A receiver is a department, or the supervisors of a place; it has addresses (services/departments/hook.h) and duty phones (services/supervision/duty_phone.h). What it is told of:
 *   lights that changed        of cases, tickets and work orders: a department of its yellow, orange and red ones, supervisors of their place's red ones
 *   the morning's list         a department, each working day: how many limits of them end by the next working day, and the first of them
 * On working days and in alerts.from_hour..to_hour only, of lights once in alerts.minutes at most: many become one message with their number, the first few of
 * them, and from where in the feed to read on. Told is told: how far each has been told is one row, written with the messages.
 * Thread: the write lane. */
#ifndef SERVICES_ALERT_H
#define SERVICES_ALERT_H
#include "base/config.h"
#include "services/supervision/duty_phone.h"

/* From now on it is told, if nobody was told in its name before. Before the address or phone is written. */
MUST_USE bool alerts_begin(struct tx *tx, const struct on_duty *of, struct fail *why);
/* One bite: receivers told, `most` at most. */
MUST_USE bool alerts_push(struct tx *tx, const struct config *c, int64_t now_ms, int64_t most, int64_t *told, struct fail *why);
#endif
