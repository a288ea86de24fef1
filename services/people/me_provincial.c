/* services/people/me_provincial.c - POST /v1/me/identity/provincial: the province's login raises the session in which it was begun, by the rules of auth/real_name.h.
 *
 * A repeat is the Idempotency-Key's business; what the province refuses is audited and kept under it like a success. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/real_name.h"
#include "auth/right.h"
#include "services/handlers.h"
#include "services/people/provincial.h"

enum { RAISED = 1, REFUSED };
enum { N_LEVEL, N_LEVEL3_UNTIL, N_REFUSED_AS };

struct raising {
	struct str device_id;
	struct provincial_login login;
};

static const char *const no_query[] = { NULL };
static const struct json_field fields[] = {
	{ "device_id", JSON_F_TEXT, true, 1, 64, offsetof(struct raising, device_id), NULL },
	{ "state", JSON_F_TEXT, true, 1, 64, offsetof(struct raising, login) + offsetof(struct provincial_login, state), NULL },
	{ "code", JSON_F_TEXT, true, 1, OIDC_CODE_MAX, offsetof(struct raising, login) + offsetof(struct provincial_login, code), NULL },
	{ "iss", JSON_F_TEXT, false, 1, 512, offsetof(struct raising, login) + offsetof(struct provincial_login, issuer), NULL },
};

static bool raise_parse(struct request *r, struct fail *why)
{
	struct raising *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), s, why))
		return false;
	if (!device_id_is_good(s->device_id))
		return FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url");
	return (r->who.session != 0 || FAILS(why, FORBIDDEN, "a token made by hand belongs to no session that could be raised")) && provincial_parse(&s->login, why);
}

static bool raise_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	provincial_recall(&((struct raising *)r->state)->login, b);
	return true;
}

static bool raise_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct raising *s = r->state;
	uint8_t device[DEVICE_HASH_BYTES];
	device_hash(s->device_id, device);
	return provincial_recalled(&s->login, b, device, r->who.session, why) && (!s->login.known.is_spent || FAILS(why, GRANT, "a login that is spent"));
}

static bool ask_build(struct request *r, struct question *q, struct fail *why)
{
	return provincial_ask(r, &((struct raising *)r->state)->login, q, why);
}

static bool ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	return provincial_answered(r, &((struct raising *)r->state)->login, answer, why);
}

static const struct ask ask_province = { .build = ask_build, .judge = ask_judge, .asks_again = true };

static bool refused(struct tx *tx, struct request *r, const char *word, enum fail_code as, struct fail *why)
{
	struct buf detail;
	buf_init(&detail, &r->arena, 64);
	buf_printf(&detail, "provincial: %s", word);
	struct audit a = { AUDIT_IDENTITY_REFUSED, AUDIT_OF_PERSON, r->who.id, .result = fail_row(as)->http, .detail = buf_text(&detail) };
	r->outcome = (struct outcome){ .code = REFUSED, .status = 200, .n = { [N_REFUSED_AS] = as } };
	return audit_add(tx, r, &a, why);
}

/* The account leads to whoever this session is from now on; so does the phone there, where it is trusted. */
static bool linked(struct tx *tx, const struct request *r, struct provincial_login *p, struct fail *why)
{
	uint8_t salt[32];
	int64_t person;
	struct person_facts facts = { .phone = p->phone[0] != '\0' ? str_c(p->phone) : STR_NONE };
	request_bytes(r, "provincial", salt);
	return person_find(tx, p->identity.kind, str_c(p->identity.number), &person, why) && person_facts_merge(tx, person, &facts, salt, why) &&
	       login_vouched(tx, LOGIN_PROVINCE, p->person.subject, person, r->now_ms, salt + 16, &p->login, why);
}

static bool raise_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct provincial_login *p = &((struct raising *)r->state)->login;
	struct real_name n = { .kind = p->identity.kind, .number = str_c(p->identity.number), .name = p->person.name, .by = CONFIRMED_BY_PROVINCE,
		.level3_until_ms = p->saw_face ? r->now_ms + LEVEL_L3_FRESH_MS : 0 };
	struct audit face = { AUDIT_FACE_CONFIRMED, AUDIT_OF_SESSION, r->who.session, .result = 200, .detail = STR("provincial") };
	p->opened = 0;
	if (p->refusal != NULL)
		return refused(tx, r, p->refusal, p->refused_as, why);
	if (n.kind == IDENTITY_NONE)
		return refused(tx, r, "no number", FAIL_UNCONFIRMED, why);
	r->outcome = (struct outcome){ .code = RAISED, .status = 200, .n = { [N_LEVEL] = p->saw_face ? LEVEL_L3 : LEVEL_L2, [N_LEVEL3_UNTIL] = n.level3_until_ms } };
	p->opened = r->who.session;
	return real_name_confirm(tx, r, &n, why) && linked(tx, r, p, why) && (!p->saw_face || audit_add(tx, r, &face, why));
}

static void raise_settle(const struct request *r, struct expiring_batch *b)
{
	provincial_settle(&((struct raising *)r->state)->login, b);
}

static bool raise_render(struct request *r, struct fail *why)
{
	const int64_t *n = r->outcome.n;
	if (r->outcome.code == REFUSED && n[N_REFUSED_AS] == FAIL_UNCONFIRMED)
		return FAILS(why, UNCONFIRMED, "the province says too little of him");
	if (r->outcome.code == REFUSED)
		return FAILS(why, GRANT, "the province refused the code");
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "level", n[N_LEVEL]);
	if (n[N_LEVEL3_UNTIL] > 0)
		json_add_time(&j, "level3_until", n[N_LEVEL3_UNTIL]);
	else
		json_add_nothing(&j, "level3_until");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_identity_provincial = { .parse = raise_parse, .recall = raise_recall, .recalled = raise_recalled, .ask = &ask_province, .apply = raise_apply,
	.settle = raise_settle, .render = raise_render };
