/* services/cases/demand_rows.c - a demand beside its event: held against the pinned guide, kept, counted, and closed by the event that ends it. */
#include "services/cases/demand.h"

#include "base/day.h"
#include "services/cases/demand_inside.h"
#include "services/guides/guide_rows.h"
#include "services/supervision/case_tally.h"

#include <assert.h>
#include <stdio.h>

enum { LIST_BYTES_MAX = 6000 };
#define BIT(name) (1u << CASE_EVENT_##name)
#define STATE(name) (1u << CASE_##name)

/* ---- the event that ends it ---- */

static bool is_over(enum case_state s)
{
	static const uint32_t ends = STATE(NOT_ACCEPTED) | STATE(DECIDED_OK) | STATE(DECIDED_NO) | STATE(DONE) | STATE(RETURNED) | STATE(WITHDRAWN) | STATE(ABORTED) | STATE(DELIVERED);
	return (ends >> s & 1) != 0;
}

/* kind 0: whatever is open. */
static bool close_kind(struct tx *tx, int64_t case_id, int64_t seq, enum demand_kind kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_demand SET closed_seq = $1, next_on = NULL WHERE case_id = $2 AND closed_seq IS NULL AND (kind = $3 OR $3 = 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, seq);
	stmt_bind_int(q, 2, case_id);
	stmt_bind_int(q, 3, kind);
	return stmt_run(q, why);
}

static bool close_by(struct tx *tx, const struct case_file *c, enum case_event event, enum case_state before, struct fail *why)
{
	if (is_over(c->state))
		return is_over(before) || close_kind(tx, c->id, c->last_seq, DEMAND_NONE, why);
	if (event == CASE_EVENT_FOLLOWED)
		return close_kind(tx, c->id, c->last_seq, DEMAND_FOLLOWS, why);
	if (before == CASE_NONE || case_state_row(before)->next != CASE_NEXT_SUPPLEMENT)
		return true;
	return close_kind(tx, c->id, c->last_seq, DEMAND_ASKED, why);
}

/* ---- what the guide says ---- */

struct found {
	int64_t number;
	struct str name;
	bool added;
};

struct pinned {
	json_t *body; /* NULL: the case has no guide, so nothing can be beside it */
	struct arena *a;
};

static bool guide_of(struct tx *tx, int64_t case_id, json_t **body, struct fail *why)
{
	int64_t guide;
	*body = NULL;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(guide, 0) FROM cases WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, case_id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is gone", (long long)case_id);
		guide = stmt_int(q, 0);
	}
	if (guide == 0)
		return true;
	*body = guide_body(tx, guide, why);
	return *body != NULL;
}

static struct str text_in(const json_t *item, const char *member)
{
	const json_t *text = member == NULL ? item : json_object_get(item, member);
	return (struct str){ json_string_value(text), json_string_length(text) };
}

static const struct { const char *list, *member, *zh; } lists[DEMAND_WHATS] = {
	[DEMAND_MATERIAL] = { "materials", "name", "材料" }, [DEMAND_FIELD] = { "form", "label", "填写项" }, [DEMAND_CONDITION] = { "conditions", NULL, "条件" },
	[DEMAND_BASIS] = { "basis", "title", "依据" },
};

static bool by_number(const struct pinned *g, const struct demand_item *item, struct found *out)
{
	const json_t *list = json_object_get(g->body, lists[item->what].list);
	size_t at = (size_t)item->number - 1;
	if (at >= json_array_size(list))
		return false;
	*out = (struct found){ .number = item->number, .name = text_in(json_array_get(list, at), lists[item->what].member) };
	return true;
}

static bool by_text(const struct pinned *g, enum demand_what what, const char *member, struct str text, struct found *out)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(g->body, lists[what].list), i, one)
		if (str_eq(text_in(one, member), text)) {
			*out = (struct found){ .number = (int64_t)i + 1, .name = text_in(one, lists[what].member) };
			return true;
		}
	return false;
}

/* A name may be that of anything the guide lists. */
static bool find(const struct pinned *g, struct demand_item *item, struct found *out)
{
	if (item->what == DEMAND_FIELD)
		return by_text(g, DEMAND_FIELD, "key", item->field, out);
	if (item->what != DEMAND_NAMED)
		return by_number(g, item, out);
	for (enum demand_what what = DEMAND_MATERIAL; what < DEMAND_NAMED; what++)
		if (what != DEMAND_FIELD && by_text(g, what, lists[what].member, item->name, out)) {
			item->what = what;
			return true;
		}
	return false;
}

static struct str called(const struct demand_item *item, struct arena *a)
{
	char text[80];
	if (item->what == DEMAND_NAMED)
		return item->name;
	if (item->what == DEMAND_FIELD)
		return item->field;
	int len = snprintf(text, sizeof text, "第%lld项%s", (long long)item->number, lists[item->what].zh);
	return str_copy(a, (struct str){ text, (size_t)len });
}

static void look_up(const struct pinned *g, struct demand_item *item, struct found *out)
{
	*out = (struct found){ .number = item->number };
	if (g->body != NULL && find(g, item, out))
		return;
	*out = (struct found){ .number = item->number, .name = called(item, g->a), .added = g->body != NULL };
}

/* ---- kept ---- */

static bool asked_before(struct tx *tx, const struct case_file *c, bool *again, struct fail *why)
{
	/* pre_returned, correct_pre_asked and correct_asked */
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM case_event WHERE case_id = $1 AND seq < $2 AND event IN (2, 4, 8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_int(q, 2, c->last_seq);
	if (!stmt_row(q, why))
		return false;
	*again = stmt_int(q, 0) > 0;
	return true;
}

static bool insert(struct tx *tx, int64_t id, const struct case_file *c, enum demand_kind kind, bool again, const struct demand_days *d, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO case_demand (id, case_id, seq, kind, again, told_on, days, calendar, stage, due, next_on, closed_seq)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { id, c->id, c->last_seq, kind, again, d->told_on, d->days, d->calendar, d->stage, d->due, d->next_on, c->last_seq };
	const bool is_set[] = { true, true, true, true, true, true, true, true, true, d->has_due, d->next_on != 0, kind == DEMAND_REFUSED };
	for (int i = 0; i < 12; i++)
		if (is_set[i])
			stmt_bind_int(q, i + 1, numbers[i]);
		else
			stmt_bind_null(q, i + 1);
	return stmt_run(q, why);
}

static bool item_insert(struct tx *tx, int64_t demand, int n, const struct demand_item *item, const struct found *f, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_demand_item (demand, n, what, number, field, name, reason, added) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, demand);
	stmt_bind_int(q, 2, n);
	stmt_bind_int(q, 3, item->what);
	stmt_bind_int(q, 4, item->what == DEMAND_FIELD ? 0 : f->number);
	stmt_bind_text(q, 5, item->field);
	stmt_bind_text(q, 6, f->name);
	stmt_bind_text(q, 7, item->reason);
	stmt_bind_int(q, 8, f->added);
	return stmt_run(q, why);
}

static void list_add(struct buf *list, const struct found *f, const struct demand_item *item)
{
	if (list->len + f->name.len + item->reason.len > LIST_BYTES_MAX) {
		if (!str_ends(buf_text(list), STR("……")))
			buf_str(list, STR("；……"));
		return;
	}
	if (list->len > 0)
		buf_str(list, STR("；"));
	buf_str(list, f->name);
	buf_str(list, STR("（"));
	buf_str(list, item->reason);
	buf_str(list, STR("）"));
}

static struct tally_move tally_of(const struct case_file *c, const struct journal_entry *e)
{
	return (struct tally_move){ .case_id = c->id, .department = c->department, .region = c->region, .seq = e->seq, .now_ms = c->now_ms, .day = day_of(e->occurred_ms),
				    .event = e->event, .state = c->state };
}

static bool items_keep(struct tx *tx, const struct case_file *c, const struct journal_entry *e, int64_t id, struct demand *d, const struct pinned *g, struct buf *list,
		       struct fail *why)
{
	struct tally_move tally = tally_of(c, e);
	for (int i = 0; i < d->count; i++) {
		struct found f;
		look_up(g, &d->items[i], &f);
		if (f.name.at == NULL)
			return FAILS(why, MEMORY, "a demand's name");
		if (!item_insert(tx, id, i + 1, &d->items[i], &f, why) || (f.added && !tally_count(tx, &tally, TALLY_ADDED, why)))
			return false;
		list_add(list, &f, &d->items[i]);
	}
	return true;
}

static bool due_text(struct arena *a, const struct demand_days *days, struct str *out, struct fail *why)
{
	char text[DAY_TEXT_BYTES];
	*out = STR("—");
	if (!days->has_due)
		return true;
	day_text(days->due, text);
	*out = str_copy(a, str_c(text));
	return out->at != NULL || FAILS(why, MEMORY, "a day");
}

static bool keep(struct tx *tx, const struct case_file *c, const struct journal_entry *e, bool again, struct demand_told *told, struct fail *why)
{
	struct arena *a = c->pen->arena;
	enum demand_kind kind = demand_kind_of(e->event);
	struct demand *d = arena_alloc(a, sizeof *d);
	struct demand_days days = { .told_on = day_of(e->occurred_ms) };
	DROP(json) json_t *said = json_read(e->demand, why), *body = NULL;
	struct buf list;
	int64_t id;
	if (d == NULL)
		return FAILS(why, MEMORY, "a demand");
	if (said == NULL || !demand_take(said, e->event, JSON_REFUSE_UNKNOWN, d, a, why) || !guide_of(tx, c->id, &body, why))
		return false;
	days.days = (int32_t)d->days;
	if (kind != DEMAND_REFUSED && !demand_days_make(tx, c->region, &days, why))
		return false;
	buf_init(&list, a, 512);
	struct pinned g = { body, a };
	if (!tx_next_id(tx, "case_demand", &id, why) || !insert(tx, id, c, kind, again, &days, why) || !items_keep(tx, c, e, id, d, &g, &list, why) ||
	    !due_text(a, &days, &told->due, why))
		return false;
	told->list = buf_text(&list);
	return buf_ok(&list) || FAILS(why, MEMORY, "a demand's list");
}

bool demand_hear(struct tx *tx, const struct case_file *c, const struct journal_entry *e, enum case_state before, struct demand_told *told, struct fail *why)
{
	struct tally_move tally = tally_of(c, e);
	bool again = false;
	*told = (struct demand_told){ STR_NONE, STR_NONE };
	if (!close_by(tx, c, e->event, before, why))
		return false;
	if (demand_kind_of(e->event) == DEMAND_ASKED && !asked_before(tx, c, &again, why))
		return false;
	if (again && !tally_count(tx, &tally, TALLY_ASKED_AGAIN, why))
		return false;
	return e->demand.at == NULL || keep(tx, c, e, again, told, why);
}

bool demand_follows(struct tx *tx, int64_t case_id, uint64_t *numbers, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT i.number FROM case_demand d JOIN case_demand_item i ON i.demand = d.id WHERE d.case_id = $1 AND d.kind = 2 AND d.closed_seq IS NULL"
		" AND i.what = 1 AND i.number BETWEEN 1 AND 40", why);
	*numbers = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	while (stmt_row(q, why))
		*numbers |= UINT64_C(1) << stmt_int(q, 0);
	return why->code == FAIL_NONE;
}
