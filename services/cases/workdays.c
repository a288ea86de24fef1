/* services/cases/workdays.c - one bit a day, and how many of them stand before a place. */
#include "services/cases/workdays.h"

#include <assert.h>
#include <string.h>

enum { SATURDAY = 6 };

static int year_of(int32_t day)
{
	int year, month, in_month;
	day_civil(day, &year, &month, &in_month);
	return year;
}

static int32_t new_year(int year)
{
	return day_from_civil(year, 1, 1);
}

static int place_of(const struct workyear *y, int32_t day)
{
	assert(year_of(day) == y->year);
	return day - new_year(y->year);
}

void workyear_set(struct workyear *y, int32_t day, bool works)
{
	int place = place_of(y, day);
	uint8_t bit = (uint8_t)(1u << place % 8);
	y->bits[place / 8] = (uint8_t)(works ? y->bits[place / 8] | bit : y->bits[place / 8] & ~bit);
}

bool workyear_has(const struct workyear *y, int32_t day)
{
	int place = place_of(y, day);
	return y->bits[place / 8] >> place % 8 & 1;
}

void workyear_plain(struct workyear *y, int year)
{
	*y = (struct workyear){ .year = year };
	for (int32_t day = new_year(year); day < new_year(year + 1); day++)
		workyear_set(y, day, day_in_week(day) < SATURDAY);
}

/* Of the year's first `days` days. */
static int32_t ones(const struct workyear *y, int days)
{
	int32_t count = 0;
	for (int i = 0; i < days / 8; i++)
		count += __builtin_popcount(y->bits[i]);
	return days % 8 == 0 ? count : count + __builtin_popcount(y->bits[days / 8] & ((1u << days % 8) - 1));
}

void workdays_clear(struct workdays *w)
{
	memset(w, 0, sizeof *w);
}

bool workdays_add(struct workdays *w, const struct workyear *y)
{
	int n = w->count;
	if (n == WORKDAYS_YEARS_MAX || (n > 0 && y->year != w->at[n - 1].year.year + 1))
		return false;
	w->at[n].year = *y;
	w->at[n].begins = new_year(y->year);
	w->at[n].before = n == 0 ? 0 : w->at[n - 1].before + ones(&w->at[n - 1].year, w->at[n].begins - w->at[n - 1].begins);
	if (n == 0)
		w->first = w->at[0].begins;
	w->end = new_year(y->year + 1);
	w->count++;
	return true;
}

bool workdays_know(const struct workdays *w, int32_t day)
{
	return day >= w->first && day < w->end;
}

/* The year a known day is in: years are few, and most questions are about the last. */
static int index_of(const struct workdays *w, int32_t day)
{
	int n = w->count - 1;
	while (w->at[n].begins > day)
		n--;
	return n;
}

void workdays_set(struct workdays *w, int32_t day, bool works)
{
	assert(workdays_know(w, day));
	int n = index_of(w, day), change = (int)works - (int)workyear_has(&w->at[n].year, day);
	workyear_set(&w->at[n].year, day, works);
	while (++n < w->count)
		w->at[n].before += change;
}

bool workday_is(const struct workdays *w, int32_t day)
{
	assert(workdays_know(w, day));
	return workyear_has(&w->at[index_of(w, day)].year, day);
}

int32_t workdays_rank(const struct workdays *w, int32_t day)
{
	if (w->count > 0 && day == w->first - 1)
		return 0;
	assert(workdays_know(w, day));
	int n = index_of(w, day);
	return w->at[n].before + ones(&w->at[n].year, day - w->at[n].begins + 1);
}

bool workdays_select(const struct workdays *w, int32_t rank, int32_t *day)
{
	assert(rank >= 1);
	if (w->count == 0)
		return false;
	int n = w->count - 1;
	while (n > 0 && w->at[n].before >= rank)
		n--;
	int32_t left = rank - w->at[n].before;
	for (int i = 0; i < WORKYEAR_BYTES; i++) {
		int here = __builtin_popcount(w->at[n].year.bits[i]);
		if (left > here) {
			left -= here;
			continue;
		}
		int bit = 0;
		while ((left -= w->at[n].year.bits[i] >> bit & 1) > 0)
			bit++;
		*day = w->at[n].begins + i * 8 + bit;
		return true;
	}
	return false;
}
