/* auth/staff_deeds.c - an account, its roles, its end: each by two people. */
#include "auth/staff_deeds.h"
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/tenancy.h"
#include "base/json.h"

enum { REGION_TEXT_MAX = 9, CODE_TEXT_MAX = 18, ROLES_TEXT_MAX = 200 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct wish {
	struct str account, name, department, region, roles;
	int64_t role_bits, region_code;
};

static const struct json_field invite_fields[] = {
	{ "account", JSON_F_TEXT, true, 3, STAFF_ACCOUNT_MAX, offsetof(struct wish, account), NULL },
	{ "name", JSON_F_TEXT, true, 1, STAFF_NAME_MAX, offsetof(struct wish, name), NULL },
	{ "department", JSON_F_TEXT, false, 1, CODE_TEXT_MAX, offsetof(struct wish, department), NULL },
	{ "region", JSON_F_TEXT, true, 6, REGION_TEXT_MAX, offsetof(struct wish, region), NULL },
	{ "roles", JSON_F_TEXT, true, 1, ROLES_TEXT_MAX, offsetof(struct wish, roles), NULL },
};
static const struct json_field roles_fields[] = {
	{ "roles", JSON_F_TEXT, true, 1, ROLES_TEXT_MAX, offsetof(struct wish, roles), NULL },
};

bool roles_from(struct str names, int64_t *roles, struct fail *why)
{
	struct str name;
	*roles = 0;
	while (names.len > 0) {
		enum role role;
		str_cut(names, ' ', &name, &names);
		if (!role_from(name, &role))
			return FAILS_FIELD(why, FIELD, "/roles", "no such role");
		*roles |= INT64_C(1) << role;
	}
	return roles_fit(*roles, why);
}

static bool wish_from(enum proposal_kind kind, struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	*w = (struct wish){ 0 };
	DROP(json) json_t *body = json_read(payload, why);
	if (body == NULL)
		return false;
	switch (kind) {
	case PROPOSAL_STAFF_INVITE:
		if (!json_take(body, invite_fields, COUNT(invite_fields), JSON_REFUSE_UNKNOWN, "", w, a, why))
			return false;
		if (!staff_account_fits(w->account))
			return FAILS_FIELD(why, FIELD, "/account", "not an account's name");
		if (!str_to_i64(w->region, 100000, 999999999, &w->region_code) || !region_is_within(0, w->region_code))
			return FAILS_FIELD(why, FIELD, "/region", "not a region code");
		return roles_from(w->roles, &w->role_bits, why);
	case PROPOSAL_STAFF_ROLES:
		return json_take(body, roles_fields, COUNT(roles_fields), JSON_REFUSE_UNKNOWN, "", w, a, why) && roles_from(w->roles, &w->role_bits, why);
	case PROPOSAL_STAFF_CLOSE:
	case PROPOSAL_STAFF_AGAIN:
		return json_take(body, NULL, 0, JSON_REFUSE_UNKNOWN, "", w, a, why);
	default:
		break;
	}
	return FAILS(why, INTERNAL, "not a kind about staff");
}

bool staff_proposal_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	return wish_from(kind, payload, a, &w, why);
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int64_t staff, const struct proposal *p, struct fail *why)
{
	struct audit a = { .act = act, .subject = AUDIT_OF_STAFF, .subject_id = staff, .result = 200, .region = p->region };
	return audit_add(tx, r, &a, why);
}

/* ---- invite ---- */

void staff_invited_random(const struct request *r, uint8_t out[32])
{
	struct str purpose = STR("staff invited");
	hmac_sha256((struct str){ (const char *)r->random, sizeof(r->random) }, &purpose, 1, out);
}

static bool department_of(struct tx *tx, struct str code, int64_t *id, struct fail *why)
{
	*id = 0;
	if (code.len == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM department WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/department", "no such department");
	*id = stmt_int(q, 0);
	return true;
}

static bool account_is_free(struct tx *tx, struct str account, struct fail *why)
{
	struct staff_row row;
	bool found;
	bool ok = staff_by_account(tx, account, &row, &found, why);
	staff_row_wipe(&row);
	return ok && (!found || FAILS_FIELD(why, CONFLICT, "/account", "the account was given before"));
}

/* A department's system or another county's administrator must not place somebody above himself: the proposal's region is the new person's. */
static bool invite(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct staff_new s;
	uint8_t random[32];
	int64_t id;
	if (!wish_from(PROPOSAL_STAFF_INVITE, p->payload, &r->arena, &w, why))
		return false;
	s = (struct staff_new){ .account = w.account, .name = w.name, .region = w.region_code, .roles = w.role_bits };
	staff_invited_random(r, random);
	if (!region_is_within(p->region, s.region))
		return FAILS_FIELD(why, FIELD, "/region", "beyond the proposal's own");
	return account_is_free(tx, w.account, why) && department_of(tx, w.department, &s.department, why) && staff_invite(tx, &s, r->now_ms, random, &id, why) &&
	       audited(tx, r, AUDIT_STAFF_INVITED, id, p, why);
}

/* ---- roles, close: of somebody in the proposal's region ---- */

static bool subject_is_there(struct tx *tx, const struct request *r, const struct proposal *p, struct fail *why)
{
	if (p->subject == r->who.id)
		return FAILS(why, FOUR_EYES, "staff %lld would decide about himself", (long long)p->subject);
	struct staff_row row;
	bool found;
	if (!staff_by_id(tx, p->subject, &row, &found, why))
		return false;
	bool ok = found && row.state != STAFF_CLOSED && region_is_within(p->region, row.region);
	staff_row_wipe(&row);
	return ok || FAILS(why, NOT_FOUND, "staff %lld", (long long)p->subject);
}

/* What he may, his sessions remember: another right, or none, begins with another login. */
static bool sessions_end(struct tx *tx, const struct request *r, const struct proposal *p, struct fail *why)
{
	int64_t count;
	return session_end_all(tx, WHO_STAFF, p->subject, 0, SESSION_ENDED_BY_OPERATOR, r->now_ms, &count, why);
}

static bool change_roles(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	return wish_from(PROPOSAL_STAFF_ROLES, p->payload, &r->arena, &w, why) && subject_is_there(tx, r, p, why) &&
	       staff_set_roles(tx, p->subject, w.role_bits, r->now_ms, why) && sessions_end(tx, r, p, why) &&
	       audited(tx, r, AUDIT_STAFF_ROLES_SET, p->subject, p, why);
}

static bool close_account(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	return subject_is_there(tx, r, p, why) && staff_close(tx, p->subject, r->now_ms, why) && sessions_end(tx, r, p, why) &&
	       audited(tx, r, AUDIT_STAFF_CLOSED, p->subject, p, why);
}

static bool invite_again(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	uint8_t random[32];
	staff_invited_random(r, random);
	return subject_is_there(tx, r, p, why) && staff_invite_again(tx, p->subject, r->now_ms, random, why) && sessions_end(tx, r, p, why) &&
	       audited(tx, r, AUDIT_STAFF_INVITED_AGAIN, p->subject, p, why);
}

/* ---- its name ---- */

static bool find(struct tx *tx, struct request *r, struct str account, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	(void)r;
	struct staff_row row = { .id = 0 };
	bool found;
	if (!staff_by_account(tx, account, &row, &found, why))
		return false;
	bool ok = found && row.state != STAFF_CLOSED && region_is_within(wish->region, row.region);
	*subject = row.id;
	staff_row_wipe(&row);
	return ok || FAILS_FIELD(why, FIELD, "/subject", "no such account in that region");
}

static bool name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	_Static_assert((int)STAFF_ACCOUNT_MAX < (int)PROPOSAL_SUBJECT_MAX, "an account fits");
	return staff_account(tx, subject, out, why);
}

void staff_invited_code(const struct request *r, char out[PROPOSAL_SECRET_TEXT])
{
	uint8_t random[32];
	_Static_assert((int)STAFF_INVITATION_TEXT <= (int)PROPOSAL_SECRET_TEXT, "a code fits");
	staff_invited_random(r, random);
	staff_invitation_text(random, out);
}

void staff_deeds_compose(void)
{
	static const struct proposal_deed deeds[] = {
		[PROPOSAL_STAFF_INVITE] = { staff_proposal_check, NULL, NULL, invite, staff_invited_code },
		[PROPOSAL_STAFF_ROLES] = { staff_proposal_check, find, name, change_roles, NULL },
		[PROPOSAL_STAFF_CLOSE] = { staff_proposal_check, find, name, close_account, NULL },
		[PROPOSAL_STAFF_AGAIN] = { staff_proposal_check, find, name, invite_again, staff_invited_code },
	};
	for (int kind = PROPOSAL_STAFF_INVITE; kind <= PROPOSAL_STAFF_AGAIN; kind++)
		proposal_compose(kind, &deeds[kind]);
}
