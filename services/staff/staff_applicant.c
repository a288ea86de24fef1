/* services/staff/staff_applicant.c - POST /v1/staff/cases/:no/applicant: who asked for this, in full, for a clerk who says why he must know.
 *
 * What he says is on record under the applicant, who reads it in what we hold about him (services/people/me_data.c). A clerk of a department sees the applicants of
 * that department's cases, one of a hall those of his region. */
#include "auth/audit.h"
#include "auth/document.h"
#include "auth/person.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "services/cases/case_row.h"
#include "services/handlers.h"
#include "services/services.h"

enum { SHOWN = 1, REASON_MIN = 4, REASON_MAX = 150 /* with the number it fits AUDIT_REASON_MAX */ };

struct asking {
	struct case_question question;
	struct str reason;
	int64_t person, department, region;
	enum identity_kind kind;
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
};

static bool applicant_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = { { "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct asking, reason), check_plain_text } };
	struct asking *a = request_state(r, sizeof(*a), why);
	return a != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &a->question, why) &&
	       request_json(r, fields, sizeof(fields) / sizeof(fields[0]), a, why);
}

static bool case_look(struct tx *tx, struct asking *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.case_no, c.person, c.department, c.region, p.kind FROM cases c JOIN person p ON p.id = c.person WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a->question.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	a->person = stmt_int(q, 1);
	a->department = stmt_int(q, 2);
	a->region = stmt_int(q, 3);
	a->kind = (enum identity_kind)stmt_int(q, 4);
	return case_question_answers(&a->question, stmt_text(q, 0).at, why);
}

static bool is_of_department(struct tx *tx, const struct request *r, int64_t department, bool *is_so, struct fail *why)
{
	int64_t own;
	if (!staff_department(tx, r->who.id, &own, why))
		return false;
	*is_so = own == 0 || own == department;
	return true;
}

static bool applicant_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct asking *a = r->state;
	bool is_so;
	if (!case_look(tx, a, why) || !is_of_department(tx, r, a->department, &is_so, why))
		return false;
	if (!is_so)
		return true; /* nobody's: the runtime says no in its own words */
	r->owner = a->region;
	return !region_is_within(r->who.region, a->region) || person_facts_get(tx, a->person, a->text, &a->facts, why);
}

static bool applicant_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct asking *a = r->state;
	char said[AUDIT_REASON_BYTES];
	struct buf b = { .at = said, .cap = sizeof(said) };
	struct audit act = { AUDIT_APPLICANT_SEEN, AUDIT_OF_PERSON, a->person, .result = 200, .department = a->department, .region = a->region };
	buf_str(&b, (struct str){ a->question.case_no, CASE_NUMBER_LENGTH });
	buf_str(&b, STR(" "));
	buf_str(&b, a->reason);
	act.reason = buf_text(&b);
	r->outcome = (struct outcome){ .code = SHOWN, .status = 200 };
	return audit_add(tx, r, &act, why);
}

static void add_text_or_nothing(struct json_out *j, const char *name, struct str text)
{
	if (text.at != NULL && text.len > 0)
		json_add_text(j, name, text);
	else
		json_add_nothing(j, name);
}

static bool applicant_render(struct request *r, struct fail *why)
{
	struct asking *a = r->state;
	struct document_number document = document_number(a->kind, a->facts.number);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "case_no", (struct str){ a->question.case_no, CASE_NUMBER_LENGTH });
	add_text_or_nothing(&j, "id_type", str_c(identity_kind_text(a->kind)));
	add_text_or_nothing(&j, "id_country", document.country);
	add_text_or_nothing(&j, "name", a->facts.name);
	add_text_or_nothing(&j, "id_number", document.bare);
	add_text_or_nothing(&j, "phone", a->facts.phone);
	json_put_object_end(&j);
	wipe(a->text, sizeof(a->text));
	return reply_json_end(r, &j, why);
}

const struct handler staff_applicant = { .parse = applicant_parse, .look = applicant_look, .apply = applicant_apply, .render = applicant_render };
