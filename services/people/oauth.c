/* services/people/oauth.c - /oauth2/token and /oauth2/revoke: the form, the grant's stages, the tokens; and their end.
 *
 * No Idempotency-Key here: an answer that bears secrets is kept nowhere. What a lost answer needs instead is in the grants (auth/refresh.h).
 * Source: RFC 6749 5 and 6, RFC 7009. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/refresh.h"
#include "auth/right.h"
#include "auth/token.h"
#include "base/form.h"
#include "channels/ask.h"
#include "services/handlers.h"
#include "services/people/grant.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { GRANTED = 1, REFUSED };
enum { N_ACCESS_UNTIL, N_REFRESH_UNTIL, N_KIND, N_LEVEL, N_SESSION, N_RIGHTS };

static const struct { struct str type; const struct grant *grant; } grants[] = {
#define GRANT(name, text) { { text, sizeof(text) - 1 }, &grant_##name },
#include "services/people/grants.def"
#undef GRANT
};

static const struct form_field token_fields[] = {
	{ "grant_type", true, 80, offsetof(struct token_form, grant_type) },
	{ "client_id", false, 64, offsetof(struct token_form, client_id) },
	{ "device_id", false, 64, offsetof(struct token_form, device_id) },
	{ "device_name", false, SESSION_NAME_MAX, offsetof(struct token_form, device_name) },
	{ "phone", false, 20, offsetof(struct token_form, phone) },
	{ "challenge", false, OTP_CHALLENGE_TEXT, offsetof(struct token_form, challenge) },
	{ "code", false, OIDC_CODE_MAX, offsetof(struct token_form, code) },
	{ "state", false, 64, offsetof(struct token_form, state) },
	{ "iss", false, 512, offsetof(struct token_form, iss) },
	{ "link", false, 32, offsetof(struct token_form, link) },
	{ "js_code", false, 256, offsetof(struct token_form, js_code) },
	{ "phone_code", false, 256, offsetof(struct token_form, phone_code) },
	{ "refresh_token", false, 64, offsetof(struct token_form, refresh_token) },
	{ "client_secret", false, 64, offsetof(struct token_form, client_secret) },
	{ "scope", false, 512, offsetof(struct token_form, scope) },
};

static const char *const no_query[] = { NULL };

/* ---- what grants share ---- */

bool grant_device(struct token_asking *t, struct fail *why)
{
	if (t->form.device_id.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/device_id", "the grant needs it");
	if (!device_id_is_good(t->form.device_id))
		return FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url");
	device_hash(t->form.device_id, t->device);
	return true;
}

bool grant_citizen(struct tx *tx, struct request *r, struct token_asking *t, const struct login_found *f, struct granted *out, struct fail *why)
{
	uint8_t random[32];
	struct session_new s = { .kind = WHO_CITIZEN, .principal = f->person, .login = f->login, .device_hash = t->device, .name = t->form.device_name,
		.level = f->level, .level3_until_ms = f->level3_until_ms, .life_ms = SESSION_LIFE_MS };
	*out = (struct granted){ .kind = WHO_CITIZEN, .principal = f->person, .level = f->level3_until_ms > r->now_ms ? LEVEL_L3 : f->level, .access_ms = ACCESS_LIFE_MS,
		.refresh_until_ms = r->now_ms + SESSION_LIFE_MS };
	request_bytes(r, "session", random);
	if (!session_open(tx, &s, r->now_ms, random, &out->session, why))
		return false;
	struct audit a = { AUDIT_LOGGED_IN, AUDIT_OF_PERSON, f->person, .result = 200, .detail = t->form.grant_type };
	return audit_add(tx, r, &a, why);
}

/* ---- /oauth2/token ---- */

static bool token_parse(struct request *r, struct fail *why)
{
	struct token_asking *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !request_query_only(r, no_query, why) || !form_take(r->body, token_fields, COUNT(token_fields), &t->form, &r->arena, why))
		return false;
	for (size_t i = 0; i < COUNT(grants) && t->grant == NULL; i++)
		if (str_eq(grants[i].type, t->form.grant_type))
			t->grant = grants[i].grant;
	if (t->grant == NULL)
		return FAILS_FIELD(why, GRANT_TYPE, "/grant_type", "no such grant");
	return t->grant->parse == NULL || t->grant->parse(r, t, why);
}

static bool token_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct token_asking *t = r->state;
	return t->grant->recall == NULL || t->grant->recall(r, t, b, why);
}

static bool token_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct token_asking *t = r->state;
	return t->grant->recalled(r, t, b, why);
}

static bool token_ask_build(struct request *r, struct question *q, struct fail *why)
{
	const struct token_asking *t = r->state;
	return t->grant->ask == NULL || t->grant->ask->build(r, q, why);
}

static bool token_ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	const struct token_asking *t = r->state;
	return t->grant->ask->judge(r, answer, why);
}

static const struct ask token_ask = { .build = token_ask_build, .judge = token_ask_judge, .asks_again = true };

static bool tokens_make(struct tx *tx, const struct request *r, const struct granted *g, struct fail *why)
{
	char text[TOKEN_TEXT_BYTES];
	uint8_t random[32];
	struct token_spec spec = { .kind = g->kind, .principal = g->principal, .session = g->session, .expires_ms = r->now_ms + g->access_ms,
		.test_key = g->test_key };
	request_bytes(r, "access token", spec.random);
	if (!token_make(tx, &spec, r->now_ms, text, why))
		return false;
	request_bytes(r, "refresh token", random);
	return g->refresh_until_ms == 0 || refresh_make(tx, g->session, g->refresh_parent, g->refresh_until_ms, random, why);
}

static bool token_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct token_asking *t = r->state;
	struct granted g = { .is_refused = false };
	if (!t->grant->apply(tx, r, t, &g, why) || (!g.is_refused && !tokens_make(tx, r, &g, why)))
		return false;
	r->outcome = (struct outcome){ .code = g.is_refused ? REFUSED : GRANTED, .status = 200,
		.n = { [N_ACCESS_UNTIL] = r->now_ms + g.access_ms, [N_REFRESH_UNTIL] = g.refresh_until_ms, [N_KIND] = g.is_refused ? (int64_t)g.refused_as : (int64_t)g.kind,
			[N_LEVEL] = g.level, [N_SESSION] = g.session, [N_RIGHTS] = (int64_t)g.rights } };
	r->outcome.text[0] = (char)g.link;
	t->refused_as = g.refused_as;
	return true;
}

static void token_settle(const struct request *r, struct expiring_batch *b)
{
	struct token_asking *t = r->state;
	if (t->grant->settle != NULL)
		t->grant->settle(r, t, b);
}

static void scope_out(struct json_out *j, struct request *r, uint64_t rights)
{
	struct buf scope;
	buf_init(&scope, &r->arena, 128);
	rights_text(rights, &scope);
	json_add_text(j, "scope", buf_text(&scope));
}

/* The texts are made again from the request's random bytes: they were never stored. */
static bool token_render(struct request *r, struct fail *why)
{
	const int64_t *n = r->outcome.n;
	char access[TOKEN_TEXT_BYTES], refresh[REFRESH_TEXT_BYTES];
	uint8_t random[32];
	if (r->outcome.code == REFUSED && n[N_SESSION] != 0)
		LOG_EVENT(refresh_reused, str_c(r->id), L_INT(n[N_SESSION]));
	if (r->outcome.code == REFUSED && n[N_KIND] == FAIL_PHONE_NEEDED) {
		FAILS(why, PHONE_NEEDED, "the account leads to nobody");
		fail_fact_text(why, "step", "phone");
		return false;
	}
	if (r->outcome.code == REFUSED)
		return fail_note(why, n[N_KIND] == FAIL_NONE ? FAIL_GRANT : (enum fail_code)n[N_KIND], __FILE__, __LINE__, "refused, and noted");
	request_bytes(r, "access token", random);
	token_text((enum who)n[N_KIND], random, access);
	request_bytes(r, "refresh token", random);
	refresh_text(random, refresh);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "access_token", str_c(access));
	json_add_text(&j, "token_type", STR("Bearer"));
	json_add_number(&j, "expires_in", (n[N_ACCESS_UNTIL] - r->now_ms) / 1000);
	if (n[N_REFRESH_UNTIL] != 0)
		json_add_text(&j, "refresh_token", str_c(refresh));
	if (n[N_KIND] == WHO_CITIZEN)
		json_add_number(&j, "level", n[N_LEVEL]);
	if (r->outcome.text[0] != LINK_NOT_ASKED)
		json_add_boolean(&j, "linked", r->outcome.text[0] == LINK_MADE);
	if (n[N_RIGHTS] != 0)
		scope_out(&j, r, (uint64_t)n[N_RIGHTS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler oauth_token = { .parse = token_parse, .recall = token_recall, .recalled = token_recalled, .ask = &token_ask,
	.apply = token_apply, .settle = token_settle, .render = token_render, .is_oauth = true };

/* ---- /oauth2/revoke: whoever holds a token may end what it opens; one that is not known is as good as ended ---- */

struct revoking {
	struct str token, hint;
};

static const struct form_field revoke_fields[] = {
	{ "token", true, 64, offsetof(struct revoking, token) },
	{ "token_type_hint", false, 64, offsetof(struct revoking, hint) },
};

static bool revoke_parse(struct request *r, struct fail *why)
{
	struct revoking *v = request_state(r, sizeof(*v), why);
	return v != NULL && request_query_only(r, no_query, why) && form_take(r->body, revoke_fields, COUNT(revoke_fields), v, &r->arena, why);
}

static bool revoke_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct revoking *v = r->state;
	int64_t token = 0, session;
	bool ok = refresh_has_shape(v->token) ? refresh_find(tx, v->token, &session, why) : token_find(tx, v->token, &token, &session, why);
	r->outcome = (struct outcome){ .code = GRANTED, .status = 200 };
	if (!ok || (session == 0 && token == 0))
		return ok;
	if (session == 0)
		return token_revoke(tx, token, r->now_ms, why);
	struct audit a = { AUDIT_SESSION_ENDED, AUDIT_OF_SESSION, session, .result = 200, .detail = STR("revoked") };
	return session_end(tx, session, SESSION_ENDED_ITSELF, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool revoke_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 200;
	return true;
}

const struct handler oauth_revoke = { .parse = revoke_parse, .apply = revoke_apply, .render = revoke_render, .is_oauth = true };
