/* services/control/import_inside.h - what the tables of an import share: a line, and the judging of its fields. Only import_*.c and import.c include it.
 * Thread: as import.h says. */
#ifndef SERVICES_IMPORT_INSIDE_H
#define SERVICES_IMPORT_INSIDE_H
#include "base/json.h"
#include "services/control/import.h"

enum { IMPORT_COLUMNS_MAX = 9 };

struct import_line {
	struct str fields[IMPORT_COLUMNS_MAX];
	int64_t numbers[IMPORT_COLUMNS_MAX]; /* of numeric columns, by check */
	int64_t at;                          /* line number in the file */
	const struct import_kind *kind;
};

struct import_kind {
	struct str name;
	int columns;
	const char *column_names[IMPORT_COLUMNS_MAX];
	bool (*check)(struct import_line *l, struct fail *why);
	/* NULL, or: judges the line among those before it; i->lines is its memory. */
	bool (*among)(const struct import *i, const struct import_line *l, struct fail *why);
	bool (*put)(struct tx *tx, const struct import_line *l, bool is_dry, bool *changed, struct fail *why);
	/* NULL, or: judges what the chunk's lines are together, when the last of them was put. Not asked in a dry run. */
	bool (*whole)(struct tx *tx, const struct import *i, const struct import_line *last, struct fail *why);
	/* NULL: the file is a table. Or, instead of all above but the name: it is lines of JSON, each an object. Judges its form; NULL: why is noted. */
	void *(*judge)(json_t *object, struct arena *a, struct fail *why);
	/* Checks what was judged against the database, and writes it unless i->is_dry. */
	bool (*take)(struct tx *tx, struct import *i, void *judged, bool *changed, struct fail *why);
	bool (*end)(struct tx *tx, struct import *i, struct fail *why); /* of a chunk of lines. NULL: nothing to do. Not asked in a dry run */
};

/* Not a file of its own: the table of a proposal (services/cases/calendar_year.h). */
extern const struct import_kind import_calendar_year;
extern const struct import_kind import_regions, import_departments, import_matters, import_calendar, import_halls, import_windows, import_guides, import_notices;
extern const struct import_kind import_booking_rules, import_window_matters, import_blackouts;
extern const struct import_kind import_pay_notices;

/* Always false: what is wrong with which column of the line, for a program to read. */
bool import_refuse(const struct import_line *l, int column, const char *reason, struct fail *why);
bool import_name(struct import_line *l, int column, size_t max, struct fail *why);           /* text a person reads, `max` characters */
bool import_number(struct import_line *l, int column, int64_t min, int64_t max, struct fail *why);
bool import_hall_code(struct import_line *l, int column, struct fail *why);
MUST_USE bool import_hall_find(struct tx *tx, struct str code, int64_t *id, struct fail *why); /* 0: there is none */
#endif
