/* services/people/wechat_login.h - a person in a page of our official account shows who he is at WeChat: begun here, done there unseen, and ended here with the code his page is given.
 *
 *   POST /v1/login/wechat     a state lies in the expiring store for ten minutes, with the device and, for a link, the session that began it (services/people/login_wechat.c)
 *   /oauth2/token             opens a session (services/people/grant_wechat_official.c)
 *   /v1/me/identities         links the account to who began it (services/people/me_identities.c)
 *
 * A code comes in an address, so anybody can send somebody an address with a code of his own: a state serves the device and the session that began it and nobody else, and
 * one code. Otherwise whoever lured somebody into such an address would have his own account linked to that one's person.
 * What a lost answer needs: for five minutes the same state, code and device are answered again, on any node; WeChat is not asked again, because it answers a code once: whose account it was lies
 * sealed in the state that is spent. Two that come at once are of one code, or one is refused.
 * Thread: as a handler's stages. */
#ifndef SERVICES_WECHAT_LOGIN_H
#define SERVICES_WECHAT_LOGIN_H
#include "auth/provider.h"
#include "base/hash.h"
#include "channels/ask.h"
#include "store/expiring.h"

/* As it lies in the expiring store, once it is spent with the account behind it, sealed; zeroed before it is filled. Another layout is another version. */
struct wechat_state {
	uint8_t version, is_spent;
	uint8_t device[DEVICE_HASH_BYTES];
	int64_t session;                            /* which began it; 0: one is to be opened */
	uint8_t code[SHA256_BYTES];                 /* once it is spent */
};
enum { WECHAT_STATE_VERSION = 2, WECHAT_STATE_TEXT = 64, WECHAT_STATE_MS = 10 * 60 * 1000, WECHAT_REPEAT_MS = 5 * 60 * 1000 };
void wechat_state_key(struct str state, uint8_t out[SHA256_BYTES]);

/* One that is being ended. */
struct wechat_login {
	struct str state, code;                     /* as they came; at NULL: they did not */
	uint8_t key[SHA256_BYTES], digest[SHA256_BYTES]; /* digest: of the code */
	int first;                                  /* of its operations in the batch */
	struct wechat_state known, begun;           /* begun: as it was recalled */
	char room[EXPIRING_VALUE_MAX];              /* where an account out of the state lies */
	char value[EXPIRING_VALUE_MAX];             /* what the state becomes */
	int64_t left_ms;                            /* of it */
	struct provider_account account;            /* subject at NULL: not asked yet, or refused */
	enum fail_code refused_as;                  /* WeChat's verdict: GRANT a wrong code, SNAPSHOT; NONE */
};

/* Both texts are there. Fails: FIELD, FIELD_MISSING. */
MUST_USE bool wechat_login_parse(struct wechat_login *l, struct fail *why);
void wechat_login_recall(struct wechat_login *l, struct expiring_batch *b);
/* `session`: of the caller, 0 none. Fails: GRANT no such state, of another device or session, or spent, or being so, with another code. */
MUST_USE bool wechat_login_recalled(struct wechat_login *l, const struct expiring_batch *b, const uint8_t device[DEVICE_HASH_BYTES], int64_t session, struct fail *why);
/* Whose code it is; nothing once that is known. A verdict about the code is no failure, it is in refused_as. `what`: the question, for the log. */
MUST_USE bool wechat_login_ask(struct request *r, struct wechat_login *l, struct question *q, struct fail *why);
MUST_USE bool wechat_login_answered(struct request *r, struct wechat_login *l, const char *what, const struct http_answer *answer, struct fail *why);
/* What becomes of the state: away after a verdict, else kept for a repeat. */
void wechat_login_settle(const struct request *r, struct wechat_login *l, struct expiring_op *op);
#endif
