/* services/booking/hall.c - where one goes: the halls (政务大厅) of a place, when they are open, how one gets there, which windows they have. */
#include "services/guides/guide_words.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "store/store.h"

enum { HALL_TEXTS = 7, WINDOWS_MAX = 16, CODE_MAX = 32 };

#define HALL_COLUMNS "SELECT h.id, h.region, h.code, h.name, h.address, h.hours, h.transport, h.phone, g.name FROM hall h JOIN region g ON g.code = h.region"

static const char *const text_names[HALL_TEXTS - 1] = { "code", "name", "address", "hours", "transport", "phone" };

struct hall {
	int64_t id, region;
	struct str text[HALL_TEXTS]; /* in the order of HALL_COLUMNS; the last is the region's name */
};

static bool hall_of_row(struct request *r, struct stmt *q, struct hall *to, struct fail *why)
{
	to->id = stmt_int(q, 0);
	to->region = stmt_int(q, 1);
	for (int i = 0; i < HALL_TEXTS; i++) {
		to->text[i] = str_copy(&r->arena, stmt_text(q, 2 + i));
		if (to->text[i].at == NULL)
			return FAILS(why, MEMORY, "a hall");
	}
	return true;
}

static void hall_members(struct json_out *j, const struct hall *h)
{
	for (int i = 0; i < HALL_TEXTS - 1; i++)
		json_add_text(j, text_names[i], h->text[i]);
	json_put_name(j, "region");
	json_put_object(j);
	json_add_region_code(j, "code", h->region);
	json_add_text(j, "name", h->text[HALL_TEXTS - 1]);
	json_put_object_end(j);
}

/* ---- hall_list ---- */

struct hall_page {
	struct page page;
	int64_t region;
	struct hall items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "region", "cursor", "limit", NULL };
	int64_t region = 0;
	struct str text;
	if (!request_query_only(r, names, why) || !request_query(r, "region", &text, why))
		return false;
	if (text.at != NULL && !region_code_from(text, &region))
		return FAILS_FIELD(why, QUERY, "region", "not a region code");
	struct hall_page *list = page_state(r, (struct cursor){ 0, 0 }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->region = region;
	return true;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct hall_page *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, HALL_COLUMNS " WHERE h.id > $1 AND (h.region = $2 OR $2 = 0) ORDER BY h.id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, list->region);
	stmt_bind_int(q, 3, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!hall_of_row(r, q, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct hall_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		hall_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler hall_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- hall_show ---- */

struct hall_view {
	struct str code;
	struct hall hall;
	int count;
	struct {
		int64_t kind;
		struct str name;
	} windows[WINDOWS_MAX];
};

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	struct hall_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why))
		return false;
	v->code = r->params[0];
	return v->code.len <= CODE_MAX || FAILS(why, NOT_FOUND, "not a hall's code");
}

static bool hall_read(struct tx *tx, struct request *r, struct hall_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, HALL_COLUMNS " WHERE h.code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, v->code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such hall");
	return hall_of_row(r, q, &v->hall, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct hall_view *v = r->state;
	if (!hall_read(tx, r, v, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, name FROM hall_window WHERE hall = $1 ORDER BY kind LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->hall.id);
	stmt_bind_int(q, 2, WINDOWS_MAX);
	for (; stmt_row(q, why); v->count++) {
		v->windows[v->count].kind = stmt_int(q, 0);
		v->windows[v->count].name = str_copy(&r->arena, stmt_text(q, 1));
		if (v->windows[v->count].name.at == NULL)
			return FAILS(why, MEMORY, "a window's name");
	}
	return why->code == FAIL_NONE;
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct hall_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	hall_members(&j, &v->hall);
	json_put_name(&j, "windows");
	json_put_array(&j);
	for (int i = 0; i < v->count; i++) {
		json_put_object(&j);
		json_add_text(&j, "kind", guide_word(GUIDE_WINDOW, v->windows[i].kind)->text);
		json_add_text(&j, "name", v->windows[i].name);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_show = { .parse = show_parse, .look = show_look, .render = show_render };
