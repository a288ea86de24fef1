/* services/control/control_client_list.c - `siban client list`: which systems there are, for whom they speak, and with which keys. */
#include "auth/client.h"
#include "auth/right.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>

enum { CLIENTS_MAX = 50, KEYS_SHOWN = 16 };

struct key_shown {
	int64_t id, until_ms, used_ms;
	bool is_certificate;
};

struct client_shown {
	struct id key;
	int64_t id, disabled_ms; /* 0: it is not */
	bool is_partner, test_key;
	uint64_t rights;
	char code[33], name[4 * CLIENT_TEXT + 1], networks[CLIENT_NETWORKS_MAX + 1];
	int key_count;
	struct key_shown keys[KEYS_SHOWN];
};

struct page {
	int64_t after;
	int count;
	struct client_shown items[CLIENTS_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct page *page = request_state(r, sizeof(*page), why);
	return page != NULL && request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &page->after, why);
}

static void text_copy(char *to, size_t room, struct str s)
{
	assert(s.len < room);
	if (s.len > 0)
		memcpy(to, s.at, s.len);
	to[s.len] = '\0';
}

static bool clients_read(struct tx *tx, struct page *page, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.id, c.key, c.kind, c.name, c.rights, c.test_key, c.networks, c.disabled_ms, d.code, p.code FROM client c"
		" LEFT JOIN department d ON c.kind = 4 AND d.id = c.principal_id LEFT JOIN partner p ON c.kind = 32 AND p.id = c.principal_id"
		" WHERE c.id > $1 ORDER BY c.id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, page->after);
	stmt_bind_int(q, 2, CLIENTS_MAX);
	while (stmt_row(q, why)) {
		struct client_shown *c = &page->items[page->count++];
		struct str key = stmt_blob(q, 1);
		assert(key.len == sizeof(c->key.bytes));
		memcpy(c->key.bytes, key.at, key.len);
		c->id = stmt_int(q, 0);
		c->is_partner = stmt_int(q, 2) == WHO_PARTNER;
		text_copy(c->name, sizeof(c->name), stmt_text(q, 3));
		c->rights = (uint64_t)stmt_int(q, 4);
		c->test_key = stmt_int(q, 5) != 0;
		text_copy(c->networks, sizeof(c->networks), stmt_text(q, 6));
		c->disabled_ms = stmt_int(q, 7); /* NULL reads as 0 */
		text_copy(c->code, sizeof(c->code), stmt_text(q, c->is_partner ? 9 : 8));
	}
	return why->code == FAIL_NONE;
}

static bool keys_read(struct tx *tx, struct client_shown *c, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, certificate, until_ms, used_ms FROM client_key WHERE client = $1 AND revoked_ms IS NULL AND until_ms > $2"
		" ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, KEYS_SHOWN);
	while (stmt_row(q, why))
		c->keys[c->key_count++] = (struct key_shown){ .id = stmt_int(q, 0), .is_certificate = !stmt_is_null(q, 1), .until_ms = stmt_int(q, 2), .used_ms = stmt_int(q, 3) };
	return why->code == FAIL_NONE;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	if (!clients_read(tx, page, why))
		return false;
	for (int i = 0; i < page->count; i++)
		if (!keys_read(tx, &page->items[i], r->now_ms, why))
			return false;
	return true;
}

static void time_or_null(struct json_out *j, const char *name, int64_t ms)
{
	if (ms != 0)
		json_add_time(j, name, ms);
	else
		json_add_nothing(j, name);
}

static void keys_out(struct json_out *j, const struct client_shown *c)
{
	json_put_name(j, "keys");
	json_put_array(j);
	for (int i = 0; i < c->key_count; i++) {
		const struct key_shown *k = &c->keys[i];
		json_put_object(j);
		json_add_number(j, "key", k->id);
		json_add_text(j, "kind", k->is_certificate ? STR("certificate") : STR("secret"));
		json_add_time(j, "expires_at", k->until_ms);
		time_or_null(j, "used_at", k->used_ms);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void client_out(struct json_out *j, struct request *r, const struct client_shown *c)
{
	char key[ID_TEXT_BYTES];
	struct buf scope;
	buf_init(&scope, &r->arena, 128);
	rights_text(c->rights, &scope);
	id_text(c->key, "cl", key);
	json_put_object(j);
	json_add_text(j, "client", str_c(key));
	json_add_text(j, c->is_partner ? "partner" : "department", str_c(c->code));
	json_add_text(j, "name", str_c(c->name));
	json_add_text(j, "scope", buf_text(&scope));
	json_add_text(j, "networks", str_c(c->networks));
	json_add_boolean(j, "test_key", c->test_key);
	time_or_null(j, "disabled_at", c->disabled_ms);
	keys_out(j, c);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < page->count; i++)
		client_out(&j, r, &page->items[i]);
	json_put_array_end(&j);
	json_add_number(&j, "after", page->count == CLIENTS_MAX ? page->items[CLIENTS_MAX - 1].id : 0);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_client_list = { .parse = list_parse, .look = list_look, .render = list_render };
