/* services/cases/import_year.c - limits of thousands of cases hang on forty lines: two people look at them. */
#include "services/cases/calendar_year.h"

#include "auth/audit.h"
#include "auth/proposal.h"
#include "base/day.h"
#include "services/control/import_inside.h"
#include "services/services.h"

#include <stdio.h>

enum { FIRST_LINE = 2, YEAR_MIN = 1970, YEAR_MAX = 2199 };

/* ---- the table ---- */

static bool import_of(struct import *i, struct str table, int year, struct arena *a, struct fail *why)
{
	struct calendar_year *y = arena_alloc(a, sizeof(*y));
	if (y == NULL)
		return FAILS(why, MEMORY, "a calendar");
	memset(y, 0, sizeof(*y));
	y->year = year;
	*i = (struct import){ .kind = &import_calendar_year, .text = table, .line = FIRST_LINE, .is_last = true, .lines = y };
	return import_check(i, a, why) && calendar_year_whole(y, why);
}

/* The lines' memory is of one walk: the next begins without. */
static bool walk_again(struct tx *tx, struct import *i, struct arena *a, struct fail *why)
{
	struct calendar_year *y = i->lines;
	*y = (struct calendar_year){ .year = y->year };
	return import_apply(tx, i, a, why);
}

bool calendar_year_check(struct str table, int year, struct arena *a, struct fail *why)
{
	struct import i;
	return import_of(&i, table, year, a, why);
}

/* ---- the proposal ---- */

struct wish {
	struct str table;
};

static bool wish_from(struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	static const struct json_field fields[] = { { "table", JSON_F_TEXT, true, 1, PROPOSAL_PAYLOAD_MAX, offsetof(struct wish, table), NULL } };
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, fields, 1, JSON_REFUSE_UNKNOWN, "", w, a, why);
}

/* Which year it is of is known with its subject. */
static bool check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	(void)kind;
	return wish_from(payload, a, &w, why);
}

static bool rows_of_year(struct tx *tx, int year, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM calendar_day WHERE region = 0 AND day >= $1 AND day < $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day_from_civil(year, 1, 1));
	stmt_bind_int(q, 2, day_from_civil(year + 1, 1, 1));
	if (!stmt_row(q, why))
		return false;
	*rows = stmt_int(q, 0);
	return true;
}

static bool is_news(struct tx *tx, int year, struct import *i, struct arena *a, struct fail *why)
{
	int64_t rows;
	i->is_dry = true;
	if (!walk_again(tx, i, a, why) || !rows_of_year(tx, year, &rows, why))
		return false;
	return i->changed > 0 || rows != i->rows || FAILS(why, CONFLICT, "%d says so already", year);
}

/* Years are known without a gap. */
static bool next_to_known(struct tx *tx, int year, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MIN(year), $1), COALESCE(MAX(year), $1) FROM calendar_year", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, year);
	if (!stmt_row(q, why))
		return false;
	if (year >= stmt_int(q, 0) - 1 && year <= stmt_int(q, 1) + 1)
		return true;
	FAILS_FIELD(why, FIELD, "/subject", "the years between are not known");
	fail_fact_text(why, "reason", "years_between_not_known");
	return false;
}

static bool find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct wish w;
	struct import i;
	if (!str_to_i64(name, YEAR_MIN, YEAR_MAX, subject))
		return FAILS_FIELD(why, FIELD, "/subject", "not a year");
	if (wish->region % 100 != 0)
		return FAILS_FIELD(why, FIELD, "/region", "a county does not make everybody's calendar");
	return next_to_known(tx, (int)*subject, why) && wish_from(wish->payload, &r->arena, &w, why) && import_of(&i, w.table, (int)*subject, &r->arena, why) && is_news(tx, (int)*subject, &i, &r->arena, why);
}

static bool name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	(void)tx;
	(void)why;
	snprintf(out, PROPOSAL_SUBJECT_MAX, "%d", (int)subject);
	return true;
}

static bool year_clear(struct tx *tx, int year, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM calendar_day WHERE region = 0 AND day >= $1 AND day < $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day_from_civil(year, 1, 1));
	stmt_bind_int(q, 2, day_from_civil(year + 1, 1, 1));
	return stmt_run(q, why);
}

static bool confirm(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct import i;
	int year = (int)p->subject;
	char words[64];
	if (!wish_from(p->payload, &r->arena, &w, why) || !import_of(&i, w.table, year, &r->arena, why) || !year_clear(tx, year, why) ||
	    !walk_again(tx, &i, &r->arena, why))
		return false;
	int len = snprintf(words, sizeof(words), "year=%d rows=%lld", year, (long long)i.rows);
	struct audit a = { AUDIT_CALENDAR_CONFIRMED, AUDIT_OF_CATALOGUE, import_kind_number(import_kind_from(STR("calendar"))), .result = 200,
			   .detail = { words, (size_t)len }, .region = p->region };
	return audit_add(tx, r, &a, why);
}

void calendar_deed_compose(void)
{
	static const struct proposal_deed deed = { check, find, name, confirm, NULL };
	proposal_compose(PROPOSAL_CALENDAR_YEAR, &deed);
}
