/* services/cases/calendar.c - a year is read as bits; only days of a region's own are rows then, and there are few. */
#include "services/cases/calendar.h"

#include <string.h>

/* A region and what it lies in, from the widest: province, prefecture, county, township (GB/T 2260, GB/T 10114). */
enum { AROUND_MAX = 4 };

static int around(int64_t region, int64_t out[AROUND_MAX])
{
	int count = 0;
	int64_t county = region > 999999 ? region / 1000 : region;
	const int64_t all[AROUND_MAX] = { county / 10000 * 10000, county / 100 * 100, county, region };
	for (int i = 0; i < AROUND_MAX; i++)
		if (all[i] != REGION_EVERYWHERE && (count == 0 || all[i] != out[count - 1]))
			out[count++] = all[i];
	return count;
}

static bool years_load(struct tx *tx, struct workdays *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT year, bits FROM calendar_year ORDER BY year DESC LIMIT $1", why);
	struct workyear years[WORKDAYS_YEARS_MAX];
	int count = 0;
	workdays_clear(out);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, WORKDAYS_YEARS_MAX);
	for (; stmt_row(q, why); count++) {
		struct str bits = stmt_blob(q, 1);
		if (bits.len != WORKYEAR_BYTES)
			return FAILS(why, STORE, "calendar_year %lld: %zu bytes", (long long)stmt_int(q, 0), bits.len);
		years[count].year = (int)stmt_int(q, 0);
		memcpy(years[count].bits, bits.at, WORKYEAR_BYTES);
	}
	while (why->code == FAIL_NONE && count > 0)
		if (!workdays_add(out, &years[--count]))
			return FAILS(why, STORE, "calendar_year %d does not follow the year before", years[count].year);
	return why->code == FAIL_NONE;
}

static bool own_days(struct tx *tx, int64_t region, struct workdays *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT day, works FROM calendar_day WHERE region = $1 AND day >= $2 AND day < $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, region);
	stmt_bind_int(q, 2, out->first);
	stmt_bind_int(q, 3, out->end);
	while (stmt_row(q, why))
		workdays_set(out, (int32_t)stmt_int(q, 0), stmt_int(q, 1) != 0);
	return why->code == FAIL_NONE;
}

bool calendar_load(struct tx *tx, int64_t region, struct workdays *out, struct fail *why)
{
	int64_t regions[AROUND_MAX];
	int count = around(region, regions);
	if (!years_load(tx, out, why))
		return false;
	for (int i = 0; i < count && out->count > 0; i++)
		if (!own_days(tx, regions[i], out, why))
			return false;
	return true;
}

bool calendar_version(struct tx *tx, int64_t *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(version), 0) FROM calendar_year", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*out = stmt_int(q, 0);
	return true;
}

static bool year_of_days(struct tx *tx, int year, struct workyear *y, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT day, works FROM calendar_day WHERE region = 0 AND day >= $1 AND day < $2", why);
	if (q == NULL)
		return false;
	workyear_plain(y, year);
	stmt_bind_int(q, 1, day_from_civil(year, 1, 1));
	stmt_bind_int(q, 2, day_from_civil(year + 1, 1, 1));
	while (stmt_row(q, why))
		workyear_set(y, (int32_t)stmt_int(q, 0), stmt_int(q, 1) != 0);
	return why->code == FAIL_NONE;
}

static bool year_write(struct tx *tx, const struct workyear *y, int64_t version, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO calendar_year (year, bits, version) VALUES ($1, $2, $3)"
		" ON CONFLICT (year) DO UPDATE SET bits = excluded.bits, version = excluded.version", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, y->year);
	stmt_bind_blob(q, 2, y->bits, sizeof y->bits);
	stmt_bind_int(q, 3, version);
	return stmt_run(q, why);
}

static bool forget_others(struct tx *tx, int first, int last, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM calendar_year WHERE year < $1 OR year > $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, first);
	stmt_bind_int(q, 2, last);
	return stmt_run(q, why);
}

bool calendar_renew(struct tx *tx, int first, int last, struct fail *why)
{
	struct workyear y;
	int64_t version;
	if (!calendar_version(tx, &version, why) || !forget_others(tx, first, last, why))
		return false;
	for (int year = first; year <= last; year++)
		if (!year_of_days(tx, year, &y, why) || !year_write(tx, &y, version + 1, why))
			return false;
	return true;
}

bool calendar_touch(struct tx *tx, struct fail *why)
{
	int64_t version;
	if (!calendar_version(tx, &version, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE calendar_year SET version = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, version + 1);
	return stmt_run(q, why);
}
