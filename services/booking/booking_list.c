/* services/booking/booking_list.c - a citizen's own visits, newest first; and one of them with what to bring. */
#include "services/booking/booking_view.h"
#include "services/handlers.h"
#include "services/services.h"

struct page {
	struct cursor from;
	int limit, count;
	bool is_more;
	int64_t *ids;
	struct booking_view items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	if (limit > BOOKINGS_A_PAGE)
		limit = BOOKINGS_A_PAGE;
	struct page *page = request_state(r, sizeof(*page) + (size_t)limit * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->from = from;
	page->limit = limit;
	page->ids = arena_alloc(&r->arena, ((size_t)limit + 1) * sizeof(*page->ids));
	return page->ids != NULL || FAILS(why, MEMORY, "%d bookings", limit);
}

static bool list_ids(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	DROP(stmt) struct stmt *q = r->who.by_matter ?
		tx_query(tx, "SELECT b.id FROM booking b WHERE b.person = $1 AND b.id < $2 AND NOT EXISTS (SELECT 1 FROM booking_seat s WHERE s.booking = b.id"
			" AND NOT EXISTS (SELECT 1 FROM mandate_matter m WHERE m.mandate = $3 AND m.matter = s.matter)) ORDER BY b.id DESC LIMIT $4", why) :
		tx_query(tx, "SELECT id FROM booking WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	int n = 1;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, principal_whose(&r->who));
	stmt_bind_int(q, n++, page->from.id);
	if (r->who.by_matter)
		stmt_bind_int(q, n++, r->who.mandate);
	stmt_bind_int(q, n, page->limit + 1);
	while (stmt_row(q, why))
		page->ids[page->count++] = stmt_int(q, 0);
	page->is_more = page->count > page->limit;
	if (page->is_more)
		page->count = page->limit;
	return why->code == FAIL_NONE;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	struct booking b;
	if (!list_ids(tx, r, why))
		return false;
	for (int i = 0; i < page->count; i++)
		if (!booking_by_id(tx, page->ids[i], r->now_ms, &b, why) || !booking_view_look(tx, &r->arena, &b, &page->items[i], why))
			return false;
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < page->count; i++) {
		json_put_object(&j);
		booking_members(&j, &page->items[i]);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, page->is_more ? page->ids[page->count - 1] : 0 };
	return reply_list_end(r, &j, page->is_more ? &next : NULL, why);
}

const struct handler booking_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- show ---- */

struct one {
	struct id key;
	struct booking_view view;
};

static bool show_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	return o != NULL && booking_question(r, &o->key, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	struct booking b;
	bool is_his;
	if (!booking_by_key(tx, o->key, r->now_ms, &b, why) || !booking_is_his(tx, &r->who, &b, &is_his, why))
		return false;
	r->owner = is_his ? b.person : 0;
	return !is_his || (booking_view_look(tx, &r->arena, &b, &o->view, why) && booking_view_bring(tx, &r->arena, &o->view, why));
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	booking_members(&j, &o->view);
	booking_bring(&j, &o->view);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler booking_show = { .parse = show_parse, .look = show_look, .render = show_render };
