/* services/cases/part_list.c - parts of joint cases that wait for their department to begin, and until when they may: how its system hears of them, and of the number it must name (GET
 * /v1/department/parts), and how supervisors see who keeps the others waiting (GET /v1/staff/parts). What a part's department learns of a whole is this and no more: the applicant's papers reach it by the lead's hand. */
#include "auth/tenancy.h"
#include "base/day.h"
#include "services/cases/joint.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

enum { N_ROOM = 32 /* of a cursor's id: whole and part */ };
_Static_assert((int)PARTS_MAX < (int)N_ROOM, "a part fits into a cursor");

struct awaited {
	int64_t id, whole, n, days, region;
	uint32_t needs;
	enum case_state whole_state;
	struct str case_no, code, name, matter_code, matter_name, lead, department;
	struct part_wait wait;     /* of one that may begin */
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
	struct str *const texts[] = { &to->case_no, &to->code, &to->name, &to->matter_code, &to->matter_name, &to->lead, &to->department };
	*to = (struct awaited){ .whole = stmt_int(q, 0), .n = stmt_int(q, 1), .days = stmt_int(q, 2), .needs = (uint32_t)stmt_int(q, 3),
				.whole_state = (enum case_state)stmt_int(q, 4), .region = stmt_int(q, 5) };
	to->id = to->whole * N_ROOM + to->n;
	for (int i = 0; i < 7; i++) {
		*texts[i] = str_copy(&r->arena, stmt_text(q, 6 + i));
		if (texts[i]->at == NULL)
			return FAILS(why, MEMORY, "a part");
	}
	return true;
}

/* 6, 7, 8 and 9: accepted, correct, special, paused - as joint_find allows it. */
#define AWAITED                                                                                                                                                \
	"SELECT p.whole, p.n, g.days, g.needs, w.state, w.region, w.case_no, g.code, g.name, n.matter_code, n.matter_name, n.department_name, d.name"          \
	" FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n JOIN case_names n ON n.id = w.names"           \
	" JOIN department d ON d.id = p.department WHERE p.part IS NULL AND w.state IN (6, 7, 8, 9) AND (p.whole > $1 OR (p.whole = $1 AND p.n > $2))"

static struct stmt *rows_query(struct tx *tx, const struct request *r, const struct page *page, struct fail *why)
{
	bool is_department = r->who.kind == WHO_DEPARTMENT;
	struct region_bounds b = region_bounds(r->who.region);
	struct stmt *q = is_department ?
		tx_query(tx, AWAITED " AND p.department = $3 ORDER BY p.whole, p.n LIMIT $4", why) :
		tx_query(tx, AWAITED " AND ((w.region >= $3 AND w.region <= $4) OR (w.region >= $5 AND w.region <= $6)) ORDER BY p.whole, p.n LIMIT $7", why);
	if (q == NULL)
		return NULL;
	const int64_t places[] = { b.six_first, b.six_last, b.nine_first, b.nine_last };
	int n = 1;
	stmt_bind_int(q, n++, page->from.id / N_ROOM);
	stmt_bind_int(q, n++, page->from.id % N_ROOM);
	if (is_department)
		stmt_bind_int(q, n++, r->who.id);
	for (int i = 0; !is_department && i < 4; i++)
		stmt_bind_int(q, n++, places[i]);
	stmt_bind_int(q, n, page->limit + 1);
	return q;
}

static bool rows_look(struct tx *tx, struct request *r, struct part_page *list, struct fail *why)
{
	DROP(stmt) struct stmt *q = rows_query(tx, r, &list->page, why);
	if (q == NULL)
		return false;
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
		if (a->open_count == 0 && !joint_wait(tx, a->whole, a->needs, a->region, &a->wait, why))
			return false;
	}
	return true;
}

static void wait_out(struct json_out *j, const struct awaited *a, int32_t today)
{
	char due[DAY_TEXT_BYTES];
	if (a->open_count != 0) {
		json_add_nothing(j, "begin_by");
		return;
	}
	json_put_name(j, "begin_by");
	json_put_object(j);
	if (a->wait.has_due) {
		day_text(a->wait.due, due);
		json_add_plain(j, "due_on", str_c(due));
	} else {
		json_add_nothing(j, "due_on");
	}
	json_add_plain(j, "light", light_name(light_on(today, a->wait.has_due, a->wait.due, a->wait.yellow, false)));
	json_put_object_end(j);
}

static void item_out(struct json_out *j, const struct awaited *a, int32_t today)
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
	json_add_text(j, "department", a->department);
	wait_out(j, a, today);
	json_put_object_end(j);
}

static bool page_render(struct request *r, struct fail *why)
{
	const struct part_page *list = r->state;
	int32_t today = day_of(r->now_ms);
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++)
		item_out(&j, &list->items[i], today);
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler department_part_list = { .parse = page_parse, .look = page_look, .render = page_render };
