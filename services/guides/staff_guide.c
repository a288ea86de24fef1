/* services/guides/staff_guide.c - /v1/staff/guides: a clerk writes a guide as it shall be; who decides about it reads it beside what it is to replace. */
#include "services/guides/guide_change.h"
#include "services/guides/guide_draft.h"
#include "services/handlers.h"
#include "services/services.h"

enum { WRITTEN = 1, THROWN };

static const char *const no_query[] = { NULL };
static const struct str state_texts[] = { [DRAFT_WRITTEN] = { "draft", 5 }, [DRAFT_REVIEW] = { "review", 6 }, [DRAFT_PUBLISHED] = { "published", 9 } };

/* ---- write ---- */

static bool write_parse(struct request *r, struct fail *why)
{
	struct guide *g = request_state(r, sizeof(*g), why);
	if (g == NULL || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	return body != NULL && guide_take(body, g, &r->arena, why);
}

static bool write_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct id key;
	uint8_t random[32];
	request_bytes(r, "guide draft", random);
	if (!draft_write(tx, r, r->state, random, &key, why))
		return false;
	r->outcome = (struct outcome){ .code = WRITTEN, .status = 201 };
	id_text(key, DRAFT_PREFIX, r->outcome.text);
	return true;
}

static bool write_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_guide_write = { .parse = write_parse, .apply = write_apply, .render = write_render };

/* ---- how one is shown ---- */

static void version_out(struct json_out *j, const char *name, int64_t version)
{
	if (version == 0)
		json_add_nothing(j, name);
	else
		json_add_number(j, name, version);
}

static void draft_members(struct json_out *j, const struct guide_draft *d)
{
	char key[ID_TEXT_BYTES];
	id_text(d->key, DRAFT_PREFIX, key);
	json_add_text(j, "id", str_c(key));
	json_add_text(j, "state", state_texts[d->state]);
	json_add_text(j, "matter", d->code);
	json_add_text(j, "name", d->name);
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "code", d->department_code);
	json_add_text(j, "name", d->department_name);
	json_put_object_end(j);
	json_add_region_code(j, "region", d->region);
	version_out(j, "based_on", d->based_on_version);
	json_add_boolean(j, "outdated", draft_is_outdated(d));
	version_out(j, "version", d->version);
	json_add_time(j, "made_at", d->made_ms);
	json_add_time(j, "changed_at", d->changed_ms);
}

/* ---- list ---- */

struct page {
	struct cursor from;
	enum draft_state state;
	int limit, count;
	struct guide_draft items[];
};

static enum draft_state state_from(struct str text)
{
	for (int i = DRAFT_WRITTEN; i <= DRAFT_PUBLISHED; i++)
		if (str_eq(text, state_texts[i]))
			return (enum draft_state)i;
	return 0;
}

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "state", NULL };
	struct cursor from = { 0, INT64_MAX };
	struct str state;
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why) || !request_query(r, "state", &state, why))
		return false;
	struct page *page = request_state(r, sizeof(*page) + ((size_t)limit + 1) * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->from = from;
	page->limit = limit;
	page->state = state.at != NULL ? state_from(state) : 0;
	if (state.at != NULL && page->state == 0)
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	return draft_is_seen(&r->who) || FAILS(why, FORBIDDEN, "neither writes nor decides about guides");
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	return draft_list(tx, r, page->state, page->from.id, page->items, page->limit + 1, &page->count, why);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	bool is_more = page->count > page->limit;
	int count = is_more ? page->limit : page->count;
	struct json_out j = reply_list(r);
	for (int i = 0; i < count; i++) {
		json_put_object(&j);
		draft_members(&j, &page->items[i]);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, is_more ? page->items[count - 1].id : 0 };
	return reply_list_end(r, &j, is_more ? &next : NULL, why);
}

const struct handler staff_guide_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- show ---- */

struct one {
	struct id key;
	struct guide_draft draft;
	struct buf body;
	struct guide_changes changes;
};

static bool one_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return (draft_is_seen(&r->who) && id_from_text(r->params[0], DRAFT_PREFIX, &o->key)) || FAILS(why, NOT_FOUND, "not a draft's id, or none for him");
}

/* Without its braces: members of what shows it. */
static bool body_keep(struct request *r, struct one *o, const json_t *body, struct fail *why)
{
	size_t len = json_dumpb(body, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
	char *at = arena_alloc(&r->arena, len);
	if (at == NULL)
		return FAILS(why, MEMORY, "a draft's guide");
	(void)json_dumpb(body, at, len, JSON_COMPACT | JSON_SORT_KEYS);
	o->body = (struct buf){ .at = at + 1, .len = len - 2 };
	return true;
}

static bool changes_look(struct tx *tx, struct request *r, struct one *o, const json_t *body, struct fail *why)
{
	DROP(json) json_t *before = o->draft.based_on != 0 ? guide_body(tx, o->draft.based_on, why) : json_object();
	if (before == NULL)
		return why->code != FAIL_NONE ? false : FAILS(why, MEMORY, "an empty guide");
	return guide_compare(before, body, &o->changes, &r->arena, why);
}

/* Without an owner it is nobody's: the runtime says no in its own words. */
static bool one_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	bool found, is_his;
	if (!draft_by_key(tx, o->key, &r->arena, &o->draft, &found, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "no such draft");
	if (!draft_is_his(tx, r, o->draft.region, o->draft.department, &is_his, why))
		return false;
	if (is_his)
		r->owner = o->draft.region;
	return true;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	if (!one_look(tx, r, why) || r->owner == 0)
		return why->code == FAIL_NONE;
	DROP(json) json_t *body = draft_body(tx, o->draft.id, why);
	return body != NULL && body_keep(r, o, body, why) && changes_look(tx, r, o, body, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	draft_members(&j, &o->draft);
	json_put_name(&j, "guide");
	json_put_object(&j);
	json_put_members(&j, buf_text(&o->body));
	json_put_object_end(&j);
	guide_changes_members(&j, &o->changes);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_guide_show = { .parse = one_parse, .look = show_look, .render = show_render };

/* ---- throw away ---- */

static bool throw_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	if (!draft_throw(tx, r, &o->draft, why))
		return false;
	r->outcome = (struct outcome){ .code = THROWN, .status = 204 };
	return true;
}

static bool throw_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler staff_guide_throw = { .parse = one_parse, .look = one_look, .apply = throw_apply, .render = throw_render };
