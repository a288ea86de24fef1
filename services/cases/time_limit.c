/* services/cases/time_limit.c - the last day by rank and select: a pause moves the rank wanted by as many counted days as lie in it. */
#include "services/cases/time_limit.h"

#include <assert.h>

/* What is counted: one line of numbered days, working days or all of them, whatever the unit. */
struct line {
	const struct workdays *w;
	enum limit_unit unit;
};

static bool knows(const struct line *c, int32_t day)
{
	return c->unit == LIMIT_CALENDAR_DAYS || (c->w->count > 0 && day >= c->w->first - 1 && day < c->w->end);
}

static int32_t rank(const struct line *c, int32_t day)
{
	return c->unit == LIMIT_CALENDAR_DAYS ? day : workdays_rank(c->w, day);
}

static bool select_day(const struct line *c, int32_t r, int32_t *day)
{
	if (c->unit == LIMIT_WORKING_DAYS)
		return workdays_select(c->w, r, day);
	*day = r;
	return true;
}

/* The pauses by their first day, cut to what lies behind the beginning, open ones ending today; what overlaps is one. Returns how many. */
static int pauses_in_order(const struct time_limit *l, int32_t today, struct day_span out[PAUSES_MAX])
{
	int count = 0;
	assert(l->pause_count <= PAUSES_MAX);
	for (int i = 0; i < l->pause_count; i++) {
		struct day_span s = l->pauses[i];
		s.last = s.last == DAY_OPEN ? today : s.last;
		s.first = s.first <= l->begun ? l->begun + 1 : s.first;
		if (s.first > s.last)
			continue;
		int at = count++;
		for (; at > 0 && out[at - 1].first > s.first; at--)
			out[at] = out[at - 1];
		out[at] = s;
	}
	int kept = 0;
	for (int i = 0; i < count; i++) {
		if (kept > 0 && out[i].first <= out[kept - 1].last + 1)
			out[kept - 1].last = out[i].last > out[kept - 1].last ? out[i].last : out[kept - 1].last;
		else
			out[kept++] = out[i];
	}
	return kept;
}

static bool stands(const struct day_span *spans, int count, int32_t today)
{
	for (int i = 0; i < count; i++)
		if (spans[i].first <= today && today <= spans[i].last)
			return true;
	return false;
}

/* Counted days in (from, to] that no pause takes out. */
static bool counted(const struct line *c, const struct day_span *spans, int count, int32_t from, int32_t to, int32_t *out)
{
	if (!knows(c, from) || !knows(c, to))
		return false;
	*out = rank(c, to) - rank(c, from);
	for (int i = 0; i < count; i++) {
		int32_t first = spans[i].first <= from ? from + 1 : spans[i].first, last = spans[i].last > to ? to : spans[i].last;
		if (first <= last)
			*out -= rank(c, last) - rank(c, first - 1);
	}
	return true;
}

static bool due_day(const struct line *c, const struct time_limit *l, const struct day_span *spans, int count, int32_t *due)
{
	int32_t days = l->days + l->extended;
	*due = l->begun;
	if (!knows(c, l->begun))
		return false;
	if (days == 0)
		return true;
	int32_t wanted = rank(c, l->begun) + days;
	if (!select_day(c, wanted, due))
		return false;
	for (int i = 0; i < count && spans[i].first <= *due; i++) {
		if (!knows(c, spans[i].last))
			return false;
		wanted += rank(c, spans[i].last) - rank(c, spans[i].first - 1);
		if (!select_day(c, wanted, due))
			return false;
	}
	if (l->unit == LIMIT_WORKING_DAYS || !l->to_next_workday)
		return true;
	while (workdays_know(c->w, *due) && !workday_is(c->w, *due))
		++*due;
	return workdays_know(c->w, *due);
}

/* Back from the last day while what is left after a day is little. */
static int32_t yellow_day(const struct line *c, const struct time_limit *l, const struct day_span *spans, int count, int32_t due)
{
	int32_t little = (int32_t)((int64_t)YELLOW_PERCENT * (l->days + l->extended) / 100), left = 0, day = due, here;
	while (day > l->begun && counted(c, spans, count, day - 1, day, &here) && left + here <= little) {
		left += here;
		day--;
	}
	return day;
}

static enum light light_of(const struct time_limit *l, const struct limit_now *now, int32_t today, bool standing)
{
	if (today > now->due)
		return LIGHT_RED;
	if (standing)
		return LIGHT_STANDING;
	if (today == now->due)
		return LIGHT_ORANGE;
	return (int64_t)now->left * 100 > (int64_t)YELLOW_PERCENT * (l->days + l->extended) ? LIGHT_GREEN : LIGHT_YELLOW;
}

struct limit_now limit_look(const struct workdays *w, const struct time_limit *l, int32_t today)
{
	struct day_span spans[PAUSES_MAX];
	struct line c = { w, l->unit };
	struct limit_now now = { .pending = true, .light = LIGHT_PENDING };
	int count = pauses_in_order(l, today, spans);
	int32_t over, from = today > l->begun ? today : l->begun;
	if (!due_day(&c, l, spans, count, &now.due))
		return now;
	if (today <= now.due ? !counted(&c, spans, count, from, now.due, &now.left) : !counted(&c, spans, count, now.due, today, &over))
		return now;
	if (today > now.due)
		now.left = -over;
	now.pending = false;
	now.yellow = yellow_day(&c, l, spans, count, now.due);
	now.light = light_of(l, &now, today, stands(spans, count, today));
	return now;
}
