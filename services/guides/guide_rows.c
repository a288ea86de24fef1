/* services/guides/guide_rows.c - a version is a row that never changes; what moves is its state, and what is seen is one row of a load. */
#include "services/guides/guide_rows.h"

#include "services/departments/department.h"
#include "services/guides/guide_words.h"
#include "services/guides/matter.h"

#include <stdio.h>

/* ---- what it refers to ---- */

static bool wrong(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "guide: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

/* 1 there, 0 not, -1 failed */
static int exists_text(struct tx *tx, const char *sql_literal, struct str text, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql_literal, why);
	if (q == NULL)
		return -1;
	stmt_bind_text(q, 1, text);
	return stmt_row(q, why) ? 1 : why->code == FAIL_NONE ? 0 : -1;
}

static bool part_refers(struct tx *tx, const struct guide *g, int n, int64_t *department, struct fail *why)
{
	char pointer[40];
	snprintf(pointer, sizeof pointer, "/parts/%d/department", n - 1);
	int found = department_find(tx, g->parts[n - 1].department, department, why);
	return found > 0 || (found == 0 && wrong(why, pointer, "unknown_department"));
}

bool guide_refers(struct tx *tx, const struct guide *g, int64_t *department, struct fail *why)
{
	int found = department_find(tx, g->department, department, why);
	if (found <= 0)
		return found == 0 && wrong(why, "/department", "unknown_department");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, g->region);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && wrong(why, "/region", "unknown_region");
	for (int i = 0; i < g->hall_count; i++) {
		char pointer[32];
		snprintf(pointer, sizeof pointer, "/places/%d/hall", i);
		found = exists_text(tx, "SELECT id FROM hall WHERE code = $1", g->halls[i], why);
		if (found <= 0)
			return found == 0 && wrong(why, pointer, "unknown_hall");
	}
	for (int n = 1; n <= g->part_count; n++) {
		int64_t theirs;
		if (!part_refers(tx, g, n, &theirs, why))
			return false;
	}
	return true;
}

/* Its own columns are only what it had before it had a guide. */
static bool matter_insert(struct tx *tx, const struct guide_new *n, struct fail *why)
{
	const struct guide *g = n->guide;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO matter (code, name, department, region, type, legal_days, promised_days, trips, online, id, load)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, g->code);
	stmt_bind_text(q, 2, g->name);
	stmt_bind_int(q, 3, n->department);
	stmt_bind_int(q, 4, g->region);
	stmt_bind_int(q, 5, g->type);
	stmt_bind_int(q, 6, g->legal_days);
	stmt_bind_int(q, 7, g->promised_days);
	stmt_bind_int(q, 8, g->trips);
	stmt_bind_int(q, 9, g->online >= ONLINE_APPLY);
	stmt_bind_int(q, 10, n->matter);
	if (n->load == LOAD_ONE_BY_ONE)
		stmt_bind_null(q, 11);
	else
		stmt_bind_int(q, 11, n->load);
	return stmt_run(q, why);
}

static bool matter_find(struct tx *tx, struct str code, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM matter WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	*id = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool guide_matter(struct tx *tx, struct guide_new *n, struct fail *why)
{
	if (!guide_refers(tx, n->guide, &n->department, why) || !matter_find(tx, n->guide->code, &n->matter, why))
		return false;
	return n->matter != 0 || (tx_next_id(tx, "matter", &n->matter, why) && matter_insert(tx, n, why));
}

/* ---- versions ---- */

json_t *guide_body(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT body FROM guide WHERE id = $1", why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, id);
	if (stmt_row(q, why))
		return json_read(stmt_text(q, 0), why);
	(void)(why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "guide %lld", (long long)id));
	return NULL;
}

bool guide_head(struct tx *tx, struct str code, struct guide_head *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT m.id, COALESCE(v.id, 0), COALESCE(v.version, 0), COALESCE(v.state, 0), COALESCE(v.department, m.department), COALESCE(v.region, m.region)"
		" FROM matter m LEFT JOIN guide v ON v.id = (SELECT x.id FROM guide x JOIN catalogue_load l ON l.id = x.load AND l.state = 2"
		" WHERE x.matter = m.id ORDER BY x.version DESC LIMIT 1) WHERE m.code = $1", why);
	*out = (struct guide_head){ .matter = 0 };
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*out = (struct guide_head){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), (enum guide_state)stmt_int(q, 3), stmt_int(q, 4), stmt_int(q, 5) };
	return true;
}

/* What a load brought that is still open, or was given up, counts for that load only: it may never be seen. *version: of all of them, 0: there is none. */
static bool newest(struct tx *tx, const struct guide_new *n, int64_t *version, int64_t *id, bool *same, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT x.version, x.id, x.digest, x.state, l.state, x.load FROM guide x JOIN catalogue_load l ON l.id = x.load WHERE x.matter = $1"
		" ORDER BY x.version DESC", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->matter);
	*version = 0;
	*same = false;
	for (bool first = true; stmt_row(q, why); first = false) {
		if (first)
			*version = stmt_int(q, 0);
		if (stmt_int(q, 4) != LOAD_FLIPPED && stmt_int(q, 5) != n->load)
			continue;
		*id = stmt_int(q, 1);
		*same = str_eq(stmt_blob(q, 2), (struct str){ (const char *)n->guide->digest, SHA256_BYTES }) && stmt_int(q, 3) == n->state;
		break;
	}
	return why->code == FAIL_NONE;
}

static bool guide_insert(struct tx *tx, const struct guide_new *n, int64_t id, int64_t version, struct fail *why)
{
	const struct guide *g = n->guide;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO guide (id, matter, version, load, state, made_ms, changed_ms, digest, name, department, region, type, legal_days, promised_days,"
		" trips, online, topics, published_on, batch, aliases, words, body)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)", why);
	if (q == NULL)
		return false;
	const int64_t head[] = { id, n->matter, version, n->load, n->state, n->now_ms, n->now_ms };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, head[i]);
	stmt_bind_blob(q, 8, g->digest, SHA256_BYTES);
	stmt_bind_text(q, 9, g->name);
	const int64_t picked[] = { n->department, g->region, g->type, g->legal_days, g->promised_days, g->trips, g->online, (int64_t)g->topics,
		g->published_on, g->batch };
	for (int i = 0; i < 10; i++)
		stmt_bind_int(q, i + 10, picked[i]);
	stmt_bind_text(q, 20, g->aliases);
	stmt_bind_text(q, 21, g->summary);
	stmt_bind_text(q, 22, g->text);
	return stmt_run(q, why);
}

static bool part_insert(struct tx *tx, const struct guide *g, int64_t id, int n, struct fail *why)
{
	int64_t department;
	const struct guide_part *p = &g->parts[n - 1];
	if (!part_refers(tx, g, n, &department, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO guide_part (guide, n, code, name, department, days, needs) VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, n);
	stmt_bind_text(q, 3, p->code);
	stmt_bind_text(q, 4, p->name);
	stmt_bind_int(q, 5, department);
	stmt_bind_int(q, 6, p->days);
	stmt_bind_int(q, 7, p->needs);
	return stmt_run(q, why);
}

static bool parts_insert(struct tx *tx, const struct guide *g, int64_t id, struct fail *why)
{
	for (int n = 1; n <= g->part_count; n++)
		if (!part_insert(tx, g, id, n, why))
			return false;
	return true;
}

bool guide_put(struct tx *tx, const struct guide_new *n, int64_t *id, bool *changed, struct fail *why)
{
	int64_t version;
	bool same;
	if (!newest(tx, n, &version, id, &same, why))
		return false;
	*changed = !same;
	if (same)
		return true;
	return tx_next_id(tx, "guide", id, why) && guide_insert(tx, n, *id, version + 1, why) && parts_insert(tx, n->guide, *id, why) &&
	       (n->state != GUIDE_PUBLISHED || n->load != LOAD_ONE_BY_ONE || catalogue_changed(tx, why));
}

bool guide_move(struct tx *tx, int64_t id, enum guide_state to, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE guide SET state = $1, changed_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why) && catalogue_changed(tx, why);
}

/* ---- loads ---- */

static bool loads_give_up(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE catalogue_load SET state = 3 WHERE state = 1", why);
	return q != NULL && stmt_run(q, why);
}

bool load_begin(struct tx *tx, int64_t now_ms, int64_t *load, struct fail *why)
{
	if (!loads_give_up(tx, why) || !tx_next_id(tx, "catalogue_load", load, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO catalogue_load (id, state, rows, made_ms) VALUES ($1, 1, 0, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *load);
	stmt_bind_int(q, 2, now_ms);
	return stmt_run(q, why);
}

bool load_open(struct tx *tx, int64_t *load, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM catalogue_load WHERE state = 1 ORDER BY id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	*load = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool load_flip(struct tx *tx, int64_t load, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE catalogue_load SET state = 2 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, load);
	return stmt_run(q, why) && catalogue_changed(tx, why);
}

#define FORGOTTEN "(SELECT x.id FROM guide x JOIN catalogue_load l ON l.id = x.load WHERE l.state = 3 ORDER BY x.id LIMIT $1)"

static bool parts_forget(struct tx *tx, int64_t most, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM guide_part WHERE guide IN " FORGOTTEN, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, most);
	return stmt_run(q, why);
}

bool load_forget(struct tx *tx, int64_t most, int64_t *forgotten, struct fail *why)
{
	if (!parts_forget(tx, most, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM guide WHERE id IN " FORGOTTEN, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, most);
	if (!stmt_run(q, why))
		return false;
	*forgotten = tx_changes(tx);
	return true;
}

/* ---- what citizens see has changed ---- */

bool catalogue_changed(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE catalogue_state SET generation = generation + 1 WHERE id = 1", why);
	return q != NULL && stmt_run(q, why);
}

bool catalogue_generation(struct tx *tx, int64_t *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT generation FROM catalogue_state WHERE id = 1", why);
	if (q == NULL || !stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "catalogue_state has no row");
	*out = stmt_int(q, 0);
	return true;
}
