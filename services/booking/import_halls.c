/* services/booking/import_halls.c - halls (政务大厅) and their composite windows. */
#include "services/guides/guide_words.h"
#include "services/control/import_inside.h"
#include "services/services.h"
#include "store/store.h"

enum { HALL_CODE, HALL_NAME, HALL_REGION, HALL_ADDRESS, HALL_HOURS, HALL_TRANSPORT, HALL_PHONE, HALL_COLUMNS };
enum { WINDOW_HALL, WINDOW_KIND, WINDOW_NAME, WINDOW_COLUMNS };
enum { CODE_MAX = 32, NAME_MAX_CHARACTERS = 60, ADDRESS_MAX = 120, LONG_TEXT_MAX = 200, PHONE_MAX = 40 };

bool import_hall_code(struct import_line *l, int column, struct fail *why)
{
	struct fail ignored;
	fail_clear(&ignored);
	return (l->fields[column].len <= CODE_MAX && check_path_segment(l->fields[column], &ignored)) || import_refuse(l, column, "not_a_code", why);
}

static bool hall_check(struct import_line *l, struct fail *why)
{
	if (!import_hall_code(l, HALL_CODE, why) || !import_name(l, HALL_NAME, NAME_MAX_CHARACTERS, why))
		return false;
	if (!region_code_from(l->fields[HALL_REGION], &l->numbers[HALL_REGION]))
		return import_refuse(l, HALL_REGION, "not_a_region_code", why);
	return import_name(l, HALL_ADDRESS, ADDRESS_MAX, why) && import_name(l, HALL_HOURS, LONG_TEXT_MAX, why) &&
	       import_name(l, HALL_TRANSPORT, LONG_TEXT_MAX, why) && import_name(l, HALL_PHONE, PHONE_MAX, why);
}

bool import_hall_find(struct tx *tx, struct str code, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM hall WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	*id = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool hall_differs(struct tx *tx, const struct import_line *l, int64_t id, bool *differs, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name, region, address, hours, transport, phone FROM hall WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	*differs = true;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*differs = stmt_int(q, 1) != l->numbers[HALL_REGION];
	for (int column = HALL_NAME; column < HALL_COLUMNS; column++)
		if (column != HALL_REGION)
			*differs |= !str_eq(stmt_text(q, column - HALL_NAME), l->fields[column]);
	return true;
}

static bool region_is_there(struct tx *tx, const struct import_line *l, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->numbers[HALL_REGION]);
	return stmt_row(q, why) || (why->code == FAIL_NONE && import_refuse(l, HALL_REGION, "unknown_region", why));
}

static bool hall_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t id;
	if (!region_is_there(tx, l, why) || !import_hall_find(tx, l->fields[HALL_CODE], &id, why) || !hall_differs(tx, l, id, changed, why))
		return false;
	if (!*changed || is_dry)
		return true;
	bool is_there = id != 0;
	if (!is_there && !tx_next_id(tx, "hall", &id, why))
		return false;
	DROP(stmt) struct stmt *q = is_there ?
		tx_query(tx, "UPDATE hall SET code = $1, name = $2, region = $3, address = $4, hours = $5, transport = $6, phone = $7 WHERE id = $8", why) :
		tx_query(tx, "INSERT INTO hall (code, name, region, address, hours, transport, phone, id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	for (int column = 0; column < HALL_COLUMNS; column++)
		if (column == HALL_REGION)
			stmt_bind_int(q, column + 1, l->numbers[column]);
		else
			stmt_bind_text(q, column + 1, l->fields[column]);
	stmt_bind_int(q, HALL_COLUMNS + 1, id);
	return stmt_run(q, why);
}

const struct import_kind import_halls = {
	.name = { "halls", 5 }, .columns = HALL_COLUMNS, .column_names = { "code", "name", "region", "address", "hours", "transport", "phone" },
	.check = hall_check, .put = hall_put,
};

/* ---- windows ---- */

static bool window_check(struct import_line *l, struct fail *why)
{
	const struct guide_word *kind = guide_word_from(GUIDE_WINDOW, l->fields[WINDOW_KIND]);
	if (!import_hall_code(l, WINDOW_HALL, why))
		return false;
	if (kind == NULL)
		return import_refuse(l, WINDOW_KIND, "not_a_kind_of_window", why);
	l->numbers[WINDOW_KIND] = kind->number;
	return import_name(l, WINDOW_NAME, NAME_MAX_CHARACTERS, why);
}

static bool window_differs(struct tx *tx, const struct import_line *l, int64_t hall, bool *differs, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM hall_window WHERE hall = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, l->numbers[WINDOW_KIND]);
	*differs = !stmt_row(q, why) || !str_eq(stmt_text(q, 0), l->fields[WINDOW_NAME]);
	return why->code == FAIL_NONE;
}

static bool window_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t hall;
	if (!import_hall_find(tx, l->fields[WINDOW_HALL], &hall, why))
		return false;
	if (hall == 0)
		return import_refuse(l, WINDOW_HALL, "unknown_hall", why);
	if (!window_differs(tx, l, hall, changed, why))
		return false;
	if (!*changed || is_dry)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO hall_window (hall, kind, name) VALUES ($1, $2, $3)"
		" ON CONFLICT (hall, kind) DO UPDATE SET name = excluded.name", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, l->numbers[WINDOW_KIND]);
	stmt_bind_text(q, 3, l->fields[WINDOW_NAME]);
	return stmt_run(q, why);
}

const struct import_kind import_windows = {
	.name = { "windows", 7 }, .columns = WINDOW_COLUMNS, .column_names = { "hall", "kind", "name" }, .check = window_check, .put = window_put,
};
