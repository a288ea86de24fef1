/* services/booking/booking_rule.c - why this exists: slots are the same whoever makes them, and whenever. */
#include "services/booking/booking_rule.h"

enum { MS_A_MINUTE = 60000, WEEKDAYS = 5, MONDAY = 1, HOUR_MINUTES = 60, MINUTE_TEXT = 5 };

static bool digit_pair(const char *at, int *out)
{
	int64_t n;
	if (!str_to_i64((struct str){ at, 2 }, 0, 99, &n))
		return false;
	*out = (int)n;
	return true;
}

bool minute_parse(struct str text, int *minute)
{
	int hours, minutes;
	if (text.len != MINUTE_TEXT || text.at[2] != ':' || !digit_pair(text.at, &hours) || !digit_pair(text.at + 3, &minutes) || minutes >= HOUR_MINUTES)
		return false;
	*minute = hours * HOUR_MINUTES + minutes;
	return *minute <= MINUTES_A_DAY;
}

static bool weekdays_parse(struct str text, struct booking_session *s)
{
	struct str first, last;
	int64_t a, b;
	if (!str_cut(text, '-', &first, &last))
		last = first;
	if (!str_to_i64(first, MONDAY, WEEKDAYS, &a) || !str_to_i64(last, a, WEEKDAYS, &b))
		return false;
	s->first_weekday = (int)a;
	s->last_weekday = (int)b;
	return true;
}

static bool session_parse(struct str text, struct booking_session *s)
{
	struct str days, times, from, to;
	return str_cut(text, ' ', &days, &times) && weekdays_parse(days, s) && str_cut(times, '-', &from, &to) && minute_parse(from, &s->from_minute) &&
	       minute_parse(to, &s->to_minute) && s->from_minute < s->to_minute;
}

static bool overlap(const struct booking_session *a, const struct booking_session *b)
{
	return a->first_weekday <= b->last_weekday && b->first_weekday <= a->last_weekday && a->from_minute < b->to_minute && b->from_minute < a->to_minute;
}

bool sessions_parse(struct str text, struct booking_sessions *out)
{
	struct str one, rest = text;
	out->count = 0;
	do {
		struct booking_session *s = &out->at[out->count];
		str_cut(rest, ';', &one, &rest);
		if (out->count == SESSIONS_MAX || !session_parse(one, s))
			return false;
		for (int i = 0; i < out->count; i++)
			if (overlap(&out->at[i], s))
				return false;
		out->count++;
	} while (rest.len > 0);
	return text.len <= SESSIONS_TEXT_MAX && text.at[text.len - 1] != ';';
}

static bool holds_on(const struct booking_session *s, int weekday)
{
	return weekday >= s->first_weekday && weekday <= s->last_weekday;
}

bool sessions_fit(const struct booking_sessions *s, int slot_minutes)
{
	for (int weekday = MONDAY; weekday <= WEEKDAYS; weekday++) {
		int count = 0;
		for (int i = 0; i < s->count; i++)
			if (holds_on(&s->at[i], weekday))
				count += (s->at[i].to_minute - s->at[i].from_minute) / slot_minutes;
		if (count > SLOTS_A_DAY_MAX)
			return false;
	}
	return true;
}

static void put_in_order(struct slot_time *out, int count, struct slot_time t)
{
	for (; count > 0 && out[count - 1].starts_ms > t.starts_ms; count--)
		out[count] = out[count - 1];
	out[count] = t;
}

int slots_of_day(const struct booking_sessions *s, int slot_minutes, const struct workdays *w, int32_t day, struct slot_time out[SLOTS_A_DAY_MAX])
{
	int weekday = day_in_week(day) <= WEEKDAYS ? day_in_week(day) : MONDAY, count = 0;
	if (!workdays_know(w, day) || !workday_is(w, day))
		return 0;
	for (int i = 0; i < s->count; i++)
		for (int m = s->at[i].from_minute; holds_on(&s->at[i], weekday) && m + slot_minutes <= s->at[i].to_minute && count < SLOTS_A_DAY_MAX; m += slot_minutes) {
			int64_t starts_ms = day_begins_ms(day) + (int64_t)m * MS_A_MINUTE;
			put_in_order(out, count++, (struct slot_time){ starts_ms, starts_ms + (int64_t)slot_minutes * MS_A_MINUTE });
		}
	return count;
}

bool horizon_day(const struct workdays *w, int32_t today, int working_days, int32_t *last)
{
	if (!workdays_know(w, today))
		return false;
	if (!workdays_select(w, workdays_rank(w, today) + working_days, last))
		*last = w->end - 1;
	return true;
}

int64_t bookable_capacity(int64_t capacity, int64_t walk_in_percent)
{
	return capacity - (capacity * walk_in_percent + 99) / 100;
}
