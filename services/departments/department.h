/* services/departments/department.h - the organs that handle cases, found by their code.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_DEPARTMENT_H
#define SERVICES_DEPARTMENT_H
#include "base/fail.h"
#include "base/str.h"

struct tx;

/* 1 found, 0 not there, -1 failed (why is noted). */
int department_find(struct tx *tx, struct str code, int64_t *id, struct fail *why);
#endif
