/* services/applying/material_inside.h - what files and certificates of an application have in common when they change. Thread: the write lane. */
#ifndef SERVICES_MATERIAL_INSIDE_H
#define SERVICES_MATERIAL_INSIDE_H
#include "services/applying/material.h"

/* From here to the transaction's end nobody else changes it; *now is as it is. Fails: APPLICATION_STATE, also when only others may follow. */
MUST_USE bool material_hold(struct tx *tx, const struct application *ap, int64_t number, struct arena *a, struct application *now, struct fail *why);
/* Its materials are a part of it: who judged it without this one has judged another edition. */
MUST_USE bool material_edition_next(struct tx *tx, int64_t application, int64_t now_ms, int64_t *edition, struct fail *why);
#endif
