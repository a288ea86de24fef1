/* services/applying/material_show.c - a file again, part by part, for its applicant and for the department the case is at; and taken away.
 *
 * A part is what an answer may hold; who wants more asks for the next. A department's reading is on record with the first part. */
#include "auth/audit.h"
#include "services/applying/application_view.h"
#include "services/applying/material.h"
#include "services/cases/case_journal.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stdio.h>

enum { DONE = 1, N_EDITION = 0 };
#define AT_MAX (INT64_C(1) << 40)

struct reading {
	struct application ap;
	struct case_file file; /* a department's */
	struct material m;
	struct str part;
	struct id key;
	int64_t at;
};

static bool content_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "at", NULL };
	struct reading *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why) || !query_number(r, "at", 0, AT_MAX, 0, &v->at, why))
		return false;
	return id_from_text(r->params[1], MATERIAL_PREFIX, &v->key) || FAILS(why, NOT_FOUND, "not a file's id");
}

static bool is_file(const struct material *m, struct fail *why)
{
	return !m->is_certificate || FAILS(why, NOT_FOUND, "a certificate, which its platform keeps");
}

static bool content_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *v = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &v->ap, &is_seen, why))
		return false;
	return !is_seen || (material_find(tx, v->key, v->ap.id, &v->m, why) && is_file(&v->m, why) && material_part(tx, &v->m, v->at, &r->arena, &v->part, why));
}

static bool content_render(struct request *r, struct fail *why)
{
	const struct reading *v = r->state;
	return material_part_out(r, &v->m, v->at, v->part, why);
}

const struct handler material_content = { .parse = content_parse, .look = content_look, .render = content_render };

/* ---- for the department ---- */

static bool department_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *v = r->state;
	struct submission s;
	bool found;
	v->file = (struct case_file){ .department = r->who.id, .case_ref = r->params[0] };
	if (v->file.case_ref.len > CASE_TEXT_MAX)
		return FAILS(why, NOT_FOUND, "not a case_ref");
	if (!journal_case(tx, &v->file, why) || (v->file.id != 0 && !submission_last(tx, v->file.id, 0, &r->arena, &s, &found, why)))
		return false;
	if (v->file.id == 0 || !found)
		return FAILS(why, NOT_FOUND, "nothing was handed in here");
	if (!material_find(tx, v->key, s.application, &v->m, why))
		return false;
	if (v->m.added > s.edition) /* not handed in yet */
		return FAILS(why, NOT_FOUND, "not handed in");
	r->owner = v->file.department; /* the read was by it */
	return is_file(&v->m, why) && material_part(tx, &v->m, v->at, &r->arena, &v->part, why);
}

static bool department_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct reading *v = r->state;
	char key[ID_TEXT_BYTES], detail[ID_TEXT_BYTES + 8];
	id_text(v->m.key, MATERIAL_PREFIX, key);
	snprintf(detail, sizeof detail, "file %s", key);
	struct audit a = { AUDIT_MATERIAL_READ, AUDIT_OF_CASE, v->file.id, .result = 200, .detail = str_c(detail), .department = v->file.department, .region = v->file.region };
	r->outcome = (struct outcome){ .code = DONE, .status = 200 };
	return v->at > 0 || audit_add(tx, r, &a, why);
}

const struct handler department_material = { .parse = content_parse, .look = department_look, .apply = department_apply, .render = content_render };

/* ---- taken away ---- */

static bool remove_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct reading *v = request_state(r, sizeof(*v), why);
	return v != NULL && request_query_only(r, no_query, why) && (id_from_text(r->params[1], MATERIAL_PREFIX, &v->key) || FAILS(why, NOT_FOUND, "not a file's id"));
}

static bool remove_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *v = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &v->ap, &is_seen, why))
		return false;
	if (!is_seen)
		return true;
	return material_find(tx, v->key, v->ap.id, &v->m, why) && (v->m.removed == 0 || FAILS(why, NOT_FOUND, "taken away"));
}

static bool remove_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct reading *v = r->state;
	int64_t edition;
	if (!material_remove(tx, &v->ap, &v->m, r->now_ms, &r->arena, &edition, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 204, .n = { [N_EDITION] = edition } };
	return true;
}

static bool remove_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	application_etag(r, r->outcome.n[N_EDITION]);
	return true;
}

const struct handler material_remove_one = { .parse = remove_parse, .look = remove_look, .apply = remove_apply, .render = remove_render };
