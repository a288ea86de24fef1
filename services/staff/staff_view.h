/* services/staff/staff_view.h - how a member of staff is written. */
#ifndef SERVICES_STAFF_VIEW_H
#define SERVICES_STAFF_VIEW_H
#include "auth/staff.h"
#include "base/json.h"

void staff_members(struct json_out *j, const struct staff_row *s); /* into the open object */
#endif
