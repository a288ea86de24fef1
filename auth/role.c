/* auth/role.c - the table of roles, asked. */
#include "auth/role.h"
#include <assert.h>

#define HAS(right) (UINT64_C(1) << RIGHT_##right)
static const struct role_row rows[ROLE_COUNT] = {
#define ROLE(name, bit, text, zh, duty, rights) [ROLE_##name] = { text, zh, DUTY_##duty, rights },
#include "auth/roles.def"
#undef ROLE
};
#undef HAS

const struct role_row *role_row(enum role role)
{
	assert(role < ROLE_COUNT);
	return &rows[role];
}

bool role_from(struct str text, enum role *out)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (!str_eq(text, str_c(rows[i].text)))
			continue;
		*out = (enum role)i;
		return true;
	}
	return false;
}

static bool has(int64_t roles, int i)
{
	return (roles >> i & 1) != 0;
}

uint64_t roles_rights(int64_t roles)
{
	uint64_t all = 0;
	for (int i = 0; i < ROLE_COUNT; i++)
		all |= has(roles, i) ? rows[i].rights : 0;
	return all;
}

enum duty roles_duty(int64_t roles)
{
	for (int i = 0; i < ROLE_COUNT; i++)
		if (has(roles, i) && rows[i].duty != DUTY_NONE)
			return rows[i].duty;
	return DUTY_NONE;
}

static bool refused(struct fail *why, const char *reason)
{
	FAILS_FIELD(why, FIELD, "/roles", "roles: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

bool roles_fit(int64_t roles, struct fail *why)
{
	if (roles <= 0 || roles >= INT64_C(1) << ROLE_COUNT)
		return refused(why, "empty");
	bool alone = (roles & (roles - 1)) == 0;
	return roles_duty(roles) == DUTY_NONE || alone || refused(why, "duties");
}
