/* services/guides/guide_show.c - what one must know before one comes for a matter: its current guide, or the version a case is pinned to; which versions there were,
 * and what differs between two of them. */
#include "base/day.h"
#include "services/guides/guide_change.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

enum { VERSION_MAX = 1000000 };

struct guide_view {
	struct str code, body;
	int64_t version, state, changed_ms;
};

static struct str state_text(int64_t state)
{
	return state == GUIDE_PUBLISHED ? STR("published") : STR("withdrawn");
}

/* ---- guide_show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "version", NULL };
	struct guide_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why) || !query_number(r, "version", 1, VERSION_MAX, 0, &v->version, why))
		return false;
	v->code = r->params[0];
	return v->code.len <= GUIDE_CODE_MAX || FAILS(why, NOT_FOUND, "not a matter code");
}

/* What is not flipped is seen by nobody. */
static struct stmt *show_query(struct tx *tx, const struct guide_view *v, struct fail *why)
{
	struct stmt *q = v->version == 0 ?
		tx_query(tx, "SELECT u.version, u.state, u.changed_ms, u.digest, u.body FROM matter m" GUIDE_CURRENT_JOIN
			     " WHERE m.code = $1 AND u.id IS NOT NULL", why) :
		tx_query(tx, "SELECT u.version, u.state, u.changed_ms, u.digest, u.body FROM matter m JOIN guide u ON u.matter = m.id"
			     " JOIN catalogue_load l ON l.id = u.load AND l.state = 2 WHERE m.code = $1 AND u.version = $2", why);
	if (q == NULL)
		return NULL;
	stmt_bind_text(q, 1, v->code);
	if (v->version != 0)
		stmt_bind_int(q, 2, v->version);
	return q;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct guide_view *v = r->state;
	DROP(stmt) struct stmt *q = show_query(tx, v, why);
	if (q == NULL)
		return false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no guide");
	struct str digest = stmt_blob(q, 3);
	v->version = stmt_int(q, 0);
	v->state = stmt_int(q, 1);
	v->changed_ms = stmt_int(q, 2);
	v->body = str_copy(&r->arena, stmt_text(q, 4));
	r->version = version_mix(version_mix(0, digest.at, digest.len), &v->state, sizeof v->state);
	return v->body.at != NULL || FAILS(why, MEMORY, "a guide");
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct guide_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "matter", v->code);
	json_add_number(&j, "version", v->version);
	json_add_text(&j, "state", state_text(v->state));
	json_add_time(&j, "changed_at", v->changed_ms);
	json_put_name(&j, "guide");
	json_put_object(&j);
	json_put_members(&j, (struct str){ v->body.at + 1, v->body.len - 2 }); /* without its braces */
	json_put_object_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler guide_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- guide_version_list ---- */

struct version_row {
	int64_t version, state, changed_ms, published_on;
};

struct version_page {
	struct page page;
	struct str code;
	struct version_row items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	if (!request_query_only(r, names, why))
		return false;
	struct version_page *list = page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->code = r->params[0];
	return list->code.len <= GUIDE_CODE_MAX || FAILS(why, NOT_FOUND, "not a matter code");
}

static bool matter_is_there(struct tx *tx, struct str code, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM matter WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such matter"));
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct version_page *list = r->state;
	if (!matter_is_there(tx, list->code, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT u.version, u.state, u.changed_ms, u.published_on FROM matter m JOIN guide u ON u.matter = m.id"
		" JOIN catalogue_load l ON l.id = u.load AND l.state = 2 WHERE m.code = $1 AND u.version < $2 ORDER BY u.version DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, list->code);
	stmt_bind_int(q, 2, list->page.from.id);
	stmt_bind_int(q, 3, list->page.limit + 1);
	while (page_next(&list->page, q, why)) {
		list->items[list->page.count - 1] = (struct version_row){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3) };
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct version_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		char date[DAY_TEXT_BYTES];
		day_text((int32_t)list->items[i].published_on, date);
		json_put_object(&j);
		json_add_number(&j, "version", list->items[i].version);
		json_add_text(&j, "state", state_text(list->items[i].state));
		json_add_time(&j, "changed_at", list->items[i].changed_ms);
		json_add_text(&j, "published_on", str_c(date));
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].version : 0, why);
}

const struct handler guide_version_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- guide_diff ---- */

struct diff_view {
	struct str code;
	int64_t from, to;
	struct guide_changes changes;
};

static bool diff_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "from", "to", NULL };
	struct diff_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why) || !query_number(r, "from", 1, VERSION_MAX, 0, &v->from, why) ||
	    !query_number(r, "to", 1, VERSION_MAX, 0, &v->to, why))
		return false;
	v->code = r->params[0];
	if (v->from == 0 || v->to == 0)
		return FAILS_FIELD(why, QUERY, v->from == 0 ? "from" : "to", "which two versions?");
	return v->code.len <= GUIDE_CODE_MAX || FAILS(why, NOT_FOUND, "not a matter code");
}

/* NULL: why is noted. */
static json_t *version_read(struct tx *tx, struct request *r, struct str code, int64_t version, struct fail *why)
{
	struct guide_view one = { .code = code, .version = version };
	DROP(stmt) struct stmt *q = show_query(tx, &one, why);
	if (q == NULL)
		return NULL;
	if (!stmt_row(q, why)) {
		(void)(why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such version"));
		return NULL;
	}
	struct str digest = stmt_blob(q, 3);
	r->version = version_mix(r->version, digest.at, digest.len);
	return json_read(stmt_text(q, 4), why);
}

static bool diff_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct diff_view *v = r->state;
	DROP(json) json_t *before = version_read(tx, r, v->code, v->from, why);
	if (before == NULL)
		return false;
	DROP(json) json_t *after = version_read(tx, r, v->code, v->to, why);
	return after != NULL && guide_compare(before, after, &v->changes, &r->arena, why);
}

static bool diff_render(struct request *r, struct fail *why)
{
	const struct diff_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "matter", v->code);
	json_add_number(&j, "from", v->from);
	json_add_number(&j, "to", v->to);
	guide_changes_members(&j, &v->changes);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler guide_diff = { .parse = diff_parse, .look = diff_look, .render = diff_render };
