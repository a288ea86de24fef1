/* base/day.h - a day by itself is a number: days since 1970-01-01, as the calendar on the wall in Longnan has it.
 *
 * Dates are proleptic Gregorian. A moment (base/clock.h) is in the day that Asia/Shanghai (+08:00, no summer time) has then.
 * Thread: any; pure. */
#ifndef BASE_DAY_H
#define BASE_DAY_H
#include "base/str.h"

enum { DAY_TEXT_BYTES = 11 };

int32_t day_of(int64_t ms);                  /* of years 1 to 9999, as whatever was stamped or read is */
int64_t day_begins_ms(int32_t day);          /* its midnight */
int32_t day_from_civil(int year, int month, int in_month); /* of a date that exists */
void day_civil(int32_t day, int *year, int *month, int *in_month);
int day_in_week(int32_t day);                /* 1 Monday … 7 Sunday */
int month_days(int year, int month);
bool day_from_text(struct str s, int32_t *day); /* "2026-11-23" and nothing else; years 1970 to 2199. false: there is no such date */
void day_text(int32_t day, char out[DAY_TEXT_BYTES]); /* years 0 to 9999 */
#endif
