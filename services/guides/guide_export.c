/* services/guides/guide_export.c - what `siban export guides` asks for: every current guide, page by page, as an import takes it. */
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/services.h"

enum { PAGE_ROWS = 40, PAGE_BYTES = 96 * 1024 /* and one guide more at most */ };

struct page {
	int64_t after, generation;
	bool is_more;
	struct buf items;
};

static bool export_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct page *p = request_state(r, sizeof(*p), why);
	return p != NULL && request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &p->after, why);
}

static bool export_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	int rows = 0;
	if (!catalogue_generation(tx, &p->generation, why))
		return false;
	buf_init(&p->items, &r->arena, PAGE_BYTES + GUIDE_BYTES_MAX);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT m.id, u.body FROM matter m" GUIDE_CURRENT_JOIN " WHERE u.id IS NOT NULL AND m.id > $1 ORDER BY m.id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->after);
	for (; stmt_row(q, why); rows++) {
		p->is_more = rows == PAGE_ROWS || p->items.len > PAGE_BYTES;
		if (p->is_more)
			break;
		buf_str(&p->items, rows == 0 ? STR("") : STR(","));
		buf_str(&p->items, stmt_text(q, 1));
		p->after = stmt_int(q, 0);
	}
	return why->code == FAIL_NONE && (buf_ok(&p->items) || FAILS(why, MEMORY, "a page of guides"));
}

static bool export_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	if (p->items.len > 0)
		json_put_members(&j, buf_text(&p->items)); /* written in look */
	json_put_array_end(&j);
	json_add_number(&j, "after", p->after);
	json_add_boolean(&j, "more", p->is_more);
	json_add_number(&j, "generation", p->generation);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_guide_list = { .parse = export_parse, .look = export_look, .render = export_render };
