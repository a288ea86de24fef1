/* services/booking/import_booking.c - the rules of booking: when a window group takes people, which matters it takes, and when it does not.
 *
 * Each line is the whole of its group, of a matter in a hall, or of a time without slots; a line that changes something has the group's slots made anew. */
#include "services/booking/booking_rule.h"
#include "services/booking/slot_make.h"
#include "services/control/import_inside.h"
#include "services/guides/guide_words.h"
#include "services/services.h"
#include "store/store.h"

enum { PLACE_HALL, PLACE_WINDOW }; /* of all three */
enum { RULE_SESSIONS = 2, RULE_SLOT, RULE_CAPACITY, RULE_WALK_IN, RULE_HORIZON, RULE_NOTICE, RULE_LETTER, RULE_COLUMNS };
enum { MATTER_CODE = 2, MATTER_STATE, MATTER_COLUMNS };
enum { BLACKOUT_DATE = 2, BLACKOUT_FROM, BLACKOUT_TO, BLACKOUT_STATE, BLACKOUT_NOTE, BLACKOUT_COLUMNS };
enum { NOTE_MAX = 60, MS_A_MINUTE = 60000 };

static bool place_check(struct import_line *l, struct fail *why)
{
	const struct guide_word *kind = guide_word_from(GUIDE_WINDOW, l->fields[PLACE_WINDOW]);
	if (!import_hall_code(l, PLACE_HALL, why))
		return false;
	l->numbers[PLACE_WINDOW] = kind != NULL ? kind->number : 0;
	return kind != NULL || import_refuse(l, PLACE_WINDOW, "not_a_kind_of_window", why);
}

/* "on" or "off": whether it holds, or is taken back. */
static bool state_check(struct import_line *l, int column, struct fail *why)
{
	l->numbers[column] = str_eq(l->fields[column], STR("on"));
	return l->numbers[column] || str_eq(l->fields[column], STR("off")) || import_refuse(l, column, "neither_on_nor_off", why);
}

/* ---- rules ---- */

static bool rule_check(struct import_line *l, struct fail *why)
{
	struct booking_sessions s;
	struct str letter = l->fields[RULE_LETTER];
	if (!place_check(l, why))
		return false;
	if (l->fields[RULE_SESSIONS].len == 0 || !sessions_parse(l->fields[RULE_SESSIONS], &s))
		return import_refuse(l, RULE_SESSIONS, "not_sessions", why);
	if (!import_number(l, RULE_SLOT, 5, 240, why) || !import_number(l, RULE_CAPACITY, 1, 500, why) || !import_number(l, RULE_WALK_IN, 0, 100, why) ||
	    !import_number(l, RULE_HORIZON, 1, 30, why) || !import_number(l, RULE_NOTICE, 0, 10080, why))
		return false;
	if (letter.len != 1 || letter.at[0] < 'A' || letter.at[0] > 'Z')
		return import_refuse(l, RULE_LETTER, "not_a_letter", why);
	return sessions_fit(&s, (int)l->numbers[RULE_SLOT]) || import_refuse(l, RULE_SLOT, "too_many_slots_a_day", why);
}

/* A hall's window as the line names it. */
static bool window_find(struct tx *tx, const struct import_line *l, int64_t *hall, struct fail *why)
{
	if (!import_hall_find(tx, l->fields[PLACE_HALL], hall, why))
		return false;
	if (*hall == 0)
		return import_refuse(l, PLACE_HALL, "unknown_hall", why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM hall_window WHERE hall = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *hall);
	stmt_bind_int(q, 2, l->numbers[PLACE_WINDOW]);
	return stmt_row(q, why) || (why->code == FAIL_NONE && import_refuse(l, PLACE_WINDOW, "no_such_window_there", why));
}

static bool rule_differs(struct tx *tx, const struct import_line *l, int64_t hall, int64_t *id, bool *differs, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, sessions, slot_minutes, capacity, walk_in_percent, horizon_days, notice_minutes, letter FROM booking_group"
		" WHERE hall = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, l->numbers[PLACE_WINDOW]);
	*id = 0;
	*differs = true;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	*differs = !str_eq(stmt_text(q, 1), l->fields[RULE_SESSIONS]) || !str_eq(stmt_text(q, 7), l->fields[RULE_LETTER]);
	for (int column = RULE_SLOT; column <= RULE_NOTICE; column++)
		*differs |= stmt_int(q, column - RULE_SESSIONS + 1) != l->numbers[column];
	return true;
}

static bool letter_is_free(struct tx *tx, const struct import_line *l, int64_t hall, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM booking_group WHERE hall = $1 AND letter = $2 AND kind <> $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_text(q, 2, l->fields[RULE_LETTER]);
	stmt_bind_int(q, 3, l->numbers[PLACE_WINDOW]);
	return stmt_row(q, why) ? import_refuse(l, RULE_LETTER, "letter_of_another_window", why) : why->code == FAIL_NONE;
}

static bool rule_write(struct tx *tx, const struct import_line *l, int64_t hall, int64_t id, struct fail *why)
{
	bool is_there = id != 0;
	if (!is_there && !tx_next_id(tx, "booking_group", &id, why))
		return false;
	DROP(stmt) struct stmt *q = is_there ?
		tx_query(tx, "UPDATE booking_group SET hall = $1, kind = $2, sessions = $3, slot_minutes = $4, capacity = $5, walk_in_percent = $6, horizon_days = $7,"
			" notice_minutes = $8, letter = $9, version = version + 1, pass_day = 0, merged_into = NULL WHERE id = $10", why) :
		tx_query(tx, "INSERT INTO booking_group (hall, kind, sessions, slot_minutes, capacity, walk_in_percent, horizon_days, notice_minutes, letter, id, version,"
			" made_version, made_calendar, made_day, pass_day, pass_calendar) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, 0, 0, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, l->numbers[PLACE_WINDOW]);
	stmt_bind_text(q, 3, l->fields[RULE_SESSIONS]);
	for (int column = RULE_SLOT; column <= RULE_NOTICE; column++)
		stmt_bind_int(q, column + 1, l->numbers[column]);
	stmt_bind_text(q, RULE_LETTER + 1, l->fields[RULE_LETTER]);
	stmt_bind_int(q, RULE_COLUMNS + 1, id);
	return stmt_run(q, why);
}

static bool rule_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t hall = 0, id = 0;
	if (!window_find(tx, l, &hall, why) || !rule_differs(tx, l, hall, &id, changed, why) || !letter_is_free(tx, l, hall, why))
		return false;
	return !*changed || is_dry || rule_write(tx, l, hall, id, why);
}

const struct import_kind import_booking_rules = {
	.name = { "booking_rules", 13 }, .columns = RULE_COLUMNS,
	.column_names = { "hall", "window", "sessions", "slot_minutes", "capacity", "walk_in_percent", "horizon_days", "notice_minutes", "letter" },
	.check = rule_check, .put = rule_put,
};

/* ---- matters ---- */

static bool matter_check(struct import_line *l, struct fail *why)
{
	return place_check(l, why) && (l->fields[MATTER_CODE].len > 0 || import_refuse(l, MATTER_CODE, "empty", why)) && state_check(l, MATTER_STATE, why);
}

static bool matter_find(struct tx *tx, const struct import_line *l, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM matter WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, l->fields[MATTER_CODE]);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && import_refuse(l, MATTER_CODE, "unknown_matter", why);
	*id = stmt_int(q, 0);
	return true;
}

/* The kind of window that takes it there now; 0: none. */
static bool taker_find(struct tx *tx, int64_t hall, int64_t matter, int64_t *kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM window_matter WHERE hall = $1 AND matter = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, matter);
	*kind = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool taker_write(struct tx *tx, int64_t hall, int64_t matter, int64_t kind, bool is_on, struct fail *why)
{
	DROP(stmt) struct stmt *q = is_on ?
		tx_query(tx, "INSERT INTO window_matter (hall, matter, kind) VALUES ($1, $2, $3) ON CONFLICT (hall, matter) DO UPDATE SET kind = excluded.kind", why) :
		tx_query(tx, "DELETE FROM window_matter WHERE hall = $1 AND matter = $2 AND kind = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, matter);
	stmt_bind_int(q, 3, kind);
	return stmt_run(q, why);
}

static bool matter_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t hall = 0, matter = 0, now, wanted = l->numbers[PLACE_WINDOW];
	bool is_on = l->numbers[MATTER_STATE] != 0;
	if (!window_find(tx, l, &hall, why) || !matter_find(tx, l, &matter, why) || !taker_find(tx, hall, matter, &now, why))
		return false;
	*changed = is_on ? now != wanted : now == wanted;
	return !*changed || is_dry || taker_write(tx, hall, matter, wanted, is_on, why);
}

const struct import_kind import_window_matters = {
	.name = { "window_matters", 14 }, .columns = MATTER_COLUMNS, .column_names = { "hall", "window", "matter", "state" }, .check = matter_check, .put = matter_put,
};

/* ---- times without slots ---- */

static bool minute_check(struct import_line *l, int column, struct fail *why)
{
	int minute;
	if (!minute_parse(l->fields[column], &minute))
		return import_refuse(l, column, "not_a_time", why);
	l->numbers[column] = (int64_t)minute * MS_A_MINUTE;
	return true;
}

static bool blackout_check(struct import_line *l, struct fail *why)
{
	int32_t day;
	if (!place_check(l, why))
		return false;
	if (!day_from_text(l->fields[BLACKOUT_DATE], &day))
		return import_refuse(l, BLACKOUT_DATE, "not_a_date", why);
	l->numbers[BLACKOUT_DATE] = day_begins_ms(day);
	if (!minute_check(l, BLACKOUT_FROM, why) || !minute_check(l, BLACKOUT_TO, why))
		return false;
	if (l->numbers[BLACKOUT_FROM] >= l->numbers[BLACKOUT_TO])
		return import_refuse(l, BLACKOUT_TO, "not_after_from", why);
	return state_check(l, BLACKOUT_STATE, why) && import_name(l, BLACKOUT_NOTE, NOTE_MAX, why);
}

static bool group_find(struct tx *tx, const struct import_line *l, int64_t *id, struct fail *why)
{
	int64_t hall = 0;
	if (!window_find(tx, l, &hall, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking_group WHERE hall = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	stmt_bind_int(q, 2, l->numbers[PLACE_WINDOW]);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && import_refuse(l, PLACE_WINDOW, "no_booking_rules", why);
	*id = stmt_int(q, 0);
	return true;
}

static bool blackout_differs(struct tx *tx, const struct import_line *l, int64_t group, bool *differs, struct fail *why)
{
	bool is_on = l->numbers[BLACKOUT_STATE] != 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT note FROM booking_blackout WHERE grp = $1 AND from_ms = $2 AND to_ms = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, l->numbers[BLACKOUT_DATE] + l->numbers[BLACKOUT_FROM]);
	stmt_bind_int(q, 3, l->numbers[BLACKOUT_DATE] + l->numbers[BLACKOUT_TO]);
	bool is_there = stmt_row(q, why);
	*differs = is_there != is_on || (is_there && !str_eq(stmt_text(q, 0), l->fields[BLACKOUT_NOTE]));
	return why->code == FAIL_NONE;
}

static bool blackout_write(struct tx *tx, const struct import_line *l, int64_t group, struct fail *why)
{
	bool is_on = l->numbers[BLACKOUT_STATE] != 0;
	DROP(stmt) struct stmt *q = is_on ?
		tx_query(tx, "INSERT INTO booking_blackout (grp, from_ms, to_ms, note) VALUES ($1, $2, $3, $4) ON CONFLICT (grp, from_ms, to_ms) DO UPDATE SET note = excluded.note", why) :
		tx_query(tx, "DELETE FROM booking_blackout WHERE grp = $1 AND from_ms = $2 AND to_ms = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	stmt_bind_int(q, 2, l->numbers[BLACKOUT_DATE] + l->numbers[BLACKOUT_FROM]);
	stmt_bind_int(q, 3, l->numbers[BLACKOUT_DATE] + l->numbers[BLACKOUT_TO]);
	if (is_on)
		stmt_bind_text(q, 4, l->fields[BLACKOUT_NOTE]);
	return stmt_run(q, why);
}

static bool blackout_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int64_t group = 0;
	if (!group_find(tx, l, &group, why) || !blackout_differs(tx, l, group, changed, why))
		return false;
	return !*changed || is_dry || (blackout_write(tx, l, group, why) && slots_outdated(tx, group, why));
}

const struct import_kind import_blackouts = {
	.name = { "blackouts", 9 }, .columns = BLACKOUT_COLUMNS, .column_names = { "hall", "window", "date", "from", "to", "state", "note" },
	.check = blackout_check, .put = blackout_put,
};
