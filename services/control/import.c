/* services/control/import.c - the catalogue comes from files that people keep; the database follows them, row by row, and says how many differed. */
#include "services/control/import.h"
#include "services/control/csv.h"
#include "services/control/import_inside.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

#include <assert.h>

enum { BYTES_PER_CHARACTER = 3 /* case_row.h counts on it */ };

bool import_refuse(const struct import_line *l, int column, const char *reason, struct fail *why)
{
	FAILS(why, IMPORT, "line %lld, %s: %s", (long long)l->at, l->kind->column_names[column], reason);
	fail_fact_number(why, "line", l->at);
	fail_fact_text(why, "column", l->kind->column_names[column]);
	fail_fact_text(why, "reason", reason);
	return false;
}

/* ---- checks of one field ---- */

bool import_name(struct import_line *l, int column, size_t max, struct fail *why)
{
	struct str s = l->fields[column];
	if (s.len == 0)
		return import_refuse(l, column, "empty", why);
	if (s.len > max * BYTES_PER_CHARACTER || str_utf8_length(s) > max)
		return import_refuse(l, column, "too_long", why);
	if (!is_plain_text(s))
		return import_refuse(l, column, "control_character", why);
	return str_trim(s).len == s.len || import_refuse(l, column, "spaces_around", why);
}

bool import_number(struct import_line *l, int column, int64_t min, int64_t max, struct fail *why)
{
	return str_to_i64(l->fields[column], min, max, &l->numbers[column]) || import_refuse(l, column, "not_a_number_in_range", why);
}

/* ---- the tables, and the walk over a chunk ---- */

/* Their order is their number in the audit. */
static const struct import_kind *const kinds[] = {
	&import_regions, &import_departments, &import_matters, &import_calendar, &import_halls, &import_windows, &import_guides, &import_notices,
	&import_booking_rules, &import_window_matters, &import_blackouts, &import_pay_notices,
};

const struct import_kind *import_kind_from(struct str name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

int import_kind_number(const struct import_kind *kind)
{
	int n = 0;
	while (kinds[n] != kind)
		n++;
	return n + 1;
}

int64_t import_first_line(const struct import_kind *kind)
{
	return kind->judge != NULL ? 1 : 2;
}

static bool header_fits(struct csv *c, struct import_line *l, struct fail *why)
{
	int count;
	l->at = 1;
	switch (csv_row(c, l->fields, l->kind->columns, &count, why)) {
	case CSV_WRONG: return false;
	case CSV_END:   return import_refuse(l, 0, "no_header_line", why);
	case CSV_ROW:   break;
	}
	for (int i = 0; i < l->kind->columns; i++)
		if (i >= count || !str_eq(l->fields[i], str_c(l->kind->column_names[i])))
			return import_refuse(l, i, "not_the_expected_header", why);
	return true;
}

/* Reads line by line; with a tx each line is put. Done twice, so that every line's form is judged before the first is written. */
static bool walk(struct tx *tx, struct import *i, struct arena *a, struct fail *why)
{
	struct csv csv;
	struct import_line l = { .kind = i->kind };
	i->rows = i->changed = 0;
	csv_open(&csv, i->text, 1, a);
	if (!header_fits(&csv, &l, why))
		return false;
	csv.next_line = i->line;
	for (;;) {
		int count;
		bool changed = false;
		switch (csv_row(&csv, l.fields, i->kind->columns, &count, why)) {
		case CSV_WRONG: return false;
		case CSV_END:   return tx == NULL || i->is_dry || i->kind->whole == NULL || i->kind->whole(tx, i, &l, why);
		case CSV_ROW:   break;
		}
		l.at = csv.line;
		if (count < i->kind->columns)
			return import_refuse(&l, count, "missing_field", why);
		if (++i->rows > IMPORT_ROWS_MAX)
			return import_refuse(&l, 0, "too_many_rows_in_one_chunk", why);
		if (!i->kind->check(&l, why) || (i->kind->among != NULL && !i->kind->among(i, &l, why)))
			return false;
		if (tx != NULL && !i->kind->put(tx, &l, i->is_dry, &changed, why))
			return false;
		i->changed += changed;
	}
}

/* ---- lines of JSON ---- */

static const char *reason_of(const struct fail *what)
{
	for (int i = 0; i < what->fact_count; i++)
		if (strcmp(what->facts[i].name, "reason") == 0)
			return what->facts[i].text;
	return fail_row(what->code)->slug;
}

/* Whatever is wrong with the object becomes IMPORT, with its line and where in it; what is wrong with us stays what it is. */
static bool refuse_line(int64_t line, const struct fail *what, struct fail *why)
{
	if (fail_row(what->code)->http >= 500) {
		*why = *what;
		return false;
	}
	const char *pointer = what->pointer[0] != '\0' ? what->pointer : "/";
	FAILS(why, IMPORT, "line %lld, %s: %s", (long long)line, pointer, what->log);
	fail_fact_number(why, "line", line);
	fail_fact_text(why, "column", pointer);
	fail_fact_text(why, "reason", reason_of(what));
	return false;
}

static bool line_judge(struct import *i, struct str line, int64_t at, struct arena *a, struct fail *why)
{
	struct fail what;
	fail_clear(&what);
	DROP(json) json_t *object = json_read(line, &what);
	void *judged = object != NULL ? i->kind->judge(object, a, &what) : NULL;
	if (judged == NULL)
		return refuse_line(at, &what, why);
	i->judged[i->judged_count] = judged;
	i->judged_at[i->judged_count++] = at;
	return true;
}

/* Once, outside the committer; what is left is taken as often as the transaction is run. */
static bool lines_judge(struct import *i, struct arena *a, struct fail *why)
{
	struct str rest = i->text, line;
	i->rows = i->changed = i->judged_count = 0;
	i->judged = arena_alloc(a, IMPORT_LINES_MAX * sizeof(*i->judged));
	i->judged_at = arena_alloc(a, IMPORT_LINES_MAX * sizeof(*i->judged_at));
	if (i->judged == NULL || i->judged_at == NULL)
		return FAILS(why, MEMORY, "lines of an import");
	for (int64_t at = i->line; rest.len > 0; at++) {
		str_cut(rest, '\n', &line, &rest);
		line = str_trim(line);
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			continue;
		if (++i->rows > IMPORT_LINES_MAX)
			return FAILS(why, BODY_TOO_LARGE, "more than %d lines of JSON in one chunk", IMPORT_LINES_MAX);
		if (!line_judge(i, line, at, a, why))
			return false;
	}
	return true;
}

static bool lines_take(struct tx *tx, struct import *i, struct fail *why)
{
	assert(i->judged != NULL);
	i->rows = i->changed = 0;
	for (int64_t n = 0; n < i->judged_count; n++) {
		struct fail what;
		bool changed = false;
		fail_clear(&what);
		i->rows++;
		if (!i->kind->take(tx, i, i->judged[n], &changed, &what))
			return refuse_line(i->judged_at[n], &what, why);
		i->changed += changed;
	}
	return i->is_dry || i->kind->end == NULL || i->kind->end(tx, i, why);
}

bool import_check(struct import *i, struct arena *a, struct fail *why)
{
	return i->kind->judge != NULL ? lines_judge(i, a, why) : walk(NULL, i, a, why);
}

bool import_apply(struct tx *tx, struct import *i, struct arena *a, struct fail *why)
{
	return i->kind->judge != NULL ? lines_take(tx, i, why) : walk(tx, i, a, why);
}
