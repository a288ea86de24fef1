/* auth/session.c - sessions as rows: opened, raised, ended; and the devices they were on. */
#include "auth/session.h"
#include "auth/vault.h"
#include "base/hash.h"
#include <assert.h>

enum { DEVICE_ID_MIN = 22, DEVICE_ID_MAX = 64, NAME_SEALED_BYTES = SESSION_NAME_BYTES + VAULT_OVERHEAD_MAX + 1 };

/* ---- devices ---- */

bool device_id_is_good(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			return false;
	}
	return s.len >= DEVICE_ID_MIN && s.len <= DEVICE_ID_MAX;
}

void device_hash(struct str device_id, uint8_t out[DEVICE_HASH_BYTES])
{
	_Static_assert((int)DEVICE_HASH_BYTES == (int)SHA256_BYTES, "a device is named by a digest");
	struct str parts[] = { STR("siban device\n"), device_id };
	hash_parts(HASH_SHA256, parts, 2, out);
}

bool device_is_known(struct tx *tx, int64_t person, const uint8_t hash[DEVICE_HASH_BYTES], bool *known, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT seen_ms FROM device WHERE person = $1 AND device_hash = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_blob(q, 2, hash, DEVICE_HASH_BYTES);
	*known = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool device_seen(struct tx *tx, int64_t person, const uint8_t hash[DEVICE_HASH_BYTES], int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO device (person, device_hash, seen_ms) VALUES ($1, $2, $3)"
		" ON CONFLICT (person, device_hash) DO UPDATE SET seen_ms = excluded.seen_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_blob(q, 2, hash, DEVICE_HASH_BYTES);
	stmt_bind_int(q, 3, now_ms);
	return stmt_run(q, why);
}

static bool device_forget(struct tx *tx, int64_t session, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM device WHERE person = (SELECT principal_id FROM session WHERE id = $1 AND kind = 2)"
		" AND device_hash = (SELECT device_hash FROM session WHERE id = $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, session);
	stmt_bind_int(q, 2, session);
	return stmt_run(q, why);
}

/* ---- open ---- */

struct id session_key(int64_t now_ms, const uint8_t random[32])
{
	return id_make(now_ms, random);
}

/* The one seen least lately, when there are as many as there may be. 0: there is room. */
static bool least_lately(struct tx *tx, int64_t principal, int64_t now_ms, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, expires_ms FROM session WHERE principal_id = $1 AND kind = 2 AND ended_ms IS NULL AND terminal IS NULL"
		" ORDER BY CASE WHEN expires_ms <= $2 THEN 0 ELSE seen_ms END, id", why);
	if (q == NULL)
		return false;
	int count = 0;
	*id = 0;
	stmt_bind_int(q, 1, principal);
	stmt_bind_int(q, 2, now_ms);
	for (; stmt_row(q, why); count++)
		if (count == 0)
			*id = stmt_int(q, 0);
	if (count < SESSIONS_MAX)
		*id = 0;
	return why->code == FAIL_NONE;
}

static bool name_seal(int64_t id, struct str name, const uint8_t salt[16], struct buf *out, struct fail *why)
{
	return vault_seal("session.name", id, name, salt, out, why);
}

static bool insert(struct tx *tx, const struct session_new *s, int64_t id, int64_t now_ms, const uint8_t random[32], struct fail *why)
{
	char bytes[NAME_SEALED_BYTES];
	struct buf name = { .at = bytes, .cap = sizeof(bytes) };
	struct id key = session_key(now_ms, random);
	if (!name_seal(id, s->name, random + 16, &name, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO session (id, key, kind, principal_id, login, device_hash, name, level, level3_until_ms, rights, region, made_ms, seen_ms, expires_ms,"
		" certificate, terminal, ended_ms, end_reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, NULL, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 3, s->kind);
	stmt_bind_int(q, 4, s->principal);
	if (s->login != 0)
		stmt_bind_int(q, 5, s->login);
	else
		stmt_bind_null(q, 5);
	stmt_bind_blob(q, 6, s->device_hash, s->device_hash != NULL ? DEVICE_HASH_BYTES : 0);
	stmt_bind_blob(q, 7, name.at, name.len);
	stmt_bind_int(q, 8, s->level);
	stmt_bind_int(q, 9, s->level3_until_ms);
	stmt_bind_int(q, 10, (int64_t)s->rights);
	stmt_bind_int(q, 11, s->region);
	stmt_bind_int(q, 12, now_ms);
	stmt_bind_int(q, 13, now_ms);
	stmt_bind_int(q, 14, now_ms + s->life_ms);
	stmt_bind_blob(q, 15, s->certificate, s->certificate != NULL ? CERTIFICATE_BYTES : 0);
	if (s->terminal != 0)
		stmt_bind_int(q, 16, s->terminal);
	else
		stmt_bind_null(q, 16);
	return stmt_run(q, why);
}

bool session_open(struct tx *tx, const struct session_new *s, int64_t now_ms, const uint8_t random[32], int64_t *id, struct fail *why)
{
	int64_t oldest = 0;
	if (s->kind == WHO_CITIZEN && s->terminal == 0 && !(tx_lock_row(tx, "person.sessions", s->principal, why) && least_lately(tx, s->principal, now_ms, &oldest, why)))
		return false;
	if (oldest != 0 && !session_end(tx, oldest, SESSION_ENDED_BY_NEWER, now_ms, why))
		return false;
	if (!tx_next_id(tx, "session", id, why) || !insert(tx, s, *id, now_ms, random, why))
		return false;
	return s->kind != WHO_CITIZEN || s->device_hash == NULL || device_seen(tx, s->principal, s->device_hash, now_ms, why);
}

/* ---- changes: each is told to the row caches and to other nodes ---- */

static bool changed(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT principal_id FROM session WHERE id = $1 AND kind = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (stmt_row(q, why))
		tx_tell(tx, NEWS_PERSON, stmt_int(q, 0)); /* whoever holds a live stream asks whether it may stay open */
	tx_touch(tx, ROW_SESSION, (uint64_t)id);
	tx_tell(tx, NEWS_SESSION, id);
	return why->code == FAIL_NONE;
}

bool session_end(struct tx *tx, int64_t id, enum session_end reason, int64_t now_ms, struct fail *why)
{
	bool is_strange = reason == SESSION_ENDED_BY_OTHER || reason == SESSION_ENDED_BY_THEFT; /* whoever holds that device may not be the person */
	assert(reason != SESSION_OPEN);
	if (is_strange && !device_forget(tx, id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET ended_ms = $1, end_reason = $2 WHERE id = $3 AND ended_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, reason);
	stmt_bind_int(q, 3, id);
	return changed(tx, id, why) && stmt_run(q, why);
}

/* At most SESSIONS_MAX of a citizen; of others, those that are open now. */
static bool open_ones(struct tx *tx, enum who kind, int64_t principal, int64_t after, int64_t ids[SESSIONS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE principal_id = $1 AND kind = $2 AND ended_ms IS NULL AND id > $3 ORDER BY id LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal);
	stmt_bind_int(q, 2, kind);
	stmt_bind_int(q, 3, after);
	stmt_bind_int(q, 4, SESSIONS_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool session_end_all(struct tx *tx, enum who kind, int64_t principal, int64_t except, enum session_end reason, int64_t now_ms, int64_t *ended, struct fail *why)
{
	int64_t ids[SESSIONS_MAX], after = 0;
	int count;
	*ended = 0;
	do {
		if (!open_ones(tx, kind, principal, after, ids, &count, why))
			return false;
		for (int i = 0; i < count; i++) {
			after = ids[i];
			if (ids[i] == except)
				continue;
			if (!session_end(tx, ids[i], reason, now_ms, why))
				return false;
			++*ended;
		}
	} while (count == SESSIONS_MAX);
	return true;
}

bool session_raise(struct tx *tx, int64_t id, int64_t principal, int level, int64_t level3_until_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET principal_id = $1, level = $2, level3_until_ms = $3,"
		" level4_until_ms = CASE WHEN principal_id = $4 THEN level4_until_ms ELSE 0 END WHERE id = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal);
	stmt_bind_int(q, 2, level);
	stmt_bind_int(q, 3, level3_until_ms);
	stmt_bind_int(q, 4, principal);
	stmt_bind_int(q, 5, id);
	return changed(tx, id, why) && stmt_run(q, why);
}

bool session_at_window(struct tx *tx, int64_t id, int64_t until_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET level4_until_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, until_ms);
	stmt_bind_int(q, 2, id);
	return changed(tx, id, why) && stmt_run(q, why);
}

bool session_seen(struct tx *tx, int64_t id, int64_t now_ms, int64_t expires_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET seen_ms = $1, expires_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, expires_ms);
	stmt_bind_int(q, 3, id);
	return changed(tx, id, why) && stmt_run(q, why);
}

bool session_used(struct tx *tx, int64_t id, int64_t now_ms, int64_t until_ms, int64_t pause_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET seen_ms = $1, expires_ms = $2 WHERE id = $3 AND ended_ms IS NULL AND expires_ms > $4 AND seen_ms <= $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, until_ms);
	stmt_bind_int(q, 3, id);
	stmt_bind_int(q, 4, now_ms);
	stmt_bind_int(q, 5, now_ms - pause_ms);
	return stmt_run(q, why) && (tx_changes(tx) == 0 || changed(tx, id, why));
}

bool session_rename(struct tx *tx, int64_t id, struct str name, const uint8_t salt[16], struct fail *why)
{
	char bytes[NAME_SEALED_BYTES];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	if (!name_seal(id, name, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET name = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

/* ---- reading ---- */

bool session_find(struct tx *tx, const struct principal *who, struct id key, int64_t now_ms, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE key = $1 AND kind = $2 AND principal_id = $3 AND ended_ms IS NULL AND expires_ms > $4", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 2, who->kind);
	stmt_bind_int(q, 3, who->id);
	stmt_bind_int(q, 4, now_ms);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such session of this principal");
	*id = stmt_int(q, 0);
	return true;
}

bool session_read(struct tx *tx, int64_t id, struct session_row *out, struct fail *why)
{
	_Static_assert(sizeof(struct session_row) <= ROW_SESSION_BYTES_MAX, "a session fits its cache");
	const struct session_row *kept = tx_cached(tx, ROW_SESSION, (uint64_t)id);
	if (kept != NULL) {
		*out = *kept;
		return true;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT principal_id, level, level3_until_ms, rights, region, expires_ms, ended_ms, level4_until_ms, certificate, terminal FROM session WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, INTERNAL, "session %lld is not there", (long long)id);
	*out = (struct session_row){ .id = id, .principal = stmt_int(q, 0), .level = (int8_t)stmt_int(q, 1), .level3_until_ms = stmt_int(q, 2),
		.rights = (uint64_t)stmt_int(q, 3), .region = stmt_int(q, 4), .expires_ms = stmt_int(q, 5), .is_ended = !stmt_is_null(q, 6), .level4_until_ms = stmt_int(q, 7),
		.is_bound = !stmt_is_null(q, 8), .terminal = stmt_int(q, 9) };
	struct str certificate = stmt_blob(q, 8);
	assert(!out->is_bound || certificate.len == sizeof(out->certificate));
	if (out->is_bound)
		memcpy(out->certificate, certificate.at, certificate.len);
	struct session_row *keep = tx_cache(tx, ROW_SESSION, (uint64_t)id, sizeof(*out));
	if (keep != NULL)
		*keep = *out;
	return true;
}
