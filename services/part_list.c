/* services/part_list.c - parts of joint cases that wait for their department to begin: how its system hears of them, and of the number it must name (GET
 * /v1/department/parts). What a part's department learns of a whole is this and no more: the applicant's papers reach it by the lead's hand. */
#include "services/handlers.h"
#include "services/joint.h"
#include "services/page.h"
#include "services/services.h"

enum { N_ROOM = 32 /* of a cursor's id: whole and part */ };
_Static_assert((int)PARTS_MAX < (int)N_ROOM, "a part fits into a cursor");

struct awaited {
	int64_t id, whole, n, days, region;
	uint32_t needs;
	enum case_state whole_state;
	struct str case_no, code, name, matter_code, matter_name, lead;
	int open_count;
	struct str open;           /* codes of parts that must be decided before, comma separated */
};

struct part_page {
	struct page page;
	struct awaited items[];
};

static bool page_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, 0 }, sizeof(struct part_page), sizeof(struct awaited), why) != NULL;
}

static bool item_of(struct request *r, struct stmt *q, struct awaited *to, struct fail *why)
{
	struct str *const texts[] = { &to->case_no, &to->code, &to->name, &to->matter_code, &to->matter_name, &to->lead };
	*to = (struct awaited){ .whole = stmt_int(q, 0), .n = stmt_int(q, 1), .days = stmt_int(q, 2), .needs = (uint32_t)stmt_int(q, 3),
				.whole_state = (enum case_state)stmt_int(q, 4), .region = stmt_int(q, 5) };
	to->id = to->whole * N_ROOM + to->n;
	for (int i = 0; i < 6; i++) {
		*texts[i] = str_copy(&r->arena, stmt_text(q, 6 + i));
		if (texts[i]->at == NULL)
			return FAILS(why, MEMORY, "a part");
	}
	return true;
}

/* 6, 7, 8 and 9: accepted, correct, special, paused - as joint_find allows it. */
static bool rows_look(struct tx *tx, struct request *r, struct part_page *list, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.whole, p.n, g.days, g.needs, w.state, w.region, w.case_no, g.code, g.name, n.matter_code, n.matter_name, n.department_name"
		" FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n JOIN case_names n ON n.id = w.names"
		" WHERE p.department = $1 AND p.part IS NULL AND w.state IN (6, 7, 8, 9) AND (p.whole > $2 OR (p.whole = $2 AND p.n > $3)) ORDER BY p.whole, p.n LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, list->page.from.id / N_ROOM);
	stmt_bind_int(q, 3, list->page.from.id % N_ROOM);
	stmt_bind_int(q, 4, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!item_of(r, q, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool page_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct part_page *list = r->state;
	_Static_assert(CASE_ACCEPTED == 6 && CASE_CORRECT == 7 && CASE_SPECIAL == 8 && CASE_PAUSED == 9, "as the statement says");
	if (!rows_look(tx, r, list, why))
		return false;
	for (int i = 0; i < list->page.count; i++) {
		struct awaited *a = &list->items[i];
		char open[PARTS_OPEN_TEXT];
		if (!joint_open(tx, a->whole, a->needs, open, &a->open_count, why))
			return false;
		a->open = str_copy(&r->arena, str_c(open));
		if (a->open.at == NULL)
			return FAILS(why, MEMORY, "open parts");
	}
	return true;
}

static void item_out(struct json_out *j, const struct awaited *a)
{
	json_put_object(j);
	json_add_text(j, "case_no", a->case_no);
	json_put_name(j, "part");
	json_put_object(j);
	json_add_text(j, "code", a->code);
	json_add_text(j, "name", a->name);
	json_put_object_end(j);
	json_put_name(j, "matter");
	json_put_object(j);
	json_add_text(j, "code", a->matter_code);
	json_add_text(j, "name", a->matter_name);
	json_put_object_end(j);
	json_add_text(j, "lead", a->lead);
	json_add_region_code(j, "region", a->region);
	json_add_number(j, "days", a->days);
	json_add_plain(j, "whole_state", case_state_name(a->whole_state));
	json_add_boolean(j, "may_begin", a->open_count == 0);
	json_add_text(j, "open_parts", a->open);
	json_put_object_end(j);
}

static bool page_render(struct request *r, struct fail *why)
{
	const struct part_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++)
		item_out(&j, &list->items[i]);
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler department_part_list = { .parse = page_parse, .look = page_look, .render = page_render };
