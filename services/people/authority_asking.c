/* services/people/authority_asking.c - why this exists: whoever may ask whether a number and a name belong together could find out any name. */
#include "services/people/authority_asking.h"
#include "auth/document.h"
#include "auth/keyring.h"
#include "auth/real_name.h"
#include "base/ids.h"
#include "services/people/authority_account.h"

enum { PACE_PAIR_MS = 5000, PACE_NUMBER_MS = 10000, PACE_NUMBER = 2 };

bool asking_has_session(const struct request *r, struct fail *why)
{
	return r->who.session != 0 || FAILS(why, FORBIDDEN, "a token made by hand belongs to no session that could be raised");
}

/* ---- the question ---- */

/* Of the Idempotency-Key: an answer that is remembered for the repeat is an answer to the same question. */
static void question_id(const struct request *r, struct authority_asking *i)
{
	uint8_t digest[SHA256_BYTES];
	struct id id;
	struct str parts[] = { r->known[HEADER_IDEMPOTENCY_KEY], i->number, i->tried };
	keyring_index("authority.question", parts, 3, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	id_text(id, "q", i->question_id);
}

static bool authority_ask(struct request *r, struct question *q, struct fail *why)
{
	struct authority_asking *i = r->state;
	question_id(r, i);
	struct document_number n = document_number(i->identity.kind, i->number);
	struct authority_question a = { .kind = i->kind, .document = str_c(identity_kind_text(i->identity.kind)), .country = n.country, .number = n.bare, .name = i->name, .phone = str_c(i->phone), .proof = i->proof,
		.organisation = i->organisation, .organisation_name = i->organisation_name,
		.id = str_c(i->question_id), .now_ms = r->now_ms };
	q->peer = STR("authority");
	return authority_account(&a, why) && authority_build(&a, &r->arena, &q->call, why);
}

static bool authority_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct authority_asking *i = r->state;
	i->verdict = authority_judge(str_c(i->question_id), answer, &r->arena, why);
	if (i->verdict == AUTHORITY_NOT_ITS)
		return FAILS(why, IDENTITY_WINDOW, "the authority does not check a %s", identity_kind_text(i->identity.kind));
	return i->verdict != AUTHORITY_BROKEN;
}

const struct ask ask_authority = { .build = authority_ask, .judge = authority_answered };

/* ---- pace: the pair of account and number, and the number from anywhere ---- */

bool asking_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct authority_asking *i = r->state;
	char person[21];
	struct str who = { person, i64_text(r->who.id, person) }, pair[] = { who, i->tried };
	keyring_index("identity.pair", pair, 2, i->keys[0]);
	keyring_index("identity.number", &i->tried, 1, i->keys[1]);
	b->all_or_nothing = true;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_IDENTITY_TRIES, .key = { (char *)i->keys[0], SHA256_BYTES }, .limit = 1,
		.ttl_ms = PACE_PAIR_MS };
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_IDENTITY_PACE, .key = { (char *)i->keys[1], SHA256_BYTES },
		.limit = PACE_NUMBER, .ttl_ms = PACE_NUMBER_MS };
	return true;
}

bool asking_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	for (int k = 0; k < b->count; k++)
		if (b->op[k].end == EXPIRING_NO) {
			why->retry_after_s = (int)(b->op[k].left_ms / 1000) + 1;
			return FAILS(why, RATE, "attempts on an identity: %s", k == 0 ? "pair" : "number");
		}
	return true;
}

bool asking_of_himself(struct tx *tx, struct request *r, struct fail *why)
{
	struct authority_asking *i = r->state;
	struct person_facts facts;
	if (!identity_may_try(tx, r->who.id, i->tried, r->now_ms, why) || !person_kind(tx, r->who.id, &i->identity.kind, why) ||
	    !person_facts_get(tx, r->who.id, i->facts, &facts, why))
		return false;
	i->number = facts.number;
	i->name = facts.name;
	return (i->number.len > 0 && i->name.len > 0) || FAILS(why, IDENTITY_UNKNOWN, "person %lld has no name or number here", (long long)r->who.id);
}

/* ---- a no ---- */

bool asking_refused(struct tx *tx, struct request *r, enum audit_act act, struct fail *why)
{
	const struct authority_asking *i = r->state;
	struct audit a = { act, AUDIT_OF_PERSON, r->who.id, .result = 422 };
	r->outcome = (struct outcome){ .code = i->verdict == AUTHORITY_NO_RECORD ? ASKING_NO_RECORD : ASKING_MISMATCH, .status = 200 };
	return identity_failed(tx, r->who.id, i->tried, r->now_ms, why) && audit_add(tx, r, &a, why);
}

bool asking_said_yes(const struct request *r, struct fail *why)
{
	if (r->outcome.code == ASKING_MISMATCH)
		return FAILS(why, IDENTITY_MISMATCH, "the authority says they disagree");
	return r->outcome.code != ASKING_NO_RECORD || FAILS(why, IDENTITY_UNKNOWN, "the authority has no such number");
}
