/* auth/retention.c - walks the table of classes in bites. */
#include "auth/retention.h"

#define DAY_MS INT64_C(86400000)

const struct retention_class retention_classes[] = {
#define CLASS(name, table, days, erasure, zh, en, basis_zh, basis_en, purge, erase) \
	{ #name, table, days, RETENTION_##erasure, { zh, en }, { basis_zh, basis_en }, purge, erase },
#include "auth/retention.def"
#undef CLASS
};
const int retention_class_count = sizeof(retention_classes) / sizeof(retention_classes[0]);

static bool purge_class(struct tx *tx, const struct retention_class *c, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, c->purge, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - c->days * DAY_MS);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows += tx_changes(tx);
	return true;
}

bool retention_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	*rows = 0;
	for (int i = 0; i < retention_class_count && *rows < rows_max; i++) {
		const struct retention_class *c = &retention_classes[i];
		if (c->purge != NULL && !purge_class(tx, c, now_ms, rows_max - *rows, rows, why))
			return false;
	}
	return true;
}

/* ---- one person ---- */

static bool erase_class(struct tx *tx, const struct retention_class *c, int64_t person, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int n = 1;
	DROP(stmt) struct stmt *q = tx_query(tx, c->erase, why);
	if (q == NULL)
		return false;
	if (c->erasure == RETENTION_EMPTY)
		stmt_bind_blob(q, n++, "", 0);
	stmt_bind_int(q, n++, person);
	stmt_bind_int(q, n, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows += tx_changes(tx);
	return true;
}

/* What has been handed to a platform cannot be overwritten before it has answered. */
static bool is_sending(struct tx *tx, int64_t person, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE person = $1 AND state = 2 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	*is_so = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool retention_erase(struct tx *tx, int64_t person, int64_t rows_max, int64_t *rows, bool *is_over, struct fail *why)
{
	bool is_out = false;
	*rows = 0;
	for (int i = 0; i < retention_class_count && *rows < rows_max; i++) {
		const struct retention_class *c = &retention_classes[i];
		if (c->erasure != RETENTION_KEPT && !erase_class(tx, c, person, rows_max - *rows, rows, why))
			return false;
	}
	if (*rows < rows_max && !is_sending(tx, person, &is_out, why))
		return false;
	*is_over = *rows < rows_max && !is_out;
	return true;
}

bool retention_is_held(struct tx *tx, int64_t person, bool *is_held, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM legal_hold WHERE person = $1 AND released_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	*is_held = stmt_row(q, why);
	return why->code == FAIL_NONE;
}
