/* services/me_notice.c - GET /v1/me/notices: what I am to pay, and what became of what I paid; newest first. Those that name me by my number: one that was found by its code alone is nobody's here. */
#include "payments/confirmation.h"
#include "services/handlers.h"
#include "services/pay_notice.h"

struct item {
	int64_t id;
	struct notice notice;
	struct confirmation booking;
};

struct page {
	struct cursor from;
	int limit, count;
	struct item items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct page *page = request_state(r, sizeof(*page) + ((size_t)limit + 1) * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->from = from;
	page->limit = limit;
	return true;
}

static bool ids_read(struct tx *tx, struct request *r, struct page *page, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_notice WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal_whose(&r->who));
	stmt_bind_int(q, 2, page->from.id);
	stmt_bind_int(q, 3, page->limit + 1);
	for (; page->count <= page->limit && stmt_row(q, why); page->count++)
		page->items[page->count].id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	if (!ids_read(tx, r, page, why))
		return false;
	for (int i = 0; i < page->count && i < page->limit; i++) {
		struct item *one = &page->items[i];
		if (!notice_read(tx, one->id, &one->notice, &r->arena, why) || !confirmation_find(tx, one->id, &one->booking, &r->arena, why))
			return false;
	}
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	bool is_more = page->count > page->limit;
	int count = is_more ? page->limit : page->count;
	struct json_out j = reply_list(r);
	for (int i = 0; i < count; i++) {
		const struct item *one = &page->items[i];
		json_put_object(&j);
		pay_notice_public(&j, &one->notice, &r->arena);
		if (one->booking.id != 0)
			json_add_plain(&j, "booking", confirmation_booking_text(one->booking.state));
		else
			json_add_nothing(&j, "booking");
		json_put_object_end(&j);
	}
	struct cursor next = { 0, is_more ? page->items[count - 1].id : 0 };
	return reply_list_end(r, &j, is_more ? &next : NULL, why);
}

const struct handler me_notice_list = { .parse = list_parse, .look = list_look, .render = list_render };
