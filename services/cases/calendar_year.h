/* services/cases/calendar_year.h - a year's calendar, whole: proposed by one, confirmed by another (auth/proposals.def, calendar_year).
 *
 * The table is the one of `siban import calendar`, of one year and of everywhere. A wrong line is named. Judged together: no day twice, none of another year, no
 * holiday with a gap in it, and what the law gives is in it (全国年节及纪念日放假办法 2024, article 2: 13 days, 1 January, 1 and 2 May, 1 to 3 October
 * among them; the others move with the moon). What is confirmed takes the place of the whole year; limits are made anew by the job renew_clocks.
 * The command line imports the same table by the right to open the database's files: whoever has that needs nobody's yes to change any row, so a second
 * one's would be a show. It is on record, and the year is what two people make it again.
 * Thread: any for the form; the write lane for the rest. */
#ifndef SERVICES_CALENDAR_YEAR_H
#define SERVICES_CALENDAR_YEAR_H
#include "services/control/import.h"

enum { CALENDAR_DAYS_MAX = 366, CALENDAR_OFF_MIN = 13 };

struct calendar_line {
	int64_t line;    /* 0: the day is not in the table */
	struct str name; /* into the table's text */
	bool is_off;
};

struct calendar_year {
	int year;
	int64_t last_line, off_count;
	struct calendar_line days[CALENDAR_DAYS_MAX];
};

/* Of a table whose lines were taken. Fails: IMPORT with the line. */
MUST_USE bool calendar_year_whole(const struct calendar_year *y, struct fail *why);
/* All of it by its form alone. Fails: IMPORT with the line; MEMORY. */
MUST_USE bool calendar_year_check(struct str table, int year, struct arena *a, struct fail *why);

void calendar_deed_compose(void);
#endif
