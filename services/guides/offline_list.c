/* services/guides/offline_list.c - GET /v1/catalogue/offline: what cannot be applied for over the net, and why. */
#include "services/guides/guide_rows.h"
#include "services/guides/guide_words.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

struct offline {
	int64_t id, region, depth;
	struct str code, name, region_name, department, department_name, reason;
};

struct offline_page {
	struct page page;
	int64_t region; /* 0: any */
	struct offline items[];
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
	struct offline_page *list = page_state(r, (struct cursor){ 0, 0 }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->region = region;
	return true;
}

/* Only the guide's text has it; a matter without a guide gives none. */
static bool reason_read(struct str body, struct arena *a, struct str *reason, struct fail *why)
{
	*reason = STR_NONE;
	if (body.len == 0)
		return true;
	DROP(json) json_t *guide = json_read(body, why);
	if (guide == NULL)
		return false;
	const char *text = json_string_value(json_object_get(guide, "offline_reason"));
	if (text == NULL)
		return true;
	*reason = str_copy(a, str_c(text));
	return reason->at != NULL || FAILS(why, MEMORY, "a reason");
}

static bool offline_of_row(struct request *r, struct stmt *q, struct offline *to, struct fail *why)
{
	struct arena *a = &r->arena;
	*to = (struct offline){ .id = stmt_int(q, 0), .region = stmt_int(q, 3), .depth = stmt_int(q, 7), .code = str_copy(a, stmt_text(q, 1)),
				.name = str_copy(a, stmt_text(q, 2)), .region_name = str_copy(a, stmt_text(q, 4)), .department = str_copy(a, stmt_text(q, 5)),
				.department_name = str_copy(a, stmt_text(q, 6)) };
	if (to->code.at == NULL || to->name.at == NULL || to->region_name.at == NULL || to->department.at == NULL || to->department_name.at == NULL)
		return FAILS(why, MEMORY, "a matter");
	return reason_read(stmt_text(q, 8), a, &to->reason, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct offline_page *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT m.id, m.code, COALESCE(u.name, m.name), g.code, g.name, d.code, d.name, COALESCE(u.online, 1 + 2 * m.online), COALESCE(u.body, '')"
		" FROM matter m" GUIDE_CURRENT_JOIN " JOIN department d ON d.id = COALESCE(u.department, m.department)"
		" JOIN region g ON g.code = COALESCE(u.region, m.region) WHERE " MATTER_IS_SHOWN
		" AND COALESCE(u.online, 1 + 2 * m.online) < 3 AND m.id > $1 AND (g.code = $2 OR $2 = 0) ORDER BY m.id LIMIT $3", why);
	if (q == NULL)
		return false;
	_Static_assert(ONLINE_APPLY == 3, "as the statement says");
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, list->region);
	stmt_bind_int(q, 3, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!offline_of_row(r, q, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static void offline_out(struct json_out *j, const struct offline *o)
{
	json_put_object(j);
	json_add_text(j, "code", o->code);
	json_add_text(j, "name", o->name);
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "code", o->department);
	json_add_text(j, "name", o->department_name);
	json_put_object_end(j);
	json_put_name(j, "region");
	json_put_object(j);
	json_add_region_code(j, "code", o->region);
	json_add_text(j, "name", o->region_name);
	json_put_object_end(j);
	json_add_text(j, "online_depth", guide_word(GUIDE_ONLINE, o->depth)->text);
	if (o->reason.at != NULL)
		json_add_text(j, "offline_reason", o->reason);
	else
		json_add_nothing(j, "offline_reason");
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct offline_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++)
		offline_out(&j, &list->items[i]);
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler offline_list = { .parse = list_parse, .look = list_look, .render = list_render };
