/* services/booking/booking_rule.h - when a window group (窗口组) can be booked: sessions by weekday, cut into slots.
 *
 * How booking is kept, from the rules to the seat (tables of 0028_booking.sql):
 *
 *   booking_group   the rules of the windows of one kind in one hall: sessions, slot length, how many at once, the share kept for walk-ins, horizon, notice
 *   window_matter   which of a hall's groups takes which matter; changes at any time (动态调整)
 *   booking_blackout  times without slots
 *   booking_slot    one counter row for each time: capacity, held, booked. Made ahead by a job in bites (services/booking/slot_make.h); what citizens see is read
 *                   from these counters alone
 *   booking         one visit: held for ten minutes, then booked (services/booking/booking.h); its seats (booking_seat) are taken, moved and given back together
 *
 * Sessions are text, "1-5 08:30-12:00;3 14:30-17:00": weekdays and times of working days, Monday 1 to Friday 5. A weekend day that is worked instead has a
 * Monday's sessions, and a day off has none (services/cases/workdays.h). A slot that would reach past its session's end is not made.
 * Thread: any; pure. */
#ifndef SERVICES_BOOKING_RULE_H
#define SERVICES_BOOKING_RULE_H
#include "services/cases/workdays.h"

enum { SESSIONS_MAX = 10, SESSIONS_TEXT_MAX = 200, SLOTS_A_DAY_MAX = 96, MINUTES_A_DAY = 1440 };

struct booking_session {
	int first_weekday, last_weekday; /* 1 … 5 */
	int from_minute, to_minute;      /* of the day; from < to */
};

struct booking_sessions {
	int count;
	struct booking_session at[SESSIONS_MAX];
};

/* false: not of that form, or two of them overlap on one weekday. */
bool sessions_parse(struct str text, struct booking_sessions *out);
bool minute_parse(struct str text, int *minute); /* "08:30"; "24:00" is a day's end */

struct slot_time {
	int64_t starts_ms, ends_ms;
};
/* The slots of a day, in order; `day` is one that the calendar knows. Returns how many, at most SLOTS_A_DAY_MAX. */
int slots_of_day(const struct booking_sessions *s, int slot_minutes, const struct workdays *w, int32_t day, struct slot_time out[SLOTS_A_DAY_MAX]);
/* Would each weekday's slots fit into SLOTS_A_DAY_MAX? */
bool sessions_fit(const struct booking_sessions *s, int slot_minutes);

/* The last day that may be booked on `today`, which is counted as none of the days: that many working days ahead, or what is known of the calendar.
 * false: today itself is not known. */
bool horizon_day(const struct workdays *w, int32_t today, int working_days, int32_t *last);
/* People that may be booked into one slot. */
int64_t bookable_capacity(int64_t capacity, int64_t walk_in_percent);
#endif
