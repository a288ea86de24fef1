/* services/cases/case_row.h - a case as its owner sees it: one row, one point read.
 *
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_CASE_ROW_H
#define SERVICES_CASE_ROW_H
#include "base/request.h"
#include "services/cases/case_clock.h"
#include "services/cases/case_names.h"
#include "services/cases/case_number.h"
#include "services/cases/case_state.h"

struct tx;
struct stmt;

struct case_row {
	int64_t person, matter;
	int64_t opened_ms, updated_ms;
	int32_t last_seq;
	uint8_t type, state, clock;    /* clock: enum clock_kind */
	bool has_due, is_whole;        /* is_whole: of a joint case, which has parts (services/cases/joint.h) */
	int32_t due, yellow;           /* of that clock */
	char case_no[CASE_NUMBER_BYTES];
	struct str provincial_no, project_code; /* at NULL: it is not called anything there; in the arena */
	struct str members; /* matter, department, region, written out */
};

/* Columns in the order case_row_of reads them. */
#define CASE_ROW_COLUMNS "person, opened_ms, updated_ms, last_seq, type, state, names, matter, clock, clock_due, clock_yellow, parts, case_no, provincial_no, project_code"
enum { CASE_ROW_NUMBERS = 12 /* come first */, CASE_ROW_COLUMN_COUNT = 15 };

MUST_USE bool case_row_of(struct tx *tx, struct arena *a, struct stmt *q, struct case_row *to, struct fail *why);
/* By id. Fails: NOT_FOUND; STORE. */
MUST_USE bool case_row_read(struct tx *tx, struct arena *a, int64_t id, struct case_row *to, struct fail *why);
/* The members every answer about a case has, into an open object. */
void case_row_members(struct json_out *j, const struct case_row *c, int32_t today, enum lang lang);
enum light case_row_light(const struct case_row *c, int32_t today);

/* The question "this case number, please": what case_show and case_events have in common. */
struct case_question {
	int64_t id;
	char case_no[CASE_NUMBER_BYTES];
};

MUST_USE bool case_question_parse(struct str number, struct case_question *to, struct fail *why);
/* Fails: NOT_FOUND when the row behind the number bears another number. */
MUST_USE bool case_question_answers(const struct case_question *c, const char *case_no, struct fail *why);

/* Whose case it is, for the runtime to compare: nobody's when whoever acts by a mandate may not act in this matter. */
MUST_USE bool case_owner(struct tx *tx, struct request *r, int64_t person, int64_t matter, struct fail *why);

/* The row cache (ROW_CASE) keeps case_show's finished answers, one per language: whoever changes a case's row touches both. */
static inline uint64_t case_shown_key(int64_t id, enum lang lang) { return (uint64_t)id * LANG_COUNT + (uint64_t)lang; }
#endif
