/* services/departments/department_feed.c - all that happened to a department's cases, in the order in which it was sealed: GET /v1/department/feed.
 *
 * A department's system polls it and keeps next_cursor with what it took in. Seals are given in one order and never changed, so what was read
 * once is behind the cursor for good and nothing can appear there later: no event is skipped, none comes twice. What is committed and not
 * sealed yet is not shown; it will be within about a second. */
#include "services/cases/case_journal.h"
#include "services/handlers.h"
#include "services/page.h"
#include "store/store.h"

struct feed_item {
	int64_t seal_seq, sealed_ms, seq, occurred_ms, received_ms;
	enum case_event event;
	enum case_state state;
	struct str event_id, case_no, case_ref;
};

struct feed {
	struct page page;
	struct feed_item items[];
};

static bool feed_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, 0 }, sizeof(struct feed), sizeof(struct feed_item), why) != NULL;
}

static bool item_of(struct request *r, struct stmt *q, struct feed_item *to, struct fail *why)
{
	*to = (struct feed_item){
		.seal_seq = stmt_int(q, 0), .sealed_ms = stmt_int(q, 1), .seq = stmt_int(q, 2), .event = (enum case_event)stmt_int(q, 3),
		.state = (enum case_state)stmt_int(q, 4), .occurred_ms = stmt_int(q, 5), .received_ms = stmt_int(q, 6),
		.event_id = str_copy(&r->arena, stmt_text(q, 7)), .case_no = str_copy(&r->arena, stmt_text(q, 8)),
		.case_ref = str_copy(&r->arena, stmt_text(q, 9)),
	};
	return (to->event_id.at != NULL && to->case_no.at != NULL && to->case_ref.at != NULL) || FAILS(why, MEMORY, "an item");
}

static bool feed_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct feed *f = r->state;
	/* kind 1 is FACT_CASE_EVENT */
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.sealed_ms, e.seq, e.event, e.state, e.occurred_ms, e.received_ms, e.event_id, c.case_no, c.case_ref"
		" FROM seal s JOIN fact f ON f.id = s.fact JOIN case_event e ON e.case_id = f.ref_a AND e.seq = f.ref_b JOIN cases c ON c.id = e.case_id"
		" WHERE s.department = $1 AND s.department > 0 AND s.seq > $2 AND f.kind = 1 ORDER BY s.seq LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, f->page.from.id);
	stmt_bind_int(q, 3, f->page.limit + 1);
	while (page_next(&f->page, q, why))
		if (!item_of(r, q, &f->items[f->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static void item_out(struct json_out *j, const struct feed_item *item)
{
	json_put_object(j);
	json_add_number(j, "seal_seq", item->seal_seq);
	json_add_text(j, "case_no", item->case_no);
	json_add_text(j, "case_ref", item->case_ref);
	json_add_number(j, "seq", item->seq);
	json_add_text(j, "event_id", item->event_id);
	json_add_text(j, "event", case_event_row(item->event)->name);
	json_add_text(j, "state", case_state_name(item->state));
	json_add_text(j, "status", case_status_of(item->state)->name);
	json_add_time(j, "occurred_at", item->occurred_ms);
	json_add_time(j, "received_at", item->received_ms);
	json_add_time(j, "sealed_at", item->sealed_ms);
	json_put_object_end(j);
}

static bool feed_render(struct request *r, struct fail *why)
{
	const struct feed *f = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < f->page.count; i++)
		item_out(&j, &f->items[i]);
	struct cursor next = { 0, f->page.count > 0 ? f->items[f->page.count - 1].seal_seq : f->page.from.id };
	return reply_feed_end(r, &j, &next, f->page.is_more, why);
}

const struct handler department_feed = { .parse = feed_parse, .look = feed_look, .render = feed_render };
