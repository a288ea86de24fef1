/* store/meta.c - why this exists: two statements that several rooms would otherwise each write. */
#include "store/meta.h"

bool meta_get(struct tx *tx, struct str name, void *out, size_t max, int64_t *len, struct fail *why)
{
	*len = -1;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT value FROM meta WHERE name = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, name);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str value = stmt_blob(q, 0);
	if (value.len > max)
		return FAILS(why, INTERNAL, "meta %.*s has %zu bytes, %zu were expected", STR_ARG(name), value.len, max);
	memcpy(out, value.at, value.len);
	*len = (int64_t)value.len;
	return true;
}

bool meta_put(struct tx *tx, struct str name, const void *value, size_t len, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, name);
	stmt_bind_blob(q, 2, value, len);
	return stmt_run(q, why);
}
