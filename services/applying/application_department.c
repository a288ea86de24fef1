/* services/applying/application_department.c - what was handed in, as the department the case is at reads it: GET /v1/department/cases/:ref/application.
 *
 * The feed says that there is something new (event submitted, correct_pre_done, correct_done); this is what it is. It is personal through and through, so each
 * reading is on record, in the same transaction: a read that could not be noted is not answered. */
#include "auth/audit.h"
#include "auth/person.h"
#include "base/hash.h"
#include "services/applying/application_changes.h"
#include "services/applying/material_certificate.h"
#include "services/cases/case_journal.h"
#include "services/handlers.h"
#include "services/services.h"

struct reading {
	struct case_file file;
	struct submission s;
	struct material *materials;
	int material_count;
	struct str *said;      /* of each that is a certificate: number, name, issuer */
	struct person_facts facts;
	struct changes *changes;
	int64_t missing[MATERIAL_NUMBERS_MAX];
	int missing_count;
	int64_t guide_version;
	enum identity_kind kind;
	char text[PERSON_FACTS_BYTES];
};

enum { READ = 1 };

static bool read_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct reading *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, no_query, why))
		return false;
	v->file.case_ref = r->params[0];
	return (v->file.case_ref.len <= CASE_TEXT_MAX && str_is_visible_ascii(v->file.case_ref)) || FAILS(why, NOT_FOUND, "not a case_ref");
}

static bool version_look(struct tx *tx, struct reading *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT g.version, p.kind FROM application a JOIN guide g ON g.id = a.guide JOIN person p ON p.id = a.person WHERE a.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->s.application);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "application %lld is gone", (long long)v->s.application);
	v->guide_version = stmt_int(q, 0);
	v->kind = (enum identity_kind)stmt_int(q, 1);
	return true;
}

static bool certificates_look(struct tx *tx, struct request *r, struct reading *v, struct fail *why)
{
	v->said = arena_alloc(&r->arena, MATERIALS_MAX * sizeof *v->said);
	if (v->said == NULL)
		return FAILS(why, MEMORY, "certificates");
	for (int i = 0; i < v->material_count; i++)
		if (v->materials[i].is_certificate && !certificate_said(tx, v->materials[i].id, &r->arena, &v->said[i], why))
			return false;
	return true;
}

static void certificates_out(struct json_out *j, const struct reading *v)
{
	char key[ID_TEXT_BYTES];
	json_put_name(j, "certificates");
	json_put_array(j);
	for (int i = 0; i < v->material_count; i++) {
		if (!v->materials[i].is_certificate)
			continue;
		id_text(v->materials[i].key, MATERIAL_PREFIX, key);
		json_put_object(j);
		json_add_text(j, "id", str_c(key));
		json_put_members(j, (struct str){ v->said[i].at + 1, v->said[i].len - 2 }); /* without its braces */
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static bool read_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *v = r->state;
	bool found;
	v->file.department = r->who.id;
	if (!journal_case(tx, &v->file, why))
		return false;
	if (v->file.id == 0)
		return FAILS(why, NOT_FOUND, "no such case");
	if (!submission_last(tx, v->file.id, 0, &r->arena, &v->s, &found, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "nothing was handed in here");
	r->owner = v->file.department; /* the read was by it */
	v->materials = arena_alloc(&r->arena, MATERIALS_MAX * sizeof *v->materials);
	v->changes = arena_alloc(&r->arena, sizeof *v->changes);
	if (v->materials == NULL || v->changes == NULL)
		return FAILS(why, MEMORY, "files");
	return material_list(tx, v->s.application, v->s.edition, v->materials, &v->material_count, why) &&
	       certificates_look(tx, r, v, why) && changes_since(tx, v->file.id, 1, v->s.answers, v->materials, v->material_count, &r->arena, v->changes, why) &&
	       material_missing(tx, v->file.id, v->missing, &v->missing_count, why) && version_look(tx, v, why) && person_facts_get(tx, v->file.person, v->text, &v->facts, why);
}

static bool read_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct reading *v = r->state;
	struct audit a = { AUDIT_APPLICATION_READ, AUDIT_OF_CASE, v->file.id, .result = 200, .department = v->file.department, .region = v->file.region };
	r->outcome = (struct outcome){ .code = READ, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static void text_or_nothing(struct json_out *j, const char *name, struct str s)
{
	if (s.at != NULL && s.len > 0)
		json_add_text(j, name, s);
	else
		json_add_nothing(j, name);
}

static bool read_render(struct request *r, struct fail *why)
{
	struct reading *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "case_no", str_c(v->file.case_no));
	json_add_text(&j, "case_ref", v->file.case_ref);
	json_add_number(&j, "submission", v->s.n);
	json_add_number(&j, "seq", v->s.seq);
	json_add_number(&j, "guide_version", v->guide_version);
	json_add_time(&j, "submitted_at", v->s.made_ms);
	json_put_name(&j, "applicant");
	json_put_object(&j);
	text_or_nothing(&j, "id_type", str_c(identity_kind_text(v->kind)));
	text_or_nothing(&j, "id_number", v->facts.number);
	text_or_nothing(&j, "name", v->facts.name);
	text_or_nothing(&j, "phone", v->facts.phone);
	json_put_object_end(&j);
	json_put_name(&j, "answers");
	json_put_object(&j);
	json_put_members(&j, (struct str){ v->s.answers.at + 1, v->s.answers.len - 2 }); /* without its braces */
	json_put_object_end(&j);
	materials_out(&j, v->materials, v->material_count);
	certificates_out(&j, v);
	numbers_out(&j, "may_follow", v->missing, v->missing_count);
	changes_out(&j, v->changes);
	json_put_object_end(&j);
	wipe(v->text, sizeof v->text);
	return reply_json_end(r, &j, why);
}

const struct handler department_application = { .parse = read_parse, .look = read_look, .apply = read_apply, .render = read_render };
