/* services/cases/case_names.h - what a case is called: matter, department and region as they were on its opening day.
 *
 * Many cases share one row of case_names, and no row ever changes (triggers see to it): when a matter is renamed, the next opening makes a new row.
 * So a case's own row stays short, and whoever has read a row of names may keep it: the row cache does, as the members of an answer.
 *
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_CASE_NAMES_H
#define SERVICES_CASE_NAMES_H
#include "base/fail.h"
#include "base/str.h"

struct arena;
struct tx;

enum case_name { CASE_NAME_MATTER_CODE, CASE_NAME_MATTER, CASE_NAME_DEPARTMENT, CASE_NAME_REGION, CASE_NAME_COUNT };
enum { CASE_NAMES_BYTES = 640 /* matter code 64, names of 100, 60 and 30 characters of 3 bytes, with room */ };

struct case_names {
	uint16_t len[CASE_NAME_COUNT];
	char text[CASE_NAMES_BYTES]; /* one behind the other */
};

/* For a case that is opened: the newest row of this matter and region if it says the same, else a new one. In apply. */
MUST_USE bool case_names_find_or_make(struct tx *tx, int64_t matter, int64_t region, const struct str name[CASE_NAME_COUNT], int64_t *id, struct fail *why);
MUST_USE bool case_names_read(struct tx *tx, int64_t id, struct case_names *to, struct fail *why);
struct str case_names_get(const struct case_names *c, enum case_name n);
/* The members "matter", "department" and "region" of every answer about such a case, written out; in `a`. */
MUST_USE bool case_names_members(struct tx *tx, struct arena *a, int64_t id, struct str *members, struct fail *why);
#endif
