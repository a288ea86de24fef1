/* channels/oidc.h - a login at another site, in the shape of OpenID Connect, seen from its client: where the person goes, what his code is exchanged for,
 * and what the site says of him. Pure.
 *
 *   his app opens   {authorize_url}?response_type=code&client_id&redirect_uri&scope&state&nonce&code_challenge&code_challenge_method=S256
 *   we ask          POST {token_url}      grant_type=authorization_code&code&redirect_uri&code_verifier, as a confidential client
 *   and then        GET  {userinfo_url}   Authorization: Bearer …
 *
 * Who he is comes from userinfo, over TLS. An id_token is read only where an issuer is configured; then issuer, audience, time and nonce must be right and
 * userinfo must be about the same subject. Its signature is not looked at: it comes straight from the token endpoint, and there OpenID Connect Core 3.1.3.7,
 * point 6, lets the server's TLS certificate vouch for the issuer in its place. So these addresses are https wherever citizens come (base/config.c).
 * PKCE (RFC 7636) goes along always: a site that does not know it ignores it, and one that does exchanges no code that was stolen on its way.
 * How a site names its claims is configuration; a name may be a path ("data.user.id").
 *
 * Secret, code, verifier and token stand in bodies and headers, never in an address, and no word for the log holds a part of them.
 * Thread: any.
 * Source: RFC 6749, 6750, 7636; OpenID Connect Core 1.0; oidc_errors.def. */
#ifndef CHANNELS_OIDC_H
#define CHANNELS_OIDC_H
#include "base/log.h"
#include "channels/http.h"

enum {
	OIDC_RANDOM_TEXT = 43,         /* 32 bytes as base64url: a state, a nonce, a verifier */
	OIDC_CODE_MAX = 1024, OIDC_TOKEN_MAX = 4096, OIDC_SUBJECT_MAX = 255, OIDC_CLAIM_MAX = 256,
};

/* Texts are the configuration's; an empty one is not configured. */
struct oidc_site {
	struct str authorize_url, token_url, userinfo_url;
	struct str client_id, scope, issuer;
	struct secret client_secret;
	bool secret_in_form;           /* client_secret_post; else client_secret_basic */
	struct { struct str subject, name, number, phone, level; } claim;
};

/* What a login began with, and must end with. */
struct oidc_login {
	struct str redirect_uri, state, nonce, verifier;
};

enum oidc_means { OIDC_OK, OIDC_AGAIN, OIDC_BUSY, OIDC_CONFIG, OIDC_OURS, OIDC_NONSENSE };
struct oidc_said {
	enum oidc_means means;
	const char *word;              /* a literal, for the log and the audit */
};

struct oidc_token {
	struct secret access;
	struct str subject;            /* of the id_token; at NULL: none was read */
};

/* at NULL: not said. `subject` is there always. */
struct oidc_person {
	struct str subject, name, number, phone, level;
};

/* Addresses, client id and secret are there and have the shape they must have. */
bool oidc_site_is_whole(const struct oidc_site *s);
/* What an app brings back, in visible ASCII. */
bool oidc_code_is_right(struct str code);
/* Texts are made in `a`. Fails: MEMORY. */
MUST_USE bool oidc_authorization(const struct oidc_site *s, const struct oidc_login *l, struct arena *a, struct str *url, struct fail *why);
MUST_USE bool oidc_token_build(const struct oidc_site *s, const struct oidc_login *l, struct str code, struct arena *a, struct http_call *out, struct fail *why);
MUST_USE bool oidc_userinfo_build(const struct oidc_site *s, struct secret access, struct arena *a, struct http_call *out, struct fail *why);

/* Of whole answers. Texts of `out` are copied into `a`; they are there only when it means OK. */
struct oidc_said oidc_token_judge(const struct oidc_site *s, const struct oidc_login *l, const struct http_answer *answer, int64_t now_ms, struct arena *a,
				  struct oidc_token *out);
/* Is it a token, and not only an error under a good status? For whoever keeps answers. */
bool oidc_is_token(const struct http_answer *answer);
/* `token`: what was exchanged; its subject, where it has one, must be this one's. */
struct oidc_said oidc_userinfo_judge(const struct oidc_site *s, const struct oidc_token *token, const struct http_answer *answer, struct arena *a,
				     struct oidc_person *out);
#endif
