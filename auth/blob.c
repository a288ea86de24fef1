/* auth/blob.c - why a row's lock is taken by an UPDATE before anything is read: on PostgreSQL one may let go of a blob, another take it up and a third sweep it
 * at the same moment. Whoever comes second waits at the row, and sees in his next statement what the first has done. */
#include "auth/blob.h"
#include "auth/keyring.h"
#include <assert.h>

enum { SECRET_BYTES = BLOB_KEY_BYTES + SHA256_BYTES, RELEASE_ROWS = 64 };

static const char head_place[] = "blob.head";

/* ---- the head ---- */

bool blob_head_seal(const char *place, int64_t row, const struct blob_sealed *s, const uint8_t salt[VAULT_SALT_BYTES], struct buf *out, struct fail *why)
{
	char secret[SECRET_BYTES];
	memcpy(secret, s->key, BLOB_KEY_BYTES);
	memcpy(secret + BLOB_KEY_BYTES, s->sha256, SHA256_BYTES);
	bool ok = vault_seal(place, row, (struct str){ secret, sizeof secret }, salt, out, why);
	wipe(secret, sizeof secret);
	return ok;
}

bool blob_head_open(const char *place, int64_t row, struct str head, struct blob_sealed *s, struct fail *why)
{
	char secret[BLOB_HEAD_BYTES_MAX];
	struct buf b = { .at = secret, .cap = sizeof secret };
	if (!vault_open(place, row, head, &b, why))
		return false;
	bool ok = b.len == SECRET_BYTES || FAILS(why, SEALED, "a blob's head of row %lld has %zu bytes", (long long)row, b.len);
	memcpy(s->key, secret, BLOB_KEY_BYTES);
	memcpy(s->sha256, secret + BLOB_KEY_BYTES, SHA256_BYTES);
	wipe(secret, sizeof secret);
	return ok;
}

/* ---- keeping ---- */

static int content_hashes(const struct blob_new *n, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES])
{
	uint8_t person[8];
	for (int i = 0; i < 8; i++)
		person[i] = (uint8_t)((uint64_t)n->person >> (56 - 8 * i));
	struct str parts[] = { { (const char *)person, sizeof person }, { (const char *)n->sealed->sha256, SHA256_BYTES } };
	return keyring_index_all("blob", parts, 2, out);
}

/* *id 0: nothing of his has this hash. */
static bool take_up(struct tx *tx, int64_t person, const uint8_t hash[SHA256_BYTES], int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE blob SET free_ms = NULL WHERE person = $1 AND content_hash = $2 RETURNING id", why);
	*id = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_blob(q, 2, hash, SHA256_BYTES);
	if (stmt_row(q, why))
		*id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool insert(struct tx *tx, const struct blob_new *n, const uint8_t hash[SHA256_BYTES], int64_t now_ms, const uint8_t *salt, int64_t *id, struct fail *why)
{
	char head[BLOB_HEAD_BYTES_MAX];
	struct buf b = { .at = head, .cap = sizeof head };
	if (!tx_next_id(tx, "blob", id, why) || !blob_head_seal(head_place, *id, n->sealed, salt, &b, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO blob (id, person, name, content_hash, bytes, media, made_ms, head) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, n->person);
	stmt_bind_blob(q, 3, n->sealed->name.bytes, ID_BYTES);
	stmt_bind_blob(q, 4, hash, SHA256_BYTES);
	stmt_bind_int(q, 5, n->sealed->bytes);
	stmt_bind_text(q, 6, n->media);
	stmt_bind_int(q, 7, now_ms);
	stmt_bind_blob(q, 8, b.at, b.len);
	return stmt_run(q, why);
}

static bool refer(struct tx *tx, int64_t id, struct blob_owner owner, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO blob_ref (owner_kind, owner_id, blob) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, owner.kind);
	stmt_bind_int(q, 2, owner.id);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

bool blob_keep(struct tx *tx, const struct blob_new *n, int64_t now_ms, const uint8_t salt[VAULT_SALT_BYTES], int64_t *id, bool *is_known, struct fail *why)
{
	uint8_t hashes[KEYRING_INDEX_MAX][SHA256_BYTES];
	int count = content_hashes(n, hashes);
	assert(n->media.len <= BLOB_MEDIA_MAX);
	*id = 0;
	for (int i = 0; i < count && *id == 0; i++)
		if (!take_up(tx, n->person, hashes[i], id, why))
			return false;
	*is_known = *id != 0;
	if (!*is_known && now_ms - blob_made_ms(n->sealed->name) > BLOB_ORPHAN_MS / 2)
		return FAILS(why, GONE, "a blob waited too long for its row");
	return (*is_known || insert(tx, n, hashes[0], now_ms, salt, id, why)) && refer(tx, *id, n->owner, why);
}

bool blob_add_owner(struct tx *tx, int64_t id, struct blob_owner owner, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE blob SET free_ms = NULL WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, id);
		if (!stmt_run(q, why))
			return false;
		if (tx_changes(tx) != 1)
			return FAILS(why, NOT_FOUND, "blob %lld", (long long)id);
	}
	return refer(tx, id, owner, why);
}

/* ---- letting go ---- */

static bool owned_by(struct tx *tx, struct blob_owner owner, int64_t ids[RELEASE_ROWS], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT blob FROM blob_ref WHERE owner_kind = $1 AND owner_id = $2 ORDER BY blob LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, owner.kind);
	stmt_bind_int(q, 2, owner.id);
	stmt_bind_int(q, 3, RELEASE_ROWS);
	for (*count = 0; *count < RELEASE_ROWS && stmt_row(q, why);)
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool run_with(struct tx *tx, const char *sql, const int64_t *numbers, int count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

static bool release_one(struct tx *tx, int64_t id, struct blob_owner owner, int64_t now_ms, struct fail *why)
{
	return run_with(tx, "UPDATE blob SET free_ms = $1 WHERE id = $2", (int64_t[]){ now_ms, id }, 2, why) &&
	       run_with(tx, "DELETE FROM blob_ref WHERE owner_kind = $1 AND owner_id = $2 AND blob = $3", (int64_t[]){ owner.kind, owner.id, id }, 3, why) &&
	       run_with(tx, "UPDATE blob SET free_ms = NULL WHERE id = $1 AND EXISTS (SELECT 1 FROM blob_ref r WHERE r.blob = blob.id)", &id, 1, why);
}

bool blob_release(struct tx *tx, struct blob_owner owner, int64_t now_ms, struct fail *why)
{
	int64_t ids[RELEASE_ROWS];
	int count;
	do {
		if (!owned_by(tx, owner, ids, &count, why))
			return false;
		for (int i = 0; i < count; i++)
			if (!release_one(tx, ids[i], owner, now_ms, why))
				return false;
	} while (count == RELEASE_ROWS);
	return true;
}

bool blob_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	static const char sql[] = "DELETE FROM blob WHERE free_ms <= $1 AND id IN (SELECT b.id FROM blob b WHERE b.free_ms <= $1"
		" AND NOT EXISTS (SELECT 1 FROM legal_hold h WHERE h.person = b.person AND h.released_ms IS NULL) ORDER BY b.free_ms LIMIT $2)";
	bool ok = run_with(tx, sql, (int64_t[]){ now_ms - BLOB_ORPHAN_MS, rows_max }, 2, why);
	*rows = ok ? tx_changes(tx) : 0;
	return ok;
}

/* ---- finding ---- */

bool blob_find(struct tx *tx, int64_t id, struct blob_found *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT person, made_ms, name, bytes, media, head FROM blob WHERE id = $1", why);
	memset(out, 0, sizeof *out);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "blob %lld", (long long)id);
	struct str name = stmt_blob(q, 2), media = stmt_text(q, 4);
	if (name.len != ID_BYTES || media.len > BLOB_MEDIA_MAX)
		return FAILS(why, SEALED, "the row of blob %lld is damaged", (long long)id);
	out->person = stmt_int(q, 0);
	out->made_ms = stmt_int(q, 1);
	memcpy(out->what.name.bytes, name.at, ID_BYTES);
	out->what.bytes = stmt_int(q, 3);
	memcpy(out->media, media.at, media.len);
	return blob_head_open(head_place, id, stmt_blob(q, 5), &out->what, why);
}

/* ---- blobs that no row speaks of ---- */

struct clearing {
	struct blobs *blobs;
	struct tx tx;
	int64_t before_ms, removed;
};

static bool has_row(struct tx *tx, const struct id *name, bool *has, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM blob_name WHERE name = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, name->bytes, ID_BYTES);
	*has = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* blob_keep refuses names half as old, so a row cannot come between the question and the removal. */
static bool clear_one(void *ctx, struct id name, bool is_whole, struct fail *why)
{
	struct clearing *c = ctx;
	bool has = false;
	if (blob_made_ms(name) >= c->before_ms || (is_whole && !has_row(&c->tx, &name, &has, why)))
		return why->code == FAIL_NONE;
	if (has)
		return true;
	c->removed++;
	return blob_remove(c->blobs, name, why);
}

bool blob_clear(struct blobs *b, struct connection *reader, struct blob_place *place, int64_t now_ms, int64_t *removed, struct fail *why)
{
	struct clearing c = { .blobs = b, .before_ms = now_ms - BLOB_ORPHAN_MS };
	struct blobs_claim turn;
	if (!blobs_turn(b, &turn, why))
		return false;
	bool ok = reader_begin(reader, &c.tx, why) && blob_scan(b, place, clear_one, &c, why);
	reader_end(reader);
	blobs_let_go(&turn);
	*removed += c.removed;
	return ok;
}
