/* services/people/wechat_login.c - the state of a login that is being ended, one question, and what its answer is worth here. */
#include "services/people/wechat_login.h"

#include "channels/wechat_official.h"
#include "services/people/wechat_account.h"
#include "services/services.h"

static const char PLACE[] = "wechat.state";

/* ---- the state ---- */

void wechat_state_key(struct str state, uint8_t out[SHA256_BYTES])
{
	struct str parts[] = { STR("siban wechat login\n"), state };
	hash_parts(HASH_SHA256, parts, 2, out);
}

bool wechat_login_parse(struct wechat_login *l, struct fail *why)
{
	if (l->state.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/state", "the login needs it");
	if (l->code.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/code", "the login needs it");
	wechat_state_key(l->state, l->key);
	sha256(l->code, l->digest);
	return wechat_code_is_right(l->code) || FAILS_FIELD(why, FIELD, "/code", "1 to %d visible characters", WECHAT_CODE_MAX);
}

static struct str key_of(const struct wechat_login *l)
{
	return (struct str){ (const char *)l->key, sizeof(l->key) };
}

void wechat_login_recall(struct wechat_login *l, struct expiring_batch *b)
{
	l->first = b->count;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_LOGIN_STATE, .key = key_of(l) };
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_LOCK, .class = KEY_LOGIN_ENDING, .key = key_of(l), .value = { (const char *)l->digest, sizeof(l->digest) } };
}

/* What does not open is asked about. */
static void account_take(struct wechat_login *l, struct str sealed)
{
	struct fail why;
	fail_clear(&why);
	if (sealed.len == 0 || !provider_account_open(PLACE, l->key, sealed, LOGIN_WECHAT_OFFICIAL, l->room, &l->account, &why))
		l->account.subject = STR_NONE;
}

/* Whoever shows a spent state once more must show the code it was spent with. */
bool wechat_login_recalled(struct wechat_login *l, const struct expiring_batch *b, const uint8_t device[DEVICE_HASH_BYTES], int64_t session, struct fail *why)
{
	const struct expiring_op *op = &b->op[l->first], *lock = &b->op[l->first + 1];
	if (op->end != EXPIRING_OK || op->out_len < sizeof(l->known) || op->out[0] != WECHAT_STATE_VERSION)
		return FAILS(why, GRANT, "no such login was begun, or it is over");
	memcpy(&l->begun, op->out, sizeof(l->begun));
	l->known = l->begun;
	l->left_ms = op->left_ms;
	if (memcmp(l->known.device, device, DEVICE_HASH_BYTES) != 0 || l->known.session != session)
		return FAILS(why, GRANT, "a login that another device or session began");
	if (l->known.is_spent ? memcmp(l->known.code, l->digest, sizeof(l->digest)) != 0 : lock->end == EXPIRING_NO)
		return FAILS(why, GRANT, "a login that is spent");
	memcpy(l->known.code, l->digest, sizeof(l->digest));
	account_take(l, (struct str){ op->out + sizeof(l->known), op->out_len - sizeof(l->known) });
	return true;
}

/* A verdict ends the state as it was begun: if the same has been spent meanwhile, by a request beside this one, it stays. */
void wechat_login_settle(const struct request *r, struct wechat_login *l, struct expiring_op *op)
{
	struct fail why;
	char sealed[EXPIRING_VALUE_MAX - sizeof(l->known)];
	struct buf account_text = { .at = sealed, .cap = sizeof(sealed) }, value = { .at = l->value, .cap = sizeof(l->value) };
	*op = (struct expiring_op){ .verb = EXPIRING_TAKE, .class = KEY_LOGIN_STATE, .key = key_of(l), .value = { (const char *)&l->begun, sizeof(l->begun) } };
	if (l->refused_as != FAIL_NONE || l->left_ms <= 0)
		return;
	fail_clear(&why);
	bool is_sealed = provider_account_seal(r, PLACE, l->key, &l->account, &account_text, &why); /* else the next is asked about, too */
	l->known.is_spent = 1;
	buf_str(&value, (struct str){ (const char *)&l->known, sizeof(l->known) });
	if (is_sealed)
		buf_str(&value, buf_text(&account_text));
	op->verb = EXPIRING_PUT;
	op->value = buf_text(&value);
	op->ttl_ms = l->left_ms < WECHAT_REPEAT_MS ? l->left_ms : WECHAT_REPEAT_MS;
}

/* ---- the question ---- */

/* Nothing of a code is a key that could be read; the state binds it to its device. */
static bool keep_under(struct request *r, const struct wechat_login *l, struct question *q)
{
	char *key = arena_alloc(&r->arena, 2 * SHA256_BYTES + 1);
	uint8_t digest[SHA256_BYTES];
	struct str parts[] = { STR("siban wechat code\n"), { (const char *)l->key, sizeof(l->key) }, l->code };
	if (key == NULL)
		return false;
	hash_parts(HASH_SHA256, parts, 3, digest);
	hex_text(digest, sizeof(digest), key);
	q->keep_key = (struct str){ key, 2 * SHA256_BYTES };
	q->keep_ms = WECHAT_REPEAT_MS;
	return true;
}

bool wechat_login_ask(struct request *r, struct wechat_login *l, struct question *q, struct fail *why)
{
	if (l->account.subject.at != NULL || l->refused_as != FAIL_NONE)
		return true;
	q->peer = STR("wechat");
	q->may_keep = wechat_official_is_answered;
	return (keep_under(r, l, q) || FAILS(why, MEMORY, "a question to WeChat")) && wechat_official_build(services_config(), wechat_official_secret(), l->code, &r->arena, &q->call, why);
}

bool wechat_login_answered(struct request *r, struct wechat_login *l, const char *what, const struct http_answer *answer, struct fail *why)
{
	struct wechat_visitor v;
	struct wechat_said said = wechat_official_judge(answer, &r->arena, &v);
	if (said.means == WECHAT_CODE)
		l->refused_as = FAIL_GRANT;
	else if (said.means != WECHAT_OK)
		return wechat_account_refused(said, "wechat_official", what, "code", why);
	else if (v.is_snapshot)
		l->refused_as = FAIL_SNAPSHOT;
	else
		l->account = (struct provider_account){ LOGIN_WECHAT_OFFICIAL, v.openid, v.unionid };
	return true;
}
