/* channels/oidc.c - why this exists: a code is worth a person only to the client it was given to, for the login it was given for. */
#include "channels/oidc.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "channels/url.h"

enum { ANSWER_MAX = 32 << 10, ENDPOINT_MAX = 512, ID_TOKEN_MAX = 16 << 10, CLOCK_SLACK_MS = 300000 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what is configured ---- */

/* RFC 6749 3.1: an endpoint's address may have a query, which stays, and has no fragment. */
static bool is_endpoint(struct str url)
{
	struct str base, query;
	bool has_query = str_cut(url, '?', &base, &query);
	return url.len <= ENDPOINT_MAX && (url_base_is_right(base) || (str_ends(base, STR("/")) && url_base_is_right((struct str){ base.at, base.len - 1 }))) &&
	       (!has_query || (str_is_visible_ascii(query) && memchr(query.at, '#', query.len) == NULL));
}

bool oidc_site_is_whole(const struct oidc_site *s)
{
	return is_endpoint(s->authorize_url) && is_endpoint(s->token_url) && is_endpoint(s->userinfo_url) && s->client_id.len > 0 && s->client_secret.secret.len > 0 &&
	       s->claim.subject.len > 0;
}

bool oidc_code_is_right(struct str code)
{
	return code.len <= OIDC_CODE_MAX && str_is_visible_ascii(code);
}

/* ---- questions ---- */

bool oidc_authorization(const struct oidc_site *s, const struct oidc_login *l, struct arena *a, struct str *url, struct fail *why)
{
	uint8_t digest[SHA256_BYTES];
	char challenge[OIDC_RANDOM_TEXT + 2];
	struct buf b;
	sha256(l->verifier, digest);
	struct str challenge_text = { challenge, base64url_text(digest, sizeof(digest), challenge) };
	const struct { const char *name; struct str value; } fields[] = {
		{ "client_id", s->client_id }, { "redirect_uri", l->redirect_uri }, { "scope", s->scope }, { "state", l->state }, { "nonce", l->nonce },
		{ "code_challenge", challenge_text }, { "code_challenge_method", STR("S256") },
	};
	buf_init(&b, a, 1024);
	buf_str(&b, s->authorize_url);
	url_field(&b, memchr(s->authorize_url.at, '?', s->authorize_url.len) == NULL ? '?' : '&', "response_type", STR("code"));
	for (size_t i = 0; i < COUNT(fields); i++)
		url_field(&b, '&', fields[i].name, fields[i].value);
	*url = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "an address to log in at");
}

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

/* RFC 6749 2.3.1: both are escaped as in a form before they are joined. */
static struct str basic(const struct oidc_site *s, struct arena *a)
{
	struct buf pair, out;
	buf_init(&pair, a, 256);
	url_escape(&pair, s->client_id);
	buf_char(&pair, ':');
	url_escape(&pair, s->client_secret.secret);
	buf_init(&out, a, 16 + pair.len * 4 / 3);
	buf_str(&out, STR("Basic "));
	char *to = buf_ok(&pair) ? buf_room(&out, (pair.len + 2) / 3 * 4 + 1) : NULL;
	if (to == NULL)
		return STR_NONE;
	out.len += base64_text((const uint8_t *)pair.at, pair.len, to);
	return buf_text(&out);
}

bool oidc_token_build(const struct oidc_site *s, const struct oidc_login *l, struct str code, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, 1024);
	url_field(&b, '\0', "grant_type", STR("authorization_code"));
	url_field(&b, '&', "code", code);
	url_field(&b, '&', "redirect_uri", l->redirect_uri);
	url_field(&b, '&', "code_verifier", l->verifier);
	if (s->secret_in_form) {
		url_field(&b, '&', "client_id", s->client_id);
		url_field(&b, '&', "client_secret", s->client_secret.secret);
	}
	*out = (struct http_call){ .method = METHOD_POST, .url = s->token_url, .body = buf_text(&b), .answer_max = ANSWER_MAX };
	add(out, "accept", STR("application/json"));
	add(out, "content-type", STR("application/x-www-form-urlencoded"));
	struct str authorization = s->secret_in_form ? STR("") : basic(s, a);
	if (!s->secret_in_form)
		add(out, "authorization", authorization);
	return (buf_ok(&b) && authorization.at != NULL) || FAILS(why, MEMORY, "a code's exchange");
}

bool oidc_userinfo_build(const struct oidc_site *s, struct secret access, struct arena *a, struct http_call *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, 16 + access.secret.len);
	buf_str(&b, STR("Bearer "));
	buf_str(&b, access.secret);
	*out = (struct http_call){ .method = METHOD_GET, .url = s->userinfo_url, .answer_max = ANSWER_MAX };
	add(out, "accept", STR("application/json"));
	add(out, "authorization", buf_text(&b));
	return buf_ok(&b) || FAILS(why, MEMORY, "a question about a person");
}

/* ---- answers: what both have in common ---- */

static struct oidc_said nonsense(const char *word)
{
	return (struct oidc_said){ OIDC_NONSENSE, word };
}

static const struct oidc_said fine = { OIDC_OK, "ok" };

static struct oidc_said said_of(struct str word)
{
	static const struct { struct str word; struct oidc_said said; } rows[] = {
#define ERROR(text, means) { { text, sizeof(text) - 1 }, { OIDC_##means, text } },
#include "channels/oidc_errors.def"
#undef ERROR
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].word, word))
			return rows[i].said;
	return nonsense("an error nobody knows");
}

/* The object of an answer, or what it says in its place. Sites are known that say their errors with a 200. Without a word a 401 means `unauthorized`: a refused
 * bearer's word is in a header (RFC 6750 3), which nobody brings us. */
static struct oidc_said read_answer(const struct http_answer *answer, enum oidc_means unauthorized, json_t **object)
{
	struct fail inner;
	fail_clear(&inner);
	*object = json_read(answer->body, &inner);
	const json_t *error = json_object_get(*object, "error");
	if (json_is_string(error))
		return said_of((struct str){ json_string_value(error), json_string_length(error) });
	if (answer->status == 401)
		return (struct oidc_said){ unauthorized, "401" };
	if (answer->status != 200)
		return nonsense("neither a 200 nor an error");
	return json_is_object(*object) ? fine : nonsense("no JSON object");
}

static bool take(json_t *object, const struct json_field *fields, size_t count, void *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	return json_take(object, fields, count, JSON_IGNORE_UNKNOWN, "", out, a, &inner);
}

/* ---- the id_token ---- */

struct id_claims {
	struct str issuer, subject, nonce, party;
	int64_t expires_s;
};

/* The middle of three parts. */
static json_t *id_token_read(struct str token, struct arena *a)
{
	struct str head, rest, middle, signature;
	struct fail inner;
	fail_clear(&inner);
	if (token.len > ID_TOKEN_MAX || !str_cut(token, '.', &head, &rest) || !str_cut(rest, '.', &middle, &signature) || head.len == 0)
		return NULL;
	uint8_t *bytes = arena_alloc(a, middle.len + 1);
	int64_t len = bytes == NULL ? -1 : base64url_bytes(middle, bytes, middle.len);
	return len <= 0 ? NULL : json_read((struct str){ (const char *)bytes, (size_t)len }, &inner);
}

static bool is_text_of(const json_t *v, struct str want)
{
	return json_is_string(v) && str_eq((struct str){ json_string_value(v), json_string_length(v) }, want);
}

/* Core 3.1.3.7, points 3 to 5: we are among those it is for; where there are several, it was given to us. */
static bool is_for_us(const json_t *audience, struct str party, struct str client_id)
{
	bool is_ours = is_text_of(audience, client_id);
	for (size_t i = 0; i < json_array_size(audience) && !is_ours; i++)
		is_ours = is_text_of(json_array_get(audience, i), client_id);
	return is_ours && (party.at != NULL ? str_eq(party, client_id) : json_array_size(audience) <= 1);
}

static struct oidc_said id_token_judge(const struct oidc_site *s, const struct oidc_login *l, struct str text, int64_t now_ms, struct arena *a, struct str *subject)
{
	static const struct json_field fields[] = {
		{ "iss", JSON_F_TEXT, true, 1, 512, offsetof(struct id_claims, issuer), NULL },
		{ "sub", JSON_F_TEXT, true, 1, OIDC_SUBJECT_MAX, offsetof(struct id_claims, subject), NULL },
		{ "nonce", JSON_F_TEXT, true, 1, 256, offsetof(struct id_claims, nonce), NULL },
		{ "azp", JSON_F_TEXT, false, 1, 512, offsetof(struct id_claims, party), NULL },
		{ "exp", JSON_F_INT, true, 0, INT64_MAX / 1000 - CLOCK_SLACK_MS, offsetof(struct id_claims, expires_s), NULL },
	};
	struct id_claims c = { .issuer = STR_NONE };
	DROP(json) json_t *object = id_token_read(text, a);
	if (object == NULL || !take(object, fields, COUNT(fields), &c, a))
		return nonsense("id_token: not one");
	if (!str_eq(c.issuer, s->issuer))
		return nonsense("id_token: of another issuer");
	if (!is_for_us(json_object_get(object, "aud"), c.party, s->client_id))
		return nonsense("id_token: for somebody else");
	if (!str_same_secret(c.nonce, l->nonce))
		return nonsense("id_token: of another login");
	if (c.expires_s * 1000 + CLOCK_SLACK_MS < now_ms)
		return nonsense("id_token: expired");
	*subject = c.subject;
	return fine;
}

/* ---- the token ---- */

static bool is_bearer(struct str s, struct fail *why)
{
	(void)why;
	return str_eq_nocase(s, STR("Bearer"));
}

static bool is_token(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= OIDC_TOKEN_MAX && str_is_visible_ascii(s);
}

struct token_said {
	struct str access, type, id_token;
};

struct oidc_said oidc_token_judge(const struct oidc_site *s, const struct oidc_login *l, const struct http_answer *answer, int64_t now_ms, struct arena *a,
				  struct oidc_token *out)
{
	static const struct json_field fields[] = {
		{ "access_token", JSON_F_TEXT, true, 0, 0, offsetof(struct token_said, access), is_token },
		{ "token_type", JSON_F_TEXT, true, 0, 0, offsetof(struct token_said, type), is_bearer },
		{ "id_token", JSON_F_TEXT, false, 0, 0, offsetof(struct token_said, id_token), NULL },
	};
	struct token_said t = { .access = STR_NONE };
	DROP(json) json_t *object = NULL;
	struct oidc_said said = read_answer(answer, OIDC_CONFIG, &object);
	*out = (struct oidc_token){ .subject = STR_NONE };
	if (said.means != OIDC_OK)
		return said;
	if (!take(object, fields, COUNT(fields), &t, a))
		return nonsense("not a bearer token");
	if (s->issuer.len > 0)
		said = t.id_token.at == NULL ? nonsense("no id_token") : id_token_judge(s, l, t.id_token, now_ms, a, &out->subject);
	if (said.means == OIDC_OK)
		out->access.secret = t.access;
	return said;
}

bool oidc_is_token(const struct http_answer *answer)
{
	DROP(json) json_t *object = NULL;
	return read_answer(answer, OIDC_CONFIG, &object).means == OIDC_OK && json_object_get(object, "access_token") != NULL;
}

/* ---- the person ---- */

/* By its whole name, or along a path of names. */
static const json_t *claim_at(const json_t *object, struct str name)
{
	const json_t *v = json_object_getn(object, name.at, name.len);
	struct str first, rest;
	if (v != NULL || !str_cut(name, '.', &first, &rest))
		return v;
	return claim_at(json_object_getn(object, first.at, first.len), rest);
}

/* Numbers are taken for their digits; null and "" are as if it were not there. */
static bool claim_take(const json_t *object, struct str name, size_t max, struct arena *a, struct str *out)
{
	const json_t *v = name.len > 0 ? claim_at(object, name) : NULL;
	char digits[21];
	struct str text = STR_NONE;
	*out = STR_NONE;
	if (v == NULL || json_is_null(v))
		return true;
	if (json_is_string(v))
		text = (struct str){ json_string_value(v), json_string_length(v) };
	else if (json_is_integer(v))
		text = (struct str){ digits, i64_text(json_integer_value(v), digits) };
	if (text.at == NULL || text.len > max)
		return false;
	*out = text.len > 0 ? str_copy(a, text) : STR_NONE;
	return text.len == 0 || out->at != NULL;
}

struct oidc_said oidc_userinfo_judge(const struct oidc_site *s, const struct oidc_token *token, const struct http_answer *answer, struct arena *a,
				     struct oidc_person *out)
{
	const struct { struct str name; size_t max; struct str *to; } claims[] = {
		{ s->claim.subject, OIDC_SUBJECT_MAX, &out->subject }, { s->claim.name, OIDC_CLAIM_MAX, &out->name }, { s->claim.number, OIDC_CLAIM_MAX, &out->number },
		{ s->claim.phone, OIDC_CLAIM_MAX, &out->phone }, { s->claim.level, OIDC_CLAIM_MAX, &out->level },
	};
	struct str subject;
	DROP(json) json_t *object = NULL;
	struct oidc_said said = read_answer(answer, OIDC_AGAIN, &object);
	*out = (struct oidc_person){ .subject = STR_NONE };
	if (said.means != OIDC_OK)
		return said;
	for (size_t i = 0; i < COUNT(claims); i++)
		if (!claim_take(object, claims[i].name, claims[i].max, a, claims[i].to))
			return nonsense("userinfo: a claim is no text, or too long");
	if (out->subject.at == NULL || !str_is_visible_ascii(out->subject))
		return nonsense("userinfo: about nobody");
	/* Core 5.3.2: what is said of another than the id_token names is not used. Its name there is "sub", whatever stands for it here. */
	if (!claim_take(object, STR("sub"), OIDC_SUBJECT_MAX, a, &subject))
		return nonsense("userinfo: sub is no text");
	if (token->subject.at != NULL && !str_eq(subject.at != NULL ? subject : out->subject, token->subject))
		return nonsense("userinfo: about another");
	return fine;
}
