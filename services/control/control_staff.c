/* services/control/control_staff.c - `siban staff` asks: the first three administrators, who there is, a certificate in place of digits, and a way back for an
 * administrator who lost his phone.
 *
 * Everybody else is invited by two people. These three cannot be: before them nobody may, and after them one duty has one holder. Whoever may open the
 * control socket could change the database itself; here it leaves a row in the audit. */
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "auth/staff_deeds.h"
#include "base/certificate.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/staff/staff_view.h"

enum { DONE = 1, LIST_MAX = 100, PEM_MAX = 24 << 10 };
enum { N_UNTIL };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

struct wish {
	struct str account, name, role, region, pem;
	struct certificate certificate;
	struct staff_new s;
};

static const struct json_field add_fields[] = {
	{ "account", JSON_F_TEXT, true, 1, 64, offsetof(struct wish, account), NULL },
	{ "name", JSON_F_TEXT, true, 1, STAFF_NAME_MAX, offsetof(struct wish, name), check_plain_text },
	{ "role", JSON_F_TEXT, true, 1, 32, offsetof(struct wish, role), NULL },
	{ "region", JSON_F_TEXT, true, 1, 16, offsetof(struct wish, region), NULL },
};

static bool add_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, add_fields, COUNT(add_fields), w, why))
		return false;
	w->s = (struct staff_new){ .account = w->account, .name = w->name };
	if (!region_code_from(w->region, &w->s.region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	enum role role;
	if (!role_from(w->role, &role) || role_row(role)->duty == DUTY_NONE)
		return FAILS_FIELD(why, FIELD, "/role", "one of the three administrators; others are invited by two people");
	w->s.roles = INT64_C(1) << role;
	return true;
}

static bool told(struct request *r)
{
	r->outcome = (struct outcome){ .code = DONE, .status = 201, .n = { [N_UNTIL] = r->now_ms + STAFF_INVITATION_MS } };
	return true;
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	uint8_t random[32];
	bool is_held;
	int64_t id;
	staff_invited_random(r, random);
	if (!staff_duty_is_held(tx, roles_duty(w->s.roles), &is_held, why))
		return false;
	if (is_held)
		return FAILS_FIELD(why, CONFLICT, "/role", "this duty has its holder; he and another invite whoever follows");
	if (!staff_invite(tx, &w->s, r->now_ms, random, &id, why))
		return false;
	struct audit a = { AUDIT_STAFF_INVITED, AUDIT_OF_STAFF, id, .result = 201, .detail = STR("first"), .region = w->s.region };
	return audit_add(tx, r, &a, why) && told(r);
}

static bool code_render(struct request *r, struct fail *why)
{
	char code[PROPOSAL_SECRET_TEXT];
	staff_invited_code(r, code);
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "invitation", str_c(code));
	json_add_time(&j, "expires_at", r->outcome.n[N_UNTIL]);
	json_put_object_end(&j);
	wipe(code, sizeof(code));
	return reply_json_end(r, &j, why);
}

const struct handler control_staff_add = { .parse = add_parse, .apply = add_apply, .render = code_render };

/* ---- again ---- */

static const struct json_field again_fields[] = { { "account", JSON_F_TEXT, true, 1, 64, offsetof(struct wish, account), NULL } };

static bool again_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	return w != NULL && request_query_only(r, no_query, why) && request_json(r, again_fields, COUNT(again_fields), w, why);
}

static bool again_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct staff_row row = { .id = 0 };
	uint8_t random[32];
	int64_t ended;
	bool found;
	if (!staff_by_account(tx, w->account, &row, &found, why))
		return false;
	int64_t id = row.id, region = row.region;
	bool is_administrator = found && row.state != STAFF_CLOSED && roles_duty(row.roles) != DUTY_NONE;
	staff_row_wipe(&row);
	if (!is_administrator)
		return FAILS_FIELD(why, NOT_FOUND, "/account", "no administrator of that account; for others two people propose and approve staff_again");
	staff_invited_random(r, random);
	struct audit a = { AUDIT_STAFF_INVITED_AGAIN, AUDIT_OF_STAFF, id, .result = 201, .region = region };
	return staff_invite_again(tx, id, r->now_ms, random, why) &&
	       session_end_all(tx, WHO_STAFF, id, 0, SESSION_ENDED_BY_OPERATOR, r->now_ms, &ended, why) && audit_add(tx, r, &a, why) && told(r);
}

const struct handler control_staff_again = { .parse = again_parse, .apply = again_apply, .render = code_render };

/* ---- certificate: what stands for the digits; the password is still his own ---- */

static const struct json_field certificate_fields[] = {
	{ "account", JSON_F_TEXT, true, 1, 64, offsetof(struct wish, account), NULL },
	{ "certificate", JSON_F_TEXT, false, 1, PEM_MAX, offsetof(struct wish, pem), NULL }, /* absent: none any more */
};

static bool certificate_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, certificate_fields, COUNT(certificate_fields), w, why))
		return false;
	return w->pem.at == NULL || certificate_read(w->pem, &w->certificate, why) || fail_point(why, "/certificate");
}

static bool certificate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct staff_row row = { .id = 0 };
	int64_t ended;
	bool found;
	if (!staff_by_account(tx, w->account, &row, &found, why))
		return false;
	int64_t id = row.id, region = row.region;
	staff_row_wipe(&row);
	if (!found)
		return FAILS_FIELD(why, NOT_FOUND, "/account", "no such account");
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	struct audit a = { AUDIT_STAFF_CERTIFICATE_SET, AUDIT_OF_STAFF, id, .result = 204, .detail = w->pem.at != NULL ? STR_NONE : STR("none"), .region = region };
	return staff_set_certificate(tx, id, w->pem.at != NULL ? w->certificate.fingerprint : NULL, r->now_ms, why) &&
	       session_end_all(tx, WHO_STAFF, id, 0, SESSION_ENDED_BY_OPERATOR, r->now_ms, &ended, why) && audit_add(tx, r, &a, why);
}

static bool certificate_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler control_staff_certificate = { .parse = certificate_parse, .apply = certificate_apply, .render = certificate_render };

/* ---- list ---- */

struct page {
	int64_t after;
	int count;
	struct staff_row items[LIST_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct page *page = request_state(r, sizeof(*page), why);
	return page != NULL && request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &page->after, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	return staff_in_region(tx, 0, page->after, page->items, LIST_MAX, &page->count, why);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < page->count; i++) {
		json_put_object(&j);
		staff_members(&j, &page->items[i]);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_add_number(&j, "after", page->count == LIST_MAX ? page->items[LIST_MAX - 1].id : 0);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_staff_list = { .parse = list_parse, .look = list_look, .render = list_render };
