/* services/people/me_mandate.c - /v1/me/mandates: for whom do I act, who acts for me, and an offer to act for somebody.
 *
 * An offer names number and name, and its answer is the same whether there is such a person or not. */
#include "services/handlers.h"
#include "services/page.h"
#include "services/people/mandate_view.h"
#include "services/services.h"

/* ---- list ---- */

struct mandate_page {
	struct page page;
	enum mandate_side side;
	struct mandate *found;
	struct mandate_view items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "side", NULL };
	struct str side;
	if (!request_query_only(r, names, why) || !request_query(r, "side", &side, why))
		return false;
	struct mandate_page *list = page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->side = str_eq(side, STR("given")) ? MANDATES_GIVEN : MANDATES_HELD;
	list->found = arena_alloc(&r->arena, ((size_t)list->page.limit + 1) * sizeof(*list->found));
	if (list->found == NULL)
		return FAILS(why, MEMORY, "%d mandates", list->page.limit);
	return side.at == NULL || list->side == MANDATES_GIVEN || str_eq(side, STR("held")) || FAILS_FIELD(why, QUERY, "side", "held or given");
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct mandate_page *list = r->state;
	if (!mandate_list(tx, list->side, principal_whose(&r->who), list->page.from.id, r->now_ms, list->found, list->page.limit + 1, &list->page.count, why))
		return false;
	page_cut(&list->page);
	for (int i = 0; i < list->page.count; i++)
		if (!mandate_view_look(tx, r, &list->found[i], &list->items[i], why))
			return false;
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct mandate_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		mandate_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].m.id : 0, why);
}

const struct handler me_mandate_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- show ---- */

struct one {
	struct id key;
	struct mandate_view view;
};

static bool show_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	return o != NULL && mandate_question(r, &o->key, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	struct mandate m;
	return mandate_find(tx, r, o->key, &m, why) && mandate_view_look(tx, r, &m, &o->view, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	mandate_members(&j, &o->view);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_mandate_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- offer ---- */

enum { LIST_MAX = 1400 /* MANDATE_MATTERS_MAX codes of 64 with their commas */ };

struct offer {
	struct str kind, name, scopes, matters, region;
	struct document_said document;
	struct mandate_new n;
	struct str codes[MANDATE_MATTERS_MAX];
	int64_t rows[MANDATE_MATTERS_MAX];
};

static const struct json_field fields[] = {
	{ "kind", JSON_F_TEXT, true, 1, 16, offsetof(struct offer, kind), NULL },
	DOCUMENT_FIELDS(offsetof(struct offer, document), false),
	{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct offer, name), check_plain_text },
	{ "scopes", JSON_F_TEXT, true, 1, 200, offsetof(struct offer, scopes), NULL },
	{ "matters", JSON_F_TEXT, false, 1, LIST_MAX, offsetof(struct offer, matters), NULL },
	{ "region", JSON_F_TEXT, false, 6, 9, offsetof(struct offer, region), NULL },
	{ "until", JSON_F_TIME, true, 0, 0, offsetof(struct offer, n.until_ms), NULL },
};

static bool scopes_parse(struct offer *o, struct fail *why)
{
	struct str rest = o->scopes, one;
	do {
		str_cut(rest, ',', &one, &rest);
		enum mandate_scope scope = mandate_scope_named(one);
		if (scope == 0)
			return FAILS_FIELD(why, FIELD, "/scopes", "no such scope");
		o->n.scopes |= UINT64_C(1) << scope;
	} while (rest.len > 0);
	return true;
}

static bool matters_parse(struct offer *o, struct fail *why)
{
	struct str rest = o->matters;
	while (rest.len > 0) {
		if (o->n.matter_count == MANDATE_MATTERS_MAX)
			return FAILS_FIELD(why, FIELD, "/matters", "more than %d", MANDATE_MATTERS_MAX);
		str_cut(rest, ',', &o->codes[o->n.matter_count++], &rest);
	}
	return true;
}

static bool offer_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct offer *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), o, why))
		return false;
	if (mandate_row_named(o->kind, &o->n.kind) == NULL)
		return FAILS_FIELD(why, FIELD, "/kind", "no such kind");
	if (o->region.at != NULL && !region_code_from(o->region, &o->n.region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	o->n.giver_name = o->name;
	return mandate_giver_from(r, &o->document, &o->n.giver, why) && scopes_parse(o, why) && matters_parse(o, why);
}

static bool matter_find(struct tx *tx, struct str code, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM matter WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/matters", "no such matter");
	*id = stmt_int(q, 0);
	return true;
}

/* What lies in `code` without being a code of the table is answered as unknown; a township's code need not be in it. */
static bool region_find(struct tx *tx, int64_t code, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, code);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/region", "no such region"));
}

static bool offer_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct offer *o = r->state;
	struct mandate m;
	uint8_t random[32];
	request_bytes(r, "mandate", random);
	for (int i = 0; i < o->n.matter_count; i++)
		if (!matter_find(tx, o->codes[i], &o->rows[i], why))
			return false;
	o->n.matters = o->rows;
	o->n.key = id_make(r->now_ms, random);
	o->n.salt = random + 16;
	if ((o->n.region != 0 && !region_find(tx, o->n.region, why)) || !mandate_offer(tx, r, &o->n, &m, why))
		return false;
	mandate_decided(r, &m);
	r->outcome.status = 201;
	return true;
}

const struct handler me_mandate_offer = { .parse = offer_parse, .apply = offer_apply, .render = mandate_decided_render, .own_device = true };
