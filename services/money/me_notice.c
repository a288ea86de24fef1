/* services/money/me_notice.c - GET /v1/me/notices: what I am to pay, and what became of what I paid; newest first. Those that name me by my number: one that was found by its code alone is nobody's here. */
#include "payments/bureau/confirmation.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/page.h"

struct item {
	int64_t id;
	struct notice notice;
	struct confirmation booking;
};

struct notices {
	struct page page;
	struct item items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct notices), sizeof(struct item), why) != NULL;
}

static bool ids_read(struct tx *tx, struct request *r, struct notices *list, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_notice WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal_whose(&r->who));
	stmt_bind_int(q, 2, list->page.from.id);
	stmt_bind_int(q, 3, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		list->items[list->page.count - 1].id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct notices *list = r->state;
	if (!ids_read(tx, r, list, why))
		return false;
	for (int i = 0; i < list->page.count; i++) {
		struct item *one = &list->items[i];
		if (!notice_read(tx, one->id, &one->notice, &r->arena, why) || !confirmation_find(tx, one->id, &one->booking, &r->arena, why))
			return false;
	}
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct notices *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		const struct item *one = &list->items[i];
		json_put_object(&j);
		pay_notice_public(&j, &one->notice, &r->arena);
		if (one->booking.id != 0)
			json_add_plain(&j, "booking", confirmation_booking_text(one->booking.state));
		else
			json_add_nothing(&j, "booking");
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler me_notice_list = { .parse = list_parse, .look = list_look, .render = list_render };
