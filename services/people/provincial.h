/* services/people/provincial.h - a login at the province's unified login: begun here, done there by the person, and ended here with what his app brings back.
 *
 *   POST /v1/login/provincial    state, nonce and verifier lie in the expiring store for ten minutes, with the device and, for a step-up, the session that began it
 *   /oauth2/token                opens a session (services/people/grant_provincial.c)
 *   /v1/me/identity/provincial   raises the one it began in (services/people/me_provincial.c)
 *
 * What keeps a login its owner's: a state serves the device and the session that began it and nobody else, so nobody is logged in as another by an address
 * somebody sent him; the code is exchanged with this login's own verifier and redirect URI, so a stolen one is worth nothing under another state; an issuer
 * that the app was told (RFC 9207) must be the configured one; and a state opens one session. A refusal spends it too: whoever comes again begins again.
 * What a lost answer needs: for five minutes the same state, code and device get another session in the place of the first. A login that failed for no
 * verdict (the province was slow) may be ended again; the token is remembered meanwhile, because a code is exchanged once.
 * Thread: as a handler's stages; opened before threads start. */
#ifndef SERVICES_PROVINCIAL_H
#define SERVICES_PROVINCIAL_H
#include "auth/identity_number.h"
#include "auth/person.h"
#include "auth/session.h"
#include "base/hash.h"
#include "channels/ask.h"
#include "channels/oidc.h"
#include "store/expiring.h"

struct config;
enum { REDIRECT_URI_MAX = 256 };

MUST_USE bool provincial_open(const struct config *c, struct fail *why); /* Fails: CONFIG what does not belong together; SYSTEM */
void provincial_close(void);
/* Fails: PEER_AWAY, none is configured. */
MUST_USE bool provincial_site(const struct oidc_site **out, struct fail *why);
bool provincial_returns_to(struct str redirect_uri); /* one of ours, letter by letter */

/* A login as it lies in the expiring store; zeroed before it is filled. Another layout is another version. */
struct login_state {
	uint8_t version, is_spent;
	uint8_t device[DEVICE_HASH_BYTES];
	int64_t session;                            /* which began it and is to be raised; 0: one is to be opened */
	char nonce[OIDC_RANDOM_TEXT + 1], verifier[OIDC_RANDOM_TEXT + 1];
	char redirect_uri[REDIRECT_URI_MAX + 1];
	/* once it is spent */
	uint8_t code[SHA256_BYTES];
	int64_t opened, login;                      /* session, and its way in */
};
enum { LOGIN_STATE_VERSION = 1, LOGIN_STATE_MS = 10 * 60 * 1000, LOGIN_REPEAT_MS = 5 * 60 * 1000 };
void login_state_key(struct str state, uint8_t out[SHA256_BYTES]);

/* One that is being ended. */
struct provincial_login {
	struct str state, code, issuer;             /* as they came; the last may be absent */
	uint8_t key[SHA256_BYTES];
	struct login_state known;
	int64_t left_ms;                            /* of it */

	struct oidc_token token;
	struct oidc_person person;
	int answers;
	struct identity identity;                   /* IDENTITY_NONE: no number was said */
	char phone[PHONE_DIGITS + 1];               /* "": none, or it is not trusted */
	bool saw_face;
	const char *refusal;                        /* a verdict of the province's or about what it said, for the audit; NULL: none */
	enum fail_code refused_as;

	int64_t opened, login;                      /* what apply did: the session opened or raised, and its way in; 0: refused */
};

/* The three texts are there. Fails: FIELD, GRANT another issuer. `pointer_…` as they are called where they came. */
MUST_USE bool provincial_parse(struct provincial_login *p, struct fail *why);
void provincial_recall(struct provincial_login *p, struct expiring_batch *b);
/* `session`: of the caller, 0 none. Fails: GRANT no such state, of another device or session, or spent with another code. */
MUST_USE bool provincial_recalled(struct provincial_login *p, const struct expiring_batch *b, const uint8_t device[DEVICE_HASH_BYTES], int64_t session, struct fail *why);
/* Token, then userinfo; nothing for a login that is spent or refused. For a struct ask with asks_again. */
MUST_USE bool provincial_ask(struct request *r, struct provincial_login *p, struct question *q, struct fail *why);
MUST_USE bool provincial_answered(struct request *r, struct provincial_login *p, const struct http_answer *answer, struct fail *why);
/* What becomes of the state. */
void provincial_settle(struct provincial_login *p, struct expiring_batch *b);
#endif
