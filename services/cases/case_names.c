/* services/cases/case_names.c - found, made or read; read mostly from the row cache, where what is made of such a row can never be stale. */
#include "services/cases/case_names.h"
#include "base/json.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>
#include <stddef.h>

enum { MEMBERS_BYTES_USUAL = 320 /* measured: 190 to 230 with the matters of data/ */ };

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

static bool read_names(struct tx *tx, int64_t id, struct case_names *to, int64_t *region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT region, matter_code, matter_name, department_name, region_name FROM case_names WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case_names has no row %lld", (long long)id);
	*region = stmt_int(q, 0);
	names_of(q, 1, to);
	return true;
}

bool case_names_read(struct tx *tx, int64_t id, struct case_names *to, struct fail *why)
{
	int64_t region;
	return read_names(tx, id, to, &region, why);
}

struct str case_names_get(const struct case_names *c, enum case_name n)
{
	size_t at = 0;
	for (int before = 0; before < (int)n; before++)
		at += c->len[before];
	return (struct str){ c->text + at, c->len[n] };
}

/* ---- as members of an answer ---- */

struct written {
	uint16_t len;
	char text[];
};

static void keep(struct tx *tx, int64_t id, struct str members)
{
	size_t bytes = offsetof(struct written, text) + members.len;
	struct written *to = bytes <= ROW_CASE_NAMES_BYTES_MAX ? tx_cache(tx, ROW_CASE_NAMES, (uint64_t)id, bytes) : NULL;
	if (to == NULL)
		return;
	to->len = (uint16_t)members.len;
	memcpy(to->text, members.at, members.len);
}

static void write_members(struct buf *to, const struct case_names *c, int64_t region)
{
	struct json_out j = json_begin(to);
	json_put_name(&j, "matter");
	json_put_object(&j);
	json_add_text(&j, "code", case_names_get(c, CASE_NAME_MATTER_CODE));
	json_add_text(&j, "name", case_names_get(c, CASE_NAME_MATTER));
	json_put_object_end(&j);
	json_put_name(&j, "department");
	json_put_object(&j);
	json_add_text(&j, "name", case_names_get(c, CASE_NAME_DEPARTMENT));
	json_put_object_end(&j);
	json_put_name(&j, "region");
	json_put_object(&j);
	json_add_region_code(&j, "code", region);
	json_add_text(&j, "name", case_names_get(c, CASE_NAME_REGION));
	json_put_object_end(&j);
}

bool case_names_members(struct tx *tx, struct arena *a, int64_t id, struct str *members, struct fail *why)
{
	const struct written *kept = tx_cached(tx, ROW_CASE_NAMES, (uint64_t)id);
	if (kept != NULL) {
		*members = str_copy(a, (struct str){ kept->text, kept->len });
		return members->at != NULL || FAILS(why, MEMORY, "names");
	}
	struct case_names names;
	struct buf b;
	int64_t region;
	if (!read_names(tx, id, &names, &region, why))
		return false;
	buf_init(&b, a, MEMBERS_BYTES_USUAL);
	write_members(&b, &names, region);
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "names");
	*members = buf_text(&b);
	keep(tx, id, *members);
	return true;
}
