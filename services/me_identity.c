/* services/me_identity.c - POST /v1/me/identity (name and number, with the phone that answered where that is asked for, to L2), POST /v1/me/step-up (a live face,
 * to L3 for 15 minutes), and the undo of a merge.
 *
 * The authority is asked before the transaction. "Disagrees" and "no such number" are verdicts: they are counted, audited and kept under the Idempotency-Key like
 * a success; that the authority is slow, away or not understood is no verdict,
 * and costs nobody a try; nor does a paper it does not check, which a window must see. */
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "auth/real_name.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/clock.h"
#include "base/ids.h"
#include "channels/ask.h"
#include "services/authority_account.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/expiring.h"

enum { CONFIRMED = 1, MISMATCH, NO_RECORD };
enum { PACE_PAIR_MS = 5000, PACE_NUMBER_MS = 10000, PACE_NUMBER = 2 };

struct identifying {
	struct document_said document;
	struct str name, method, proof;
	bool with_phone;
	char phone[PHONE_DIGITS + 1];
	enum authority_kind kind;
	struct identity identity;
	struct str number;                       /* what is asked about */
	char facts[PERSON_FACTS_BYTES];
	char question_id[ID_TEXT_BYTES];
	uint8_t keys[2][SHA256_BYTES];
	enum authority_verdict verdict;
};

static const char *const no_query[] = { NULL };

static bool has_session(const struct request *r, struct fail *why)
{
	return r->who.session != 0 || FAILS(why, FORBIDDEN, "a token made by hand belongs to no session that could be raised");
}

/* ---- the question ---- */

/* Of the Idempotency-Key: an answer that is remembered for the repeat is an answer to the same question. */
static void question_id(const struct request *r, struct identifying *i)
{
	uint8_t digest[SHA256_BYTES];
	struct id id;
	struct str parts[] = { r->known[HEADER_IDEMPOTENCY_KEY], i->number };
	keyring_index("authority.question", parts, 2, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	id_text(id, "q", i->question_id);
}

static bool authority_ask(struct request *r, struct question *q, struct fail *why)
{
	struct identifying *i = r->state;
	question_id(r, i);
	struct document_number n = document_number(i->identity.kind, i->number);
	struct authority_question a = { .kind = i->kind, .document = str_c(identity_kind_text(i->identity.kind)), .country = n.country, .number = n.bare, .name = i->name, .phone = str_c(i->phone), .proof = i->proof,
		.id = str_c(i->question_id), .now_ms = r->now_ms };
	q->peer = STR("authority");
	return authority_account(&a, why) && authority_build(&a, &r->arena, &q->call, why);
}

static bool authority_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct identifying *i = r->state;
	i->verdict = authority_judge(str_c(i->question_id), answer, &r->arena, why);
	if (i->verdict == AUTHORITY_NOT_ITS)
		return FAILS(why, IDENTITY_WINDOW, "the authority does not check a %s", identity_kind_text(i->identity.kind));
	return i->verdict != AUTHORITY_BROKEN;
}

static const struct ask ask_authority = { .build = authority_ask, .judge = authority_answered };

/* ---- pace: the pair of account and number, and the number from anywhere ---- */

static bool pace_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct identifying *i = r->state;
	char person[21];
	struct str who = { person, i64_text(r->who.id, person) }, pair[] = { who, i->number };
	keyring_index("identity.pair", pair, 2, i->keys[0]);
	keyring_index("identity.number", &i->number, 1, i->keys[1]);
	b->all_or_nothing = true;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_IDENTITY_TRIES, .key = { (char *)i->keys[0], SHA256_BYTES }, .limit = 1,
		.ttl_ms = PACE_PAIR_MS };
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_IDENTITY_PACE, .key = { (char *)i->keys[1], SHA256_BYTES },
		.limit = PACE_NUMBER, .ttl_ms = PACE_NUMBER_MS };
	return true;
}

static bool pace_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	for (int k = 0; k < b->count; k++)
		if (b->op[k].end == EXPIRING_NO) {
			why->retry_after_s = (int)(b->op[k].left_ms / 1000) + 1;
			return FAILS(why, RATE, "attempts on an identity: %s", k == 0 ? "pair" : "number");
		}
	return true;
}

/* ---- what both leave ---- */

static bool refused(struct tx *tx, struct request *r, struct str what, enum audit_act act, struct fail *why)
{
	const struct identifying *i = r->state;
	struct audit a = { act, AUDIT_OF_PERSON, r->who.id, .result = 422 };
	r->outcome = (struct outcome){ .code = i->verdict == AUTHORITY_NO_RECORD ? NO_RECORD : MISMATCH, .status = 200 };
	return identity_failed(tx, r->who.id, what, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool verdict_render(struct request *r, struct fail *why)
{
	if (r->outcome.code == MISMATCH)
		return FAILS(why, IDENTITY_MISMATCH, "the authority says they disagree");
	if (r->outcome.code == NO_RECORD)
		return FAILS(why, IDENTITY_UNKNOWN, "the authority has no such number");
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
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct identifying, name), check_plain_text },
		{ "with_phone", JSON_F_BOOL, false, 0, 0, offsetof(struct identifying, with_phone), NULL },
	};
	struct identifying *i = request_state(r, sizeof(*i), why);
	if (i == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), i, why) || !has_session(r, why))
		return false;
	if (!document_parse(&i->document, DOCUMENTS_EXACT, "", time_yyyymmdd(r->now_ms), &i->identity, why))
		return false;
	i->kind = i->with_phone ? AUTHORITY_THREE_ELEMENT : AUTHORITY_TWO_ELEMENT;
	i->number = str_c(i->identity.number);
	return true;
}

static bool identity_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct identifying *i = r->state;
	if (!identity_may_try(tx, r->who.id, i->number, r->now_ms, why))
		return false;
	if (!i->with_phone)
		return true;
	return login_phone(tx, r->who.session, i->phone, why) &&
	       (i->phone[0] != '\0' || FAILS_FIELD(why, FIELD, "/with_phone", "the session came in by no phone"));
}

static bool identity_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct identifying *i = r->state;
	struct real_name n = { .kind = i->identity.kind, .number = i->number, .name = i->name,
		.by = i->with_phone ? CONFIRMED_BY_AUTHORITY_PHONE : CONFIRMED_BY_AUTHORITY };
	if (i->verdict != AUTHORITY_MATCH)
		return refused(tx, r, i->number, AUDIT_IDENTITY_REFUSED, why);
	r->outcome = (struct outcome){ .code = CONFIRMED, .status = 200, .n = { LEVEL_L2, 0 } };
	return real_name_confirm(tx, r, &n, why);
}

const struct handler me_identity = { .parse = identity_parse, .recall = pace_recall, .recalled = pace_recalled, .look = identity_look, .ask = &ask_authority,
	.apply = identity_apply, .render = verdict_render, .own_device = true };

/* ---- a live face ---- */

static bool step_up_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "method", JSON_F_TEXT, true, 1, 16, offsetof(struct identifying, method), NULL },
		{ "proof", JSON_F_TEXT, true, 1, AUTHORITY_PROOF_MAX, offsetof(struct identifying, proof), check_visible_ascii },
	};
	struct identifying *i = request_state(r, sizeof(*i), why);
	if (i == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), i, why) || !has_session(r, why))
		return false;
	i->kind = AUTHORITY_FACE;
	i->number = STR("face"); /* until look knows whose */
	return str_eq(i->method, STR("live_face")) || FAILS_FIELD(why, FIELD, "/method", "not live_face");
}

static bool step_up_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	bool ok = pace_recall(r, b, why);
	b->count = 1; /* a face is tried on one's own account only */
	return ok;
}

static bool step_up_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct identifying *i = r->state;
	struct person_facts facts;
	if (!identity_may_try(tx, r->who.id, STR("face"), r->now_ms, why) || !person_kind(tx, r->who.id, &i->identity.kind, why) ||
	    !person_facts_get(tx, r->who.id, i->facts, &facts, why))
		return false;
	i->number = facts.number;
	i->name = facts.name;
	return (i->number.len > 0 && i->name.len > 0) || FAILS(why, IDENTITY_UNKNOWN, "person %lld has no name or number here", (long long)r->who.id);
}

static bool step_up_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct identifying *i = r->state;
	int64_t until_ms = r->now_ms + LEVEL_L3_FRESH_MS;
	struct audit a = { AUDIT_FACE_CONFIRMED, AUDIT_OF_SESSION, r->who.session, .result = 200 };
	if (i->verdict != AUTHORITY_MATCH)
		return refused(tx, r, STR("face"), AUDIT_FACE_REFUSED, why);
	r->outcome = (struct outcome){ .code = CONFIRMED, .status = 200, .n = { r->who.level > LEVEL_L3 ? r->who.level : LEVEL_L3, until_ms } };
	return session_raise(tx, r->who.session, r->who.id, LEVEL_L2, until_ms, why) && audit_add(tx, r, &a, why);
}

const struct handler me_step_up = { .parse = step_up_parse, .recall = step_up_recall, .recalled = pace_recalled, .look = step_up_look, .ask = &ask_authority,
	.apply = step_up_apply, .render = verdict_render, .own_device = true };

/* ---- the undo of a merge ---- */

static bool undo_parse(struct request *r, struct fail *why)
{
	return request_query_only(r, no_query, why);
}

static bool undo_apply(struct tx *tx, struct request *r, struct fail *why)
{
	r->outcome = (struct outcome){ .code = CONFIRMED, .status = 204 };
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
