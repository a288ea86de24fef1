/* services/people/grant.h - one way to get tokens: the part of /oauth2/token that differs from grant to grant. services/people/oauth.c does the rest.
 *
 * The stages are a handler's, each optional but apply. A refusal that must leave something behind (an ended session, an audit row) is not a failure:
 * apply says so in its result, its transaction is kept, and the client is told invalid_grant.
 * Thread: as a handler's stages. */
#ifndef SERVICES_GRANT_H
#define SERVICES_GRANT_H
#include "auth/client.h"
#include "auth/otp.h"
#include "auth/provider.h"
#include "auth/session.h"
#include "base/log.h"
#include "services/people/provincial.h"
#include "services/people/wechat_login.h"

/* Everything any grant reads of the form; a new grant adds its members here and to the fields in oauth.c. */
struct token_form {
	struct str grant_type, client_id, device_id, device_name;
	struct str phone, challenge, code, link; /* otp; link: of the account that waits */
	struct str js_code, phone_code;          /* wechat */
	struct str state, iss;                   /* provincial and wechat_official, which have a code too; iss of the first */
	struct str refresh_token;                /* refresh */
	struct str client_secret, scope;         /* client; client_id is there for everybody */
};

struct client_asking {
	struct str id;
	struct client_proof proof;
	uint64_t rights;                         /* 0: all it has */
	char pace_key[ID_TEXT_BYTES + 64 + 1];   /* client and address */
};

/* An account elsewhere that has shown itself, or is to be linked along with a code on the phone. */
struct account_asking {
	struct provider_account account;
	struct provider_pending pending;
	bool is_there;
};

struct wechat_asking {
	char phone[PHONE_DIGITS + 1];            /* as WeChat confirmed it */
	uint64_t token;                          /* the number of the one it was asked with */
	int stale;                               /* how many were refused */
	uint8_t paces[2][32];
};

struct token_asking {
	struct token_form form;
	const struct grant *grant;
	uint8_t device[DEVICE_HASH_BYTES];
	struct otp_trying otp;
	struct client_asking client;
	struct provincial_login provincial;
	struct account_asking account;
	struct wechat_asking wechat;
	struct wechat_login official;
	bool is_refused;                         /* found before apply, which leaves the trace */
	enum fail_code refused_as;               /* of apply, for settle */
};

enum link_told { LINK_NOT_ASKED, LINK_MADE, LINK_NOT_MADE };

struct granted {
	bool is_refused;                         /* and what has `session` to do with it: it was ended; 0 nothing */
	enum who kind;
	int64_t principal, session;
	enum fail_code refused_as;               /* FAIL_NONE: invalid_grant */
	int level;
	enum link_told link;
	uint64_t rights;                         /* told as scope; 0: not */
	bool test_key;
	int64_t access_ms;                       /* life of the access token */
	int64_t refresh_until_ms;                /* 0: none is given */
	int64_t refresh_parent;
};

struct grant {
	bool (*parse)(struct request *r, struct token_asking *t, struct fail *why);
	bool (*recall)(struct request *r, struct token_asking *t, struct expiring_batch *b, struct fail *why);
	bool (*recalled)(struct request *r, struct token_asking *t, const struct expiring_batch *b, struct fail *why);
	const struct ask *ask;                   /* the request's state is the token_asking; asks_again always holds */
	bool (*apply)(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why);
	void (*settle)(const struct request *r, struct token_asking *t, struct expiring_batch *b); /* after COMMIT, refused or not */
};

#define GRANT(name, type) extern const struct grant grant_##name;
#include "services/people/grants.def"
#undef GRANT

/* A citizen's session on this device, and what follows for the answer. `login_enter` said who. */
MUST_USE bool grant_citizen(struct tx *tx, struct request *r, struct token_asking *t, const struct login_found *f, struct granted *out, struct fail *why);
/* The device's own secret, which every citizen's grant needs. */
MUST_USE bool grant_device(struct token_asking *t, struct fail *why);
#endif
