/* services/messages/message_office.c - GET /v1/staff/cases/{no}/messages, /v1/staff/tickets/{number}/messages: what was sent to whoever a case or a ticket is of, and why something did not arrive,
 * for an operator who is asked. What messages say in full is their receiver's: here stand titles. Each look is on record under the person. */
#include "auth/audit.h"
#include "auth/staff.h"
#include "services/cases/case_row.h"
#include "services/handlers.h"
#include "services/messages/message_trace.h"
#include "services/services.h"
#include "services/voices/voice_view.h"

enum { SHOWN_MAX = 20 };

struct sent {
	struct case_question question;
	struct str number;          /* of a voice; at NULL: of a case */
	int64_t case_id, voice, person, department, region;
	int count;
	struct message_trace traces[SHOWN_MAX]; /* newest first */
};

static bool case_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct sent *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &s->question, why);
}

static bool voice_parse(struct request *r, struct fail *why)
{
	struct sent *s = request_state(r, sizeof(*s), why);
	return s != NULL && voice_question(r, &s->number, why);
}

static bool case_find(struct tx *tx, struct sent *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT case_no, person, department, region FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->question.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	s->case_id = s->question.id;
	s->person = stmt_int(q, 1);
	s->department = stmt_int(q, 2);
	s->region = stmt_int(q, 3);
	return case_question_answers(&s->question, stmt_text(q, 0).at, why);
}

static bool voice_look(struct tx *tx, struct sent *s, struct fail *why)
{
	struct voice v;
	if (!voice_find(tx, s->number, &v, why))
		return false;
	s->voice = v.id;
	s->person = v.person;
	s->department = v.department;
	s->region = v.region;
	return v.id != 0 || FAILS(why, NOT_FOUND, "no such voice");
}

static bool messages_read(struct tx *tx, struct request *r, struct sent *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = s->voice != 0 ?
		tx_query(tx, "SELECT " MESSAGE_COLUMNS " FROM message WHERE voice = $1 AND voice > 0 ORDER BY id DESC LIMIT $2", why) :
		tx_query(tx, "SELECT " MESSAGE_COLUMNS " FROM message WHERE case_id = $1 AND case_id > 0 ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->voice != 0 ? s->voice : s->case_id);
	stmt_bind_int(q, 2, SHOWN_MAX);
	while (stmt_row(q, why))
		if (!message_of(q, r->lang, &r->arena, &s->traces[s->count++].message, why))
			return false;
	return why->code == FAIL_NONE;
}

static bool sent_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct sent *s = r->state;
	int64_t own;
	if (!(s->number.at != NULL ? voice_look(tx, s, why) : case_find(tx, s, why)) || !staff_department(tx, r->who.id, &own, why))
		return false;
	r->owner = own == 0 || own == s->department ? s->region : 0;
	s->count = 0;
	if (r->owner == 0)
		return true; /* the runtime says no */
	if (!messages_read(tx, r, s, why))
		return false;
	for (int i = 0; i < s->count; i++)
		if (!message_trace_look(tx, &r->arena, &s->traces[i], why))
			return false;
	return true;
}

static bool sent_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct sent *s = r->state;
	bool is_known = s->person != 0;
	struct audit a = { AUDIT_MESSAGES_SEEN, is_known ? AUDIT_OF_PERSON : AUDIT_OF_VOICE, is_known ? s->person : s->voice, .result = 200, .department = s->department, .region = s->region };
	r->outcome = (struct outcome){ .code = 1, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool sent_render(struct request *r, struct fail *why)
{
	const struct sent *s = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < s->count; i++) {
		json_put_object(&j);
		json_add_text(&j, "title", s->traces[i].message.title);
		json_add_time(&j, "made_at", s->traces[i].message.made_ms);
		message_trace_members(&j, &s->traces[i], r->lang);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler staff_case_messages = { .parse = case_parse, .look = sent_look, .apply = sent_apply, .render = sent_render };
const struct handler staff_voice_messages = { .parse = voice_parse, .look = sent_look, .apply = sent_apply, .render = sent_render };
