/* services/people/me_certificate.c - POST /v1/me/certificate-challenges: a text for this session; POST /v1/me/certificate: signed by a person's digital certificate, it raises
 * the session to L4 for a day's work, as a window does, and counts as a live person for a quarter of an hour.
 *
 * The authority that issued the certificate saw its bearer, so its number and name count like a clerk's word: a session known by a phone alone becomes that
 * person's, by the rules of a confirmation (auth/real_name.h). A session that is somebody's already takes no other's certificate: who has two people's keys in
 * his hand is to be noticed, not served.
 * A no of the certificate is a verdict: audited, and kept under the Idempotency-Key like a yes. The text is spent by either. */
#include "auth/audit.h"
#include "auth/real_name.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/handlers.h"
#include "services/people/certificate_trust.h"
#include "services/services.h"
#include "store/expiring.h"

enum { CHALLENGE_BYTES = 32, CHALLENGE_TEXT = 43, CHALLENGE_S = 300, TEXT_MAX = 64 };
/* In front of what is signed: a signature made for us is none for anybody else, and the reverse. */
static const char PREFIX[] = "siban.level4.";
static const char *const no_query[] = { NULL };

static bool has_session(const struct request *r, struct fail *why)
{
	return r->who.session != 0 || FAILS(why, FORBIDDEN, "a token made by hand belongs to no session that could be raised");
}

static struct str session_name(const struct request *r, char digits[21])
{
	return (struct str){ digits, i64_text(r->who.session, digits) };
}

/* ---- the text ---- */

struct challenge {
	char session[21], text[CHALLENGE_TEXT + 1];
};

static bool challenge_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct challenge), why) != NULL && request_query_only(r, no_query, why) && has_session(r, why);
}

static bool challenge_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct challenge *c = r->state;
	struct str purpose = STR("certificate challenge");
	uint8_t bytes[SHA256_BYTES];
	_Static_assert(sizeof(bytes) == CHALLENGE_BYTES, "as many as a digest");
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, bytes);
	c->text[base64url_text(bytes, sizeof(bytes), c->text)] = '\0';
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_CERTIFICATE_CHALLENGE, .key = session_name(r, c->session), .value = str_c(c->text) };
	return true;
}

static bool challenge_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return b->op[0].end == EXPIRING_OK || FAILS(why, TRY_LATER, "a challenge was not kept");
}

static bool challenge_render(struct request *r, struct fail *why)
{
	const struct challenge *c = r->state;
	char text[TEXT_MAX];
	struct buf b = { .at = text, .cap = sizeof(text) };
	buf_str(&b, str_c(PREFIX));
	buf_str(&b, str_c(c->text));
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "text", buf_text(&b));
	json_add_number(&j, "expires_in", CHALLENGE_S);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_certificate_challenge = { .parse = challenge_parse, .recall = challenge_recall, .recalled = challenge_recalled, .render = challenge_render,
	.own_device = true };

/* ---- signed ---- */

enum { CONFIRMED = 1, REFUSED };
enum { N_LEVEL4_UNTIL, N_LEVEL3_UNTIL, N_WRONG };
enum { OTHERS = 100 /* beside enum certificate_wrong */ };

struct signing {
	struct str text, certificate, signature_text;
	char session[21];
	uint8_t signature[CERTIFICATE_SIGNATURE_MAX];
	int64_t signature_len;
	int wrong;
	struct personal_certificate found;
	struct identity identity;
};

static bool check_pem(struct str s, struct fail *why)
{
	(void)why;
	return str_is_utf8(s) && memchr(s.at, '\0', s.len) == NULL;
}

static bool certificate_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "text", JSON_F_TEXT, true, 1, TEXT_MAX, offsetof(struct signing, text), check_visible_ascii },
		{ "certificate", JSON_F_TEXT, true, 1, CERTIFICATE_PEM_MAX, offsetof(struct signing, certificate), check_pem },
		{ "signature", JSON_F_TEXT, true, 1, 2 * CERTIFICATE_SIGNATURE_MAX, offsetof(struct signing, signature_text), check_visible_ascii },
	};
	struct signing *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), s, why) || !has_session(r, why))
		return false;
	s->signature_len = base64_bytes(s->signature_text, s->signature, sizeof(s->signature));
	return s->signature_len > 0 || FAILS_FIELD(why, FIELD, "/signature", "not base64, or too long");
}

/* Whoever takes the text out has it alone: of two at once one signs. */
static bool certificate_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct signing *s = r->state;
	struct str challenge = { s->text.at + sizeof(PREFIX) - 1, s->text.len - (sizeof(PREFIX) - 1) };
	if (!str_starts(s->text, str_c(PREFIX)) || challenge.len != CHALLENGE_TEXT)
		return FAILS(why, CERTIFICATE_CHALLENGE, "not a text of ours");
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_TAKE, .class = KEY_CERTIFICATE_CHALLENGE, .key = session_name(r, s->session), .value = challenge };
	return true;
}

static bool certificate_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return b->op[0].end == EXPIRING_OK || FAILS(why, CERTIFICATE_CHALLENGE, "another text, or its five minutes are over");
}

static bool certificate_work(struct request *r, struct fail *why)
{
	struct signing *s = r->state;
	DROP(shelved) struct shelved *held = NULL;
	const struct trust *t = certificate_trust_take(&held);
	if (t == NULL)
		return FAILS(why, PEER_AWAY, "certificate.trust_file is not configured");
	s->wrong = (int)certificate_judge(t, s->certificate, s->text, (struct str){ (const char *)s->signature, (size_t)s->signature_len }, r->now_ms, &s->found);
	if (s->wrong == CERTIFICATE_FINE && identity_person(str_c(s->found.number), time_yyyymmdd(r->now_ms), &s->identity) != IDENTITY_FINE)
		s->wrong = CERTIFICATE_WRONG_NUMBER;
	return true;
}

/* *is_others: the session is somebody's who has another number. */
static bool compare(struct tx *tx, const struct request *r, const struct signing *s, bool *is_others, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	enum identity_kind kind;
	*is_others = false;
	if (s->wrong != CERTIFICATE_FINE || r->who.level < LEVEL_L2)
		return true;
	bool ok = person_kind(tx, r->who.id, &kind, why) && person_facts_get(tx, r->who.id, text, &facts, why);
	*is_others = ok && (kind != s->identity.kind || !str_eq(facts.number, str_c(s->identity.number)));
	wipe(text, sizeof(text));
	return ok;
}

static bool refused(struct tx *tx, struct request *r, int wrong, struct fail *why)
{
	struct audit a = { AUDIT_CERTIFICATE_REFUSED, AUDIT_OF_PERSON, r->who.id, .result = 422,
		.detail = wrong == OTHERS ? STR("others") : str_c(certificate_wrong_text((enum certificate_wrong)wrong)) };
	r->outcome = (struct outcome){ .code = REFUSED, .status = 200, .n = { [N_WRONG] = wrong } };
	return audit_add(tx, r, &a, why);
}

static bool certificate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct signing *s = r->state;
	int64_t level3_ms = r->now_ms + LEVEL_L3_FRESH_MS, level4_ms = r->now_ms + LEVEL_L4_FRESH_MS;
	struct real_name n = { .kind = s->identity.kind, .number = str_c(s->identity.number), .name = str_c(s->found.name), .by = CONFIRMED_BY_CERTIFICATE,
		.level3_until_ms = level3_ms };
	struct audit a = { AUDIT_CERTIFICATE_CONFIRMED, AUDIT_OF_PERSON, 0, .result = 200 };
	bool is_others;
	if (!compare(tx, r, s, &is_others, why))
		return false;
	if (s->wrong != CERTIFICATE_FINE || is_others)
		return refused(tx, r, is_others ? OTHERS : s->wrong, why);
	r->outcome = (struct outcome){ .code = CONFIRMED, .status = 200, .n = { [N_LEVEL4_UNTIL] = level4_ms, [N_LEVEL3_UNTIL] = level3_ms } };
	return real_name_confirm(tx, r, &n, why) && session_at_window(tx, r->who.session, level4_ms, why) && person_find(tx, n.kind, n.number, &a.subject_id, why) &&
	       audit_add(tx, r, &a, why);
}

static bool certificate_render(struct request *r, struct fail *why)
{
	int wrong = (int)r->outcome.n[N_WRONG];
	if (r->outcome.code == REFUSED) {
		const char *reason = wrong == OTHERS ? "others" : certificate_wrong_text((enum certificate_wrong)wrong);
		FAILS(why, CERTIFICATE_REFUSED, "a person's certificate: %s", reason);
		fail_fact_text(why, "reason", reason);
		return false;
	}
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "level", LEVEL_L4);
	json_add_time(&j, "level4_until", r->outcome.n[N_LEVEL4_UNTIL]);
	json_add_time(&j, "level3_until", r->outcome.n[N_LEVEL3_UNTIL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_certificate = { .parse = certificate_parse, .recall = certificate_recall, .recalled = certificate_recalled, .work = certificate_work,
	.apply = certificate_apply, .render = certificate_render, .own_device = true };
