/* tests/sim/days_model.c - the promises of a hall, in words. */
#include "days.h"

#include <string.h>

/* Two windows: commerce has two seats an hour and is booked until the last moment; land has three of four (one is kept for who walks in) and wants two hours' notice. */
static const int seats_of[D_GROUPS] = { 2, 3 };

void reason(struct reasons *r, const char *slug)
{
	r->slugs[r->count++] = slug;
}

bool reasons_have(const struct reasons *r, const char *slug)
{
	for (int i = 0; i < r->count; i++)
		if (strcmp(r->slugs[i], slug) == 0)
			return true;
	return false;
}

/* ---- days and places ---- */

/* 1970-01-01 was a Thursday. The tests' calendar names no day off but New Year's. */
bool d_is_workday(int day)
{
	static const int new_years[] = { 20819, 21184, 21550 }; /* 2027, 2028, 2029 */
	for (int i = 0; i < 3; i++)
		if (day == new_years[i])
			return false;
	return (day + 3) % 7 < 5;
}

int d_last_day(int today)
{
	int day = today;
	for (int ahead = 0; ahead < D_HORIZON;)
		ahead += d_is_workday(++day);
	return day;
}

int64_t d_slot_starts(int day, int slot)
{
	return (int64_t)day * D_DAY - 8 * D_HOUR + (9 + slot) * D_HOUR;
}

int d_group_of(int matter)
{
	return matter == 2 ? 1 : 0;
}

int d_department_of(int matter)
{
	return matter == 2 ? 2 : 1;
}

int64_t d_notice(int group)
{
	return group == 1 ? 2 * D_HOUR : 0;
}

static int day_of_ms(int64_t ms)
{
	return (int)((ms + 8 * D_HOUR) / D_DAY);
}

/* ---- seats ---- */

bool d_is_live_hold(const struct d_visit *v, int64_t now)
{
	return strcmp(v->state, "held") == 0 && now < v->held_until;
}

static bool has_its_seats(const struct d_visit *v, int64_t now)
{
	return d_is_live_hold(v, now) || strcmp(v->state, "booked") == 0 || strcmp(v->state, "attended") == 0 || strcmp(v->state, "missed") == 0;
}

int d_free(const struct days *d, const struct d_seat *s, const struct d_visit *without)
{
	int free = seats_of[s->group];
	for (int i = d->visits_from; i < d->visit_count; i++) {
		const struct d_visit *v = &d->visits[i];
		for (int k = 0; v != without && has_its_seats(v, d->now) && k < v->seat_count; k++)
			free -= v->seats[k].group == s->group && v->seats[k].day == s->day && v->seats[k].slot == s->slot;
	}
	return free;
}

static bool is_made(const struct days *d, int day, int slot)
{
	return slot >= 0 && slot < D_SLOTS_A_DAY && d_is_workday(day) && day <= d_last_day(d->made_for_day);
}

/* All of them from that hour on; who finds no room takes the very next. */
static bool seat_people(const struct days *d, struct d_visit *v, int matter, int day, int slot, const struct d_visit *without, int64_t *ends)
{
	for (int left = v->people; left > 0; slot++) {
		struct d_seat s = { d_group_of(matter), day, slot };
		int free = is_made(d, day, slot) ? d_free(d, &s, without) : 0;
		for (int k = 0; k < v->seat_count; k++) /* its own of this plan */
			free -= v->seats[k].group == s.group && v->seats[k].slot == slot;
		if (free <= 0)
			return false;
		for (; free > 0 && left > 0; free--, left--)
			v->seats[v->seat_count++] = s;
		*ends = d_slot_starts(day, slot) + D_HOUR;
	}
	return true;
}

/* One after the other without a gap (hours follow each other here, and half an hour is the most one waits). */
static bool plan_in(const struct days *d, struct d_visit *v, int day, int slot, bool turned, const struct d_visit *without)
{
	v->seat_count = 0;
	for (int i = 0; i < v->matter_count; i++) {
		int matter = v->matters[turned ? v->matter_count - 1 - i : i];
		if (!seat_people(d, v, matter, day, slot, without, &v->ends))
			return false;
		slot = (int)((v->ends - d_slot_starts(day, 0)) / D_HOUR);
	}
	v->group = v->seats[0].group;
	v->starts = d_slot_starts(v->seats[0].day, v->seats[0].slot);
	return true;
}

/* Of the i-th window of the route; of two matters, each is taken at its own. */
static int matter_at(const struct d_visit *v, int i)
{
	if (v->matter_count == 1)
		return v->matters[0];
	int group = v->seats[i == 0 ? 0 : v->seat_count - 1].group;
	return d_group_of(v->matters[0]) == group ? v->matters[0] : v->matters[1];
}

bool d_plan(const struct days *d, struct d_visit *v, int64_t starts, const struct d_visit *without)
{
	int day = day_of_ms(starts), slot = (int)((starts - d_slot_starts(day, 0)) / D_HOUR);
	struct d_visit as_asked = *v, turned = *v;
	bool one = plan_in(d, &as_asked, day, slot, false, without), other = v->matter_count > 1 && plan_in(d, &turned, day, slot, true, without);
	if (!one && !other)
		return false;
	*v = one && (!other || as_asked.ends <= turned.ends) ? as_asked : turned;
	int route[2] = { matter_at(v, 0), matter_at(v, 1) }; /* from now on its order: a visit that is moved keeps it where it can */
	memcpy(v->matters, route, sizeof(route));
	return true;
}

/* ---- who may ---- */

static bool is_to_come(const struct days *d, const struct d_visit *v)
{
	return (d_is_live_hold(v, d->now) || strcmp(v->state, "booked") == 0) && v->ends > d->now;
}

static int on_that_day(const struct days *d, int person, int day, const struct d_visit *without)
{
	int n = 0;
	for (int i = d->visits_from; i < d->visit_count; i++) {
		const struct d_visit *v = &d->visits[i];
		n += v != without && v->person == person && day_of_ms(v->starts) == day && has_its_seats(v, d->now);
	}
	return n;
}

/* Who missed three for which no clerk has excused him within ninety days may book nothing for thirty days after the last; two, one visit at a time for ninety. */
static int most_after_missing(const struct days *d, int person)
{
	int n = 0;
	int64_t last = 0;
	for (int i = 0; i < d->visit_count; i++) {
		const struct d_visit *v = &d->visits[i];
		if (v->person != person || strcmp(v->state, "missed") != 0 || v->is_excused || v->starts <= d->now - 90 * D_DAY)
			continue;
		n++;
		last = v->starts > last ? v->starts : last;
	}
	return n >= 3 && d->now < last + 30 * D_DAY ? 0 : n >= 2 && d->now < last + 90 * D_DAY ? 1 : 1000;
}

static void time_stands_against(const struct days *d, const struct d_visit *v, int64_t starts, struct reasons *r)
{
	int day = day_of_ms(starts), slot = (int)((starts - d_slot_starts(day, 0)) / D_HOUR);
	int64_t notice = 0;
	for (int i = 0; i < v->matter_count; i++)
		notice = d_notice(d_group_of(v->matters[i])) > notice ? d_notice(d_group_of(v->matters[i])) : notice;
	if (starts < d->now + notice || !is_made(d, day, slot) || d_slot_starts(day, slot) != starts)
		reason(r, "slot_closed");
}

struct reasons d_may_hold(const struct days *d, struct d_visit *v, int64_t starts)
{
	struct reasons r = { 0 };
	int to_come = 0, most = most_after_missing(d, v->person);
	bool planned = d_plan(d, v, starts, NULL);
	time_stands_against(d, v, starts, &r);
	if (!planned && r.count == 0)
		reason(&r, "slot_full");
	for (int i = d->visits_from; i < d->visit_count; i++) {
		const struct d_visit *has = &d->visits[i];
		if (has->person != v->person || !is_to_come(d, has))
			continue;
		to_come++;
		for (int k = 0; k < has->matter_count; k++)
			for (int m = 0; m < v->matter_count; m++)
				if (has->matters[k] == v->matters[m])
					reason(&r, "too_many_bookings");
		if (planned && d_is_live_hold(has, d->now) && has->group == v->group)
			reason(&r, "hold_exists");
	}
	if (to_come >= 6 || on_that_day(d, v->person, day_of_ms(starts), NULL) >= 3)
		reason(&r, "too_many_bookings");
	if (to_come >= most)
		reason(&r, "booking_paused");
	return r;
}

struct reasons d_may_move(const struct days *d, const struct d_visit *v, int64_t starts, struct d_visit *moved)
{
	struct reasons r = { 0 };
	*moved = *v;
	if (strcmp(v->state, "booked") != 0 || v->starts <= d->now)
		reason(&r, "booking_state");
	if (v->moves >= 5 || on_that_day(d, v->person, day_of_ms(starts), v) >= 3)
		reason(&r, "too_many_bookings");
	bool planned = d_plan(d, moved, starts, v);
	int before = r.count;
	time_stands_against(d, v, starts, &r);
	if (!planned && r.count == before)
		reason(&r, "slot_full");
	return r;
}

/* ---- cases ---- */

static const struct { const char *event, *from, *to; } case_words[] = {
	{ "submitted", "nothing pre_returned", "submitted" },
	{ "pre_returned", "submitted", "pre_returned" },
	{ "received", "nothing submitted", "received" },
	{ "not_accepted", "submitted received correct_pre", "not_accepted" },
	{ "accepted", "submitted received", "accepted" },
	{ "special_started", "accepted", "special" },
	{ "special_ended", "special", "accepted" },
	{ "paused", "accepted", "paused" },
	{ "resumed", "paused", "accepted" },
	{ "decided_ok", "accepted", "decided_ok" },
	{ "decided_no", "accepted", "decided_no" },
	{ "done", "decided_ok decided_no", "done" },
	{ "delivered", "done", "delivered" },
	{ "returned", "submitted pre_returned received correct_pre accepted correct special paused", "returned" },
	{ "withdrawn", "submitted pre_returned received correct_pre accepted correct special paused", "withdrawn" },
	{ "correct_pre_asked", "submitted received", "correct_pre" },
	{ "correct_pre_done", "correct_pre", "received" },
	{ "correct_asked", "accepted", "correct" },
	{ "correct_done", "correct", "accepted" },
	{ "extended", "accepted", "accepted" },
	{ "followed", "accepted", "accepted" },
	{ "aborted", "submitted pre_returned received correct_pre accepted correct special paused decided_ok decided_no", "aborted" },
};
enum { CASE_WORDS = sizeof(case_words) / sizeof(case_words[0]) };

static bool is_word_of(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

const char *d_case_event(int n)
{
	return n < CASE_WORDS ? case_words[n].event : NULL;
}

const char *d_case_after(const char *state, const char *event)
{
	for (int i = 0; i < CASE_WORDS; i++)
		if (strcmp(case_words[i].event, event) == 0)
			return is_word_of(case_words[i].from, state) ? case_words[i].to : NULL;
	return NULL;
}

bool d_case_is_over(const char *state)
{
	return is_word_of("not_accepted done delivered returned aborted", state);
}

/* ---- what people say ---- */

static const struct { const char *state, *may; } voice_words[] = {
	{ "received", "assigned urged refused withdrawn" },
	{ "assigned", "assigned handed_over returned accepted urged withdrawn" },
	{ "handling", "handed_over complex called urged answered withdrawn" },
	{ "answered", "satisfied reopened dissatisfied lapsed" },
};

bool d_voice_allows(const char *state, const char *event)
{
	for (size_t i = 0; i < sizeof(voice_words) / sizeof(voice_words[0]); i++)
		if (strcmp(voice_words[i].state, state) == 0)
			return is_word_of(voice_words[i].may, event);
	return false;
}

const char *d_voice_after(const struct d_voice *v, const char *event)
{
	static const struct { const char *event, *to; } leads[] = {
		{ "assigned", "assigned" }, { "handed_over", "assigned" }, { "returned", "received" }, { "accepted", "handling" }, { "answered", "answered" }, { "satisfied", "closed" },
		{ "dissatisfied", "closed" }, { "reopened", "handling" }, { "lapsed", "closed" }, { "refused", "refused" }, { "withdrawn", "withdrawn" },
	};
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (strcmp(leads[i].event, event) == 0)
			return leads[i].to;
	return v->state;
}
