/* services/people/me_identity.c - POST /v1/me/identity (name and number, with the phone that answered where that is asked for, to L2), POST /v1/me/step-up (a live face,
 * to L3 for 15 minutes), and the undo of a merge. What a no costs: services/people/authority_asking.h. */
#include "auth/login.h"
#include "auth/real_name.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/clock.h"
#include "base/ids.h"
#include "services/handlers.h"
#include "services/people/authority_asking.h"
#include "services/services.h"

struct identifying {
	struct authority_asking asking;          /* the first: authority_asking.h */
	struct document_said document;
	struct str method;
	bool with_phone;
};

static const char *const no_query[] = { NULL };

static bool level_render(struct request *r, struct fail *why)
{
	if (!asking_said_yes(r, why))
		return false;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "level", r->outcome.n[0]);
	if (r->outcome.n[1] > 0)
		json_add_time(&j, "level3_until", r->outcome.n[1]);
	else
		json_add_nothing(&j, "level3_until");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- name and number ---- */

static bool identity_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		DOCUMENT_FIELDS(offsetof(struct identifying, document), false),
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct identifying, asking.name), check_plain_text },
		{ "with_phone", JSON_F_BOOL, false, 0, 0, offsetof(struct identifying, with_phone), NULL },
	};
	struct identifying *i = request_state(r, sizeof(*i), why);
	if (i == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), i, why) || !asking_has_session(r, why))
		return false;
	if (!document_parse(&i->document, DOCUMENTS_EXACT, "/", time_yyyymmdd(r->now_ms), &i->asking.identity, why))
		return false;
	i->asking.kind = i->with_phone ? AUTHORITY_THREE_ELEMENT : AUTHORITY_TWO_ELEMENT;
	i->asking.number = i->asking.tried = str_c(i->asking.identity.number);
	return true;
}

static bool identity_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct identifying *i = r->state;
	if (!identity_may_try(tx, r->who.id, i->asking.tried, r->now_ms, why))
		return false;
	if (!i->with_phone)
		return true;
	return login_phone(tx, r->who.session, i->asking.phone, why) &&
	       (i->asking.phone[0] != '\0' || FAILS_FIELD(why, FIELD, "/with_phone", "the session came in by no phone"));
}

static bool identity_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct identifying *i = r->state;
	struct real_name n = { .kind = i->asking.identity.kind, .number = i->asking.number, .name = i->asking.name,
		.by = i->with_phone ? CONFIRMED_BY_AUTHORITY_PHONE : CONFIRMED_BY_AUTHORITY };
	if (i->asking.verdict != AUTHORITY_MATCH)
		return asking_refused(tx, r, AUDIT_IDENTITY_REFUSED, why);
	r->outcome = (struct outcome){ .code = ASKING_YES, .status = 200, .n = { LEVEL_L2, 0 } };
	return real_name_confirm(tx, r, &n, why);
}

const struct handler me_identity = { .parse = identity_parse, .recall = asking_recall, .recalled = asking_recalled, .look = identity_look, .ask = &ask_authority,
	.apply = identity_apply, .render = level_render, .own_device = true };

/* ---- a live face ---- */

static bool step_up_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "method", JSON_F_TEXT, true, 1, 16, offsetof(struct identifying, method), NULL },
		{ "proof", JSON_F_TEXT, true, 1, AUTHORITY_PROOF_MAX, offsetof(struct identifying, asking.proof), check_visible_ascii },
	};
	struct identifying *i = request_state(r, sizeof(*i), why);
	if (i == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), i, why) || !asking_has_session(r, why))
		return false;
	i->asking.kind = AUTHORITY_FACE;
	i->asking.tried = STR("face");
	return str_eq(i->method, STR("live_face")) || FAILS_FIELD(why, FIELD, "/method", "not live_face");
}

static bool step_up_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	bool ok = asking_recall(r, b, why);
	b->count = 1; /* a face is tried on one's own account only */
	return ok;
}

static bool step_up_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct identifying *i = r->state;
	int64_t until_ms = r->now_ms + LEVEL_L3_FRESH_MS;
	struct audit a = { AUDIT_FACE_CONFIRMED, AUDIT_OF_SESSION, r->who.session, .result = 200 };
	if (i->asking.verdict != AUTHORITY_MATCH)
		return asking_refused(tx, r, AUDIT_FACE_REFUSED, why);
	r->outcome = (struct outcome){ .code = ASKING_YES, .status = 200, .n = { r->who.level > LEVEL_L3 ? r->who.level : LEVEL_L3, until_ms } };
	return session_raise(tx, r->who.session, r->who.id, LEVEL_L2, until_ms, why) && audit_add(tx, r, &a, why);
}

const struct handler me_step_up = { .parse = step_up_parse, .recall = step_up_recall, .recalled = asking_recalled, .look = asking_of_himself, .ask = &ask_authority,
	.apply = step_up_apply, .render = level_render, .own_device = true };

/* ---- the undo of a merge ---- */

static bool undo_parse(struct request *r, struct fail *why)
{
	return request_query_only(r, no_query, why);
}

static bool undo_apply(struct tx *tx, struct request *r, struct fail *why)
{
	r->outcome = (struct outcome){ .code = ASKING_YES, .status = 204 };
	return real_name_undo(tx, r, r->params[0], why);
}

static bool undo_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_merge_undo = { .parse = undo_parse, .apply = undo_apply, .render = undo_render };

/* ---- which merges there are ---- */

enum { MERGES_SHOWN = 20 };

struct merges {
	int count;
	struct { struct id key; int64_t made_ms; } at[MERGES_SHOWN];
};

static bool merges_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct merges), why) != NULL && request_query_only(r, no_query, why);
}

static bool merges_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct merges *m = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key, made_ms FROM person_merge WHERE into_person = $1 AND undone_ms IS NULL ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, MERGES_SHOWN);
	for (; stmt_row(q, why); m->count++) {
		struct str key = stmt_blob(q, 0);
		memcpy(m->at[m->count].key.bytes, key.at, sizeof(m->at[m->count].key.bytes));
		m->at[m->count].made_ms = stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

static bool merges_render(struct request *r, struct fail *why)
{
	const struct merges *m = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_list(r);
	for (int i = 0; i < m->count; i++) {
		id_text(m->at[i].key, "pm", key);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(key));
		json_add_time(&j, "made_at", m->at[i].made_ms);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler me_merge_list = { .parse = merges_parse, .look = merges_look, .render = merges_render };
