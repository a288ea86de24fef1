/* auth/client.c - clients and keys as rows, and the one question that matters: is this key good, for this client, from there, now? */
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

/* Who opens a session with a key, and who counts, revokes or closes keys, do so one after the other. */
static bool client_lock(struct tx *tx, const struct id *key, struct fail *why)
{
	return tx_lock(tx, "client", (struct str){ (const char *)key->bytes, sizeof(key->bytes) }, why);
}

bool client_find(struct tx *tx, struct str text, int64_t *id, struct fail *why)
{
	struct id key;
	if (!id_from_text(text, "cl", &key))
		return FAILS(why, NOT_FOUND, "not a client's id");
	if (!client_lock(tx, &key, why))
		return false;
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

static bool keys_may_grow(struct tx *tx, int64_t client, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT count(*) FROM client_key WHERE client = $1 AND until_ms > $2 AND revoked_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, client);
	stmt_bind_int(q, 2, now_ms);
	if (!stmt_row(q, why))
		return false;
	return stmt_int(q, 0) < CLIENT_KEYS_MAX || FAILS(why, CONFLICT, "client %lld has %d keys that are good", (long long)client, CLIENT_KEYS_MAX);
}

struct key_new {
	int64_t client, from_ms, until_ms;
	const uint8_t *secret_hash, *certificate; /* one of the two */
};

static bool key_insert(struct tx *tx, const struct key_new *k, int64_t *id, struct fail *why)
{
	if (!tx_next_id(tx, "client_key", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO client_key (id, client, secret_hash, certificate, from_ms, until_ms, used_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, k->client);
	stmt_bind_blob(q, 3, k->secret_hash, k->secret_hash != NULL ? SHA256_BYTES : 0);
	stmt_bind_blob(q, 4, k->certificate, k->certificate != NULL ? SHA256_BYTES : 0);
	stmt_bind_int(q, 5, k->from_ms);
	stmt_bind_int(q, 6, k->until_ms);
	return stmt_run(q, why);
}

bool client_key_make(struct tx *tx, int64_t client, int64_t now_ms, int64_t until_ms, const uint8_t random[32], int64_t *id, struct fail *why)
{
	char text[CLIENT_SECRET_BYTES];
	uint8_t hash[SHA256_BYTES];
	client_secret_text(random, text);
	sha256((struct str){ text, SECRET_LENGTH }, hash);
	wipe(text, sizeof(text));
	struct key_new k = { .client = client, .from_ms = now_ms, .until_ms = until_ms, .secret_hash = hash };
	return keys_may_grow(tx, client, now_ms, why) && key_insert(tx, &k, id, why);
}

/* A revoked one stays revoked: whoever revokes it may have lost its key. */
bool client_certificate_add(struct tx *tx, int64_t client, int64_t now_ms, const struct certificate *c, int64_t *id, struct fail *why)
{
	struct key_new k = { .client = client, .from_ms = now_ms, .until_ms = c->until_ms, .certificate = c->fingerprint };
	if (c->until_ms <= now_ms)
		return FAILS(why, FIELD, "the certificate has expired");
	return keys_may_grow(tx, client, now_ms, why) && key_insert(tx, &k, id, why);
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

/* Adds to *ended. */
static bool end_sessions(struct tx *tx, int64_t key, int64_t now_ms, int64_t *ended, struct fail *why)
{
	int64_t ids[ENDED_AT_ONCE], after = 0;
	int count;
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
	*ended = 0;
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

/* ---- all of them at once ---- */

static bool set_disabled(struct tx *tx, int64_t id, int64_t disabled_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE client SET disabled_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	if (disabled_ms != 0)
		stmt_bind_int(q, 1, disabled_ms);
	else
		stmt_bind_null(q, 1);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

/* 0: none is left after that one. */
static bool next_key(struct tx *tx, int64_t client, int64_t after, int64_t *key, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM client_key WHERE client = $1 AND id > $2 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, client);
	stmt_bind_int(q, 2, after);
	*key = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool client_disable(struct tx *tx, int64_t id, int64_t now_ms, int64_t *ended, struct fail *why)
{
	int64_t key = 0;
	*ended = 0;
	if (!set_disabled(tx, id, now_ms, why))
		return false;
	do
		if (!next_key(tx, id, key, &key, why) || (key != 0 && !end_sessions(tx, key, now_ms, ended, why)))
			return false;
	while (key != 0);
	return true;
}

bool client_enable(struct tx *tx, int64_t id, struct fail *why)
{
	return set_disabled(tx, id, 0, why);
}

/* ---- the question ---- */

struct key_row {
	struct id client_key;
	char networks[CLIENT_NETWORKS_MAX + 1];
	size_t networks_len;
	int64_t from_ms, used_ms;
	bool is_there, is_revoked, is_disabled;
};

static bool key_read(struct tx *tx, const struct client_proof *proof, struct key_row *k, struct client_found *out, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	bool by_certificate = proof->certificate != NULL;
	if (!by_certificate)
		sha256(proof->secret.secret, hash);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT k.id, k.from_ms, k.until_ms, k.used_ms, k.revoked_ms, c.id, c.key, c.kind, c.principal_id, c.rights, c.test_key,"
		" c.networks, c.disabled_ms FROM client_key k JOIN client c ON c.id = k.client WHERE k.secret_hash = $1 OR k.certificate = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, by_certificate ? NULL : hash, by_certificate ? 0 : sizeof(hash));
	stmt_bind_blob(q, 2, proof->certificate, by_certificate ? SHA256_BYTES : 0);
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
	k->is_disabled = !stmt_is_null(q, 12);
	*out = (struct client_found){ .key = stmt_int(q, 0), .until_ms = stmt_int(q, 2), .client = stmt_int(q, 5), .kind = (enum who)stmt_int(q, 7),
		.principal = stmt_int(q, 8), .rights = (uint64_t)stmt_int(q, 9), .test_key = stmt_int(q, 10) != 0, .certificate = proof->certificate };
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
		return "no_such_key";
	if (!id_from_text(client_id, "cl", &asked) || memcmp(asked.bytes, k->client_key.bytes, sizeof(asked.bytes)) != 0)
		return "another_client";
	if (k->is_disabled)
		return "disabled";
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

bool client_check(struct tx *tx, struct str client_id, const struct client_proof *proof, struct str peer, int64_t now_ms, struct client_found *out, struct fail *why)
{
	struct key_row k = { .is_there = false };
	struct id asked;
	*out = (struct client_found){ .client = 0 };
	if (id_from_text(client_id, "cl", &asked) && !client_lock(tx, &asked, why))
		return false;
	if (!key_read(tx, proof, &k, out, why))
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
	struct session_new s = { .kind = f->kind, .principal = f->principal, .name = STR(""), .rights = rights, .life_ms = life_ms,
		.certificate = f->certificate };
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
