/* services/people/consent.c - GET /v1/notices/current, and /v1/me/consents: agreed to, with version and time; and no longer. */
#include "services/people/consent.h"
#include "auth/audit.h"
#include "services/handlers.h"
#include "services/services.h"

enum { GIVEN = 1, WITHDRAWN, VERSION_MAX = 16 };

static const char *const no_query[] = { NULL };

const char *consent_text(enum consent_state state)
{
	static const char *const texts[] = { [CONSENT_NONE] = "none", [CONSENT_ASKED] = "asked", [CONSENT_GIVEN] = "given" };
	return texts[state];
}

bool consent_look(struct tx *tx, int64_t person, int64_t now_ms, enum consent_state *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n.version, (SELECT COUNT(*) FROM consent c WHERE c.notice = n.version AND c.person = $1 AND c.withdrawn_ms IS NULL)"
		" FROM notice n WHERE n.from_ms <= $2 ORDER BY n.from_ms DESC, n.version DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, now_ms);
	*out = CONSENT_NONE;
	if (stmt_row(q, why))
		*out = stmt_int(q, 1) > 0 ? CONSENT_GIVEN : CONSENT_ASKED;
	return why->code == FAIL_NONE;
}

/* ---- the notice ---- */

struct notice {
	struct str version, title, text;
	int64_t from_ms;
};

static bool current(struct tx *tx, struct request *r, struct notice *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT version, title, text, from_ms FROM notice WHERE from_ms <= $1 ORDER BY from_ms DESC, version DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no notice is in force");
	*n = (struct notice){ str_copy(&r->arena, stmt_text(q, 0)), str_copy(&r->arena, stmt_text(q, 1)), str_copy(&r->arena, stmt_text(q, 2)), stmt_int(q, 3) };
	return (n->version.at != NULL && n->title.at != NULL && n->text.at != NULL) || FAILS(why, MEMORY, "a notice");
}

static bool notice_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct notice), why) != NULL && request_query_only(r, no_query, why);
}

static bool notice_look(struct tx *tx, struct request *r, struct fail *why)
{
	return current(tx, r, r->state, why);
}

static bool notice_render(struct request *r, struct fail *why)
{
	const struct notice *n = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "version", n->version);
	json_add_time(&j, "from", n->from_ms);
	json_add_text(&j, "title", n->title);
	json_add_text(&j, "text", n->text);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler notice_show = { .parse = notice_parse, .look = notice_look, .render = notice_render };

/* ---- give ---- */

struct wish {
	struct str version;
};

static bool give_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "notice", JSON_F_TEXT, true, 1, VERSION_MAX, offsetof(struct wish, version), check_visible_ascii } };
	struct wish *w = request_state(r, sizeof(*w), why);
	return w != NULL && request_query_only(r, no_query, why) && request_json(r, fields, 1, w, why);
}

static bool insert(struct tx *tx, const struct request *r, struct str version, struct fail *why)
{
	int64_t id;
	if (!tx_next_id(tx, "consent", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO consent (id, person, notice, given_ms, withdrawn_ms) VALUES ($1, $2, $3, $4, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, r->who.id);
	stmt_bind_text(q, 3, version);
	stmt_bind_int(q, 4, r->now_ms);
	return stmt_run(q, why);
}

static bool give_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct notice n;
	enum consent_state state;
	struct audit a = { AUDIT_CONSENT_GIVEN, AUDIT_OF_PERSON, r->who.id, .result = 204 };
	r->outcome = (struct outcome){ .code = GIVEN, .status = 204 };
	if (!current(tx, r, &n, why) || !consent_look(tx, r->who.id, r->now_ms, &state, why))
		return false;
	if (!str_eq(n.version, w->version))
		return FAILS_FIELD(why, FIELD, "/notice", "not the notice that is in force");
	return state == CONSENT_GIVEN || (insert(tx, r, n.version, why) && audit_add(tx, r, &a, why));
}

static bool empty_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_consent_give = { .parse = give_parse, .apply = give_apply, .render = empty_render };

/* ---- withdraw ---- */

static bool withdraw_parse(struct request *r, struct fail *why)
{
	return request_query_only(r, no_query, why);
}

static bool withdraw_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct audit a = { AUDIT_CONSENT_WITHDRAWN, AUDIT_OF_PERSON, r->who.id, .result = 204 };
	r->outcome = (struct outcome){ .code = WITHDRAWN, .status = 204 };
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE consent SET withdrawn_ms = $1 WHERE person = $2 AND notice = $3 AND withdrawn_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, r->who.id);
	stmt_bind_text(q, 3, r->params[0]);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "no such consent")) && audit_add(tx, r, &a, why);
}

const struct handler me_consent_withdraw = { .parse = withdraw_parse, .apply = withdraw_apply, .render = empty_render };

/* ---- list ---- */

struct consent {
	int64_t id, given_ms, withdrawn_ms;
	struct str version;
};

struct page {
	struct cursor from;
	int limit, count;
	bool is_more;
	struct consent items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	struct cursor from = { 0, INT64_MAX };
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	struct page *p = request_state(r, sizeof(*p) + ((size_t)limit + 1) * sizeof(p->items[0]), why);
	if (p == NULL)
		return false;
	p->from = from;
	p->limit = limit;
	return true;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, notice, given_ms, withdrawn_ms FROM consent WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, p->from.id);
	stmt_bind_int(q, 3, p->limit + 1);
	while (stmt_row(q, why)) {
		p->is_more = p->count == p->limit;
		if (p->is_more)
			break;
		struct consent *c = &p->items[p->count++];
		*c = (struct consent){ stmt_int(q, 0), stmt_int(q, 2), stmt_is_null(q, 3) ? 0 : stmt_int(q, 3), str_copy(&r->arena, stmt_text(q, 1)) };
		if (c->version.at == NULL)
			return FAILS(why, MEMORY, "a consent");
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->count; i++) {
		json_put_object(&j);
		json_add_text(&j, "notice", p->items[i].version);
		json_add_time(&j, "given_at", p->items[i].given_ms);
		if (p->items[i].withdrawn_ms != 0)
			json_add_time(&j, "withdrawn_at", p->items[i].withdrawn_ms);
		else
			json_add_nothing(&j, "withdrawn_at");
		json_put_object_end(&j);
	}
	struct cursor next = { 0, p->count > 0 ? p->items[p->count - 1].id : 0 };
	return reply_list_end(r, &j, p->is_more ? &next : NULL, why);
}

const struct handler me_consent_list = { .parse = list_parse, .look = list_look, .render = list_render };
