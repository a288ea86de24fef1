/* services/cases/case_list.c - a citizen's own cases, and the timeline of one. */
#include "services/cases/case_row.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

static const char *const page_names[] = { "cursor", "limit", NULL };

/* ---- case_list: newest first ---- */

struct case_page {
	struct cursor from;
	int limit, count;
	bool is_more;
	int64_t last_id; /* of the items */
	struct case_row items[];
};

static bool case_list_parse(struct request *r, struct fail *why)
{
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, page_names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct case_page *page = request_state(r, sizeof(*page) + (size_t)limit * sizeof(page->items[0]), why);
	if (page == NULL)
		return false;
	page->from = from;
	page->limit = limit;
	return true;
}

static bool case_list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct case_page *page = r->state;
	DROP(stmt) struct stmt *q = r->who.by_matter
		? tx_query(tx, "SELECT " CASE_ROW_COLUMNS ", id FROM cases WHERE person = $1 AND id < $2 AND parts >= 0"
			" AND matter IN (SELECT matter FROM mandate_matter WHERE mandate = $3) ORDER BY id DESC LIMIT $4", why)
		: tx_query(tx, "SELECT " CASE_ROW_COLUMNS ", id FROM cases WHERE person = $1 AND id < $2 AND parts >= 0 ORDER BY id DESC LIMIT $3", why);
	int n = 1;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, principal_whose(&r->who));
	stmt_bind_int(q, n++, page->from.id);
	if (r->who.by_matter)
		stmt_bind_int(q, n++, r->who.mandate);
	stmt_bind_int(q, n, page->limit + 1);
	while (stmt_row(q, why)) {
		page->is_more = page->count == page->limit;
		if (page->is_more)
			break;
		if (!case_row_of(tx, &r->arena, q, &page->items[page->count++], why))
			return false;
		page->last_id = stmt_int(q, CASE_ROW_COLUMN_COUNT);
	}
	return why->code == FAIL_NONE;
}

static bool case_list_render(struct request *r, struct fail *why)
{
	const struct case_page *page = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < page->count; i++) {
		json_put_object(&j);
		case_row_members(&j, &page->items[i], day_of(r->now_ms), r->lang);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, page->is_more ? page->last_id : 0 };
	return reply_list_end(r, &j, page->is_more ? &next : NULL, why);
}

const struct handler case_list = { .parse = case_list_parse, .look = case_list_look, .render = case_list_render };

/* ---- case_events: oldest first ---- */

struct timeline_item {
	int64_t place; /* in its timeline */
	int64_t seq, occurred_ms, received_ms;
	enum case_event event;
	enum case_state state;
	struct str note; /* at NULL: none */
	struct str part; /* of a joint case, its code; at NULL: of the whole */
};

struct timeline {
	struct case_question question;
	struct case_row row;
	struct cursor from;
	int limit, count;
	bool is_more;
	struct timeline_item items[];
};

static bool case_events_parse(struct request *r, struct fail *why)
{
	struct cursor from = { 0, 0 };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, page_names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct timeline *t = request_state(r, sizeof(*t) + (size_t)limit * sizeof(t->items[0]), why);
	if (t == NULL)
		return false;
	t->from = from;
	t->limit = limit;
	return case_question_parse(r->params[0], &t->question, why);
}

static bool timeline_item_of(struct request *r, struct stmt *q, struct timeline_item *to, struct fail *why)
{
	*to = (struct timeline_item){
		.seq = stmt_int(q, 0), .event = (enum case_event)stmt_int(q, 1), .state = (enum case_state)stmt_int(q, 2),
		.occurred_ms = stmt_int(q, 4), .received_ms = stmt_int(q, 5), .place = stmt_int(q, 6),
	};
	if (!stmt_is_null(q, 3))
		to->note = str_copy(&r->arena, stmt_text(q, 3));
	if (!stmt_is_null(q, 7))
		to->part = str_copy(&r->arena, stmt_text(q, 7));
	return ((stmt_is_null(q, 3) || to->note.at != NULL) && (stmt_is_null(q, 7) || to->part.at != NULL)) || FAILS(why, MEMORY, "a note");
}

/* A whole and its parts are written one at a time (services/cases/joint.h), so the numbers of their facts are the order in which they happened to it. */
static struct stmt *timeline_query(struct tx *tx, const struct timeline *t, struct fail *why)
{
	struct stmt *q = t->row.is_whole
		? tx_query(tx, "SELECT e.seq, e.event, e.state, e.note, e.occurred_ms, e.received_ms, e.fact, g.code FROM case_event e"
			" LEFT JOIN case_part p ON p.part = e.case_id LEFT JOIN cases w ON w.id = p.whole LEFT JOIN guide_part g ON g.guide = w.guide AND g.n = p.n"
			" WHERE (e.case_id = $1 OR e.case_id IN (SELECT x.part FROM case_part x WHERE x.whole = $1)) AND e.fact > $2 ORDER BY e.fact LIMIT $3", why)
		: tx_query(tx, "SELECT seq, event, state, note, occurred_ms, received_ms, seq, CAST(NULL AS VARCHAR(32)) FROM case_event WHERE case_id = $1 AND seq > $2 ORDER BY seq LIMIT $3", why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, t->question.id);
	stmt_bind_int(q, 2, t->from.id);
	stmt_bind_int(q, 3, t->limit + 1);
	return q;
}

static bool case_events_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct timeline *t = r->state;
	if (!case_row_read(tx, &r->arena, t->question.id, &t->row, why) || !case_question_answers(&t->question, t->row.case_no, why))
		return false;
	if (!case_owner(tx, r, t->row.person, t->row.matter, why))
		return false;
	DROP(stmt) struct stmt *q = timeline_query(tx, t, why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why)) {
		t->is_more = t->count == t->limit;
		if (t->is_more)
			break;
		if (!timeline_item_of(r, q, &t->items[t->count++], why))
			return false;
	}
	return why->code == FAIL_NONE;
}

static void timeline_item_out(struct json_out *j, const struct timeline_item *item, enum lang lang)
{
	json_put_object(j);
	if (item->part.at != NULL)
		json_add_text(j, "part", item->part);
	json_add_number(j, "seq", item->seq);
	json_add_text(j, "event", case_event_row(item->event)->name);
	json_add_text(j, "state", case_state_name(item->state));
	json_add_text(j, "state_text", case_state_row(item->state)->text[lang]);
	json_add_text(j, "status", case_status_of(item->state)->name);
	if (item->note.at == NULL)
		json_add_nothing(j, "note");
	else
		json_add_text(j, "note", item->note);
	json_add_time(j, "occurred_at", item->occurred_ms);
	json_add_time(j, "received_at", item->received_ms);
	json_put_object_end(j);
}

static bool case_events_render(struct request *r, struct fail *why)
{
	const struct timeline *t = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < t->count; i++)
		timeline_item_out(&j, &t->items[i], r->lang);
	struct cursor next = { 0, t->is_more ? t->items[t->count - 1].place : 0 };
	return reply_list_end(r, &j, t->is_more ? &next : NULL, why);
}

const struct handler case_events = { .parse = case_events_parse, .look = case_events_look, .render = case_events_render };
