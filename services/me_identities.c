/* services/me_identities.c - /v1/me/identities: which accounts elsewhere open sessions of mine, and away with one. Rules: auth/provider.h. */
#include "auth/provider.h"
#include "base/ids.h"
#include "services/handlers.h"

enum { DONE = 1, SHOWN_MAX = 50 };

static const char *const no_query[] = { NULL };

struct linked {
	struct id key;
	enum login_kind kind;
	int64_t made_ms, seen_ms;
};

struct list {
	int count;
	struct linked at[SHOWN_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct list), why) != NULL && request_query_only(r, no_query, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key, kind, made_ms, seen_ms FROM login WHERE person = $1 AND key IS NOT NULL AND ended_ms IS NULL"
		" ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, SHOWN_MAX);
	for (; stmt_row(q, why); l->count++) {
		struct linked *one = &l->at[l->count];
		memcpy(one->key.bytes, stmt_blob(q, 0).at, sizeof(one->key.bytes));
		one->kind = (enum login_kind)stmt_int(q, 1);
		one->made_ms = stmt_int(q, 2);
		one->seen_ms = stmt_int(q, 3);
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_list(r);
	for (int i = 0; i < l->count; i++) {
		const struct linked *one = &l->at[i];
		const struct provider_row *provider = provider_of(one->kind);
		id_text(one->key, "pi", key);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(key));
		json_add_plain(&j, "provider", str_c(provider->text));
		json_add_text(&j, "provider_name", str_c(r->lang == LANG_EN ? provider->en : provider->zh));
		json_add_time(&j, "made_at", one->made_ms);
		json_add_time(&j, "seen_at", one->seen_ms);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler me_identities = { .parse = list_parse, .look = list_look, .render = list_render };

static bool unlink_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	if (key == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "pi", key) || FAILS(why, NOT_FOUND, "not the id of a link");
}

static bool unlink_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return provider_unlink(tx, r, *key, why);
}

static bool unlink_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_identity_unlink = { .parse = unlink_parse, .apply = unlink_apply, .render = unlink_render };
