/* services/people/grant_wechat.c - a mini-program's login code opens a session: whose WeChat account it is, WeChat says; to whom the account leads, auth/provider.h.
 *
 * WeChat answers a login code once. What it said is remembered under the code and the device for five minutes, so a phone that lost our answer, or was told to
 * show a phone, sends the same code again; from another device it is a used code. The session key that comes along ends with the request's memory.
 * The phone code is asked about only when it was given, together with the account: one that another user was lured into giving does not fit. A token that WeChat
 * refuses is exchanged once, and then it is an alarm. */
#include "services/people/grant_wechat.h"

#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "services/people/wechat_account.h"
#include "services/services.h"

enum { KEEP_MS = 300000, PER_DEVICE = 20, PER_ADDRESS = 600 /* a minute: a county may share one address */, STALE_MAX = 1 };

/* ---- the form, and how often ---- */

static bool is_code(struct str code, const char *pointer, struct fail *why)
{
	return wechat_code_is_right(code) || FAILS_FIELD(why, FIELD, pointer, "1 to %d visible characters", WECHAT_CODE_MAX);
}

static bool wechat_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	(void)r;
	if (!wechat_is_there())
		return FAILS_FIELD(why, GRANT_TYPE, "/grant_type", "wechat.url is not configured");
	if (t->form.js_code.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/js_code", "the grant needs it");
	return is_code(t->form.js_code, "/js_code", why) && (t->form.phone_code.at == NULL || is_code(t->form.phone_code, "/phone_code", why)) && grant_device(t, why);
}

static void pace(struct expiring_batch *b, struct wechat_asking *w, int n, struct str what, struct str who, int64_t limit)
{
	struct str parts[] = { what, who };
	keyring_index("provider.pace", parts, 2, w->paces[n]);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_PROVIDER_PACE, .key = { (const char *)w->paces[n], sizeof(w->paces[n]) },
		.limit = limit };
}

static bool wechat_recall(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	b->all_or_nothing = true;
	pace(b, &t->wechat, 0, STR("device"), (struct str){ (const char *)t->device, sizeof(t->device) }, PER_DEVICE);
	pace(b, &t->wechat, 1, STR("address"), r->peer, PER_ADDRESS);
	return true;
}

static bool wechat_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	static const char *const reasons[] = { "device", "address" };
	(void)r, (void)t;
	for (int i = 0; i < 2; i++)
		if (b->op[i].end == EXPIRING_NO) {
			FAILS(why, RATE, "logins by WeChat: %s", reasons[i]);
			why->retry_after_s = (int)(b->op[i].left_ms / 1000 + 1);
			fail_fact_text(why, "reason", reasons[i]);
			return false;
		}
	return true;
}

/* ---- the questions: whose account, then perhaps which phone ---- */

/* Nothing of a code is a key that could be read. */
static bool keep_under(struct request *r, const struct token_asking *t, struct question *q, struct str what, struct str code)
{
	char *key = arena_alloc(&r->arena, 2 * SHA256_BYTES + 1);
	uint8_t digest[SHA256_BYTES];
	struct str parts[] = { what, code, { (const char *)t->device, sizeof(t->device) } };
	keyring_index("wechat.code", parts, 3, digest);
	if (key == NULL)
		return false;
	hex_text(digest, sizeof(digest), key);
	q->keep_key = (struct str){ key, 2 * SHA256_BYTES };
	q->keep_ms = KEEP_MS;
	return true;
}

static bool phone_with_token(void *ctx, const struct token_given *given, struct arena *a, struct http_call *out, struct fail *why)
{
	struct token_asking *t = ctx;
	t->wechat.token = given->number;
	return wechat_phone_build(services_config(), given->token, t->form.phone_code, t->account.account.subject, a, out, why);
}

static bool wechat_ask(struct request *r, struct question *q, struct fail *why)
{
	struct token_asking *t = r->state;
	struct wechat_asking *w = &t->wechat;
	if (!t->account.is_there) {
		q->peer = STR("wechat");
		q->may_keep = wechat_login_is_answered;
		return (keep_under(r, t, q, STR("login"), t->form.js_code) || FAILS(why, MEMORY, "a question to WeChat")) &&
		       wechat_login_build(services_config(), wechat_secret(), t->form.js_code, &r->arena, &q->call, why);
	}
	if (t->form.phone_code.at == NULL || w->phone[0] != '\0')
		return true;
	q->peer = STR("wechat");
	q->may_keep = wechat_phone_is_answered;
	q->needs = &wechat_token;
	q->with_token = phone_with_token;
	q->ctx = t;
	q->stale = w->stale > 0 ? w->token : 0;
	return keep_under(r, t, q, STR("phone"), t->form.phone_code) || FAILS(why, MEMORY, "a question to WeChat");
}

static bool session_judge(struct request *r, struct token_asking *t, const struct http_answer *answer, struct fail *why)
{
	struct wechat_session s;
	struct wechat_said said = wechat_login_judge(answer, &r->arena, &s);
	wipe((void *)(uintptr_t)s.session_key.secret.at, s.session_key.secret.len);
	if (said.means != WECHAT_OK)
		return wechat_refused(said, "login", "js_code", why);
	t->account = (struct account_asking){ .account = { LOGIN_WECHAT, s.openid, s.unionid }, .is_there = true };
	return true;
}

static bool phone_judge(struct request *r, struct token_asking *t, const struct http_answer *answer, struct fail *why)
{
	struct wechat_phone p;
	struct wechat_said said = wechat_phone_judge(services_config(), answer, &r->arena, &p);
	if (said.means == WECHAT_STALE && t->wechat.stale++ < STALE_MAX)
		return true; /* once more, with another token */
	if (said.means != WECHAT_OK)
		return wechat_refused(said, "phone", "phone_code", why);
	if (!str_eq(p.country, STR("86")) || !phone_normal(p.phone, t->wechat.phone))
		return FAILS_FIELD(why, FIELD, "/phone_code", "not a mainland mobile number");
	return true;
}

static bool wechat_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct token_asking *t = r->state;
	return t->account.is_there ? phone_judge(r, t, answer, why) : session_judge(r, t, answer, why);
}

static const struct ask wechat_questions = { .build = wechat_ask, .judge = wechat_answered };

/* ---- whom it leads to ---- */

static bool refuse(struct tx *tx, struct request *r, enum fail_code code, struct granted *out, struct fail *why)
{
	struct audit a = { AUDIT_LOGIN_REFUSED, AUDIT_OF_NOTHING, 0, .result = fail_row(code)->http, .detail = STR("wechat: linked elsewhere") };
	*out = (struct granted){ .is_refused = true, .refused_as = code };
	return audit_add(tx, r, &a, why);
}

static bool by_account(struct tx *tx, struct request *r, struct token_asking *t, const struct login_found *found, struct granted *out, struct fail *why)
{
	return provider_used(tx, r, &t->account.account, found->login, why) && grant_citizen(tx, r, t, found, out, why);
}

/* Nobody yet: to whom the phone leads, and from now on the account too. */
static bool by_phone(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct login_found found;
	uint8_t salt[32];
	request_bytes(r, "login", salt);
	return login_enter(tx, LOGIN_PHONE, str_c(t->wechat.phone), t->device, r->now_ms, salt, &found, why) &&
	       provider_link(tx, r, &t->account.account, found.person, found.level, &found.login, why) && grant_citizen(tx, r, t, &found, out, why);
}

bool grant_wechat_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct login_found account, phone = { .login = 0 };
	bool has_phone = t->wechat.phone[0] != '\0';
	if (!provider_find(tx, &t->account.account, t->device, r->now_ms, &account, why) ||
	    (has_phone && !login_find(tx, LOGIN_PHONE, str_c(t->wechat.phone), t->device, r->now_ms, &phone, why)))
		return false;
	if (account.login != 0 && phone.login != 0 && account.person != phone.person)
		return refuse(tx, r, FAIL_LINKED_ELSEWHERE, out, why);
	if (account.login != 0)
		return by_account(tx, r, t, &account, out, why);
	if (has_phone)
		return by_phone(tx, r, t, out, why);
	*out = (struct granted){ .is_refused = true, .refused_as = FAIL_PHONE_NEEDED };
	return true;
}

void grant_wechat_settle(const struct request *r, struct token_asking *t, struct expiring_batch *b)
{
	struct fail why;
	fail_clear(&why);
	if (t->refused_as == FAIL_PHONE_NEEDED && provider_pending_put(&t->account.pending, r, &t->account.account, t->device, &b->op[b->count], &why))
		b->count++;
}

const struct grant grant_wechat = { .parse = wechat_parse, .recall = wechat_recall, .recalled = wechat_recalled, .ask = &wechat_questions, .apply = grant_wechat_apply,
	.settle = grant_wechat_settle };
