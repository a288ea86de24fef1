/* store/outcome.c - why this exists: a client that did not hear the answer asks again with the same key, and must be told the
 * same thing without anything being done twice. */
#include "store/outcome.h"

#include "store/inside.h"

#include <assert.h>

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

static void fill(struct stmt *q, struct outcome *out, struct outcome_text *text)
{
	*out = (struct outcome){ .code = (int32_t)stmt_int(q, 1), .status = (int32_t)stmt_int(q, 2) };
	for (int i = 0; i < 6; i++)
		out->n[i] = stmt_int(q, 3 + i);
	struct str stored = stmt_blob(q, 9);
	text->len = stored.len < sizeof text->at ? stored.len : sizeof text->at;
	if (text->len > 0)
		memcpy(text->at, stored.at, text->len);
}

static bool same_body(const struct outcome_key *k, struct str stored)
{
	bool same = str_eq(stored, (struct str){ (const char *)k->body, sizeof k->body });
	for (int i = 0; !same && i < k->older_count; i++)
		same = str_eq(stored, (struct str){ (const char *)k->older[i], SHA256_BYTES });
	return same;
}

/* Three days in one statement: a key is almost always new, so all buckets are looked into for every write. */
static enum outcome_found find_in(struct tx *tx, const struct outcome_key *k, int64_t day, struct outcome *out, struct outcome_text *text, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT body_hash, code, status, n0, n1, n2, n3, n4, n5, text FROM outcome "
		"WHERE who_kind = $1 AND who_id = $2 AND day IN ($3, $4, $5) AND route = $6 AND key_hash = $7", why);
	if (q == NULL)
		return OUTCOME_FAILED;
	stmt_bind_int(q, 1, k->who_kind);
	stmt_bind_int(q, 2, k->who_id);
	for (int i = 0; i < 3; i++)
		stmt_bind_int(q, 3 + i, day - i);
	stmt_bind_int(q, 6, k->route);
	stmt_bind_blob(q, 7, k->key, sizeof k->key);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? OUTCOME_NEW : OUTCOME_FAILED;
	if (!same_body(k, stmt_blob(q, 0)))
		return OUTCOME_OTHER_BODY;
	fill(q, out, text);
	return OUTCOME_REPEATED;
}

enum outcome_found outcome_find(struct tx *tx, const struct outcome_key *k, int64_t now_ms, struct outcome *out, struct outcome_text *text, struct fail *why)
{
	int64_t hours = atomic_load_explicit(&tx->connection->store->outcome_hours, memory_order_relaxed);
	int64_t day = now_ms / DAY_MS + 1, oldest = (now_ms - hours * HOUR_MS) / DAY_MS; /* from tomorrow on: the clock may have been set back */
	for (; day >= oldest; day -= 3) {
		enum outcome_found found = find_in(tx, k, day, out, text, why);
		if (found != OUTCOME_NEW)
			return found;
	}
	return OUTCOME_NEW;
}

bool outcome_put(struct tx *tx, const struct outcome_key *k, int64_t now_ms, const struct outcome *o, const struct outcome_text *text, struct fail *why)
{
	assert(o->code > 0 && o->status >= 200 && o->status <= 299);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO outcome (who_kind, who_id, day, route, key_hash, body_hash, code, status, n0, n1, n2, n3, n4, n5, text, made_ms) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, k->who_kind);
	stmt_bind_int(q, 2, k->who_id);
	stmt_bind_int(q, 3, now_ms / DAY_MS);
	stmt_bind_int(q, 4, k->route);
	stmt_bind_blob(q, 5, k->key, sizeof k->key);
	stmt_bind_blob(q, 6, k->body, sizeof k->body);
	stmt_bind_int(q, 7, o->code);
	stmt_bind_int(q, 8, o->status);
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, 9 + i, o->n[i]);
	stmt_bind_blob(q, 15, text->at, text->len);
	stmt_bind_int(q, 16, now_ms);
	return stmt_run(q, why);
}

/* One at a time, because both searches then are by whole keys. "WHERE (…) IN (SELECT …)" reads all that one caller has of a day. */
static bool purge_oldest(struct tx *tx, int64_t before_ms, bool *deleted, struct fail *why)
{
	int64_t n[4];
	uint8_t key[SHA256_BYTES];
	*deleted = false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"SELECT who_kind, who_id, day, route, key_hash FROM outcome WHERE made_ms < $1 ORDER BY made_ms LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, before_ms);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE;
		for (int i = 0; i < 4; i++)
			n[i] = stmt_int(q, i);
		struct str stored = stmt_blob(q, 4);
		assert(stored.len == sizeof key);
		memcpy(key, stored.at, sizeof key);
	}
	DROP(stmt) struct stmt *q = tx_query(tx,
		"DELETE FROM outcome WHERE who_kind = $1 AND who_id = $2 AND day = $3 AND route = $4 AND key_hash = $5", why);
	if (q == NULL)
		return false;
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, 1 + i, n[i]);
	stmt_bind_blob(q, 5, key, sizeof key);
	*deleted = true;
	return stmt_run(q, why);
}

bool outcome_purge(struct tx *tx, int64_t now_ms, int64_t hours, int rows_max, int64_t *deleted, struct fail *why)
{
	bool more = true;
	for (*deleted = 0; *deleted < rows_max; ++*deleted) {
		if (!purge_oldest(tx, now_ms - hours * HOUR_MS, &more, why))
			return false;
		if (!more)
			break;
	}
	atomic_store_explicit(&tx->connection->store->outcome_hours, hours, memory_order_relaxed);
	return true;
}
