/* auth/role.h - roles of staff as sets of bits: what they may, and which go together.
 * Thread: any; pure. */
#ifndef AUTH_ROLE_H
#define AUTH_ROLE_H
#include "auth/right.h"
#include "base/fail.h"

enum duty { DUTY_NONE, DUTY_SYSTEM, DUTY_SECURITY, DUTY_AUDIT };

enum role {
#define ROLE(name, bit, ...) ROLE_##name = bit,
#include "auth/roles.def"
#undef ROLE
	ROLE_COUNT
};

struct role_row {
	const char *text; /* "security_admin" */
	const char *zh;
	enum duty duty;
	uint64_t rights;  /* bits of rights.def */
};
const struct role_row *role_row(enum role role);
bool role_from(struct str text, enum role *out);
uint64_t roles_rights(int64_t roles);
enum duty roles_duty(int64_t roles);
/* May one person have them? Fails: FIELD with the fact reason: empty, duties (an administrator's beside anything else). */
MUST_USE bool roles_fit(int64_t roles, struct fail *why);
#endif
