/* services/control/import_notice.c - versions of the privacy notice. One that somebody has agreed to keeps its words: a change is a new version. */
#include "base/day.h"
#include "services/control/import_inside.h"
#include "services/services.h"
#include "store/store.h"

enum { VERSION, FROM, TITLE, TEXT, COLUMNS };
enum { VERSION_MAX = 16, TITLE_MAX = 60, TEXT_MAX = 4000 };
#define DAY_MS INT64_C(86400000)
#define SHANGHAI_MS INT64_C(28800000)

static bool check(struct import_line *l, struct fail *why)
{
	int32_t day;
	struct str version = l->fields[VERSION];
	if (version.len == 0 || version.len > VERSION_MAX || !str_is_visible_ascii(version) || !check_path_segment(version, why))
		return import_refuse(l, VERSION, "not_a_version", why);
	if (!day_from_text(l->fields[FROM], &day))
		return import_refuse(l, FROM, "not_a_date", why);
	l->numbers[FROM] = day * DAY_MS - SHANGHAI_MS;
	return import_name(l, TITLE, TITLE_MAX, why) && import_name(l, TEXT, TEXT_MAX, why);
}

static bool is_agreed_to(struct tx *tx, struct str version, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM consent WHERE notice = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, version);
	*is_so = stmt_row(q, why) && stmt_int(q, 0) > 0;
	return why->code == FAIL_NONE;
}

static bool find(struct tx *tx, const struct import_line *l, bool *is_there, bool *changed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT from_ms, title, text FROM notice WHERE version = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[VERSION]);
	*is_there = stmt_row(q, why);
	*changed = !*is_there || stmt_int(q, 0) != l->numbers[FROM] || !str_eq(stmt_text(q, 1), l->fields[TITLE]) || !str_eq(stmt_text(q, 2), l->fields[TEXT]);
	return why->code == FAIL_NONE;
}

static bool put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	bool is_there, is_used = false;
	if (!find(tx, l, &is_there, changed, why) || (is_there && *changed && !is_agreed_to(tx, l->fields[VERSION], &is_used, why)))
		return false;
	if (is_used)
		return import_refuse(l, VERSION, "agreed_to_already", why);
	if (!*changed || is_dry)
		return true;
	DROP(stmt) struct stmt *q = is_there ? tx_query(tx, "UPDATE notice SET from_ms = $1, title = $2, text = $3 WHERE version = $4", why)
		: tx_query(tx, "INSERT INTO notice (from_ms, title, text, version) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->numbers[FROM]);
	stmt_bind_text(q, 2, l->fields[TITLE]);
	stmt_bind_text(q, 3, l->fields[TEXT]);
	stmt_bind_text(q, 4, l->fields[VERSION]);
	return stmt_run(q, why);
}

const struct import_kind import_notices = {
	.name = { "notices", 7 }, .columns = COLUMNS, .column_names = { "version", "from", "title", "text" }, .check = check, .put = put,
};
