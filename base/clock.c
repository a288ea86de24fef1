/* base/clock.c - why this exists: time is asked in one place, and dates are reckoned without the machine's zone files,
 * which a container may lack and an operator may change.
 */
#include "base/clock.h"
#include "base/day.h"

#include <stdatomic.h>
#include <time.h>

enum { DAY_MS = 86400000, SHANGHAI_MS = 8 * 3600000, DATE_BYTES = 11 };

/* 0001-01-01T00:00:00.000 and 9999-12-31T23:59:59.999, both at +08:00: what four digits of a year can show. */
#define SHOWN_MIN_MS (INT64_C(-62135596800000) - SHANGHAI_MS)
#define SHOWN_MAX_MS (INT64_C(253402300799999) - SHANGHAI_MS)

static int64_t ask(clockid_t which, int64_t per_s, int64_t ns_per)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * per_s + (int64_t)t.tv_nsec / ns_per;
}

static _Atomic(const struct clock *) replaced;

int64_t clock_wall_ms(void)
{
	const struct clock *c = atomic_load_explicit(&replaced, memory_order_relaxed);
	return c != NULL ? c->wall_ms(c->ctx) : ask(CLOCK_REALTIME, 1000, 1000000);
}

int64_t clock_mono_ns(void)
{
	const struct clock *c = atomic_load_explicit(&replaced, memory_order_relaxed);
	return c != NULL ? c->mono_ns(c->ctx) : ask(CLOCK_MONOTONIC, 1000000000, 1);
}

int64_t clock_boot_ms(void)
{
	const struct clock *c = atomic_load_explicit(&replaced, memory_order_relaxed);
	return c != NULL ? c->mono_ns(c->ctx) / 1000000 : ask(CLOCK_BOOTTIME, 1000, 1000000);
}

int64_t clock_thread_cpu_ns(void)
{
	return ask(CLOCK_THREAD_CPUTIME_ID, 1000000000, 1);
}

void clock_replace(const struct clock *c)
{
	atomic_store(&replaced, c);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t shown(int64_t ms)
{
	return ms < SHOWN_MIN_MS ? SHOWN_MIN_MS : ms > SHOWN_MAX_MS ? SHOWN_MAX_MS : ms;
}

void time_civil(int64_t ms, int *year, int *month, int *day)
{
	day_civil((int32_t)floor_div(shown(ms) + SHANGHAI_MS, DAY_MS), year, month, day);
}

int32_t time_yyyymmdd(int64_t ms)
{
	int year, month, day;
	time_civil(ms, &year, &month, &day);
	return year * 10000 + month * 100 + day;
}

static inline char *put_2(char *at, int v)
{
	memcpy(at, two_digits[v], 2);
	return at + 2;
}

/* "2026-11-23T" of the days since 1970-01-01. Most times that are shown one after the other are of one day. */
static const char *date_of(int64_t days)
{
	static _Thread_local struct {
		int64_t days;
		char text[DATE_BYTES];
	} last = { .days = INT64_MIN };
	if (last.days == days)
		return last.text;
	int year, month, day;
	day_civil((int32_t)days, &year, &month, &day);
	char *at = put_2(put_2(last.text, year / 100), year % 100);
	*at++ = '-';
	at = put_2(at, month);
	*at++ = '-';
	*put_2(at, day) = 'T';
	last.days = days;
	return last.text;
}

size_t time_rfc3339(int64_t ms, char out[RFC3339_BYTES])
{
	int64_t local = shown(ms) + SHANGHAI_MS, day = floor_div(local, DAY_MS);
	int in_day = (int)(local - day * DAY_MS);
	memcpy(out, date_of(day), DATE_BYTES);
	int second = in_day / 1000, minute = second / 60, hour = minute / 60;
	char *at = put_2(out + DATE_BYTES, hour);
	*at++ = ':';
	at = put_2(at, minute - hour * 60);
	*at++ = ':';
	at = put_2(at, second - minute * 60);
	int ms_left = in_day - second * 1000;
	*at++ = '.';
	*at++ = (char)('0' + ms_left / 100);
	at = put_2(at, ms_left % 100);
	memcpy(at, "+08:00", sizeof "+08:00");
	return RFC3339_BYTES - 1;
}

/* -- reading */

static bool digits(struct str s, size_t from, size_t count, int min, int max, int *out)
{
	int v = 0;
	for (size_t i = from; i < from + count; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		v = v * 10 + (s.at[i] - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

/* ".123456" to 123; *used counts the bytes, 0 when there is no fraction. */
static bool fraction(struct str s, int *ms, size_t *used)
{
	*ms = 0;
	*used = 0;
	if (s.len == 0 || s.at[0] != '.')
		return true;
	int scale = 100;
	size_t i = 1;
	for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++, scale /= 10)
		*ms += (s.at[i] - '0') * scale;
	*used = i;
	return i > 1;
}

/* "Z" or "+08:00", the whole of s, in minutes east. */
static bool offset(struct str s, int *minutes)
{
	*minutes = 0;
	if (s.len == 1)
		return s.at[0] == 'Z' || s.at[0] == 'z';
	int hour, minute;
	if (s.len != 6 || (s.at[0] != '+' && s.at[0] != '-') || s.at[3] != ':')
		return false;
	if (!digits(s, 1, 2, 0, 23, &hour) || !digits(s, 4, 2, 0, 59, &minute))
		return false;
	*minutes = (s.at[0] == '-' ? -1 : 1) * (hour * 60 + minute);
	return true;
}

bool time_from_rfc3339(struct str s, int64_t *ms)
{
	int year, month, day, hour, minute, second, milli, east;
	size_t used;
	if (s.len < 20 || s.len > 64 || s.at[4] != '-' || s.at[7] != '-' || (s.at[10] != 'T' && s.at[10] != 't') || s.at[13] != ':' || s.at[16] != ':')
		return false;
	if (!digits(s, 0, 4, 1970, 9999, &year) || !digits(s, 5, 2, 1, 12, &month) || !digits(s, 8, 2, 1, month_days(year, month), &day))
		return false;
	if (!digits(s, 11, 2, 0, 23, &hour) || !digits(s, 14, 2, 0, 59, &minute) || !digits(s, 17, 2, 0, 60, &second))
		return false;
	struct str rest = { s.at + 19, s.len - 19 };
	if (!fraction(rest, &milli, &used) || !offset((struct str){ rest.at + used, rest.len - used }, &east))
		return false;
	int64_t in_minutes = (int64_t)day_from_civil(year, month, day) * 1440 + hour * 60 + minute - east;
	int64_t next_day = floor_div(in_minutes + 1, 1440);
	if (second == 60) { /* a leap second ends a UTC month and nothing else (RFC 3339 5.7) */
		day_civil((int32_t)next_day, &year, &month, &day);
		if (next_day * 1440 != in_minutes + 1 || day != 1)
			return false;
	}
	int64_t found = (in_minutes * 60 + second) * 1000 + milli;
	if (found < 0 || found > SHOWN_MAX_MS)
		return false;
	*ms = found;
	return true;
}
