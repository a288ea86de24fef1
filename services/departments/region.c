/* services/departments/region.c - province, prefecture, counties, townships: the places everything else is said to be in. */
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "store/store.h"

enum { LEVEL_MIN = 1, LEVEL_MAX = 4 };

struct region {
	int64_t code, level, parent; /* parent 0: none */
	struct str name;
};

static bool region_of_row(struct request *r, struct stmt *q, struct region *to, struct fail *why)
{
	*to = (struct region){ stmt_int(q, 0), stmt_int(q, 2), stmt_is_null(q, 3) ? 0 : stmt_int(q, 3), str_copy(&r->arena, stmt_text(q, 1)) };
	return to->name.at != NULL || FAILS(why, MEMORY, "a region's name");
}

static void region_members(struct json_out *j, const struct region *region)
{
	json_add_region_code(j, "code", region->code);
	json_add_text(j, "name", region->name);
	json_add_number(j, "level", region->level);
	if (region->parent == 0)
		json_add_nothing(j, "parent");
	else
		json_add_region_code(j, "parent", region->parent);
}

/* ---- region_list ---- */

struct region_page {
	struct page page;
	int64_t parent, level; /* 0: any */
	struct region items[];
};

static bool region_list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "parent", "level", "cursor", "limit", NULL };
	int64_t parent = 0, level;
	struct str text;
	if (!request_query_only(r, names, why) || !request_query(r, "parent", &text, why))
		return false;
	if (text.at != NULL && !region_code_from(text, &parent))
		return FAILS_FIELD(why, QUERY, "parent", "not a region code");
	if (!query_number(r, "level", LEVEL_MIN, LEVEL_MAX, 0, &level, why))
		return false;
	struct region_page *list = page_state(r, (struct cursor){ 0, 0 }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->parent = parent;
	list->level = level;
	return true;
}

static bool region_list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct region_page *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT code, name, level, parent FROM region WHERE code > $1 AND (parent = $2 OR $2 = 0) AND (level = $3 OR $3 = 0)"
		" ORDER BY code LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, list->parent);
	stmt_bind_int(q, 3, list->level);
	stmt_bind_int(q, 4, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!region_of_row(r, q, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool region_list_render(struct request *r, struct fail *why)
{
	const struct region_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		region_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].code : 0, why);
}

const struct handler region_list = { .parse = region_list_parse, .look = region_list_look, .render = region_list_render };

/* ---- region_show ---- */

static bool region_show_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	struct region *region = request_state(r, sizeof(*region), why);
	if (region == NULL || !request_query_only(r, names, why))
		return false;
	return region_code_from(r->params[0], &region->code) || FAILS(why, NOT_FOUND, "not a region code");
}

static bool region_show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct region *region = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code, name, level, parent FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, region->code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no region %lld", (long long)region->code);
	if (!region_of_row(r, q, region, why))
		return false;
	int64_t numbers[] = { region->level, region->parent };
	r->version = version_mix(version_mix(0, numbers, sizeof(numbers)), region->name.at, region->name.len);
	return true;
}

static bool region_show_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	region_members(&j, r->state);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler region_show = { .parse = region_show_parse, .look = region_show_look, .render = region_show_render };
