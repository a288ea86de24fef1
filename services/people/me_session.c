/* services/people/me_session.c - /v1/me/sessions: on which devices am I logged in, what do I call them, and away with those I no longer hold. */
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/vault.h"
#include "services/handlers.h"
#include <assert.h>

enum { DONE = 1 };
enum { N_SESSION };

static const char *const no_query[] = { NULL };

/* ---- list ---- */

struct listed {
	struct id key;
	char name[SESSION_NAME_BYTES + VAULT_OVERHEAD_MAX]; /* opening wants room for the sealed value */
	int64_t id, made_ms, seen_ms, expires_ms;
};

struct list {
	int count;
	struct listed at[SESSIONS_MAX + 1]; /* one may be at a terminal */
};

static bool list_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct list), why) != NULL && request_query_only(r, no_query, why);
}

static bool list_row(struct stmt *q, struct listed *s, struct fail *why)
{
	struct str key = stmt_blob(q, 1);
	struct buf name = { .at = s->name, .cap = sizeof(s->name) };
	assert(key.len == sizeof(s->key.bytes));
	s->id = stmt_int(q, 0);
	memcpy(s->key.bytes, key.at, key.len);
	s->made_ms = stmt_int(q, 3);
	s->seen_ms = stmt_int(q, 4);
	s->expires_ms = stmt_int(q, 5);
	if (!vault_open("session.name", s->id, stmt_blob(q, 2), &name, why))
		return false;
	s->name[name.len] = '\0';
	return true;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, name, made_ms, seen_ms, expires_ms FROM session"
		" WHERE principal_id = $1 AND kind = 2 AND ended_ms IS NULL AND expires_ms > $2 ORDER BY seen_ms DESC, id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, r->now_ms);
	stmt_bind_int(q, 3, SESSIONS_MAX + 1);
	while (stmt_row(q, why)) {
		if (!list_row(q, &l->at[l->count], why))
			return false;
		l->count++;
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	char key[SESSION_KEY_BYTES];
	struct json_out j = reply_list(r);
	for (int i = 0; i < l->count; i++) {
		const struct listed *s = &l->at[i];
		id_text(s->key, "se", key);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(key));
		json_add_text(&j, "name", str_c(s->name));
		json_add_boolean(&j, "current", s->id == r->who.session);
		json_add_time(&j, "made_at", s->made_ms);
		json_add_time(&j, "seen_at", s->seen_ms);
		json_add_time(&j, "expires_at", s->expires_ms);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler me_session_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- name ---- */

struct one {
	struct id key;
	struct str name;
	bool keep_current;
};

static bool key_parse(struct request *r, struct one **out, struct fail *why)
{
	struct one *o = *out = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "se", &o->key) || FAILS(why, NOT_FOUND, "not the id of a session");
}

static bool rename_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "name", JSON_F_TEXT, true, 1, SESSION_NAME_MAX, offsetof(struct one, name), NULL } };
	struct one *o;
	return key_parse(r, &o, why) && request_json(r, fields, 1, o, why);
}

static bool done(struct request *r, int64_t session)
{
	r->outcome = (struct outcome){ .code = DONE, .status = 204, .n = { [N_SESSION] = session } };
	return true;
}

static bool rename_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	uint8_t salt[32];
	int64_t id;
	request_bytes(r, "session name", salt);
	return session_find(tx, &r->who, o->key, r->now_ms, &id, why) && session_rename(tx, id, o->name, salt, why) && done(r, id);
}

static bool empty_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_session_rename = { .parse = rename_parse, .apply = rename_apply, .render = empty_render, .own_device = true };

/* ---- end one, end all ---- */

static bool end_parse(struct request *r, struct fail *why)
{
	struct one *o;
	return key_parse(r, &o, why);
}

static bool end_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	int64_t id;
	if (!session_find(tx, &r->who, o->key, r->now_ms, &id, why))
		return false;
	struct audit a = { AUDIT_SESSION_ENDED, AUDIT_OF_SESSION, id, .result = 204 };
	return session_end(tx, id, id == r->who.session ? SESSION_ENDED_ITSELF : SESSION_ENDED_BY_OTHER, r->now_ms, why) && audit_add(tx, r, &a, why) && done(r, id);
}

const struct handler me_session_end = { .parse = end_parse, .apply = end_apply, .render = empty_render, .own_device = true };

static bool end_all_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "keep", NULL };
	struct str keep;
	struct one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, names, why) || !request_query(r, "keep", &keep, why))
		return false;
	o->keep_current = keep.at != NULL;
	return keep.at == NULL || str_eq(keep, STR("current")) || FAILS_FIELD(why, QUERY, "keep", "only current may be kept");
}

static bool end_all_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	int64_t count;
	struct audit a = { AUDIT_SESSIONS_ENDED, AUDIT_OF_PERSON, r->who.id, .result = 204, .detail = o->keep_current ? STR("others") : STR("all") };
	if (!session_end_all(tx, WHO_CITIZEN, r->who.id, r->who.session, SESSION_ENDED_BY_OTHER, r->now_ms, &count, why))
		return false;
	if (!o->keep_current && r->who.session != 0 && !session_end(tx, r->who.session, SESSION_ENDED_ITSELF, r->now_ms, why))
		return false;
	return audit_add(tx, r, &a, why) && done(r, 0);
}

const struct handler me_session_end_all = { .parse = end_all_parse, .apply = end_all_apply, .render = empty_render, .own_device = true };
