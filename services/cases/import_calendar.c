/* services/cases/import_calendar.c - the yearly notice of days off and days worked instead, and regions' own days.
 *
 *   kind     off, work; or plain: the day is what its weekday says, a correction of an earlier import
 *   region   empty: everywhere; else the days are that region's own
 *
 * A year becomes known by its notice, and a notice that leaves New Year's Day a working day is a fragment: it is refused, because every limit that is
 * computed with it would be wrong. Years are known without a gap. */
#include "services/cases/calendar.h"
#include "services/cases/calendar_year.h"
#include "services/control/import_inside.h"
#include "services/services.h"

enum { DAY_DATE, DAY_KIND, DAY_NAME, DAY_SOURCE, DAY_REGION, DAY_COLUMNS };
enum { HOLIDAY_NAME_MAX = 30, SOURCE_MAX = 60 };
enum { DAY_OFF, DAY_WORKED, DAY_PLAIN };

static bool kind_check(struct import_line *l, struct fail *why)
{
	static const struct str kinds[] = { [DAY_OFF] = { "off", 3 }, [DAY_WORKED] = { "work", 4 }, [DAY_PLAIN] = { "plain", 5 } };
	for (int i = DAY_OFF; i <= DAY_PLAIN; i++)
		if (str_eq(l->fields[DAY_KIND], kinds[i])) {
			l->numbers[DAY_KIND] = i;
			return true;
		}
	return import_refuse(l, DAY_KIND, "neither_off_nor_work_nor_plain", why);
}

static bool day_check(struct import_line *l, struct fail *why)
{
	int32_t day;
	if (!day_from_text(l->fields[DAY_DATE], &day))
		return import_refuse(l, DAY_DATE, "not_a_date", why);
	l->numbers[DAY_DATE] = day;
	l->numbers[DAY_REGION] = REGION_EVERYWHERE;
	if (!kind_check(l, why) || !import_name(l, DAY_NAME, HOLIDAY_NAME_MAX, why) || !import_name(l, DAY_SOURCE, SOURCE_MAX, why))
		return false;
	return l->fields[DAY_REGION].len == 0 || region_code_from(l->fields[DAY_REGION], &l->numbers[DAY_REGION]) ||
	       import_refuse(l, DAY_REGION, "not_a_region_code", why);
}

static int year_at(int32_t day)
{
	int year, month, in_month;
	day_civil(day, &year, &month, &in_month);
	return year;
}

/* The row as it is. DAY_PLAIN: there is none. */
static bool day_find(struct tx *tx, const struct import_line *l, bool *changed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT works, name, source FROM calendar_day WHERE region = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->numbers[DAY_REGION]);
	stmt_bind_int(q, 2, l->numbers[DAY_DATE]);
	if (!stmt_row(q, why)) {
		*changed = l->numbers[DAY_KIND] != DAY_PLAIN;
		return why->code == FAIL_NONE;
	}
	*changed = l->numbers[DAY_KIND] == DAY_PLAIN || stmt_int(q, 0) != (l->numbers[DAY_KIND] == DAY_WORKED) ||
		   !str_eq(stmt_text(q, 1), l->fields[DAY_NAME]) || !str_eq(stmt_text(q, 2), l->fields[DAY_SOURCE]);
	return true;
}

static bool day_write(struct tx *tx, const struct import_line *l, struct fail *why)
{
	bool is_plain = l->numbers[DAY_KIND] == DAY_PLAIN;
	DROP(stmt) struct stmt *q = is_plain ?
		tx_query(tx, "DELETE FROM calendar_day WHERE region = $1 AND day = $2", why) :
		tx_query(tx, "INSERT INTO calendar_day (region, day, works, name, source) VALUES ($1, $2, $3, $4, $5)"
			     " ON CONFLICT (region, day) DO UPDATE SET works = excluded.works, name = excluded.name, source = excluded.source", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->numbers[DAY_REGION]);
	stmt_bind_int(q, 2, l->numbers[DAY_DATE]);
	if (!is_plain) {
		stmt_bind_int(q, 3, l->numbers[DAY_KIND] == DAY_WORKED);
		stmt_bind_text(q, 4, l->fields[DAY_NAME]);
		stmt_bind_text(q, 5, l->fields[DAY_SOURCE]);
	}
	return stmt_run(q, why);
}

/* The years of the notices, those of this file among them. last < first: there is none. */
static bool notices(struct tx *tx, int *first, int *last, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT MIN(day), MAX(day) FROM calendar_day WHERE region = 0", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*first = stmt_is_null(q, 0) ? 1 : year_at((int32_t)stmt_int(q, 0));
	*last = stmt_is_null(q, 1) ? 0 : year_at((int32_t)stmt_int(q, 1));
	return true;
}

static bool day_put(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why)
{
	int first, last, year = year_at((int32_t)l->numbers[DAY_DATE]);
	if (!is_dry && l->numbers[DAY_REGION] != REGION_EVERYWHERE) {
		if (!notices(tx, &first, &last, why))
			return false;
		if (year < first || year > last)
			return import_refuse(l, DAY_DATE, "year_not_known", why);
	}
	return day_find(tx, l, changed, why) && (!*changed || is_dry || day_write(tx, l, why));
}

/* New Year's Day is off in each year (全国年节及纪念日放假办法); a year between two others that has no notice fails by it too. */
static bool calendar_whole(struct tx *tx, const struct import *i, const struct import_line *l, struct fail *why)
{
	struct workdays w;
	int first, last;
	if (i->changed == 0)
		return true;
	if (!notices(tx, &first, &last, why))
		return false;
	if (last - first >= WORKDAYS_YEARS_MAX)
		return import_refuse(l, DAY_DATE, "too_many_years", why);
	if (!calendar_renew(tx, first, last, why) || !calendar_load(tx, REGION_EVERYWHERE, &w, why))
		return false;
	for (int n = 0; n < w.count; n++)
		if (workday_is(&w, w.at[n].begins))
			return import_refuse(l, DAY_DATE, "year_is_a_fragment", why);
	return true;
}

const struct import_kind import_calendar = {
	.name = { "calendar", 8 }, .columns = DAY_COLUMNS, .column_names = { "date", "kind", "name", "source", "region" },
	.check = day_check, .put = day_put, .whole = calendar_whole,
};

/* ---- the table of one year, as two people agree on it ---- */

static bool year_line_check(struct import_line *l, struct fail *why)
{
	if (!day_check(l, why))
		return false;
	if (l->numbers[DAY_KIND] == DAY_PLAIN)
		return import_refuse(l, DAY_KIND, "plain_in_a_whole_year", why);
	return l->numbers[DAY_REGION] == REGION_EVERYWHERE || import_refuse(l, DAY_REGION, "not_everywhere", why);
}

static bool year_line_among(const struct import *i, const struct import_line *l, struct fail *why)
{
	struct calendar_year *y = i->lines;
	int32_t first = day_from_civil(y->year, 1, 1), day = (int32_t)l->numbers[DAY_DATE];
	if (year_at(day) != y->year)
		return import_refuse(l, DAY_DATE, "not_of_this_year", why);
	struct calendar_line *at = &y->days[day - first];
	if (at->line != 0)
		return import_refuse(l, DAY_DATE, "day_twice", why);
	*at = (struct calendar_line){ l->at, l->fields[DAY_NAME], l->numbers[DAY_KIND] == DAY_OFF };
	y->last_line = l->at;
	y->off_count += at->is_off;
	return true;
}

/* A day between two of one holiday is off as well, by the notice or by its weekday. */
static bool gap_behind(const struct calendar_year *y, int from, int *next)
{
	bool gap = false;
	int32_t first = day_from_civil(y->year, 1, 1);
	for (*next = from + 1; *next < CALENDAR_DAYS_MAX; ++*next) {
		const struct calendar_line *at = &y->days[*next];
		if (at->line != 0 && at->is_off && str_eq(at->name, y->days[from].name))
			return gap;
		gap = gap || (at->line != 0 ? !at->is_off : day_in_week(first + *next) < 6);
	}
	return false;
}

static bool year_refuse(int64_t line, const char *reason, struct fail *why)
{
	const struct import_line l = { .at = line, .kind = &import_calendar_year };
	return import_refuse(&l, DAY_DATE, reason, why);
}

static bool is_off(const struct calendar_year *y, int month, int day)
{
	const struct calendar_line *at = &y->days[day_from_civil(y->year, month, day) - day_from_civil(y->year, 1, 1)];
	return at->line != 0 && at->is_off;
}

bool calendar_year_whole(const struct calendar_year *y, struct fail *why)
{
	static const struct { int month, day; } fixed[] = { { 1, 1 }, { 5, 1 }, { 5, 2 }, { 10, 1 }, { 10, 2 }, { 10, 3 } };
	int next;
	for (int i = 0; i < CALENDAR_DAYS_MAX; i++)
		if (y->days[i].line != 0 && y->days[i].is_off && gap_behind(y, i, &next))
			return year_refuse(y->days[next].line, "holiday_with_a_gap", why);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!is_off(y, fixed[i].month, fixed[i].day))
			return year_refuse(y->last_line, "year_is_a_fragment", why);
	return y->off_count >= CALENDAR_OFF_MIN || year_refuse(y->last_line, "year_is_a_fragment", why);
}

const struct import_kind import_calendar_year = {
	.name = { "calendar", 8 }, .columns = DAY_COLUMNS, .column_names = { "date", "kind", "name", "source", "region" },
	.check = year_line_check, .among = year_line_among, .put = day_put, .whole = calendar_whole,
};
