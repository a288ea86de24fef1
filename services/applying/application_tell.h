/* services/applying/application_tell.h - a department's system is told that there is something new at its case: an application, what came after it, a hand-out. To the addresses it
 * registered for that (services/departments/hook.h), at least once and in the case's order, as {"type": "application.<event>", "timestamp", "data"}. Nothing of it is personal: what was
 * handed in is read where reading is on record. Whoever hears nothing has the feed.
 *
 * Of a joint case each department that is awaited for a part is told too, as "application.part_awaited".
 * Thread: the write lane. */
#ifndef SERVICES_APPLICATION_TELL_H
#define SERVICES_APPLICATION_TELL_H
#include "services/cases/case_journal.h"

/* In the transaction of e, which is not the department's own; c as it is after it. */
MUST_USE bool application_told(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why);
#endif
