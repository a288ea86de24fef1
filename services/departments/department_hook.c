/* services/departments/department_hook.c - /v1/department/hooks: a department's system says where it wants to be told; /v1/staff/hooks: its staff see whether that works. */
#include "auth/audit.h"
#include "auth/right.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "base/json.h"
#include "services/departments/hook.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/supervision/alert.h"

enum { ADDED = 1, DONE };

static const char *const no_query[] = { NULL };

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int64_t id, int status, int64_t department, int64_t region, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_HOOK, id, .result = status, .department = department, .region = region };
	return audit_add(tx, r, &a, why);
}

/* ---- add ---- */

struct wish {
	struct str url, secret, tells_text;
	int64_t tells;
};

static bool add_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "url", JSON_F_TEXT, true, 1, HOOK_URL_MAX, offsetof(struct wish, url), NULL },
		{ "secret", JSON_F_TEXT, true, HOOK_SECRET_MIN, HOOK_SECRET_MAX, offsetof(struct wish, secret), check_visible_ascii },
		{ "tells", JSON_F_TEXT, false, 1, 16, offsetof(struct wish, tells_text), NULL },
	};
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, 3, w, why) || !hook_url_check(w->url, why) || !hook_secret_check(w->secret, why))
		return false;
	w->tells = w->tells_text.at != NULL ? hook_tells_from(w->tells_text) : HOOK_ALERTS;
	return w->tells != 0 || FAILS_FIELD(why, FIELD, "/tells", "none of the words");
}

static bool department_region(struct tx *tx, int64_t department, int64_t *region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region FROM department WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, department);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "department %lld", (long long)department);
	*region = stmt_int(q, 0);
	return true;
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct on_duty of = { .department = r->who.id };
	uint8_t random[32];
	int64_t id;
	request_bytes(r, "hook", random);
	if (!department_region(tx, of.department, &of.region, why) || ((w->tells & HOOK_ALERTS) != 0 && !alerts_begin(tx, &of, why)))
		return false;
	struct hook_new n = { .url = w->url, .secret = w->secret, .department = of.department, .tells = w->tells, .key = id_make(r->now_ms, random), .salt = random + 16 };
	if (!hook_add(tx, &n, r->now_ms, &id, why) || !audited(tx, r, AUDIT_HOOK_ADDED, id, 201, of.department, of.region, why))
		return false;
	r->outcome = (struct outcome){ .code = ADDED, .status = 201 };
	id_text(n.key, HOOK_PREFIX, r->outcome.text);
	return true;
}

static bool add_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hook_add_handler = { .parse = add_parse, .apply = add_apply, .render = add_render };

/* ---- list ---- */

struct hooks {
	struct page page;
	struct hook items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct hooks), sizeof(struct hook), why) != NULL;
}

/* A department's own; of its staff theirs, of others those of the region. */
static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct hooks *list = r->state;
	struct hook_span s = { .department = r->who.id, .below = list->page.from.id };
	struct region_bounds b = region_bounds(r->who.region);
	if (r->who.kind == WHO_STAFF && !staff_department(tx, r->who.id, &s.department, why))
		return false;
	s.six_first = b.six_first;
	s.six_last = b.six_last;
	s.nine_first = b.nine_first;
	s.nine_last = b.nine_last;
	if (!hook_list(tx, &s, &r->arena, list->items, list->page.limit + 1, &list->page.count, why))
		return false;
	page_cut(&list->page);
	return true;
}

static void time_or_nothing(struct json_out *j, const char *name, int64_t ms)
{
	if (ms == 0)
		json_add_nothing(j, name);
	else
		json_add_time(j, name, ms);
}

static void hook_out(struct json_out *j, const struct hook *h, int64_t now_ms)
{
	char key[ID_TEXT_BYTES];
	id_text(h->key, HOOK_PREFIX, key);
	json_put_object(j);
	json_add_text(j, "id", str_c(key));
	json_add_text(j, "url", h->url);
	json_add_plain(j, "tells", hook_tells_name(h->tells));
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "code", h->department_code);
	json_add_text(j, "name", h->department_name);
	json_put_object_end(j);
	json_add_text(j, "state", h->disabled_ms != 0 ? STR("disabled") : h->failing_since_ms != 0 ? STR("failing") : STR("on"));
	json_add_time(j, "made_at", h->made_ms);
	time_or_nothing(j, "failing_since", h->failing_since_ms);
	time_or_nothing(j, "disabled_at", h->disabled_ms);
	time_or_nothing(j, "old_secret_until", h->old_until_ms > now_ms ? h->old_until_ms : 0);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct hooks *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++)
		hook_out(&j, &list->items[i], r->now_ms);
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler hook_list_handler = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- one of them ---- */

struct one {
	struct id key;
	struct str secret;
	struct hook hook;
};

static bool one_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], HOOK_PREFIX, &o->key) || FAILS(why, NOT_FOUND, "not an address's id");
}

/* Whose it is; the runtime compares. Staff of a department have its own only. */
static bool one_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	bool found;
	int64_t own = 0;
	if (!hook_by_key(tx, o->key, &r->arena, &o->hook, &found, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "no such address");
	if (r->who.kind == WHO_DEPARTMENT) {
		r->owner = o->hook.department;
		return true;
	}
	if (!staff_department(tx, r->who.id, &own, why))
		return false;
	if (own == 0 || own == o->hook.department)
		r->owner = o->hook.region;
	return true;
}

static bool done(struct tx *tx, struct request *r, enum audit_act act, struct fail *why)
{
	const struct hook *h = &((const struct one *)r->state)->hook;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return audited(tx, r, act, h->id, 204, h->department, h->region, why);
}

static bool done_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

static bool enable_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct on_duty of = { o->hook.department, o->hook.region };
	return alerts_begin(tx, &of, why) && hook_enable(tx, &o->hook, why) && done(tx, r, AUDIT_HOOK_ENABLED, why);
}

static bool remove_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	return hook_remove(tx, &o->hook, r->now_ms, why) && done(tx, r, AUDIT_HOOK_REMOVED, why);
}

static bool rotate_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "secret", JSON_F_TEXT, true, HOOK_SECRET_MIN, HOOK_SECRET_MAX, offsetof(struct one, secret), check_visible_ascii },
	};
	return one_parse(r, why) && request_json(r, fields, 1, r->state, why) && hook_secret_check(((struct one *)r->state)->secret, why);
}

static bool rotate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	uint8_t random[32];
	request_bytes(r, "hook secret", random);
	return hook_rotate(tx, &o->hook, o->secret, random, r->now_ms, &r->arena, why) && done(tx, r, AUDIT_HOOK_ROTATED, why);
}

const struct handler hook_enable_handler = { .parse = one_parse, .look = one_look, .apply = enable_apply, .render = done_render };
const struct handler hook_remove_handler = { .parse = one_parse, .look = one_look, .apply = remove_apply, .render = done_render };
const struct handler hook_rotate_handler = { .parse = rotate_parse, .look = one_look, .apply = rotate_apply, .render = done_render };
