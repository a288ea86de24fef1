/* services/cases/case_event.c - a department tells what happened to a case: POST /v1/department/events.
 *
 * Decision above, work below: apply decides which of five things an event is (seen before, late, early, opening, next), and
 * case_journal.c does it. What the department hears is an outcome, so that a repeat of the request hears the same:
 *   code     enum event_answer
 *   n        case id, seq, next seq (held: the awaited one), state, first and last released seq
 *   text     the case number; then, behind a space, the id of a waiting event that was refused at n[2] */
#include "auth/keyring.h"
#include "auth/person.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/url.h"
#include "services/applying/application.h"
#include "services/applying/material.h"
#include "services/cases/case_opening.h"
#include "services/cases/demand.h"
#include "services/cases/joint.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/supervision/case_tally.h"
#include "store/store.h"
#include <assert.h>
#include <stdio.h>

enum { FUTURE_MAX_MS = 5 * 60 * 1000, MATTER_CODE_MAX = 64, REGION_DIGITS = 6, PHONE_TEXT_MAX = 16 };
enum event_answer { ANSWER_APPLIED = 1, ANSWER_REPEATED = 2, ANSWER_HELD = 3 };
enum { N_CASE, N_SEQ, N_NEXT, N_STATE, N_RELEASED_FROM, N_RELEASED_TO };

struct posted {
	struct str event_id, case_ref, event_name, note, matter, region_text, document, provincial_no, project_code, whole, part;
	int64_t seq, occurred_ms, extend_days;
	json_t *applicant_object, *demand_object; /* valid in parse only */
	struct str demand;    /* as demand_text writes it; at NULL: none */
	struct document_said document_said;
	struct str name, phone_text;
	/* made of these */
	enum case_event event;
	struct identity applicant;
	char phone[PHONE_DIGITS + 1]; /* "": not given */
	int64_t region;
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	int digest_count;
	bool in_person;
	bool is_judged; /* by apply. A replay of the request is not, and is nothing new to log or count */
};

static const struct json_field event_fields[] = {
	{ "event_id", JSON_F_TEXT, true, 1, CASE_TEXT_MAX, offsetof(struct posted, event_id), check_visible_ascii },
	{ "case_ref", JSON_F_TEXT, true, 1, CASE_TEXT_MAX, offsetof(struct posted, case_ref), check_path_segment },
	{ "seq", JSON_F_INT, true, 1, CASE_SEQ_MAX, offsetof(struct posted, seq), NULL },
	{ "event", JSON_F_TEXT, true, 1, CASE_TEXT_MAX, offsetof(struct posted, event_name), NULL },
	{ "occurred_at", JSON_F_TIME, true, 0, 0, offsetof(struct posted, occurred_ms), NULL },
	{ "note", JSON_F_TEXT, false, 1, CASE_NOTE_MAX, offsetof(struct posted, note), check_public_text },
	{ "extend_days", JSON_F_INT, false, 1, CASE_EXTEND_MAX, offsetof(struct posted, extend_days), NULL },
	{ "in_person", JSON_F_BOOL, false, 0, 0, offsetof(struct posted, in_person), NULL },
	{ "document", JSON_F_TEXT, false, 2, CASE_DOCUMENT_MAX, offsetof(struct posted, document), check_plain_text },
	{ "provincial_no", JSON_F_TEXT, false, 1, CASE_TEXT_MAX, offsetof(struct posted, provincial_no), check_visible_ascii },
	{ "project_code", JSON_F_TEXT, false, 1, CASE_TEXT_MAX, offsetof(struct posted, project_code), check_visible_ascii },
	{ "matter", JSON_F_TEXT, false, 1, MATTER_CODE_MAX, offsetof(struct posted, matter), NULL },
	{ "region", JSON_F_TEXT, false, REGION_DIGITS, REGION_DIGITS, offsetof(struct posted, region_text), NULL },
	{ "whole", JSON_F_TEXT, false, 1, CASE_NUMBER_LENGTH, offsetof(struct posted, whole), NULL },
	{ "part", JSON_F_TEXT, false, 1, PART_CODE_MAX, offsetof(struct posted, part), NULL },
	{ "applicant", JSON_F_OBJECT, false, 0, 0, offsetof(struct posted, applicant_object), NULL },
	{ "demand", JSON_F_OBJECT, false, 0, 0, offsetof(struct posted, demand_object), NULL },
};

static const struct json_field applicant_fields[] = {
	DOCUMENT_FIELDS(offsetof(struct posted, document_said), true),
	{ "name", JSON_F_TEXT, false, 1, PERSON_NAME_MAX, offsetof(struct posted, name), check_plain_text },
	{ "phone", JSON_F_TEXT, false, 1, PHONE_TEXT_MAX, offsetof(struct posted, phone_text), NULL },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- parse ---- */

/* The kind follows from the number itself, so that "resident" finds the same person whichever card it is. */
static bool applicant_parse(struct posted *p, struct fail *why)
{
	if (!document_parse(&p->document_said, DOCUMENTS_OF_RESIDENTS | DOCUMENTS_OF_ORGANISATIONS, "/applicant/", IDENTITY_LATEST_DAY, &p->applicant, why))
		return false;
	return p->phone_text.at == NULL || phone_normal(p->phone_text, p->phone) || FAILS_FIELD(why, FIELD, "/applicant/phone", "not a mainland mobile number");
}

/* What a part is about, its whole says. */
static bool part_parse(const struct posted *p, struct fail *why)
{
	if (p->whole.at == NULL || p->part.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, p->whole.at == NULL ? "/whole" : "/part", "a part names its whole, and which part it is");
	const char *extra = p->matter.at != NULL ? "/matter" : p->region_text.at != NULL ? "/region" : p->applicant_object != NULL ? "/applicant" : NULL;
	return extra == NULL || FAILS_FIELD(why, FIELD, extra, "the whole says it");
}

static bool opening_parse(struct posted *p, struct fail *why)
{
	if (p->whole.at != NULL || p->part.at != NULL)
		return part_parse(p, why);
	if (p->matter.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/matter", "an opening event names its matter");
	if (p->region_text.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/region", "an opening event names its region");
	if (p->applicant_object == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/applicant", "an opening event names its applicant");
	if (!region_code_from(p->region_text, &p->region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	return applicant_parse(p, why);
}

static bool later_parse(const struct posted *p, struct fail *why)
{
	const char *extra = p->matter.at != NULL ? "/matter" : p->region_text.at != NULL ? "/region" : p->applicant_object != NULL ? "/applicant"
		: p->whole.at != NULL ? "/whole" : p->part.at != NULL ? "/part" : NULL;
	return extra == NULL || FAILS_FIELD(why, FIELD, extra, "only with seq 1");
}

/* Keyed, because it covers numbers, and those can be tried out. The last four are counted where they are said: what was digested before there were any stays known. */
static void digest_of(struct posted *p)
{
	char seq[21], occurred[21], extend[21], kind = (char)('0' + p->applicant.kind);
	struct str parts[] = {
		p->case_ref, { seq, i64_text(p->seq, seq) }, case_event_row(p->event)->name, { occurred, i64_text(p->occurred_ms, occurred) },
		p->note, p->matter, p->region_text, { &kind, 1 }, str_c(p->applicant.number), p->name, str_c(p->phone),
		{ extend, i64_text(p->extend_days, extend) }, p->document, p->provincial_no, p->project_code, STR_NONE, STR_NONE, STR_NONE, STR_NONE,
	};
	size_t count = COUNT(parts) - 4;
	if (p->whole.at != NULL) {
		parts[count++] = p->whole;
		parts[count++] = p->part;
	}
	if (p->in_person)
		parts[count++] = STR("in person");
	if (p->demand.at != NULL)
		parts[count++] = p->demand;
	p->digest_count = keyring_index_all("event", parts, count, p->digests);
}

static bool event_of(struct posted *p, struct fail *why)
{
	return case_event_from(p->event_name, &p->event) || FAILS_FIELD(why, FIELD, "/event", "no such event");
}

static bool demand_parse(struct request *r, struct posted *p, enum json_unknown unknown, struct fail *why)
{
	struct demand *d = p->demand_object != NULL ? arena_alloc(&r->arena, sizeof *d) : NULL;
	if (p->demand_object == NULL)
		return true;
	if (d == NULL)
		return FAILS(why, MEMORY, "a demand");
	return demand_take(p->demand_object, p->event, unknown, d, &r->arena, why) && demand_text(d, &r->arena, &p->demand, why);
}

/* Not request_json: the objects in it must outlive the first json_take. */
static bool body_parse(struct request *r, struct posted *p, struct fail *why)
{
	enum json_unknown unknown = r->who.kind == WHO_DEPARTMENT && !r->who.test_key ? JSON_IGNORE_UNKNOWN : JSON_REFUSE_UNKNOWN;
	DROP(json) json_t *body = json_read(r->body, why);
	if (body == NULL || !json_take(body, event_fields, COUNT(event_fields), unknown, "", p, &r->arena, why))
		return false;
	if (p->applicant_object != NULL &&
	    !json_take(p->applicant_object, applicant_fields, COUNT(applicant_fields), unknown, "/applicant", p, &r->arena, why))
		return false;
	bool ok = (p->seq == 1 ? opening_parse(p, why) : later_parse(p, why)) && event_of(p, why) && demand_parse(r, p, unknown, why);
	p->applicant_object = p->demand_object = NULL;
	return ok;
}

/* An extension names its days and the document that grants it; nothing else does. */
static bool extension_parse(const struct posted *p, struct fail *why)
{
	bool extends = p->event == CASE_EVENT_EXTENDED;
	if (extends && p->extend_days == 0)
		return FAILS_FIELD(why, FIELD_MISSING, "/extend_days", "an extension says by how much");
	if (extends && p->document.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/document", "an extension names its document");
	const char *extra = extends ? NULL : p->extend_days != 0 ? "/extend_days" : p->document.at != NULL ? "/document" : NULL;
	return extra == NULL || FAILS_FIELD(why, FIELD, extra, "only with an extension");
}

static bool post_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct posted *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_query_only(r, no_query, why) || !body_parse(r, p, why))
		return false;
	if (!extension_parse(p, why))
		return false;
	if (p->in_person && !tally_is_at_window(p->event))
		return FAILS_FIELD(why, FIELD, "/in_person", "nobody comes to the hall for that");
	digest_of(p);
	return true;
}

/* ---- apply: what is it? ---- */

static struct journal_entry entry_of(const struct request *r, const struct posted *p)
{
	return (struct journal_entry){ .event_id = p->event_id, .note = p->note, .digests = (const uint8_t(*)[SHA256_BYTES])p->digests, .digest_count = p->digest_count, .seq = p->seq,
				       .occurred_ms = p->occurred_ms, .received_ms = r->now_ms, .event = p->event,
				       .extend_days = p->extend_days, .document = p->document, .in_person = p->in_person,
				       .provincial_no = p->provincial_no, .project_code = p->project_code, .demand = p->demand };
}

static bool answer(struct request *r, enum event_answer code, const struct case_file *c, const struct journal_released *released)
{
	static const int statuses[] = { [ANSWER_APPLIED] = 201, [ANSWER_REPEATED] = 200, [ANSWER_HELD] = 202 };
	struct posted *p = r->state;
	struct outcome *o = &r->outcome;
	p->is_judged = true;
	memset(o, 0, sizeof(*o));
	o->code = (int32_t)code;
	o->status = statuses[code];
	o->n[N_CASE] = c->id;
	o->n[N_SEQ] = p->seq;
	o->n[N_NEXT] = c->last_seq + 1;
	o->n[N_STATE] = c->state;
	if (c->id > 0 && code != ANSWER_HELD)
		memcpy(o->text, c->case_no, CASE_NUMBER_LENGTH);
	if (released == NULL)
		return true;
	o->n[N_RELEASED_FROM] = released->from;
	o->n[N_RELEASED_TO] = released->to;
	if (released->refused_id[0] != '\0')
		snprintf(o->text + CASE_NUMBER_LENGTH, sizeof(o->text) - CASE_NUMBER_LENGTH, " %s", released->refused_id);
	return true;
}

static bool seq_taken(const struct case_file *c, struct fail *why)
{
	FAILS(why, SEQ_TAKEN, "next is %lld", (long long)c->last_seq + 1);
	fail_fact_number(why, "next_seq", c->last_seq + 1);
	return false;
}

/* A refused event comes again: the same verdict, unless another has taken its place meanwhile. */
static bool refused_again(const struct case_file *c, const struct posted *p, enum case_state refused_in, struct fail *why)
{
	enum case_state to;
	if (p->seq <= c->last_seq)
		return seq_taken(c, why);
	if (!case_move(refused_in, p->event, &to, why))
		return false;
	/* The table of moves has become wider since. What was refused stays so: the department was told to send another. */
	FAILS(why, ILLEGAL_MOVE, "refused before the rules were changed");
	fail_fact_text(why, "state", case_state_name(refused_in).at);
	return false;
}

/* Judged here and not in parse: a repeat is parsed again, and then the clock says something else. */
static bool times_are_possible(const struct request *r, const struct posted *p, struct fail *why)
{
	if (p->occurred_ms > r->now_ms + FUTURE_MAX_MS)
		return FAILS_FIELD(why, FIELD, "/occurred_at", "in the future");
	if (p->applicant.birth <= time_yyyymmdd(r->now_ms))
		return true;
	FAILS_FIELD(why, FIELD, "/applicant/id_number", "born in the future");
	fail_fact_text(why, "reason", identity_wrong_text(IDENTITY_WRONG_BIRTHDATE).at);
	return false;
}

/* What was not handed in and may follow, it says with a last day when it accepts. */
static bool nothing_follows(struct tx *tx, const struct case_file *c, struct fail *why)
{
	int64_t numbers[MATERIAL_NUMBERS_MAX];
	int count;
	if (!material_missing(tx, c->id, numbers, &count, why))
		return false;
	if (count == 0)
		return true;
	FAILS_FIELD(why, FIELD_MISSING, "/demand", "%d materials may follow", count);
	fail_fact_number(why, "material", numbers[0]);
	return false;
}

/* Whoever applied here is told what is missing, or wrong, in the words of his guide: a case is opened by its first event, so this is known before any other's turn. */
static bool demand_is_brought(struct tx *tx, const struct case_file *c, const struct posted *p, struct fail *why)
{
	bool applied_here = false;
	if (p->demand.at != NULL || c->id == 0)
		return true;
	if (p->event == CASE_EVENT_ACCEPTED)
		return nothing_follows(tx, c, why);
	if (!demand_is_owed(p->event))
		return true;
	if (!application_is_of(tx, c->id, &applied_here, why))
		return false;
	return !applied_here || FAILS_FIELD(why, FIELD_MISSING, "/demand", "%.*s names what it is about", STR_ARG(p->event_name));
}

static bool take_turn(struct tx *tx, struct request *r, struct case_file *c, const struct journal_entry *e, struct fail *why);

static bool post_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct posted *p = r->state;
	struct journal_entry e = entry_of(r, p);
	struct case_pen pen = { .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	struct case_file c = { .pen = &pen, .department = r->who.id, .case_ref = p->case_ref, .now_ms = r->now_ms };
	enum case_state refused_in;
	if (!times_are_possible(r, p, why) || !journal_lock(tx, &c, why) || !journal_case(tx, &c, why) || !joint_join(tx, &c, why))
		return false;
	switch (journal_seen(tx, r->who.id, &e, &refused_in, why)) {
	case JOURNAL_FAILED:        return false;
	case JOURNAL_OTHER_CONTENT: return FAILS(why, EVENT_REUSED, "same event id, other content");
	case JOURNAL_APPLIED:       return answer(r, ANSWER_REPEATED, &c, NULL);
	case JOURNAL_WAITING:       return answer(r, ANSWER_HELD, &c, NULL);
	case JOURNAL_REFUSED:       return refused_again(&c, p, refused_in, why);
	case JOURNAL_NEW:           break;
	}
	if (p->seq <= c.last_seq)
		return seq_taken(&c, why);
	if (!demand_is_brought(tx, &c, p, why))
		return false;
	if (p->seq > c.last_seq + 1)
		return journal_hold(tx, &c, &e, why) && answer(r, ANSWER_HELD, &c, NULL);
	return take_turn(tx, r, &c, &e, why);
}

/* ---- apply: its turn ---- */

static bool take_turn(struct tx *tx, struct request *r, struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	struct journal_released released;
	const struct posted *p = r->state;
	struct opening o = { .event = p->event, .matter = p->matter, .region = p->region, .applicant = &p->applicant, .name = p->name, .phone = str_c(p->phone),
			     .whole = p->whole, .part = p->part };
	if (c->id == 0 && !case_open(tx, &o, c, why))
		return false;
	return journal_append(tx, c, e, why) && journal_release(tx, c, &released, why) && journal_save(tx, c, why) &&
	       answer(r, ANSWER_APPLIED, c, &released);
}

/* ---- render: from the outcome and what parse left ---- */

static bool add_location(struct request *r, struct str case_ref, struct fail *why)
{
	struct buf b;
	buf_init(&b, &r->arena, 256);
	buf_str(&b, STR("/v1/department/cases/"));
	url_escape(&b, case_ref);
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "location");
	reply_header(r, "location", buf_text(&b));
	return true;
}

static void held_body(struct json_out *j, const struct outcome *o, const struct posted *p)
{
	json_add_text(j, "result", STR("held"));
	json_add_text(j, "case_ref", p->case_ref);
	json_add_text(j, "event_id", p->event_id);
	json_add_number(j, "seq", o->n[N_SEQ]);
	json_add_number(j, "awaiting_seq", o->n[N_NEXT]);
}

static void applied_body(struct json_out *j, const struct outcome *o, const struct posted *p)
{
	enum case_state state = (enum case_state)o->n[N_STATE];
	struct str case_no, refused_id;
	str_cut(str_c(o->text), ' ', &case_no, &refused_id);
	json_add_text(j, "result", o->code == ANSWER_APPLIED ? STR("applied") : STR("repeated"));
	json_add_text(j, "case_no", case_no);
	json_add_text(j, "case_ref", p->case_ref);
	json_add_text(j, "event_id", p->event_id);
	json_add_number(j, "seq", o->n[N_SEQ]);
	json_add_text(j, "state", case_state_name(state));
	json_add_text(j, "status", case_status_of(state)->name);
	json_add_number(j, "next_seq", o->n[N_NEXT]);
	json_put_name(j, "released");
	json_put_array(j);
	for (int64_t seq = o->n[N_RELEASED_FROM]; seq > 0 && seq <= o->n[N_RELEASED_TO]; seq++)
		json_put_number(j, seq);
	json_put_array_end(j);
	json_put_name(j, "refused");
	json_put_array(j);
	if (refused_id.len > 0) {
		json_put_object(j);
		json_add_text(j, "event_id", refused_id);
		json_add_number(j, "seq", o->n[N_NEXT]);
		json_add_text(j, "code", str_c(fail_row(FAIL_ILLEGAL_MOVE)->slug));
		json_add_text(j, "state", case_state_name(state));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void tell(const struct request *r, const struct outcome *o, const struct posted *p)
{
	static const enum case_event_result results[] = {
		[ANSWER_APPLIED] = CASE_RESULT_APPLIED, [ANSWER_REPEATED] = CASE_RESULT_REPEATED, [ANSWER_HELD] = CASE_RESULT_HELD };
	metric_add(M_case_events, (int)results[o->code], 1);
	if (o->code == ANSWER_HELD) {
		LOG_EVENT(case_event_held, str_c(r->id), L_INT(r->who.id), L_INT(o->n[N_SEQ]), L_INT(o->n[N_NEXT]));
	} else if (o->code == ANSWER_APPLIED) {
		int64_t released = o->n[N_RELEASED_FROM] > 0 ? o->n[N_RELEASED_TO] - o->n[N_RELEASED_FROM] + 1 : 0;
		metric_add(M_case_events, CASE_RESULT_APPLIED, released);
		if (strchr(o->text, ' ') != NULL)
			metric_add(M_case_events, CASE_RESULT_REFUSED, 1);
		if (o->n[N_SEQ] == 1)
			LOG_EVENT(case_opened, str_c(r->id), L_INT(o->n[N_CASE]), L_INT(r->who.id), L_STR(p->matter));
		LOG_EVENT(case_moved, str_c(r->id), L_INT(o->n[N_CASE]), L_INT(o->n[N_SEQ]), L_STR(case_event_row(p->event)->name),
			  L_STR(case_state_name((enum case_state)o->n[N_STATE])));
	}
}

static bool post_render(struct request *r, struct fail *why)
{
	const struct posted *p = r->state;
	const struct outcome *o = &r->outcome;
	assert(o->code >= ANSWER_APPLIED && o->code <= ANSWER_HELD);
	struct json_out j = reply_json(r, o->status);
	json_put_object(&j);
	if (o->code == ANSWER_HELD)
		held_body(&j, o, p);
	else
		applied_body(&j, o, p);
	json_put_object_end(&j);
	if (o->code != ANSWER_REPEATED && !add_location(r, p->case_ref, why))
		return false;
	if (p->is_judged)
		tell(r, o, p);
	return reply_json_end(r, &j, why);
}

const struct handler department_event_post = { .parse = post_parse, .apply = post_apply, .render = post_render };
