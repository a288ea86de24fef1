/* services/people/provincial.c - a login that is being ended: its state, two questions, and what the answers are worth here. */
#include "services/people/provincial.h"

#include "base/clock.h"
#include "services/services.h"
#include <assert.h>

/* ---- the state ---- */

void login_state_key(struct str state, uint8_t out[SHA256_BYTES])
{
	struct str parts[] = { STR("siban provincial login\n"), state };
	hash_parts(HASH_SHA256, parts, 2, out);
}

bool provincial_parse(struct provincial_login *p, struct fail *why)
{
	const struct oidc_site *site;
	if (p->state.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/state", "the login needs it");
	if (p->code.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/code", "the login needs it");
	if (!oidc_code_is_right(p->code))
		return FAILS_FIELD(why, FIELD, "/code", "not visible ASCII");
	if (!provincial_site(&site, why))
		return false;
	login_state_key(p->state, p->key);
	return p->issuer.at == NULL || site->issuer.len == 0 || str_eq(p->issuer, site->issuer) || FAILS(why, GRANT, "a code of another issuer");
}

static struct str key_of(const struct provincial_login *p)
{
	return (struct str){ (const char *)p->key, sizeof(p->key) };
}

void provincial_recall(struct provincial_login *p, struct expiring_batch *b)
{
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_LOGIN_STATE, .key = key_of(p) };
}

/* Whoever shows a spent state once more must show the code it was spent with. */
static bool code_fits(struct provincial_login *p)
{
	uint8_t code[SHA256_BYTES];
	sha256(p->code, code);
	bool fits = !p->known.is_spent || memcmp(p->known.code, code, sizeof(code)) == 0;
	memcpy(p->known.code, code, sizeof(code));
	return fits;
}

bool provincial_recalled(struct provincial_login *p, const struct expiring_batch *b, const uint8_t device[DEVICE_HASH_BYTES], int64_t session, struct fail *why)
{
	const struct expiring_op *op = &b->op[0];
	if (op->end != EXPIRING_OK || op->out_len != sizeof(p->known) || op->out[0] != LOGIN_STATE_VERSION)
		return FAILS(why, GRANT, "no such login was begun, or it is over");
	memcpy(&p->known, op->out, sizeof(p->known));
	p->left_ms = op->left_ms;
	if (memcmp(p->known.device, device, DEVICE_HASH_BYTES) != 0 || p->known.session != session)
		return FAILS(why, GRANT, "a login that another device or session began");
	return code_fits(p) || FAILS(why, GRANT, "a login that is spent");
}

void provincial_settle(struct provincial_login *p, struct expiring_batch *b)
{
	struct expiring_op *op = &b->op[b->count++];
	*op = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_LOGIN_STATE, .key = key_of(p) };
	if (p->opened == 0 || p->left_ms <= 0)
		return;
	p->known.is_spent = 1;
	p->known.opened = p->opened;
	p->known.login = p->login;
	op->verb = EXPIRING_PUT;
	op->value = (struct str){ (const char *)&p->known, sizeof(p->known) };
	op->ttl_ms = p->left_ms < LOGIN_REPEAT_MS ? p->left_ms : LOGIN_REPEAT_MS;
}

/* ---- the questions ---- */

static struct oidc_login login_of(const struct provincial_login *p)
{
	return (struct oidc_login){ .redirect_uri = str_c(p->known.redirect_uri), .state = p->state, .nonce = str_c(p->known.nonce), .verifier = str_c(p->known.verifier) };
}

static struct str keep_key(struct request *r, const struct provincial_login *p)
{
	struct buf b;
	buf_init(&b, &r->arena, p->state.len + p->code.len + 2);
	buf_str(&b, p->state);
	buf_char(&b, '\n');
	buf_str(&b, p->code);
	return buf_text(&b);
}

bool provincial_ask(struct request *r, struct provincial_login *p, struct question *q, struct fail *why)
{
	const struct oidc_site *site;
	struct oidc_login login = login_of(p);
	if (p->known.is_spent || p->refusal != NULL || p->answers == 2)
		return true;
	q->peer = STR("provincial");
	if (!provincial_site(&site, why))
		return false;
	if (p->answers == 1)
		return oidc_userinfo_build(site, p->token.access, &r->arena, &q->call, why);
	q->keep_key = keep_key(r, p);
	q->keep_ms = LOGIN_REPEAT_MS;
	q->may_keep = oidc_is_token;
	return oidc_token_build(site, &login, p->code, &r->arena, &q->call, why);
}

/* ---- what the answers are worth ---- */

static void refuse(struct provincial_login *p, const char *word, enum fail_code as)
{
	p->refusal = word;
	p->refused_as = as;
}

/* true: go on. A verdict about the code is no failure: it is noted in the transaction. */
static bool is_good(struct provincial_login *p, struct oidc_said said, struct fail *why)
{
	switch (said.means) {
	case OIDC_OK:
		return true;
	case OIDC_AGAIN:
		refuse(p, said.word, FAIL_GRANT);
		return false;
	case OIDC_BUSY:
		return FAILS(why, PEER_AWAY, "the province's login: %s", said.word);
	case OIDC_CONFIG:
	case OIDC_OURS:
	case OIDC_NONSENSE:
		break;
	}
	return FAILS(why, PEER_NONSENSE, "the province's login: %s", said.word);
}

static bool list_has(const char *list, struct str word)
{
	struct str one, rest = str_c(list);
	for (bool more = rest.len > 0; more;) {
		more = str_cut(rest, ',', &one, &rest);
		if (str_eq(str_trim(one), word))
			return true;
	}
	return false;
}

static bool level_take(struct provincial_login *p)
{
	const struct config *c = services_config();
	if (c->provincial_claim_level[0] == '\0')
		return true;
	p->saw_face = p->person.level.at != NULL && list_has(c->provincial_level_l3, p->person.level);
	return p->saw_face || (p->person.level.at != NULL && list_has(c->provincial_level_l2, p->person.level));
}

static bool person_take(const struct request *r, struct provincial_login *p, struct fail *why)
{
	const struct oidc_person *said = &p->person;
	if (services_config()->provincial_trusts_phone && (said->phone.at == NULL || !phone_normal(said->phone, p->phone)))
		p->phone[0] = '\0';
	if (!level_take(p)) {
		refuse(p, "level", FAIL_UNCONFIRMED);
		return true;
	}
	if (said->number.at == NULL)
		return true;
	enum identity_wrong wrong = identity_person(said->number, time_yyyymmdd(r->now_ms), &p->identity);
	if (wrong != IDENTITY_FINE)
		return FAILS(why, PEER_NONSENSE, "the province's login: its identity number: %s", identity_wrong_text(wrong).at);
	if (said->name.at == NULL)
		refuse(p, "no name", FAIL_UNCONFIRMED);
	return said->name.at == NULL || (is_plain_text(said->name) && str_utf8_length(said->name) <= PERSON_NAME_MAX) ||
	       FAILS(why, PEER_NONSENSE, "the province's login: its name is none");
}

bool provincial_answered(struct request *r, struct provincial_login *p, const struct http_answer *answer, struct fail *why)
{
	const struct oidc_site *site;
	struct oidc_login login = login_of(p);
	if (!provincial_site(&site, why))
		return false;
	bool is_person = p->answers++ == 1;
	struct oidc_said said = is_person ? oidc_userinfo_judge(site, &p->token, answer, &r->arena, &p->person)
		: oidc_token_judge(site, &login, answer, r->now_ms, &r->arena, &p->token);
	if (!is_good(p, said, why))
		return why->code == FAIL_NONE;
	return !is_person || person_take(r, p, why);
}
