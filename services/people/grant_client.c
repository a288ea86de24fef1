/* services/people/grant_client.c - client_credentials: a system of a department or a courier company shows its secret or its certificate and gets a token for an hour.
 * One that was given for a certificate is good on connections with that certificate only.
 *
 * Whatever is wrong with the credentials is one answer, invalid_client, and costs one look by the key's hash and one audit row. Requests are paced by
 * client and address together: a stranger who knows a client's id slows down nobody but himself.
 * Source: RFC 6749 2.3.1, 4.4; RFC 8705 2, 3. */
#include "auth/audit.h"
#include "auth/right.h"
#include "services/people/grant.h"
#include <stdio.h>

enum { ACCESS_MS = 3600 * 1000, PACE = 600 /* a minute */ };

/* Exactly one way: Basic, a secret in the form, or the certificate the connection was made with (RFC 8705 2: client_id in the form, and no secret). */
static bool credentials_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	struct client_asking *c = &t->client;
	struct str authorization = r->known[HEADER_AUTHORIZATION];
	if (authorization.at == NULL) {
		c->id = t->form.client_id;
		c->proof.secret.secret = t->form.client_secret;
		c->proof.certificate = t->form.client_secret.at == NULL ? request_certificate(r) : NULL;
		if (c->id.at != NULL && (c->proof.certificate != NULL || c->proof.secret.secret.at != NULL))
			return true;
		return FAILS_FIELD(why, FIELD_MISSING, c->id.at == NULL ? "/client_id" : "/client_secret", "no credentials");
	}
	if (t->form.client_secret.at != NULL || t->form.client_id.at != NULL)
		return FAILS_FIELD(why, FIELD, t->form.client_secret.at != NULL ? "/client_secret" : "/client_id", "credentials in two places");
	return client_basic(&r->arena, authorization, &c->id, &c->proof.secret) || FAILS(why, CLIENT, "authorization is not Basic");
}

static bool scope_parse(struct str scope, uint64_t *rights, struct fail *why)
{
	for (struct str one, rest = scope; rest.len > 0;) {
		str_cut(rest, ' ', &one, &rest);
		enum right right = right_from(one);
		if (right == RIGHT_NONE)
			return FAILS_FIELD(why, SCOPE, "/scope", "no such scope");
		*rights |= UINT64_C(1) << right;
	}
	return true;
}

static bool client_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	return credentials_parse(r, t, why) && scope_parse(t->form.scope, &t->client.rights, why);
}

static bool client_recall(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct client_asking *c = &t->client;
	/* What is no id of ours is counted by its address alone. */
	struct id known;
	struct str id = id_from_text(c->id, "cl", &known) ? c->id : STR("");
	int len = snprintf(c->pace_key, sizeof(c->pace_key), "%.*s %.*s", STR_ARG(id), STR_ARG(r->peer));
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_CLIENT_PACE, .key = { c->pace_key, (size_t)len }, .limit = PACE };
	return true;
}

static bool client_recalled(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why)
{
	(void)r, (void)t;
	if (b->op[0].end != EXPIRING_NO)
		return true;
	why->retry_after_s = (int)(b->op[0].left_ms / 1000 + 1);
	return FAILS(why, RATE, "more than %d tokens a minute", PACE);
}

static bool refuse(struct tx *tx, struct request *r, const char *word, struct granted *out, struct fail *why)
{
	struct audit a = { AUDIT_CLIENT_REFUSED, AUDIT_OF_NOTHING, 0, .result = 401, .detail = str_c(word) };
	*out = (struct granted){ .is_refused = true, .refused_as = FAIL_CLIENT };
	return audit_add(tx, r, &a, why);
}

static bool client_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	struct client_found f;
	uint8_t random[32];
	const struct client_asking *c = &t->client;
	if (!client_check(tx, c->id, &c->proof, r->peer, r->now_ms, &f, why))
		return false;
	if (f.key == 0)
		return refuse(tx, r, f.refusal, out, why);
	if ((c->rights & ~f.rights) != 0)
		return FAILS_FIELD(why, SCOPE, "/scope", "not given to client %lld", (long long)f.client);
	int64_t life_ms = f.until_ms - r->now_ms < ACCESS_MS ? f.until_ms - r->now_ms : ACCESS_MS;
	*out = (struct granted){ .kind = f.kind, .principal = f.principal, .rights = c->rights != 0 ? c->rights : f.rights, .test_key = f.test_key,
		.access_ms = life_ms };
	request_bytes(r, "session", random);
	struct audit a = { AUDIT_CLIENT_TOKEN_MADE, AUDIT_OF_CLIENT, f.client, .result = 200, .department = f.kind == WHO_DEPARTMENT ? f.principal : 0 };
	return client_session(tx, &f, out->rights, life_ms, r->now_ms, random, &out->session, why) && audit_add(tx, r, &a, why);
}

const struct grant grant_client = { .parse = client_parse, .recall = client_recall, .recalled = client_recalled, .apply = client_apply };
