/* services/cases/demand_show.c - what a case wants of its person, newest first: GET /v1/cases/:no/demands; and for supervisors of the place, /v1/staff/cases/:no/demands. */
#include "base/day.h"
#include "services/cases/case_row.h"
#include "services/cases/demand.h"
#include "services/handlers.h"
#include "services/services.h"

struct row {
	int64_t seq, kind, again, told_on, days, due, closed_seq, what, number, added;
	struct str field, name, reason;
};

struct demands {
	struct case_question question;
	struct cursor from;
	int limit, count;
	struct row rows[];
};

static bool demands_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct demands *d = request_state(r, sizeof(*d) + ((size_t)limit + 1) * DEMAND_ITEMS_MAX * sizeof(d->rows[0]), why);
	if (d == NULL)
		return false;
	d->from = from;
	d->limit = limit;
	return case_question_parse(r->params[0], &d->question, why);
}

static bool row_of(struct request *r, struct stmt *q, struct row *to, struct fail *why)
{
	*to = (struct row){ .seq = stmt_int(q, 0), .kind = stmt_int(q, 1), .again = stmt_int(q, 2), .told_on = stmt_int(q, 3), .days = stmt_int(q, 4), .due = stmt_int(q, 5),
			    .closed_seq = stmt_int(q, 6), .what = stmt_int(q, 7), .number = stmt_int(q, 8), .added = stmt_int(q, 9),
			    .field = stmt_is_null(q, 10) ? STR("") : str_copy(&r->arena, stmt_text(q, 10)), .name = str_copy(&r->arena, stmt_text(q, 11)),
			    .reason = str_copy(&r->arena, stmt_text(q, 12)) };
	return (to->field.at != NULL && to->name.at != NULL && to->reason.at != NULL) || FAILS(why, MEMORY, "a demand");
}

/* Supervisors see what was asked beside a guide, and nothing of whom. */
static bool region_of(struct tx *tx, struct request *r, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	r->owner = stmt_int(q, 0);
	return true;
}

static bool demands_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct demands *d = r->state;
	struct case_row row;
	if (!case_row_read(tx, &r->arena, d->question.id, &row, why) || !case_question_answers(&d->question, row.case_no, why))
		return false;
	if (r->who.kind == WHO_STAFF ? !region_of(tx, r, d->question.id, why) : !case_owner(tx, r, row.person, row.matter, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT d.seq, d.kind, d.again, d.told_on, d.days, COALESCE(d.due, 0), COALESCE(d.closed_seq, 0), i.what, i.number, i.added, i.field, i.name, i.reason"
		" FROM (SELECT id, seq, kind, again, told_on, days, due, closed_seq FROM case_demand WHERE case_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3) d"
		" JOIN case_demand_item i ON i.demand = d.id ORDER BY d.seq DESC, i.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, d->question.id);
	stmt_bind_int(q, 2, d->from.id);
	stmt_bind_int(q, 3, d->limit + 1);
	while (d->count < (d->limit + 1) * DEMAND_ITEMS_MAX && stmt_row(q, why))
		if (!row_of(r, q, &d->rows[d->count++], why))
			return false;
	return why->code == FAIL_NONE;
}

static void day_member(struct json_out *j, const char *name, int64_t day)
{
	char text[DAY_TEXT_BYTES];
	if (day == 0) {
		json_add_nothing(j, name);
		return;
	}
	day_text((int32_t)day, text);
	json_add_text(j, name, str_c(text));
}

static void head_out(struct json_out *j, const struct row *row, int32_t today)
{
	json_add_number(j, "seq", row->seq);
	json_add_plain(j, "kind", demand_kind_name(row->kind));
	json_add_boolean(j, "open", row->closed_seq == 0);
	json_add_boolean(j, "asked_again", row->again != 0);
	day_member(j, "told_on", row->told_on);
	if (row->days > 0)
		json_add_number(j, "working_days", row->days);
	day_member(j, "due_on", row->due);
	json_add_boolean(j, "over", row->closed_seq == 0 && row->due != 0 && row->due < today);
}

static void item_out(struct json_out *j, const struct row *row)
{
	json_put_object(j);
	if (row->what == DEMAND_FIELD)
		json_add_text(j, "field", row->field);
	else if (row->what != DEMAND_NAMED)
		json_add_number(j, demand_what_name(row->what).at, row->number);
	json_add_text(j, "name", row->name);
	json_add_text(j, "reason", row->reason);
	json_add_boolean(j, "added", row->added != 0);
	json_put_object_end(j);
}

static bool demands_render(struct request *r, struct fail *why)
{
	const struct demands *d = r->state;
	struct json_out j = reply_list(r);
	int shown = 0, i = 0;
	for (; i < d->count && shown < d->limit; shown++) {
		int64_t seq = d->rows[i].seq;
		json_put_object(&j);
		head_out(&j, &d->rows[i], day_of(r->now_ms));
		json_put_name(&j, "items");
		json_put_array(&j);
		for (; i < d->count && d->rows[i].seq == seq; i++)
			item_out(&j, &d->rows[i]);
		json_put_array_end(&j);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, i < d->count ? d->rows[i - 1].seq : 0 };
	return reply_list_end(r, &j, i < d->count ? &next : NULL, why);
}

const struct handler case_demands = { .parse = demands_parse, .look = demands_look, .render = demands_render };
