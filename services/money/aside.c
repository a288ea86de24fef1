/* services/money/aside.c - GET /v1/office/set-aside: what jobs of payments could not do, why, and when it is tried again (payments/aside.h). */
#include "payments/aside.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

struct set_aside {
	struct page page;
	struct aside items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, 0 }, sizeof(struct set_aside), sizeof(struct aside), why) != NULL;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct set_aside *s = r->state;
	struct page *p = &s->page;
	if (!aside_list(tx, r->who.region, p->from.at, p->from.id, s->items, p->limit + 1, &p->count, &r->arena, why))
		return false;
	page_cut(p);
	return true;
}

static void item_out(struct json_out *j, const struct aside *a)
{
	json_put_object(j);
	json_add_plain(j, "queue", aside_queue_text(a->queue));
	json_add_text(j, "id", a->name);
	json_add_region_code(j, "division", a->division);
	json_add_text(j, "reason", a->reason);
	json_add_number(j, "tries", a->tries);
	json_add_time(j, "since", a->made_ms);
	json_add_time(j, "next_at", a->next_ms);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct set_aside *s = r->state;
	const struct page *p = &s->page;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->count; i++)
		item_out(&j, &s->items[i]);
	const struct aside *last = p->count > 0 ? &s->items[p->count - 1] : NULL;
	struct cursor next = { p->is_more ? last->queue : 0, p->is_more ? last->subject : 0 };
	return reply_list_end(r, &j, p->is_more ? &next : NULL, why);
}

const struct handler office_aside_list = { .parse = list_parse, .look = list_look, .render = list_render };
