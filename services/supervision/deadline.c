/* services/supervision/deadline.c - limits that are running, those that end first at the top, and what became of limits, in sealed order: for the department whose cases they
 * are, and for supervisors of the place (电子监察).
 *
 * `until` tomorrow is the list of tomorrow's breaches. What stands still or waits for a calendar has no last day and is not in the list. */
#include "auth/tenancy.h"
#include "base/day.h"
#include "services/cases/case_clock.h"
#include "services/cases/case_number.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

enum { KINDS_ROOM = 8 /* of a cursor's id: case and kind */ };
_Static_assert((int)CLOCK_KINDS <= (int)KINDS_ROOM, "a kind fits into a cursor");

/* ---- deadline_list ---- */

struct deadline {
	int64_t id, begun, days;
	int32_t due, yellow;
	int64_t region;
	enum clock_kind kind;
	struct str case_no, case_ref, department;
};

struct deadline_page {
	int32_t until;
	struct cursor from;
	int limit, count;
	bool is_more;
	struct deadline items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "until", "cursor", "limit", NULL };
	struct cursor from = { INT32_MIN, 0 };
	bool has_cursor;
	int limit;
	int32_t until = INT32_MAX;
	struct str text;
	if (!request_query_only(r, names, why) || !request_query(r, "until", &text, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	if (text.at != NULL && !day_from_text(text, &until))
		return FAILS_FIELD(why, QUERY, "until", "not a date");
	struct deadline_page *page = request_state(r, sizeof(*page) + (size_t)limit * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->until = until;
	page->from = from;
	page->limit = limit;
	return true;
}

#define DEADLINE_COLUMNS                                                                                                            \
	"SELECT k.due, k.case_id, k.kind, k.begun, k.days + k.extended, k.yellow, k.region, c.case_no, c.case_ref, d.name FROM case_clock k" \
	" JOIN cases c ON c.id = k.case_id JOIN department d ON d.id = k.department WHERE k.phase = 1 AND k.due <= $1"             \
	" AND (k.due > $2 OR (k.due = $2 AND k.case_id * 8 + k.kind > $3))"

static struct stmt *list_query(struct tx *tx, const struct request *r, const struct deadline_page *page, struct fail *why)
{
	bool is_department = r->who.kind == WHO_DEPARTMENT;
	struct stmt *q = is_department ?
		tx_query(tx, DEADLINE_COLUMNS " AND k.department = $4 ORDER BY k.due, k.case_id * 8 + k.kind LIMIT $5", why) :
		tx_query(tx, DEADLINE_COLUMNS " AND ((k.region >= $4 AND k.region <= $5) OR (k.region >= $6 AND k.region <= $7))"
			     " ORDER BY k.due, k.case_id * 8 + k.kind LIMIT $8", why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, page->until);
	stmt_bind_int(q, 2, page->from.at);
	stmt_bind_int(q, 3, page->from.id);
	if (is_department) {
		stmt_bind_int(q, 4, r->who.id);
		stmt_bind_int(q, 5, page->limit + 1);
		return q;
	}
	struct region_bounds b = region_bounds(r->who.region);
	stmt_bind_int(q, 4, b.six_first);
	stmt_bind_int(q, 5, b.six_last);
	stmt_bind_int(q, 6, b.nine_first);
	stmt_bind_int(q, 7, b.nine_last);
	stmt_bind_int(q, 8, page->limit + 1);
	return q;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct deadline_page *page = r->state;
	DROP(stmt) struct stmt *q = list_query(tx, r, page, why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why)) {
		page->is_more = page->count == page->limit;
		if (page->is_more)
			break;
		struct deadline *d = &page->items[page->count++];
		*d = (struct deadline){ .due = (int32_t)stmt_int(q, 0), .id = stmt_int(q, 1) * KINDS_ROOM + stmt_int(q, 2), .kind = (enum clock_kind)stmt_int(q, 2),
			.begun = stmt_int(q, 3), .days = stmt_int(q, 4), .yellow = (int32_t)stmt_int(q, 5), .region = stmt_int(q, 6),
			.case_no = str_copy(&r->arena, stmt_text(q, 7)), .case_ref = str_copy(&r->arena, stmt_text(q, 8)),
			.department = str_copy(&r->arena, stmt_text(q, 9)) };
		if (d->case_no.at == NULL || d->case_ref.at == NULL || d->department.at == NULL)
			return FAILS(why, MEMORY, "a deadline");
	}
	return why->code == FAIL_NONE;
}

static void add_day(struct json_out *j, const char *name, int64_t day)
{
	char text[DAY_TEXT_BYTES];
	day_text((int32_t)day, text);
	json_add_text(j, name, str_c(text));
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct deadline_page *page = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < page->count; i++) {
		const struct deadline *d = &page->items[i];
		json_put_object(&j);
		json_add_text(&j, "case_no", d->case_no);
		json_add_text(&j, "case_ref", d->case_ref);
		json_add_text(&j, "department", d->department);
		json_add_region_code(&j, "region", d->region);
		json_add_text(&j, "kind", clock_kind_row(d->kind)->name);
		add_day(&j, "begun_on", d->begun);
		json_add_number(&j, "days", d->days);
		add_day(&j, "due_on", d->due);
		json_add_text(&j, "light", light_name(light_on(day_of(r->now_ms), true, d->due, d->yellow, false)));
		json_put_object_end(&j);
	}
	struct cursor next = { 0, 0 };
	if (page->is_more)
		next = (struct cursor){ page->items[page->count - 1].due, page->items[page->count - 1].id };
	return reply_list_end(r, &j, page->is_more ? &next : NULL, why);
}

const struct handler deadline_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- deadline_feed ---- */

struct feed_item {
	int64_t seal_seq, sealed_ms, day, begun, days, due, region;
	bool has_due;
	enum clock_kind kind;
	int64_t what;
	struct str case_no, case_ref, department;
};

struct feed {
	struct page page;
	struct feed_item items[];
};

static bool feed_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", "cursor", "limit", NULL };
	int64_t after;
	return request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &after, why) &&
	       page_state(r, (struct cursor){ 0, after }, sizeof(struct feed), sizeof(struct feed_item), why) != NULL;
}

/* kind 3 is FACT_CLOCK_EVENT. The page is cut out first, by its index: all that is joined to it is there, once. */
static struct stmt *feed_query(struct tx *tx, const struct request *r, const struct feed *f, struct fail *why)
{
	struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.sealed_ms, k.day, k.begun, k.days, k.due, k.region, k.kind, k.what, c.case_no, c.case_ref, d.name"
		" FROM (SELECT seq, ref FROM seal_place WHERE kind = 3 AND place = $1 AND seq > $2 ORDER BY seq LIMIT $3) p JOIN seal s ON s.seq = p.seq"
		" JOIN clock_event k ON k.id = p.ref JOIN cases c ON c.id = k.case_id JOIN department d ON d.id = k.department ORDER BY p.seq", why);
	if (q == NULL)
		return NULL;
	page_bind_feed(q, r, &f->page);
	return q;
}

static bool feed_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct feed *f = r->state;
	DROP(stmt) struct stmt *q = feed_query(tx, r, f, why);
	if (q == NULL)
		return false;
	while (page_next(&f->page, q, why)) {
		struct feed_item *i = &f->items[f->page.count - 1];
		*i = (struct feed_item){ .seal_seq = stmt_int(q, 0), .sealed_ms = stmt_int(q, 1), .day = stmt_int(q, 2), .begun = stmt_int(q, 3), .days = stmt_int(q, 4),
			.has_due = !stmt_is_null(q, 5), .due = stmt_is_null(q, 5) ? 0 : stmt_int(q, 5), .region = stmt_int(q, 6),
			.kind = (enum clock_kind)stmt_int(q, 7), .what = stmt_int(q, 8), .case_no = str_copy(&r->arena, stmt_text(q, 9)),
			.case_ref = str_copy(&r->arena, stmt_text(q, 10)), .department = str_copy(&r->arena, stmt_text(q, 11)) };
		if (i->case_no.at == NULL || i->case_ref.at == NULL || i->department.at == NULL)
			return FAILS(why, MEMORY, "an item");
	}
	return why->code == FAIL_NONE;
}

static bool feed_render(struct request *r, struct fail *why)
{
	const struct feed *f = r->state;
	struct json_out j = reply_list(r);
	for (int n = 0; n < f->page.count; n++) {
		const struct feed_item *i = &f->items[n];
		json_put_object(&j);
		json_add_number(&j, "seal_seq", i->seal_seq);
		json_add_text(&j, "case_no", i->case_no);
		json_add_text(&j, "case_ref", i->case_ref);
		json_add_text(&j, "department", i->department);
		json_add_region_code(&j, "region", i->region);
		json_add_text(&j, "kind", clock_kind_row(i->kind)->name);
		json_add_text(&j, "what", clock_what_name(i->what));
		add_day(&j, "day", i->day);
		add_day(&j, "begun_on", i->begun);
		json_add_number(&j, "days", i->days);
		if (i->has_due)
			add_day(&j, "due_on", i->due);
		else
			json_add_nothing(&j, "due_on");
		json_add_time(&j, "sealed_at", i->sealed_ms);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, f->page.count > 0 ? f->items[f->page.count - 1].seal_seq : f->page.from.id };
	return reply_feed_end(r, &j, &next, f->page.is_more, why);
}

const struct handler deadline_feed = { .parse = feed_parse, .look = feed_look, .render = feed_render };
