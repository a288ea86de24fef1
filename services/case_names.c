/* services/case_names.c - found, made or read; read mostly from the row cache, where a row of names can never be stale. */
#include "services/case_names.h"
#include "store/store.h"
#include <assert.h>
#include <stddef.h>

_Static_assert(sizeof(struct case_names) <= ROW_CASE_NAMES_BYTES_MAX, "names fit their kind");

static size_t bytes_used(const struct case_names *c)
{
	size_t used = offsetof(struct case_names, text);
	for (int n = 0; n < CASE_NAME_COUNT; n++)
		used += c->len[n];
	return used;
}

/* From a row whose columns from `column` on are the names. */
static void names_of(struct stmt *q, int column, struct case_names *to)
{
	size_t used = 0;
	for (int n = 0; n < CASE_NAME_COUNT; n++) {
		struct str name = stmt_text(q, column + n);
		assert(used + name.len <= CASE_NAMES_BYTES); /* the columns' limits; import holds them too */
		memcpy(to->text + used, name.at, name.len);
		to->len[n] = (uint16_t)name.len;
		used += name.len;
	}
}

/* *id 0: there is none yet. */
static bool newest(struct tx *tx, int64_t matter, int64_t region, int64_t *id, struct case_names *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, matter_code, matter_name, department_name, region_name FROM case_names"
		" WHERE matter = $1 AND region = $2 ORDER BY id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, matter);
	stmt_bind_int(q, 2, region);
	*id = 0;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	names_of(q, 1, to);
	return true;
}

static bool insert(struct tx *tx, int64_t matter, int64_t region, const struct str name[CASE_NAME_COUNT], int64_t *id, struct fail *why)
{
	if (!tx_next_id(tx, "case_names", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_names (id, matter, region, matter_code, matter_name, department_name, region_name)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, matter);
	stmt_bind_int(q, 3, region);
	for (int n = 0; n < CASE_NAME_COUNT; n++)
		stmt_bind_text(q, 4 + n, name[n]);
	return stmt_run(q, why);
}

bool case_names_find_or_make(struct tx *tx, int64_t matter, int64_t region, const struct str name[CASE_NAME_COUNT], int64_t *id, struct fail *why)
{
	struct case_names known;
	if (!newest(tx, matter, region, id, &known, why))
		return false;
	bool same = *id != 0;
	for (int n = 0; n < CASE_NAME_COUNT && same; n++)
		same = str_eq(case_names_get(&known, (enum case_name)n), name[n]);
	return same || insert(tx, matter, region, name, id, why);
}

bool case_names_read(struct tx *tx, int64_t id, struct case_names *to, struct fail *why)
{
	const struct case_names *kept = tx_cached(tx, ROW_CASE_NAMES, (uint64_t)id);
	if (kept != NULL) {
		memcpy(to, kept, bytes_used(kept));
		return true;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT matter_code, matter_name, department_name, region_name FROM case_names WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case_names has no row %lld", (long long)id);
	names_of(q, 0, to);
	void *keep = tx_cache(tx, ROW_CASE_NAMES, (uint64_t)id, bytes_used(to));
	if (keep != NULL)
		memcpy(keep, to, bytes_used(to));
	return true;
}

struct str case_names_get(const struct case_names *c, enum case_name n)
{
	size_t at = 0;
	for (int before = 0; before < (int)n; before++)
		at += c->len[before];
	return (struct str){ c->text + at, c->len[n] };
}
