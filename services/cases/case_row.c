/* services/cases/case_row.c - reading and writing out a case, in one place. */
#include "services/cases/case_row.h"
#include "auth/mandate.h"
#include "services/cases/case_texts.h"
#include "services/guides/matter.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>

static bool text_of(struct arena *a, struct stmt *q, int column, struct str *to, struct fail *why)
{
	*to = stmt_text(q, column);
	if (to->at == NULL)
		return true;
	*to = str_copy(a, *to);
	return to->at != NULL || FAILS(why, MEMORY, "a case's number elsewhere");
}

bool case_row_of(struct tx *tx, struct arena *a, struct stmt *q, struct case_row *to, struct fail *why)
{
	int64_t n[CASE_ROW_NUMBERS];
	stmt_ints(q, 0, CASE_ROW_NUMBERS, n);
	to->person = n[0];
	to->opened_ms = n[1];
	to->updated_ms = n[2];
	to->last_seq = (int32_t)n[3];
	to->type = (uint8_t)n[4];
	to->state = (uint8_t)n[5];
	to->matter = n[7];
	to->clock = (uint8_t)n[8];
	to->has_due = n[9] != 0 || !stmt_is_null(q, 9);
	to->due = (int32_t)n[9];
	to->yellow = (int32_t)n[10];
	to->is_whole = n[11] > 0;
	if (!text_of(a, q, 13, &to->provincial_no, why) || !text_of(a, q, 14, &to->project_code, why))
		return false;
	struct str no = stmt_text(q, 12);
	assert(no.len == CASE_NUMBER_LENGTH);
	memcpy(to->case_no, no.at, no.len);
	to->case_no[CASE_NUMBER_LENGTH] = '\0';
	return case_names_members(tx, a, n[6], &to->members, why);
}

bool case_row_read(struct tx *tx, struct arena *a, int64_t id, struct case_row *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " CASE_ROW_COLUMNS " FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	return case_row_of(tx, a, q, to, why);
}

enum light case_row_light(const struct case_row *c, int32_t today)
{
	bool standing = c->clock != CLOCK_NONE_SHOWN && clock_phase_in((enum clock_kind)c->clock, (enum case_state)c->state) == CLOCK_STANDS;
	return light_on(today, c->has_due, c->due, c->yellow, standing);
}

/* null: nothing is owed any more. */
static void limit_member(struct json_out *j, const struct case_row *c, int32_t today)
{
	char due[DAY_TEXT_BYTES];
	if (c->clock == CLOCK_NONE_SHOWN) {
		json_add_nothing(j, "limit");
		return;
	}
	json_put_name(j, "limit");
	json_put_object(j);
	json_add_plain(j, "kind", clock_kind_row((enum clock_kind)c->clock)->name);
	if (c->has_due) {
		day_text(c->due, due);
		json_add_plain(j, "due_on", (struct str){ due, DAY_TEXT_BYTES - 1 });
	} else {
		json_add_nothing(j, "due_on");
	}
	json_add_plain(j, "light", light_name(case_row_light(c, today)));
	json_put_object_end(j);
}

void case_row_members(struct json_out *j, const struct case_row *c, int32_t today, enum lang lang)
{
	json_add_plain(j, "case_no", (struct str){ c->case_no, CASE_NUMBER_LENGTH });
	json_put_members(j, c->members);
	json_add_plain(j, "type", matter_type_name(c->type));
	json_put_members(j, case_texts((enum case_state)c->state, lang)->state);
	json_add_time(j, "opened_at", c->opened_ms);
	json_add_time(j, "updated_at", c->updated_ms);
	json_add_number(j, "last_seq", c->last_seq);
	limit_member(j, c, today);
	if (c->provincial_no.at != NULL)
		json_add_text(j, "provincial_no", c->provincial_no);
	if (c->project_code.at != NULL)
		json_add_text(j, "project_code", c->project_code);
}

bool case_question_parse(struct str number, struct case_question *to, struct fail *why)
{
	return case_number_parse(number, &to->id, to->case_no) || FAILS(why, NOT_FOUND, "not a case number");
}

bool case_question_answers(const struct case_question *c, const char *case_no, struct fail *why)
{
	return memcmp(case_no, c->case_no, CASE_NUMBER_LENGTH) == 0 || FAILS(why, NOT_FOUND, "another number stands at that row");
}

bool case_owner(struct tx *tx, struct request *r, int64_t person, int64_t matter, struct fail *why)
{
	bool covers;
	if (!mandate_covers(tx, &r->who, matter, &covers, why))
		return false;
	r->owner = covers ? person : 0;
	return true;
}
