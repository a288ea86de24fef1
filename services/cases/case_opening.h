/* services/cases/case_opening.h - a case begins: a row for it, its number, its applicant, what it is called, the guide it is pinned to; or the part of a joint case, which
 * takes all of that from its whole.
 * Thread: the write lane. */
#ifndef SERVICES_CASE_OPENING_H
#define SERVICES_CASE_OPENING_H
#include "auth/identity_number.h"
#include "services/cases/case_journal.h"

/* What the opening event says. */
struct opening {
	enum case_event event;
	struct str matter;
	int64_t region;
	const struct identity *applicant;
	struct str name, phone;    /* empty: not said */
	struct str whole, part;    /* at NULL: it is no part, and all of the above is said; else none of it is */
	int64_t person;            /* who applied himself (services/applying/application.h): then `applicant`, name and phone are not said, c->department is filled in, and c->case_ref,
	                            * where its at is NULL, is its own number; 0: a department says who applied */
	int64_t guide;             /* with person: the version it must be pinned to */
};

/* Fills in c, whose department, case_ref, pen and now_ms are the caller's; the event itself is journal_append's.
 * Fails: ILLEGAL_MOVE the event opens nothing, or the part may not begin yet; FIELD no such matter, region, whole or part, or another department's; PART_BEGUN; GUIDE_OUTDATED. */
MUST_USE bool case_open(struct tx *tx, const struct opening *o, struct case_file *c, struct fail *why);
#endif
