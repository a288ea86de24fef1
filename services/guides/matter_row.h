/* services/guides/matter_row.h - a matter as every list shows it: read, and written as members of an answer.
 * Thread: whoever holds the transaction, or renders. */
#ifndef SERVICES_MATTER_ROW_H
#define SERVICES_MATTER_ROW_H
#include "base/json.h"
#include "base/request.h"
#include "services/guides/guide_rows.h"

/* Ends in a condition: what follows begins with AND. */
#define MATTER_COLUMNS                                                                                                       \
	"SELECT m.id, m.code, COALESCE(u.name, m.name), COALESCE(u.type, m.type), COALESCE(u.legal_days, m.legal_days),"     \
	" COALESCE(u.promised_days, m.promised_days), COALESCE(u.trips, m.trips), COALESCE(u.online, 1 + 2 * m.online),"       \
	" d.code, d.name, g.code, g.name, COALESCE(u.topics, 0), COALESCE(u.version, 0) FROM matter m" GUIDE_CURRENT_JOIN         \
	" JOIN department d ON d.id = COALESCE(u.department, m.department) JOIN region g ON g.code = COALESCE(u.region, m.region)" \
	" WHERE " MATTER_IS_SHOWN

struct matter {
	int64_t id, type, legal_days, promised_days, trips, online, region, topics;
	int64_t guide;         /* version of the current one; 0: there is none */
	struct str code, name, department_code, department_name, region_name;
};

/* Texts are copied into the request's arena. */
MUST_USE bool matter_of_row(struct request *r, struct stmt *q, struct matter *to, struct fail *why);
void matter_members(struct json_out *j, const struct matter *m);
#endif
