/* services/supervision/audit_list.c - GET /v1/staff/audit, and what `siban audit export` asks for: who did what, in the order in which it was sealed.
 *
 * An answer looks at so many seals at most; one that found little says "more" all the same, and its cursor goes on from where it looked last.
 * That somebody read is on record too (gateway/requests/noted.h). */
#include "auth/audit_read.h"
#include "base/clock.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/supervision/audit_view.h"
#include "store/sealer.h"

enum { CONTROL_ROWS = 200 };

struct page {
	struct audit_filter filter;
	int64_t at;
	int limit, count;
	bool more;
	struct audit_row *rows;
	struct audit_shown *shown;
};

/* ---- the filter ---- */

/* "KIND" or "KIND:ID". */
static bool party(struct str text, struct str *kind, int64_t *id)
{
	struct str number;
	*id = 0;
	if (!str_cut(text, ':', kind, &number))
		return true;
	return str_to_i64(number, 1, INT64_MAX, id);
}

static bool actor_parse(struct str text, struct audit_filter *f)
{
	struct str kind;
	return party(text, &kind, &f->actor_id) && (f->actor_kind = who_named(kind)) != 0;
}

static bool subject_parse(struct str text, struct audit_filter *f)
{
	struct str kind;
	if (!party(text, &kind, &f->subject_id))
		return false;
	const struct audit_word *word = audit_subject_named(kind);
	f->subject_kind = word != NULL ? word->number : -1;
	return word != NULL;
}

static bool act_parse(struct str text, struct audit_filter *f)
{
	const struct audit_word *word = audit_act_named(text);
	f->act = word != NULL ? word->number : 0;
	return word != NULL;
}

static bool from_parse(struct str text, struct audit_filter *f)
{
	return time_from_rfc3339(text, &f->from_ms);
}

static bool to_parse(struct str text, struct audit_filter *f)
{
	return time_from_rfc3339(text, &f->to_ms);
}

static const struct { const char *name; bool (*parse)(struct str text, struct audit_filter *f); } filters[] = {
	{ "act", act_parse }, { "actor", actor_parse }, { "subject", subject_parse }, { "from", from_parse }, { "to", to_parse },
};

static bool filter_parse(struct request *r, struct audit_filter *f, struct fail *why)
{
	f->subject_kind = -1;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct str text;
		if (!request_query(r, filters[i].name, &text, why))
			return false;
		if (text.at != NULL && !filters[i].parse(text, f))
			return FAILS_FIELD(why, QUERY, filters[i].name, "not one of this filter's words");
	}
	return true;
}

/* ---- a page ---- */

static bool room_for(struct request *r, struct page *p, int limit, struct fail *why)
{
	p->limit = limit;
	p->rows = arena_alloc(&r->arena, (size_t)limit * sizeof(*p->rows));
	p->shown = arena_alloc(&r->arena, (size_t)limit * sizeof(*p->shown));
	return (p->rows != NULL && p->shown != NULL) || FAILS(why, MEMORY, "%d rows of the audit", limit);
}

static bool page_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	p->filter.region = r->who.region;
	if (!audit_read(tx, &r->arena, &p->filter, &p->at, p->rows, p->limit, &p->count, &p->more, why))
		return false;
	for (int i = 0; i < p->count; i++) {
		p->shown[i].row = p->rows[i];
		if (!audit_show(tx, &p->shown[i], why))
			return false;
	}
	return true;
}

static void items_out(struct json_out *j, const struct page *p, enum lang lang)
{
	for (int i = 0; i < p->count; i++) {
		json_put_object(j);
		audit_members(j, &p->shown[i], lang);
		json_put_object_end(j);
	}
}

/* ---- for staff ---- */

static bool staff_audit_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "act", "actor", "subject", "from", "to", "cursor", "limit", NULL };
	struct page *p = request_state(r, sizeof(*p), why);
	struct cursor from = { 0, 0 };
	bool has_cursor;
	int limit;
	if (p == NULL || !request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why) || !filter_parse(r, &p->filter, why))
		return false;
	p->at = from.id;
	return room_for(r, p, limit, why);
}

static bool staff_audit_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_list(r);
	items_out(&j, p, r->lang);
	struct cursor next = { 0, p->at };
	return reply_feed_end(r, &j, &next, p->more, why);
}

const struct handler staff_audit = { .parse = staff_audit_parse, .look = page_look, .render = staff_audit_render };

/* ---- for the command line: larger pages, and plain numbers for places ---- */

static bool control_audit_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "act", "actor", "subject", "from", "to", "after", NULL };
	struct page *p = request_state(r, sizeof(*p), why);
	return p != NULL && request_query_only(r, names, why) && filter_parse(r, &p->filter, why) && query_number(r, "after", 0, INT64_MAX, 0, &p->at, why) &&
	       room_for(r, p, CONTROL_ROWS, why);
}

static bool control_audit_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	items_out(&j, p, LANG_ZH);
	json_put_array_end(&j);
	json_add_number(&j, "after", p->at);
	json_add_boolean(&j, "more", p->more);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_audit = { .parse = control_audit_parse, .look = page_look, .render = control_audit_render };
