/* services/supervision/audit_view.h - how a row of the audit is written, for whoever reads it. */
#ifndef SERVICES_AUDIT_VIEW_H
#define SERVICES_AUDIT_VIEW_H
#include "auth/audit_read.h"
#include "auth/staff.h"
#include "base/json.h"

/* A row, and the accounts of the staff in it: their numbers say nothing to people. */
struct audit_shown {
	struct audit_row row;
	char actor[STAFF_ACCOUNT_MAX + 1], subject[STAFF_ACCOUNT_MAX + 1]; /* "": no staff */
};
MUST_USE bool audit_show(struct tx *tx, struct audit_shown *s, struct fail *why); /* in look, once the row is there */
void audit_members(struct json_out *j, const struct audit_shown *s, enum lang lang); /* into the open object */
#endif
