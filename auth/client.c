/* auth/client.c - clients and keys as rows, and the one question that matters: is this secret good, for this client, from there, now? */
#include "auth/client.h"
#include "auth/session.h"
#include "base/hash.h"
#include "store/store.h"
#include <assert.h>

enum { SECRET_PREFIX = 4, SECRET_LENGTH = CLIENT_SECRET_BYTES - 1, USED_EVERY_MS = 3600 * 1000, BASIC_BYTES_MAX = 512, ENDED_AT_ONCE = 64 };

/* ---- clients ---- */

bool client_make(struct tx *tx, const struct client_new *c, int64_t now_ms, const uint8_t random10[10], int64_t *id, struct id *key, struct fail *why)
{
	assert(c->kind == WHO_DEPARTMENT || c->kind == WHO_PARTNER);
	*key = id_make(now_ms, random10);
	if (!tx_next_id(tx, "client", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO client (id, key, kind, principal_id, name, rights, test_key, networks, made_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_blob(q, 2, key->bytes, sizeof(key->bytes));
	stmt_bind_int(q, 3, c->kind);
	stmt_bind_int(q, 4, c->principal);
	stmt_bind_text(q, 5, c->name);
	stmt_bind_int(q, 6, (int64_t)c->rights);
	stmt_bind_int(q, 7, c->test_key);
	stmt_bind_text(q, 8, c->networks.at != NULL ? c->networks : STR(""));
	stmt_bind_int(q, 9, now_ms);
	return stmt_run(q, why);
}

bool client_find(struct tx *tx, struct str text, int64_t *id, struct fail *why)
{
	struct id key;
	if (!id_from_text(text, "cl", &key))
		return FAILS(why, NOT_FOUND, "not a client's id");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM client WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such client");
	*id = stmt_int(q, 0);
	return true;
}

bool client_allow(struct tx *tx, int64_t id, struct str networks, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE client SET networks = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, networks.at != NULL ? networks : STR(""));
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

/* ---- keys ---- */

void client_secret_text(const uint8_t random[32], char text[CLIENT_SECRET_BYTES])
{
	memcpy(text, "sbk_", SECRET_PREFIX);
	size_t len = base64url_text(random, 32, text + SECRET_PREFIX);
	assert(len + SECRET_PREFIX == SECRET_LENGTH);
}

static bool keys_good(struct tx *tx, int64_t client, int64_t now_ms, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM client_key WHERE client = $1 AND until_ms > $2 AND revoked_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, client);
	stmt_bind_int(q, 2, now_ms);
	if (!stmt_row(q, why))
		return false;
	*count = stmt_int(q, 0);
	return true;
}

bool client_key_make(struct tx *tx, int64_t client, int64_t now_ms, int64_t until_ms, const uint8_t random[32], int64_t *id, struct fail *why)
{
	char text[CLIENT_SECRET_BYTES];
	uint8_t hash[SHA256_BYTES];
	int64_t count;
	if (!keys_good(tx, client, now_ms, &count, why))
		return false;
	if (count >= CLIENT_KEYS_MAX)
		return FAILS(why, CONFLICT, "client %lld has %d keys that are good", (long long)client, CLIENT_KEYS_MAX);
	client_secret_text(random, text);
	sha256((struct str){ text, SECRET_LENGTH }, hash);
	if (!tx_next_id(tx, "client_key", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO client_key (id, client, secret_hash, from_ms, until_ms, used_ms) VALUES ($1, $2, $3, $4, $5, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, client);
	stmt_bind_blob(q, 3, hash, sizeof(hash));
	stmt_bind_int(q, 4, now_ms);
	stmt_bind_int(q, 5, until_ms);
	return stmt_run(q, why);
}

static bool open_sessions(struct tx *tx, int64_t key, int64_t after, int64_t ids[ENDED_AT_ONCE], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE client_key = $1 AND ended_ms IS NULL AND id > $2 ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, key);
	stmt_bind_int(q, 2, after);
	stmt_bind_int(q, 3, ENDED_AT_ONCE);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool end_sessions(struct tx *tx, int64_t key, int64_t now_ms, int64_t *ended, struct fail *why)
{
	int64_t ids[ENDED_AT_ONCE], after = 0;
	int count;
	*ended = 0;
	do {
		if (!open_sessions(tx, key, after, ids, &count, why))
			return false;
		for (int i = 0; i < count; i++, ++*ended) {
			if (!session_end(tx, ids[i], SESSION_ENDED_BY_OPERATOR, now_ms, why))
				return false;
			after = ids[i];
		}
	} while (count == ENDED_AT_ONCE);
	return true;
}

bool client_key_revoke(struct tx *tx, int64_t client, int64_t key, int64_t now_ms, int64_t *ended, struct fail *why)
{
	{
		DROP(stmt) struct stmt *find = tx_query(tx, "SELECT id FROM client_key WHERE id = $1 AND client = $2", why);
		if (find == NULL)
			return false;
		stmt_bind_int(find, 1, key);
		stmt_bind_int(find, 2, client);
		if (!stmt_row(find, why))
			return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such key of this client");
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE client_key SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, key);
	return stmt_run(q, why) && end_sessions(tx, key, now_ms, ended, why);
}

/* ---- the question ---- */

struct key_row {
	struct id client_key;
	char networks[CLIENT_NETWORKS_MAX + 1];
	size_t networks_len;
	int64_t from_ms, used_ms;
	bool is_there, is_revoked;
};

static bool key_read(struct tx *tx, const uint8_t hash[SHA256_BYTES], struct key_row *k, struct client_found *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT k.id, k.from_ms, k.until_ms, k.used_ms, k.revoked_ms, c.id, c.key, c.kind, c.principal_id, c.rights, c.test_key,"
		" c.networks FROM client_key k JOIN client c ON c.id = k.client WHERE k.secret_hash = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, hash, SHA256_BYTES);
	k->is_there = stmt_row(q, why);
	if (!k->is_there)
		return why->code == FAIL_NONE;
	struct str key = stmt_blob(q, 6), networks = stmt_text(q, 11);
	assert(key.len == sizeof(k->client_key.bytes) && networks.len <= CLIENT_NETWORKS_MAX);
	memcpy(k->client_key.bytes, key.at, key.len);
	memcpy(k->networks, networks.at, networks.len);
	k->networks_len = networks.len;
	k->from_ms = stmt_int(q, 1);
	k->used_ms = stmt_int(q, 3);
	k->is_revoked = !stmt_is_null(q, 4);
	*out = (struct client_found){ .key = stmt_int(q, 0), .until_ms = stmt_int(q, 2), .client = stmt_int(q, 5), .kind = (enum who)stmt_int(q, 7),
		.principal = stmt_int(q, 8), .rights = (uint64_t)stmt_int(q, 9), .test_key = stmt_int(q, 10) != 0 };
	return true;
}

static bool comes_from_there(const struct key_row *k, struct str peer)
{
	struct network_list l;
	struct fail why;
	fail_clear(&why);
	return network_list_read((struct str){ k->networks, k->networks_len }, &l, &why) && network_list_holds(&l, peer);
}

static const char *refusal(const struct key_row *k, const struct client_found *f, struct str client_id, struct str peer, int64_t now_ms)
{
	struct id asked;
	if (!k->is_there)
		return "no_such_secret";
	if (!id_from_text(client_id, "cl", &asked) || memcmp(asked.bytes, k->client_key.bytes, sizeof(asked.bytes)) != 0)
		return "another_client";
	if (k->is_revoked)
		return "revoked";
	if (k->from_ms > now_ms || f->until_ms <= now_ms)
		return "out_of_time";
	return comes_from_there(k, peer) ? NULL : "foreign_network";
}

static bool note_use(struct tx *tx, int64_t key, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE client_key SET used_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, key);
	return stmt_run(q, why);
}

bool client_check(struct tx *tx, struct str client_id, struct secret secret, struct str peer, int64_t now_ms, struct client_found *out, struct fail *why)
{
	struct key_row k = { .is_there = false };
	uint8_t hash[SHA256_BYTES];
	*out = (struct client_found){ .client = 0 };
	sha256(secret.secret, hash);
	if (!key_read(tx, hash, &k, out, why))
		return false;
	const char *word = refusal(&k, out, client_id, peer, now_ms);
	if (word != NULL) {
		*out = (struct client_found){ .refusal = word };
		return true;
	}
	return now_ms - k.used_ms < USED_EVERY_MS || note_use(tx, out->key, now_ms, why);
}

bool client_session(struct tx *tx, const struct client_found *f, uint64_t rights, int64_t life_ms, int64_t now_ms, const uint8_t random[32], int64_t *id,
		    struct fail *why)
{
	struct session_new s = { .kind = f->kind, .principal = f->principal, .name = STR(""), .rights = rights, .life_ms = life_ms };
	if (!session_open(tx, &s, now_ms, random, id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET client_key = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->key);
	stmt_bind_int(q, 2, *id);
	return stmt_run(q, why);
}

/* ---- Basic ---- */

bool client_basic(struct arena *a, struct str authorization, struct str *client_id, struct secret *secret)
{
	struct str scheme, credentials, id, password;
	uint8_t bytes[BASIC_BYTES_MAX];
	if (!str_cut(authorization, ' ', &scheme, &credentials) || !str_eq_nocase(scheme, STR("basic")))
		return false;
	int64_t len = base64_bytes(credentials, bytes, sizeof(bytes));
	if (len < 0 || !str_cut((struct str){ (const char *)bytes, (size_t)len }, ':', &id, &password))
		return false;
	*client_id = percent_decoded(a, id, true);
	secret->secret = percent_decoded(a, password, true);
	wipe(bytes, sizeof(bytes));
	return client_id->len > 0 && secret->secret.len > 0;
}
