/* services/money/odd_money.c - GET /v1/office/odd-money and …/{id}: money that fits nowhere, newest first, with what the tables propose for it. What becomes of it two people decide
 * (proposals odd_apply and odd_refund). */
#include "payments/orders/odd_money.h"
#include "services/handlers.h"
#include "services/money/refunding.h"
#include "services/services.h"

struct odd_view {
	struct odd_row row;
	enum odd_proposes proposes;
};

struct page {
	struct odd_filter filter;
	int limit, count;
	bool is_more;
	struct odd_row *found;
	struct odd_view items[];
};

static bool words_parse(struct request *r, struct odd_filter *f, struct fail *why)
{
	struct str state, kind;
	if (!request_query(r, "state", &state, why) || !request_query(r, "kind", &kind, why))
		return false;
	if (state.at != NULL && (f->state = odd_state_named(state)) == 0)
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	const struct odd_kind_row *row = kind.at != NULL ? odd_kind_named(kind) : NULL;
	f->kind = row != NULL ? (int64_t)row->kind : 0;
	return kind.at == NULL || row != NULL || FAILS_FIELD(why, QUERY, "kind", "no such kind");
}

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "state", "kind", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct page *p = request_state(r, sizeof(*p) + (size_t)limit * sizeof(p->items[0]), why);
	if (p == NULL || !words_parse(r, &p->filter, why))
		return false;
	p->limit = limit;
	p->filter.below = from.id;
	p->found = arena_alloc(&r->arena, ((size_t)limit + 1) * sizeof(*p->found));
	return p->found != NULL || FAILS(why, MEMORY, "%d rows of odd money", limit);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	p->filter.region = r->who.region;
	if (!odd_money_list(tx, &p->filter, p->found, p->limit + 1, &p->count, &r->arena, why))
		return false;
	p->is_more = p->count > p->limit;
	p->count -= p->is_more;
	for (int i = 0; i < p->count; i++) {
		p->items[i].row = p->found[i];
		if (!odd_money_proposes(tx, &p->found[i], &p->items[i].proposes, why))
			return false;
	}
	return true;
}

static void members(struct json_out *j, const struct odd_view *v, enum lang lang)
{
	const struct odd_money *m = &v->row.money;
	const struct odd_kind_row *kind = odd_kind_row(m->kind);
	char key[ID_TEXT_BYTES];
	odd_money_key_text(v->row.key, key);
	json_add_text(j, "id", str_c(key));
	json_add_plain(j, "kind", kind->text);
	json_add_text(j, "title", lang == LANG_EN ? kind->text : kind->zh);
	json_add_plain(j, "state", odd_state_text(v->row.state));
	json_add_plain(j, "channel", pay_channel_name(m->channel));
	json_add_text(j, "reference", m->reference);
	json_add_region_code(j, "division", m->division);
	json_add_number(j, "amount_fen", m->fen);
	json_add_boolean(j, "has_order", m->order != 0);
	json_add_time(j, "came_at", m->came_ms);
	json_add_time(j, "changed_at", v->row.changed_ms);
	if (v->row.state == ODD_IS_OPEN)
		json_add_plain(j, "proposes", odd_proposes_text(v->proposes));
	else
		json_add_nothing(j, "proposes");
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->count; i++) {
		json_put_object(&j);
		members(&j, &p->items[i], r->lang);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, p->is_more ? p->items[p->count - 1].row.id : 0 };
	return reply_list_end(r, &j, p->is_more ? &next : NULL, why);
}

const struct handler office_odd_list = { .parse = list_parse, .look = list_look, .render = list_render };

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct odd_view *v = request_state(r, sizeof(*v), why);
	return v != NULL && request_query_only(r, no_query, why) && (odd_money_key(r->params[0], &v->row.key) || FAILS(why, NOT_FOUND, "not an id of odd money"));
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct odd_view *v = r->state;
	struct id key = v->row.key;
	if (!odd_money_find(tx, key, &v->row, &r->arena, why))
		return false;
	if (v->row.id == 0)
		return FAILS(why, NOT_FOUND, "no such money");
	r->owner = v->row.money.division;
	return odd_money_proposes(tx, &v->row, &v->proposes, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	members(&j, r->state, r->lang);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler office_odd_show = { .parse = show_parse, .look = show_look, .render = show_render };
