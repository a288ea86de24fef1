/* services/people/grant_provincial.c - what the province's login says of a person opens a session at L2: his number is his row, whatever phone or account led to it
 * before. Without a number the account must have led to a confirmed person already. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/right.h"
#include "services/people/grant.h"

static bool provincial_grant_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	(void)r;
	t->provincial.state = t->form.state;
	t->provincial.code = t->form.code;
	t->provincial.issuer = t->form.iss;
	return provincial_parse(&t->provincial, why) && grant_device(t, why);
}

static bool state_recall(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why)
{
	(void)r, (void)why;
	provincial_recall(&t->provincial, b);
	return true;
}

static bool state_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return provincial_recalled(&t->provincial, b, t->device, 0, why);
}

static bool ask_build(struct request *r, struct question *q, struct fail *why)
{
	return provincial_ask(r, &((struct token_asking *)r->state)->provincial, q, why);
}

static bool ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	return provincial_answered(r, &((struct token_asking *)r->state)->provincial, answer, why);
}

static const struct ask ask_province = { .build = ask_build, .judge = ask_judge, .asks_again = true };

static bool refused(struct tx *tx, struct request *r, const char *word, enum fail_code as, struct granted *out, struct fail *why)
{
	struct buf detail;
	buf_init(&detail, &r->arena, 64);
	buf_printf(&detail, "provincial: %s", word);
	struct audit a = { AUDIT_LOGIN_REFUSED, AUDIT_OF_NOTHING, 0, .result = 400, .detail = buf_text(&detail) };
	*out = (struct granted){ .is_refused = true, .refused_as = as };
	return audit_add(tx, r, &a, why);
}

static bool by_number(struct tx *tx, const struct request *r, const struct provincial_login *p, struct login_found *found, struct fail *why)
{
	uint8_t salt[32];
	struct person_facts facts = { .name = p->person.name, .phone = p->phone[0] != '\0' ? str_c(p->phone) : STR_NONE };
	request_bytes(r, "provincial", salt);
	found->level = LEVEL_L2;
	if (!person_find_or_make(tx, p->identity.kind, str_c(p->identity.number), r->now_ms, &found->person, why) ||
	    !person_facts_merge(tx, found->person, &facts, salt, why) ||
	    !login_vouched(tx, LOGIN_PROVINCE, p->person.subject, found->person, r->now_ms, salt + 16, &found->login, why) ||
	    !person_confirmed(tx, found->person, CONFIRMED_BY_PROVINCE, r->now_ms, why))
		return false;
	struct audit a = { AUDIT_IDENTITY_CONFIRMED, AUDIT_OF_PERSON, found->person, .result = 200, .detail = str_c(confirmed_by_text(CONFIRMED_BY_PROVINCE)) };
	return audit_add(tx, r, &a, why);
}

/* The first answer was lost: its session makes room for another. One that has ended meanwhile was not. */
static bool once_more(struct tx *tx, const struct request *r, const struct provincial_login *p, struct login_found *found, struct fail *why)
{
	struct session_row s;
	if (!tx_lock_row(tx, "session", p->known.opened, why) || !session_read(tx, p->known.opened, &s, why))
		return false;
	if (s.is_ended || s.expires_ms <= r->now_ms)
		return FAILS(why, GRANT, "a login that is spent");
	*found = (struct login_found){ .login = p->known.login, .person = s.principal, .level = s.level, .level3_until_ms = s.level3_until_ms };
	return session_end(tx, p->known.opened, SESSION_ENDED_BY_NEWER, r->now_ms, why);
}

/* found->person 0: nobody known. */
static bool whom(struct tx *tx, const struct request *r, const struct provincial_login *p, struct login_found *found, struct fail *why)
{
	*found = (struct login_found){ .person = 0 };
	if (p->known.is_spent)
		return once_more(tx, r, p, found, why);
	if (p->identity.kind != IDENTITY_NONE)
		return by_number(tx, r, p, found, why);
	return login_linked(tx, LOGIN_PROVINCE, p->person.subject, r->now_ms, found, why);
}

static bool face_noted(struct tx *tx, struct request *r, int64_t session, struct fail *why)
{
	struct audit a = { AUDIT_FACE_CONFIRMED, AUDIT_OF_SESSION, session, .result = 200, .detail = STR("provincial") };
	return audit_add(tx, r, &a, why);
}

static bool provincial_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct provincial_login *p = &t->provincial;
	struct login_found found;
	p->opened = 0;
	if (p->refusal != NULL)
		return refused(tx, r, p->refusal, p->refused_as, out, why);
	if (!whom(tx, r, p, &found, why))
		return false;
	if (found.person == 0)
		return refused(tx, r, "no number", FAIL_UNCONFIRMED, out, why);
	if (p->saw_face)
		found.level3_until_ms = r->now_ms + LEVEL_L3_FRESH_MS;
	if (!grant_citizen(tx, r, t, &found, out, why) || (p->saw_face && !face_noted(tx, r, out->session, why)))
		return false;
	p->opened = out->session;
	p->login = found.login;
	return true;
}

static void state_settle(const struct request *r, struct token_asking *t, struct expiring_batch *b)
{
	(void)r;
	provincial_settle(&t->provincial, b);
}

const struct grant grant_provincial = { .parse = provincial_grant_parse, .recall = state_recall, .recalled = state_recalled, .ask = &ask_province, .apply = provincial_apply,
	.settle = state_settle };
