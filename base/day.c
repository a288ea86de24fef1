/* base/day.c - whole-number arithmetic over 400-year eras beginning on 1 March, so that the leap day is the last of its year. */
#include "base/day.h"

#include <assert.h>
#include <string.h>

enum { DAY_MS = 86400000, SHANGHAI_MS = 8 * 3600000, ERA_DAYS = 146097, EPOCH_SHIFT_DAYS = 719468 /* 0000-03-01 to 1970-01-01 */ };
enum { TEXT_YEAR_FIRST = 1970, TEXT_YEAR_LAST = 2199, THURSDAY = 4 /* 1970-01-01 */ };

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void day_civil(int32_t day, int *year, int *month, int *in_month)
{
	int64_t days = (int64_t)day + EPOCH_SHIFT_DAYS;
	int64_t era = floor_div(days, ERA_DAYS);
	int in_era = (int)(days - era * ERA_DAYS);
	int y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int in_year = in_era - (365 * y + y / 4 - y / 100); /* from 1 March */
	int m = (5 * in_year + 2) / 153;
	*in_month = in_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)(era * 400 + y + (*month <= 2));
}

int32_t day_from_civil(int year, int month, int in_month)
{
	assert(month >= 1 && month <= 12 && in_month >= 1 && in_month <= month_days(year, month));
	int y = year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int in_era = (int)(y - era * 400);
	int in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + in_month - 1;
	return (int32_t)(era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_SHIFT_DAYS);
}

int32_t day_of(int64_t ms)
{
	return (int32_t)floor_div(ms + SHANGHAI_MS, DAY_MS);
}

int64_t day_begins_ms(int32_t day)
{
	return (int64_t)day * DAY_MS - SHANGHAI_MS;
}

int day_in_week(int32_t day)
{
	return (int)((((int64_t)day + THURSDAY - 1) % 7 + 7) % 7) + 1;
}

int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

static bool number_at(struct str s, size_t from, size_t count, int *out)
{
	*out = 0;
	for (size_t i = from; i < from + count; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*out = *out * 10 + (s.at[i] - '0');
	}
	return true;
}

bool day_from_text(struct str s, int32_t *day)
{
	int year, month, in_month;
	if (s.len != DAY_TEXT_BYTES - 1 || s.at[4] != '-' || s.at[7] != '-')
		return false;
	if (!number_at(s, 0, 4, &year) || !number_at(s, 5, 2, &month) || !number_at(s, 8, 2, &in_month))
		return false;
	if (year < TEXT_YEAR_FIRST || year > TEXT_YEAR_LAST || month < 1 || month > 12 || in_month < 1 || in_month > month_days(year, month))
		return false;
	*day = day_from_civil(year, month, in_month);
	return true;
}

static void write_day(int32_t day, char out[DAY_TEXT_BYTES])
{
	int year, month, in_month;
	day_civil(day, &year, &month, &in_month);
	assert(year >= 0 && year <= 9999);
	memcpy(out, two_digits[year / 100], 2);
	memcpy(out + 2, two_digits[year % 100], 2);
	out[4] = '-';
	memcpy(out + 5, two_digits[month], 2);
	out[7] = '-';
	memcpy(out + 8, two_digits[in_month], 2);
	out[10] = '\0';
}

/* The days that are shown, last days of cases above all, are few: each thread keeps those it wrote. */
void day_text(int32_t day, char out[DAY_TEXT_BYTES])
{
	enum { KEPT = 64 };
	static _Thread_local struct {
		int64_t which; /* 0: nothing yet */
		char text[DAY_TEXT_BYTES];
	} kept[KEPT];
	unsigned at = (unsigned)day % KEPT;
	int64_t which = (int64_t)day - INT32_MIN + 1;
	if (kept[at].which != which) {
		write_day(day, kept[at].text);
		kept[at].which = which;
	}
	memcpy(out, kept[at].text, DAY_TEXT_BYTES);
}
