/* services/cases/result_show.c - what came of it, for whose case it is: GET /v1/cases/:no/result, the document part by part, and the code by which it is collected. */
#include "auth/right.h"
#include "base/hash.h"
#include "services/applying/material.h"
#include "services/cases/case_row.h"
#include "services/cases/result.h"
#include "services/guides/guide.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/expiring.h"

enum { MADE = 1, N_MS = 0 };
#define AT_MAX (INT64_C(1) << 40)

struct showing {
	struct case_question question;
	struct result result;
	struct material document; /* as one of its files */
	struct str part;
	int64_t at;
};

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &s->question, why);
}

/* *is_seen false: it is not the asker's. Fails: NOT_FOUND no result yet. */
static bool find(struct tx *tx, struct request *r, struct showing *s, bool *is_seen, struct fail *why)
{
	struct case_row row;
	bool found;
	if (!case_row_read(tx, &r->arena, s->question.id, &row, why) || !case_question_answers(&s->question, row.case_no, why) || !case_owner(tx, r, row.person, row.matter, why))
		return false;
	*is_seen = r->owner == principal_whose(&r->who);
	if (!*is_seen)
		return true;
	return result_of(tx, s->question.id, &r->arena, &s->result, &found, why) && (found || FAILS(why, NOT_FOUND, "no result yet"));
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	bool is_seen;
	return find(tx, r, r->state, &is_seen, why);
}

static void time_or_nothing(struct json_out *j, const char *name, int64_t ms)
{
	if (ms != 0)
		json_add_time(j, name, ms);
	else
		json_add_nothing(j, name);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct result *s = &((const struct showing *)r->state)->result;
	char hex[2 * SHA256_BYTES + 1];
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "decision", result_decision_name(s->decision));
	json_add_text(&j, "document_no", s->document_no);
	hex_text(s->sha256, SHA256_BYTES, hex);
	if (s->has_sha256)
		json_add_text(&j, "sha256", str_c(hex));
	else
		json_add_nothing(&j, "sha256");
	json_add_number(&j, "document_bytes", s->blob != 0 ? s->bytes : 0);
	json_add_boolean(&j, "ready_for_collection", s->collect && s->handed_ms == 0);
	if (s->place.len > 0)
		json_add_text(&j, "place", s->place);
	else
		json_add_nothing(&j, "place");
	time_or_nothing(&j, "handed_out_at", s->handed_ms);
	json_add_time(&j, "given_at", s->made_ms);
	json_add_time(&j, "changed_at", s->changed_ms);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler case_result = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- the document ---- */

static bool part_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "at", NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, names, why) && query_number(r, "at", 0, AT_MAX, 0, &s->at, why) && case_question_parse(r->params[0], &s->question, why);
}

/* It is read at the level at which the matter is applied for. */
static bool known_well(struct tx *tx, const struct request *r, int64_t case_id, struct fail *why)
{
	int64_t guide;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(guide, 0) FROM cases WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, case_id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
		guide = stmt_int(q, 0);
	}
	DROP(json) json_t *body = guide != 0 ? guide_body(tx, guide, why) : NULL;
	if (guide != 0 && body == NULL)
		return false;
	int level = guide_level(body);
	if (level_suffices(&r->who, level, r->now_ms))
		return true;
	FAILS(why, LEVEL, "level %d, needed %d", r->who.level, level);
	fail_fact_number(why, "needed_level", level);
	fail_fact_text(why, "step", level_row(level)->step);
	return false;
}

static bool media_of(struct tx *tx, int64_t blob, enum media_kind *kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT media FROM blob WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, blob);
	*kind = stmt_row(q, why) ? media_kind_of(stmt_text(q, 0)) : MEDIA_NONE;
	return *kind != MEDIA_NONE || (why->code == FAIL_NONE && FAILS(why, STORE, "blob %lld is no document", (long long)blob));
}

static bool document_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	bool is_seen;
	if (!find(tx, r, s, &is_seen, why))
		return false;
	if (!is_seen)
		return true;
	if (s->result.blob == 0)
		return FAILS(why, NOT_FOUND, "no document");
	s->document = (struct material){ .blob = s->result.blob, .bytes = s->result.bytes };
	return media_of(tx, s->result.blob, &s->document.kind, why) && known_well(tx, r, s->question.id, why) && material_part(tx, &s->document, s->at, &r->arena, &s->part, why);
}

static bool document_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	return material_part_out(r, &s->document, s->at, s->part, why);
}

const struct handler case_result_document = { .parse = part_parse, .look = document_look, .render = document_render };

/* ---- the code: it is kept nowhere, so a lost answer means another code ---- */

static bool code_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	uint8_t random[32];
	char digits[PICKUP_DIGITS + 1];
	request_bytes(r, "pickup", random);
	pickup_digits(random, digits);
	r->outcome = (struct outcome){ .code = MADE, .status = 201, .n = { [N_MS] = r->now_ms } };
	return pickup_make(tx, &s->result, digits, &r->who, r->now_ms, why);
}

static bool code_render(struct request *r, struct fail *why)
{
	uint8_t random[32];
	char digits[PICKUP_DIGITS + 1];
	struct json_out j = reply_json(r, 201);
	request_bytes(r, "pickup", random);
	pickup_digits(random, digits);
	json_put_object(&j);
	json_add_plain(&j, "code", str_c(digits));
	json_add_time(&j, "expires_at", r->outcome.n[N_MS] + PICKUP_LIFE_MS);
	json_put_object_end(&j);
	wipe(digits, sizeof digits);
	return reply_json_end(r, &j, why);
}

/* With a new code the tries begin anew: who asks for it is the one it protects. */
static void code_settle(const struct request *r, struct expiring_batch *b)
{
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_PICKUP_TRIES, .key = r->params[0] };
}

const struct handler pickup_code_make = { .parse = show_parse, .look = show_look, .apply = code_apply, .settle = code_settle, .render = code_render };
