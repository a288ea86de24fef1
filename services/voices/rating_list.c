/* services/voices/rating_list.c - what was said of an office, newest first: /v1/department/ratings, /v1/staff/ratings. Nobody's name is in it (匿名), and no case's number that would be
 * one; whoever is to call somebody back has a work order that says whom. */
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/voices/rating.h"

struct rating_item {
	struct rating rating;
	struct str matter, department, order, order_state;
};
struct rating_page {
	struct page page;
	int64_t most;             /* level at most; 5 any */
	struct rating_item items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "level_max", "cursor", "limit", NULL };
	int64_t most;
	if (!request_query_only(r, names, why) || !query_number(r, "level_max", RATING_WORST, RATING_BEST, RATING_BEST, &most, why))
		return false;
	struct rating_page *list = page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->most = most;
	return true;
}

#define OF_RATINGS                                                                                                                     \
	"SELECT " RATING_COLUMNS ", n.matter_name, d.name, v.number, v.state FROM rating g LEFT JOIN rating_text t ON t.id = g.id"           \
	" JOIN cases c ON c.id = g.case_id JOIN case_names n ON n.id = c.names JOIN department d ON d.id = g.department LEFT JOIN voice v ON v.rating = g.id"

static struct stmt *list_query(struct tx *tx, const struct request *r, const struct rating_page *list, int64_t department, struct fail *why)
{
	struct region_bounds b = region_bounds(r->who.region);
	struct stmt *q = department != 0 ?
		tx_query(tx, OF_RATINGS " WHERE g.department = $1 AND g.id < $2 AND g.level <= $3 ORDER BY g.id DESC LIMIT $4", why) :
		tx_query(tx, OF_RATINGS " WHERE ((g.region >= $1 AND g.region <= $2) OR (g.region >= $3 AND g.region <= $4)) AND g.id < $5 AND g.level <= $6"
			     " ORDER BY g.id DESC LIMIT $7", why);
	if (q == NULL)
		return NULL;
	const int64_t places[] = { b.six_first, b.six_last, b.nine_first, b.nine_last }, rest[] = { list->page.from.id, list->most, list->page.limit + 1 };
	int n = 1;
	if (department != 0)
		stmt_bind_int(q, n++, department);
	for (int i = 0; department == 0 && i < 4; i++)
		stmt_bind_int(q, n++, places[i]);
	for (int i = 0; i < 3; i++)
		stmt_bind_int(q, n++, rest[i]);
	return q;
}

static bool item_of(struct stmt *q, struct arena *a, struct rating_item *i, struct fail *why)
{
	enum { MATTER = 8, DEPARTMENT, ORDER, STATE };
	*i = (struct rating_item){ .matter = str_copy(a, stmt_text(q, MATTER)), .department = str_copy(a, stmt_text(q, DEPARTMENT)) };
	if (!stmt_is_null(q, ORDER)) {
		i->order = str_copy(a, stmt_text(q, ORDER));
		i->order_state = voice_state_row((enum voice_state)stmt_int(q, STATE))->text;
	}
	if (i->matter.at == NULL || i->department.at == NULL || (!stmt_is_null(q, ORDER) && i->order.at == NULL))
		return FAILS(why, MEMORY, "a rating");
	return rating_row(q, a, &i->rating, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct rating_page *list = r->state;
	int64_t department = r->who.id;
	if (r->who.kind == WHO_STAFF && !staff_department(tx, r->who.id, &department, why))
		return false;
	DROP(stmt) struct stmt *q = list_query(tx, r, list, department, why);
	if (q == NULL)
		return false;
	while (page_next(&list->page, q, why))
		if (!item_of(q, &r->arena, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	static const struct str nobody[LANG_COUNT] = { { "匿名", sizeof("匿名") - 1 }, { "anonymous", 9 } };
	const struct rating_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		const struct rating_item *item = &list->items[i];
		json_put_object(&j);
		json_add_text(&j, "by", nobody[r->lang]);
		rating_members(&j, &item->rating, r->lang);
		json_add_text(&j, "matter", item->matter);
		json_add_text(&j, "department", item->department);
		json_add_region_code(&j, "region", item->rating.region);
		if (item->order.len > 0)
			json_add_plain(&j, "work_order_state", item->order_state);
		else
			json_add_nothing(&j, "work_order_state");
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].rating.id : 0, why);
}

const struct handler office_rating_list = { .parse = list_parse, .look = list_look, .render = list_render };
