/* services/cases/result_department.c - what a department says came of its case, and the document: POST /v1/department/cases/:ref/result and …/result/document. */
#include "auth/audit.h"
#include "auth/blob.h"
#include "base/hash.h"
#include "notify/message.h"
#include "services/applying/upload_sink.h"
#include "services/cases/case_names.h"
#include "services/cases/result.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stddef.h>

enum { GIVEN = 1, KEPT = 2, N_VERSION = 0, N_BYTES = 1, HEX_BYTES = 2 * SHA256_BYTES };

struct giving {
	struct str decision, document_no, sha256, place, case_ref;
	bool collect;
	int64_t wanted;
	uint8_t digest[SHA256_BYTES];
};

static bool ref_parse(struct request *r, struct giving *g, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	g->case_ref = r->params[0];
	if (!request_query_only(r, no_query, why))
		return false;
	return (g->case_ref.len <= CASE_TEXT_MAX && str_is_visible_ascii(g->case_ref)) || FAILS(why, NOT_FOUND, "not a case_ref");
}

static bool give_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "decision", JSON_F_TEXT, true, 1, 16, offsetof(struct giving, decision), NULL },
		{ "document_no", JSON_F_TEXT, true, 2, RESULT_DOCUMENT_NO_MAX, offsetof(struct giving, document_no), check_public_text },
		{ "sha256", JSON_F_TEXT, false, HEX_BYTES, HEX_BYTES, offsetof(struct giving, sha256), NULL },
		{ "ready_for_collection", JSON_F_BOOL, true, 0, 0, offsetof(struct giving, collect), NULL },
		{ "place", JSON_F_TEXT, false, 2, RESULT_PLACE_MAX, offsetof(struct giving, place), check_public_text },
	};
	struct giving *g = request_state(r, sizeof(*g), why);
	if (g == NULL || !ref_parse(r, g, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), g, why))
		return false;
	g->wanted = str_eq(g->decision, STR("granted")) ? RESULT_GRANTED : str_eq(g->decision, STR("refused")) ? RESULT_REFUSED : 0;
	if (g->wanted == 0)
		return FAILS_FIELD(why, FIELD, "/decision", "neither granted nor refused");
	if (g->sha256.at != NULL && str_hex(g->sha256, g->digest, SHA256_BYTES) != SHA256_BYTES)
		return FAILS_FIELD(why, FIELD, "/sha256", "not 64 hexadecimal digits");
	if (g->collect != (g->place.at != NULL))
		return g->collect ? FAILS_FIELD(why, FIELD_MISSING, "/place", "where it lies") : FAILS_FIELD(why, FIELD, "/place", "only of what lies ready");
	return true;
}

/* Events of the case wait meanwhile. A part of a joint case has no result of its own. */
static bool take_case(struct tx *tx, const struct request *r, const struct giving *g, struct case_file *c, struct fail *why)
{
	*c = (struct case_file){ .department = r->who.id, .case_ref = g->case_ref, .now_ms = r->now_ms };
	if (!journal_lock(tx, c, why) || !journal_case(tx, c, why))
		return false;
	return (c->id != 0 && c->parts >= 0) || FAILS(why, NOT_FOUND, "no such case");
}

static bool owner_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct giving *g = r->state;
	struct case_file c = { .department = r->who.id, .case_ref = g->case_ref };
	if (!journal_case(tx, &c, why))
		return false;
	if (c.id == 0)
		return FAILS(why, NOT_FOUND, "no such case");
	r->owner = c.department; /* the read was by it */
	return true;
}

static bool note(struct tx *tx, const struct request *r, const struct case_file *c, enum audit_act act, struct str detail, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_CASE, c->id, .result = r->outcome.status, .detail = detail, .department = c->department, .region = c->region };
	return audit_add(tx, r, &a, why);
}

static bool tell(struct tx *tx, struct request *r, const struct case_file *c, const struct result *to, struct fail *why)
{
	struct case_names names;
	struct case_telling t = { .person = c->person, .case_id = c->id, .cause = to->version, .case_no = { c->case_no, CASE_NUMBER_LENGTH }, .list = to->document_no, .due = to->place,
				  .template = to->collect ? TEMPLATE_result_ready : TEMPLATE_result_given };
	if (!case_names_read(tx, c->names, &names, why))
		return false;
	t.matter_name = case_names_get(&names, CASE_NAME_MATTER);
	return message_case_told(tx, &t, r->now_ms, r->random, &r->arena, why);
}

static bool give_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct giving *g = r->state;
	struct case_file c;
	struct result out;
	int64_t decided;
	bool changed;
	if (!take_case(tx, r, g, &c, why) || !result_decided(tx, c.id, &decided, why))
		return false;
	if (decided != g->wanted) {
		FAILS_FIELD(why, FIELD, "/decision", "it was decided otherwise");
		fail_fact_text(why, "reason", "not_as_decided");
		return false;
	}
	struct result to = { .case_id = c.id, .decision = g->wanted, .document_no = g->document_no, .collect = g->collect, .place = g->place.at != NULL ? g->place : STR(""),
			     .has_sha256 = g->sha256.at != NULL };
	memcpy(to.sha256, g->digest, SHA256_BYTES);
	if (!result_give(tx, &to, r->now_ms, &r->arena, &out, &changed, why))
		return false;
	r->outcome = (struct outcome){ .code = GIVEN, .status = out.version == 1 ? 201 : 200, .n = { [N_VERSION] = out.version, [N_BYTES] = out.bytes } };
	return !changed || (tell(tx, r, &c, &out, why) && note(tx, r, &c, AUDIT_RESULT_GIVEN, result_decision_name(out.decision), why));
}

static bool given_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_text(&j, "case_ref", r->params[0]);
	json_add_number(&j, "version", r->outcome.n[N_VERSION]);
	if (r->outcome.code == KEPT) {
		json_add_number(&j, "bytes", r->outcome.n[N_BYTES]);
		json_add_text(&j, "sha256", str_c(r->outcome.text));
	}
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler department_result = { .parse = give_parse, .look = owner_look, .apply = give_apply, .render = given_render };

/* ---- the document ---- */

static bool document_parse_ref(struct request *r, struct fail *why)
{
	struct giving *g = request_state(r, sizeof(*g), why);
	return g != NULL && ref_parse(r, g, why);
}

static bool is_the_document(const struct upload *u, const struct result *to, struct fail *why)
{
	if (!to->has_sha256 || to->blob != 0 || memcmp(to->sha256, u->sealed.sha256, SHA256_BYTES) == 0)
		return true;
	FAILS(why, MEDIA, "another document");
	fail_fact_text(why, "reason", "not_the_digest_it_said");
	return false;
}

static bool document_keep(struct tx *tx, struct request *r, const struct case_file *c, const struct result *to, const struct upload *u, struct fail *why)
{
	uint8_t random[32];
	int64_t blob;
	bool is_known;
	struct blob_owner owner = { BLOB_OF_RESULT, to->id };
	struct blob_new n = { .person = c->person, .media = media_type(u->media.kind), .sealed = &u->sealed, .owner = owner };
	request_bytes(r, "result", random);
	return blob_release(tx, owner, r->now_ms, why) && blob_keep(tx, &n, r->now_ms, random, &blob, &is_known, why) &&
	       result_document(tx, to, blob, u->sealed.bytes, u->sealed.sha256, r->now_ms, why);
}

static bool document_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct giving *g = r->state;
	const struct upload *u = upload_of(r);
	struct case_file c;
	struct result to;
	bool found;
	if (!take_case(tx, r, g, &c, why) || !result_of(tx, c.id, &r->arena, &to, &found, why))
		return false;
	if (!found)
		return FAILS(why, RESULT_STATE, "the result comes first");
	if (!is_the_document(u, &to, why) || !document_keep(tx, r, &c, &to, u, why))
		return false;
	r->outcome = (struct outcome){ .code = KEPT, .status = 201, .n = { [N_VERSION] = to.version + 1, [N_BYTES] = u->sealed.bytes } };
	hex_text(u->sealed.sha256, SHA256_BYTES, r->outcome.text);
	return note(tx, r, &c, AUDIT_RESULT_DOCUMENT_KEPT, STR_NONE, why);
}

const struct handler department_result_document = { .sink = &document_sink, .parse = document_parse_ref, .look = owner_look, .apply = document_apply, .render = given_render };
