/* services/applying/application_draft.c - /v1/applications: written on one device and on another, taken over to a newer guide, thrown away. */
#include "services/applying/application_changes.h"
#include "services/applying/application_view.h"

#include "services/applying/material.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

#include <stddef.h>

enum { DONE = 1, N_EDITION = 0 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

/* ---- list ---- */

struct applications {
	struct page page;
	struct application items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct applications), sizeof(struct application), why) != NULL;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct applications *list = r->state;
	if (!application_list(tx, principal_whose(&r->who), r->who.by_matter ? r->who.mandate : 0, list->page.from.id, &r->arena, list->items, list->page.limit + 1, &list->page.count, why))
		return false;
	page_cut(&list->page);
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct applications *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		application_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler application_list_mine = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct application_view), why) != NULL && request_query_only(r, no_query, why);
}

/* What he has changed since he handed it in; when that is nothing, what was new in it then. */
static bool changes_look(struct tx *tx, struct request *r, struct application_view *v, struct fail *why)
{
	v->changes = arena_alloc(&r->arena, sizeof *v->changes);
	if (v->changes == NULL)
		return FAILS(why, MEMORY, "changes");
	*v->changes = (struct changes){ .since = 0 };
	if (v->ap.case_id == 0)
		return true;
	if (!changes_since(tx, v->ap.case_id, 0, v->ap.answers, v->materials, v->material_count, &r->arena, v->changes, why))
		return false;
	return v->changes->count > 0 || changes_since(tx, v->ap.case_id, 1, v->ap.answers, v->materials, v->material_count, &r->arena, v->changes, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct application_view *v = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &v->ap, &is_seen, why))
		return false;
	return !is_seen || (application_judge(tx, r, v, v->ap.guide, v->ap.answers, FIELDS_DRAFT, why) && changes_look(tx, r, v, why));
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct application_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	application_members(&j, &v->ap);
	json_put_name(&j, "answers");
	json_put_object(&j);
	json_put_members(&j, (struct str){ v->ap.answers.at + 1, v->ap.answers.len - 2 }); /* without its braces */
	json_put_object_end(&j);
	materials_out(&j, v->materials, v->material_count);
	application_open_out(&j, v->wrong, v->wrong_count);
	numbers_out(&j, "may_follow", v->may_follow, v->may_follow_count);
	json_add_number(&j, "level", v->level);
	changes_out(&j, v->changes);
	json_put_object_end(&j);
	application_etag(r, v->ap.edition);
	return reply_json_end(r, &j, why);
}

const struct handler application_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- save ---- */

struct saving {
	struct application_view v;
	json_t *answers;       /* valid in parse only */
	struct str text;       /* the new ones, in one form; in the arena */
	int64_t edition;       /* they were written on */
	int64_t carried[MATERIAL_NUMBERS_MAX + 1]; /* of a renewal: where the guide's materials are now; 0: nowhere */
	struct str dropped;    /* of a renewal: keys whose answers stayed behind, as JSON members */
};

static const struct json_field saving_fields[] = {
	{ "answers", JSON_F_OBJECT, true, 0, 0, offsetof(struct saving, answers), NULL },
};

static bool text_of(struct request *r, const json_t *object, struct str *out, struct fail *why)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
	char *at = arena_alloc(&r->arena, len);
	if (at == NULL)
		return FAILS(why, MEMORY, "answers");
	*out = (struct str){ at, json_dumpb(object, at, len, JSON_COMPACT | JSON_SORT_KEYS) };
	return true;
}

/* An edition in quotes, and nothing else: "*" would say that nobody minds. */
static bool edition_parse(struct request *r, int64_t *out, struct fail *why)
{
	struct str s = request_header(r, STR("if-match"));
	if (s.at == NULL)
		return FAILS(why, PRECONDITION_NEEDED, "no If-Match");
	s = str_trim(s);
	return (s.len > 2 && s.at[0] == '"' && s.at[s.len - 1] == '"' && str_to_i64((struct str){ s.at + 1, s.len - 2 }, 1, INT64_MAX, out)) ||
	       FAILS(why, PRECONDITION, "If-Match is no edition");
}

static bool save_parse(struct request *r, struct fail *why)
{
	struct saving *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why) || !edition_parse(r, &s->edition, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	bool ok = body != NULL && json_take(body, saving_fields, COUNT(saving_fields), JSON_REFUSE_UNKNOWN, "", s, &r->arena, why) && text_of(r, s->answers, &s->text, why);
	s->answers = NULL;
	return ok;
}

static bool save_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct saving *s = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &s->v.ap, &is_seen, why))
		return false;
	if (!is_seen)
		return true;
	if (!application_is_editable(&s->v.ap))
		return application_closed(&s->v.ap, why);
	return application_judge(tx, r, &s->v, s->v.ap.guide, s->text, FIELDS_DRAFT, why);
}

/* What is there already is fine, whoever wrote it: an answer may have been lost. */
static bool save_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct saving *s = r->state;
	struct application ap = s->v.ap;
	uint8_t random[32];
	if (s->edition != ap.edition && !str_eq(s->text, ap.answers))
		return application_behind(&ap, why);
	request_bytes(r, "application", random);
	if (!str_eq(s->text, ap.answers)) {
		ap.answers = s->text;
		if (!application_write(tx, &ap, r->now_ms, random, why))
			return false;
	}
	r->outcome = (struct outcome){ .code = DONE, .status = 200, .n = { [N_EDITION] = ap.edition } };
	return true;
}

static bool save_render(struct request *r, struct fail *why)
{
	const struct saving *s = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_json(r, 200);
	id_text(s->v.ap.key, APPLICATION_PREFIX, key);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(key));
	json_add_number(&j, "edition", r->outcome.n[N_EDITION]);
	application_open_out(&j, s->v.wrong, s->v.wrong_count);
	json_put_object_end(&j);
	application_etag(r, r->outcome.n[N_EDITION]);
	return reply_json_end(r, &j, why);
}

const struct handler application_save = { .parse = save_parse, .look = save_look, .apply = save_apply, .render = save_render };

/* ---- over to the current guide ---- */

static bool renew_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct saving), why) != NULL && request_query_only(r, no_query, why);
}

static bool dropped_make(struct request *r, const json_t *before, const json_t *after, struct str *out, struct fail *why)
{
	const char *name;
	json_t *value;
	struct buf b;
	struct json_out j;
	buf_init(&b, &r->arena, 128);
	j = json_begin(&b);
	json_put_array(&j);
	json_object_foreach((json_t *)before, name, value)
		if (json_object_get(after, name) == NULL)
			json_put_text(&j, str_c(name));
	json_put_array_end(&j);
	*out = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "what stays behind");
}

/* The same material bears the same name. */
static void carried_make(const json_t *before, const json_t *after, int64_t to[MATERIAL_NUMBERS_MAX + 1])
{
	const json_t *old = json_object_get(before, "materials"), *new = json_object_get(after, "materials");
	for (size_t i = 0; i < json_array_size(old) && i < MATERIAL_NUMBERS_MAX; i++)
		for (size_t k = 0; k < json_array_size(new); k++)
			if (to[i + 1] == 0 && json_equal(json_object_get(json_array_get(old, i), "name"), json_object_get(json_array_get(new, k), "name")))
				to[i + 1] = (int64_t)k + 1;
}

static bool carry(struct tx *tx, struct request *r, struct saving *s, struct fail *why)
{
	struct fields *form;
	DROP(json) json_t *body = NULL, *before = json_read(s->v.ap.answers, why), *after = NULL, *old = guide_body(tx, s->v.ap.guide, why);
	if (before == NULL || old == NULL || !application_form(tx, s->v.ap.current, &r->arena, &body, &form, why))
		return false;
	carried_make(old, body, s->carried);
	after = fields_carry(form, before);
	if (after == NULL)
		return FAILS(why, MEMORY, "answers");
	return text_of(r, after, &s->text, why) && dropped_make(r, before, after, &s->dropped, why);
}

static bool renew_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct saving *s = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &s->v.ap, &is_seen, why))
		return false;
	if (!is_seen)
		return true;
	if (s->v.ap.state != APPLICATION_DRAFT)
		return application_closed(&s->v.ap, why);
	if (s->v.ap.current == 0)
		return FAILS(why, GONE, "the matter is no longer shown");
	return carry(tx, r, s, why) && application_judge(tx, r, &s->v, s->v.ap.current, s->text, FIELDS_DRAFT, why);
}

static bool renew_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct saving *s = r->state;
	struct application ap = s->v.ap;
	uint8_t random[32];
	request_bytes(r, "application", random);
	if (application_is_outdated(&ap)) {
		ap.answers = s->text;
		ap.guide = ap.current;
		if (!application_write(tx, &ap, r->now_ms, random, why) || !material_carry(tx, ap.id, s->carried, r->now_ms, why))
			return false;
	}
	r->outcome = (struct outcome){ .code = DONE, .status = 200, .n = { [N_EDITION] = ap.edition } };
	return true;
}

static bool renew_render(struct request *r, struct fail *why)
{
	const struct saving *s = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_json(r, 200);
	id_text(s->v.ap.key, APPLICATION_PREFIX, key);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(key));
	json_add_number(&j, "edition", r->outcome.n[N_EDITION]);
	json_add_number(&j, "guide_version", s->v.ap.current_version);
	json_put_name(&j, "dropped");
	json_put_array(&j);
	json_put_members(&j, (struct str){ s->dropped.at + 1, s->dropped.len - 2 });
	json_put_array_end(&j);
	application_open_out(&j, s->v.wrong, s->v.wrong_count);
	json_put_object_end(&j);
	application_etag(r, r->outcome.n[N_EDITION]);
	return reply_json_end(r, &j, why);
}

const struct handler application_renew = { .parse = renew_parse, .look = renew_look, .apply = renew_apply, .render = renew_render };

/* ---- thrown away ---- */

static bool discard_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct application_view *v = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &v->ap, &is_seen, why))
		return false;
	return !is_seen || v->ap.state == APPLICATION_DRAFT || application_closed(&v->ap, why);
}

static bool discard_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct application_view *v = r->state;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return application_forget(tx, v->ap.id, r->now_ms, why);
}

static bool discard_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler application_discard = { .parse = show_parse, .look = discard_look, .apply = discard_apply, .render = discard_render };
