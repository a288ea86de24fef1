/* services/guides/import_catalogue.c - regions, departments and matters: each refers to the one before. */
#include "auth/identity_number.h"
#include "services/control/import_inside.h"
#include "services/departments/department.h"
#include "services/guides/guide_rows.h"
#include "services/guides/matter.h"
#include "services/services.h"
#include "store/store.h"

enum { REGION_NAME_MAX = 30, DEPARTMENT_NAME_MAX = 60, MATTER_NAME_MAX = 100, MATTER_CODE_MAX = 64, DAYS_MAX = 3650, TRIPS_MAX = 9 };

static bool is_region_code(struct import_line *l, int column, struct fail *why)
{
	return region_code_from(l->fields[column], &l->numbers[column]) || import_refuse(l, column, "not_a_region_code", why);
}

static bool is_organisation(struct import_line *l, int column, struct fail *why)
{
	struct identity identity;
	return (l->fields[column].len == IDENTITY_USCC_LENGTH && identity_organisation(l->fields[column], &identity) == IDENTITY_FINE) ||
	       import_refuse(l, column, "not_a_uscc", why);
}

/* ---- regions ---- */

enum { REGION_CODE, REGION_NAME, REGION_LEVEL, REGION_PARENT, REGION_COLUMNS };

static int64_t parent_of(int64_t code, int64_t level)
{
	return level == 4 ? code / 1000 : level == 3 ? code / 100 * 100 : level == 2 ? code / 10000 * 10000 : 0;
}

static int64_t level_of(int64_t code)
{
	return code > 999999 ? 4 : code % 100 != 0 ? 3 : code % 10000 != 0 ? 2 : 1;
}

static bool region_check(struct import_line *l, struct fail *why)
{
	if (!is_region_code(l, REGION_CODE, why) || !import_name(l, REGION_NAME, REGION_NAME_MAX, why) || !import_number(l, REGION_LEVEL, 1, 4, why))
		return false;
	if (level_of(l->numbers[REGION_CODE]) != l->numbers[REGION_LEVEL])
		return import_refuse(l, REGION_LEVEL, "not_the_code's_level", why);
	l->numbers[REGION_PARENT] = 0;
	if (l->fields[REGION_PARENT].len > 0 && !is_region_code(l, REGION_PARENT, why))
		return false;
	return l->numbers[REGION_PARENT] == parent_of(l->numbers[REGION_CODE], l->numbers[REGION_LEVEL]) ||
	       import_refuse(l, REGION_PARENT, "not_the_code's_parent", why);
}

/* 1 there, 0 not, -1 failed */
static int region_exists(struct tx *tx, int64_t code, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return -1;
	stmt_bind_int(q, 1, code);
	return stmt_row(q, why) ? 1 : why->code == FAIL_NONE ? 0 : -1;
}

static bool refers_to_region(struct tx *tx, const struct import_line *l, int column, struct fail *why)
{
	int found = region_exists(tx, l->numbers[column], why);
	return found > 0 || (found == 0 && import_refuse(l, column, "unknown_region", why));
}

static void bind_parent(struct stmt *q, int n, int64_t parent)
{
	if (parent == 0)
		stmt_bind_null(q, n);
	else
		stmt_bind_int(q, n, parent);
}

static bool region_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	bool is_there;
	int64_t parent = l->numbers[REGION_PARENT];
	/* dry: the parent may stand in an earlier chunk; the codes already fit each other */
	if (parent != 0 && !is_dry && !refers_to_region(tx, l, REGION_PARENT, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name, level, parent FROM region WHERE code = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, l->numbers[REGION_CODE]);
		is_there = stmt_row(q, why);
		if (why->code != FAIL_NONE)
			return false;
		*changed = !is_there || !str_eq(stmt_text(q, 0), l->fields[REGION_NAME]) || stmt_int(q, 1) != l->numbers[REGION_LEVEL] ||
			   (stmt_is_null(q, 2) ? 0 : stmt_int(q, 2)) != parent;
	}
	if (!*changed || is_dry)
		return true;
	DROP(stmt) struct stmt *q = is_there ?
		tx_query(tx, "UPDATE region SET name = $1, level = $2, parent = $3 WHERE code = $4", why) :
		tx_query(tx, "INSERT INTO region (name, level, parent, code) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[REGION_NAME]);
	stmt_bind_int(q, 2, l->numbers[REGION_LEVEL]);
	bind_parent(q, 3, parent);
	stmt_bind_int(q, 4, l->numbers[REGION_CODE]);
	return stmt_run(q, why);
}

const struct import_kind import_regions = {
	.name = { "regions", 7 }, .columns = REGION_COLUMNS, .column_names = { "code", "name", "level", "parent" }, .check = region_check, .put = region_put,
};

/* ---- departments ---- */

enum { DEPARTMENT_CODE, DEPARTMENT_NAME, DEPARTMENT_REGION, DEPARTMENT_COLUMNS };

static bool department_check(struct import_line *l, struct fail *why)
{
	return is_organisation(l, DEPARTMENT_CODE, why) && import_name(l, DEPARTMENT_NAME, DEPARTMENT_NAME_MAX, why) &&
	       is_region_code(l, DEPARTMENT_REGION, why);
}

static bool department_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t id = 0;
	bool is_there;
	if (!refers_to_region(tx, l, DEPARTMENT_REGION, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, name, region FROM department WHERE code = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_text(q, 1, l->fields[DEPARTMENT_CODE]);
		is_there = stmt_row(q, why);
		if (why->code != FAIL_NONE)
			return false;
		id = is_there ? stmt_int(q, 0) : 0;
		*changed = !is_there || !str_eq(stmt_text(q, 1), l->fields[DEPARTMENT_NAME]) || stmt_int(q, 2) != l->numbers[DEPARTMENT_REGION];
	}
	if (!*changed || is_dry)
		return true;
	if (!is_there && !tx_next_id(tx, "department", &id, why))
		return false;
	DROP(stmt) struct stmt *q = is_there ?
		tx_query(tx, "UPDATE department SET code = $1, name = $2, region = $3 WHERE id = $4", why) :
		tx_query(tx, "INSERT INTO department (code, name, region, id) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[DEPARTMENT_CODE]);
	stmt_bind_text(q, 2, l->fields[DEPARTMENT_NAME]);
	stmt_bind_int(q, 3, l->numbers[DEPARTMENT_REGION]);
	stmt_bind_int(q, 4, id);
	return stmt_run(q, why);
}

const struct import_kind import_departments = {
	.name = { "departments", 11 }, .columns = DEPARTMENT_COLUMNS, .column_names = { "code", "name", "region" },
	.check = department_check, .put = department_put,
};

/* ---- matters ---- */

enum { MATTER_CODE, MATTER_NAME, MATTER_DEPARTMENT, MATTER_REGION, MATTER_TYPE, MATTER_LEGAL, MATTER_PROMISED, MATTER_TRIPS, MATTER_ONLINE, MATTER_COLUMNS };
_Static_assert((int)MATTER_COLUMNS <= (int)IMPORT_COLUMNS_MAX, "the widest table");

static bool is_matter_type(struct import_line *l, struct fail *why)
{
	for (int64_t type = MATTER_IMMEDIATE; type <= MATTER_COMMITMENT; type++)
		if (str_eq(l->fields[MATTER_TYPE], matter_type_name(type))) {
			l->numbers[MATTER_TYPE] = type;
			return true;
		}
	return import_refuse(l, MATTER_TYPE, "neither_immediate_nor_commitment", why);
}

static bool matter_check(struct import_line *l, struct fail *why)
{
	if (!check_path_segment(l->fields[MATTER_CODE], why) || l->fields[MATTER_CODE].len > MATTER_CODE_MAX)
		return import_refuse(l, MATTER_CODE, "not_a_code", why);
	if (!import_name(l, MATTER_NAME, MATTER_NAME_MAX, why) || !is_organisation(l, MATTER_DEPARTMENT, why) || !is_region_code(l, MATTER_REGION, why) ||
	    !is_matter_type(l, why) || !import_number(l, MATTER_LEGAL, 0, DAYS_MAX, why) || !import_number(l, MATTER_PROMISED, 0, DAYS_MAX, why) ||
	    !import_number(l, MATTER_TRIPS, 0, TRIPS_MAX, why) || !import_number(l, MATTER_ONLINE, 0, 1, why))
		return false;
	int64_t legal = l->numbers[MATTER_LEGAL], promised = l->numbers[MATTER_PROMISED];
	return promised <= legal || import_refuse(l, MATTER_PROMISED, "longer_than_legal_days", why);
}

/* id 0: not there */
static bool matter_find(struct tx *tx, const struct import_line *l, int64_t department, int64_t *id, bool *changed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, name, department, region, type, legal_days, promised_days, trips, online, load FROM matter WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[MATTER_CODE]);
	*id = 0;
	*changed = true;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	*changed = !str_eq(stmt_text(q, 1), l->fields[MATTER_NAME]) || stmt_int(q, 2) != department || !stmt_is_null(q, MATTER_COLUMNS);
	for (int column = MATTER_REGION; column < MATTER_COLUMNS; column++)
		*changed |= stmt_int(q, column) != l->numbers[column]; /* the query's order is the file's */
	return true;
}

static bool matter_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t department, id;
	int found = department_find(tx, l->fields[MATTER_DEPARTMENT], &department, why);
	if (found < 0)
		return false;
	if (found == 0)
		return import_refuse(l, MATTER_DEPARTMENT, "unknown_department", why);
	if (!refers_to_region(tx, l, MATTER_REGION, why) || !matter_find(tx, l, department, &id, changed, why))
		return false;
	if (!*changed || is_dry)
		return true;
	bool is_there = id != 0;
	if (!is_there && !tx_next_id(tx, "matter", &id, why))
		return false;
	DROP(stmt) struct stmt *q = is_there ?
		tx_query(tx, "UPDATE matter SET code = $1, name = $2, department = $3, region = $4, type = $5, legal_days = $6, promised_days = $7,"
			     " trips = $8, online = $9, load = NULL WHERE id = $10", why) :
		tx_query(tx, "INSERT INTO matter (code, name, department, region, type, legal_days, promised_days, trips, online, id)"
			     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[MATTER_CODE]);
	stmt_bind_text(q, 2, l->fields[MATTER_NAME]);
	stmt_bind_int(q, 3, department);
	for (int column = MATTER_REGION; column < MATTER_COLUMNS; column++)
		stmt_bind_int(q, column + 1, l->numbers[column]);
	stmt_bind_int(q, MATTER_COLUMNS + 1, id);
	return stmt_run(q, why);
}

static bool matters_whole(struct tx *tx, const struct import *i, const struct import_line *last, struct fail *why)
{
	(void)last;
	return i->changed == 0 || catalogue_changed(tx, why);
}

const struct import_kind import_matters = {
	.name = { "matters", 7 }, .columns = MATTER_COLUMNS,
	.column_names = { "code", "name", "department", "region", "type", "legal_days", "promised_days", "trips", "online" },
	.check = matter_check, .put = matter_put, .whole = matters_whole,
};
