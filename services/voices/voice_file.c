/* services/voices/voice_file.c - a ticket is filed: POST /v1/tickets by whoever speaks, POST /v1/staff/tickets and /v1/department/tickets by who took his call (统一接收).
 *
 * About a case it may only be when the case is the speaker's: his own, or, on the telephone, one whose number he knows with the last four of his identity number. On
 * the telephone nobody is known otherwise: name and phone are kept as they were said, with the ticket alone. */
#include "auth/audit.h"
#include "auth/mandate.h"
#include "auth/person.h"
#include "auth/tenancy.h"
#include "services/cases/case_number.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/voices/voice_view.h"

enum { LAST4 = 4, NAME_MAX = 30, PHONE_TEXT_MAX = 20 };

struct filing {
	struct str kind_name, text, case_no, region_text, name, phone_text, last4;
	enum voice_kind kind;
	int64_t region, case_id;
	char number[CASE_NUMBER_BYTES], phone[PHONE_DIGITS + 1];
};

#define FILED_FIELDS                                                                                                      \
	{ "kind", JSON_F_TEXT, true, 1, 16, offsetof(struct filing, kind_name), NULL },                                   \
	{ "text", JSON_F_TEXT, true, 4, VOICE_TEXT_MAX, offsetof(struct filing, text), check_plain_text },                \
	{ "case_no", JSON_F_TEXT, false, 1, 32, offsetof(struct filing, case_no), check_visible_ascii },                  \
	{ "region", JSON_F_TEXT, false, 6, 9, offsetof(struct filing, region_text), NULL }

static bool filed_parse(struct filing *f, struct fail *why)
{
	f->kind = voice_kind_from(f->kind_name);
	if ((int)f->kind == 0)
		return FAILS_FIELD(why, FIELD, "/kind", "no such kind");
	if (f->case_no.at != NULL && !case_number_parse(f->case_no, &f->case_id, f->number))
		return FAILS_FIELD(why, FIELD, "/case_no", "not a case number");
	if (f->case_no.at != NULL && f->region_text.at != NULL)
		return FAILS_FIELD(why, FIELD, "/region", "the case says it");
	if (f->case_no.at == NULL && f->region_text.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/region", "where, when it is about no case");
	return f->region_text.at == NULL || region_code_from(f->region_text, &f->region) || FAILS_FIELD(why, FIELD, "/region", "not a region code");
}

struct about {
	int64_t person, department, region, matter;
	char last4[LAST4];
};

/* *found false: there is none of that number. */
static bool case_read(struct tx *tx, const struct filing *f, struct about *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.case_no, c.person, c.department, c.region, c.matter, p.facts FROM cases c JOIN person p ON p.id = c.person WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->case_id);
	*found = stmt_row(q, why) && str_eq(stmt_text(q, 0), str_c(f->number));
	if (!*found)
		return why->code == FAIL_NONE;
	*out = (struct about){ .person = stmt_int(q, 1), .department = stmt_int(q, 2), .region = stmt_int(q, 3), .matter = stmt_int(q, 4) };
	return person_last4(out->person, stmt_blob(q, 5), out->last4, why);
}

static bool region_exists(struct tx *tx, int64_t region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, region);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/region", "no such region"));
}

static bool made(struct tx *tx, struct request *r, const struct voice_new *n, unsigned role, enum audit_act act, struct fail *why)
{
	struct voice v;
	struct voice_by by = { .r = r, .role = role, .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	if (!voice_make(tx, n, &by, &v, why))
		return false;
	struct audit a = { act, AUDIT_OF_VOICE, v.id, .result = 201, .department = v.department, .region = v.region };
	voice_decided(r, &v, 201);
	return audit_add(tx, r, &a, why);
}

/* ---- by whoever speaks ---- */

static bool create_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = { FILED_FIELDS };
	struct filing *f = request_state(r, sizeof(*f), why);
	return f != NULL && request_query_only(r, no_query, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), f, why) && filed_parse(f, why);
}

static bool own_case(struct tx *tx, struct request *r, const struct filing *f, struct about *about, struct fail *why)
{
	bool found = false, covers = false;
	if (f->case_id != 0 && !case_read(tx, f, about, &found, why))
		return false;
	if (!mandate_covers(tx, &r->who, about->matter, &covers, why))
		return false;
	if (f->case_id == 0)
		return covers || FAILS_FIELD(why, FIELD_MISSING, "/case_no", "he acts in some matters only");
	return (found && covers && about->person == principal_whose(&r->who)) || FAILS_FIELD(why, FIELD, "/case_no", "no such case of his");
}

static bool create_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct filing *f = r->state;
	struct about about = { .region = f->region };
	if (!own_case(tx, r, f, &about, why) || !region_exists(tx, about.region, why))
		return false;
	struct voice_new n = { .kind = f->kind, .person = principal_whose(&r->who), .case_id = f->case_id, .department = about.department, .region = about.region, .text = f->text };
	return made(tx, r, &n, VOICE_BY_PERSON, AUDIT_VOICE_MADE, why);
}

const struct handler voice_create = { .parse = create_parse, .apply = create_apply, .render = voice_decided_render };

/* ---- by who took his call ---- */

static bool take_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		FILED_FIELDS,
		{ "name", JSON_F_TEXT, true, 1, NAME_MAX, offsetof(struct filing, name), check_plain_text },
		{ "phone", JSON_F_TEXT, true, 1, PHONE_TEXT_MAX, offsetof(struct filing, phone_text), NULL },
		{ "id_last4", JSON_F_TEXT, false, LAST4, LAST4, offsetof(struct filing, last4), check_visible_ascii },
	};
	struct filing *f = request_state(r, sizeof(*f), why);
	if (f == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), f, why) || !filed_parse(f, why))
		return false;
	if (!phone_normal(f->phone_text, f->phone))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mainland mobile number");
	if (f->case_no.at != NULL && f->last4.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/id_last4", "whose case is it?");
	return f->case_no.at != NULL || f->last4.at == NULL || FAILS_FIELD(why, FIELD, "/id_last4", "with a case only");
}

/* The same answer whether the number or the four do not fit. */
static bool callers_case(struct tx *tx, const struct filing *f, struct about *about, struct fail *why)
{
	bool found;
	char typed[LAST4];
	if (f->case_id == 0)
		return true;
	if (!case_read(tx, f, about, &found, why))
		return false;
	for (int i = 0; i < LAST4; i++)
		typed[i] = f->last4.at[i] == 'x' ? 'X' : f->last4.at[i];
	return (found && str_same_secret((struct str){ typed, LAST4 }, (struct str){ about->last4, LAST4 })) || FAILS(why, LOOKUP, "no match");
}

static bool contact_of(struct request *r, const struct filing *f, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, &r->arena, f->name.len + sizeof(f->phone) + 1);
	buf_str(&b, f->name);
	buf_char(&b, '\n');
	buf_str(&b, str_c(f->phone));
	*out = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "a caller");
}

static bool take_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct filing *f = r->state;
	struct about about = { .region = f->region };
	struct str contact;
	if (!callers_case(tx, f, &about, why) || !region_exists(tx, about.region, why) || !contact_of(r, f, &contact, why))
		return false;
	if (r->who.kind == WHO_STAFF && !region_is_within(r->who.region, about.region))
		return f->case_id != 0 ? FAILS(why, LOOKUP, "elsewhere") : FAILS_FIELD(why, FIELD, "/region", "beyond the clerk's");
	struct voice_new n = { .kind = f->kind, .person = about.person, .taker = r->who.kind == WHO_DEPARTMENT ? r->who.id : 0, .case_id = f->case_id, .department = about.department,
			       .region = about.region, .text = f->text, .contact = contact };
	return made(tx, r, &n, VOICE_BY_OPERATOR, AUDIT_VOICE_TAKEN, why);
}

const struct handler office_voice_take = { .parse = take_parse, .apply = take_apply, .render = voice_decided_render };
