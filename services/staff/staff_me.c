/* services/staff/staff_me.c - GET /v1/staff/me, POST /v1/staff/logout, GET /v1/staff: who am I, goodbye, and who works here.
 *
 * Colleagues see each other's names: those of staff are no secret among staff. Nobody sees beyond his region. */
#include "auth/audit.h"
#include "auth/right.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/staff/staff_view.h"

enum { ENDED = 1 };

static const char *const no_query[] = { NULL };
static const char *const states[] = { [STAFF_INVITED] = "invited", [STAFF_ACTIVE] = "active", [STAFF_CLOSED] = "closed" };

void staff_members(struct json_out *j, const struct staff_row *s)
{
	json_add_text(j, "account", str_c(s->account));
	json_add_text(j, "name", str_c(s->name));
	json_add_region_code(j, "region", s->region);
	json_put_name(j, "roles");
	json_put_array(j);
	for (int i = 0; i < ROLE_COUNT; i++)
		if (s->roles >> i & 1)
			json_put_text(j, str_c(role_row((enum role)i)->text));
	json_put_array_end(j);
	json_add_plain(j, "state", str_c(states[s->state]));
}

/* ---- me ---- */

static bool me_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct staff_row), why) != NULL && request_query_only(r, no_query, why);
}

static bool me_look(struct tx *tx, struct request *r, struct fail *why)
{
	bool found;
	return staff_by_id(tx, r->who.id, r->state, &found, why) && (found || FAILS(why, NOT_FOUND, "staff %lld", (long long)r->who.id));
}

static bool me_render(struct request *r, struct fail *why)
{
	struct staff_row *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	staff_members(&j, s);
	json_put_name(&j, "rights");
	json_put_array(&j);
	for (int i = RIGHT_NONE + 1; i < RIGHT_COUNT; i++)
		if (right_is_held(&r->who, (enum right)i))
			json_put_text(&j, str_c(right_row((enum right)i)->text));
	json_put_array_end(&j);
	json_add_time(&j, "password_until", s->password_ms + STAFF_PASSWORD_LIFE_MS);
	json_add_time(&j, "idle_until", r->who.session_until_ms);
	json_put_object_end(&j);
	staff_row_wipe(s);
	return reply_json_end(r, &j, why);
}

const struct handler staff_me = { .parse = me_parse, .look = me_look, .render = me_render };

/* ---- logout ---- */

static bool logout_parse(struct request *r, struct fail *why)
{
	return request_query_only(r, no_query, why);
}

static bool logout_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct audit a = { AUDIT_SESSION_ENDED, AUDIT_OF_SESSION, r->who.session, .result = 204, .region = r->who.region };
	r->outcome = (struct outcome){ .code = ENDED, .status = 204 };
	return session_end(tx, r->who.session, SESSION_ENDED_ITSELF, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool logout_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler staff_logout = { .parse = logout_parse, .apply = logout_apply, .render = logout_render };

/* ---- list ---- */

struct colleagues {
	struct page page;
	struct staff_row items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, 0 }, sizeof(struct colleagues), sizeof(struct staff_row), why) != NULL;
}

/* What is shown of a colleague; neither his hash nor his secret is opened for it. */
static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct colleagues *list = r->state;
	if (!staff_in_region(tx, r->who.region, list->page.from.id, list->items, list->page.limit + 1, &list->page.count, why))
		return false;
	page_cut(&list->page);
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct colleagues *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		staff_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler staff_list = { .parse = list_parse, .look = list_look, .render = list_render };
