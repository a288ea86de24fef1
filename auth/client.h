/* auth/client.h - a client is a system that speaks for a department or a courier company, without a person: OAuth2 client_credentials.
 *
 *   client   cl_…, for whom it speaks, its scopes, the networks it may come from, test or live
 *   key      sbk_…, 256 random bits, told once and kept as SHA-256; or a client certificate (RFC 8705), kept as SHA-256 too. Several are good at
 *            once, so a rotation is: add, switch over, revoke
 *
 * A revoked key ends every session that was opened with it, in the same transaction; so does a client that is disabled. A session opened with a certificate
 * is bound to it. A key is found by its hash, so an unknown client, a wrong secret, a revoked key and a foreign network cost the same reads and are one answer.
 * Thread: whoever holds the transaction. */
#ifndef AUTH_CLIENT_H
#define AUTH_CLIENT_H
#include "auth/network.h"
#include "base/certificate.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/request.h"

enum { CLIENT_SECRET_BYTES = 48 /* 4 + 43 and a NUL */, CLIENT_ID_MAX = 64, CLIENT_NETWORKS_MAX = 1024, CLIENT_KEYS_MAX = 8 /* good at once */, CLIENT_TEXT = 60 };

struct client_new {
	enum who kind;           /* WHO_DEPARTMENT, WHO_PARTNER */
	int64_t principal;
	struct str name, networks;
	uint64_t rights;         /* of its kind */
	bool test_key;
};
MUST_USE bool client_make(struct tx *tx, const struct client_new *c, int64_t now_ms, const uint8_t random10[10], int64_t *id, struct id *key, struct fail *why);
/* By cl_…, and nobody else changes it until the transaction ends. Fails: NOT_FOUND. */
MUST_USE bool client_find(struct tx *tx, struct str text, int64_t *id, struct fail *why);
MUST_USE bool client_allow(struct tx *tx, int64_t id, struct str networks, struct fail *why); /* read before: network_list_read */
/* Its keys open nothing any more, and its sessions end; or they open again. As it is already: fine. */
MUST_USE bool client_disable(struct tx *tx, int64_t id, int64_t now_ms, int64_t *ended, struct fail *why);
MUST_USE bool client_enable(struct tx *tx, int64_t id, struct fail *why);

void client_secret_text(const uint8_t random[32], char text[CLIENT_SECRET_BYTES]);
/* Of a secret made from `random`, or of a certificate. Fails: CONFLICT as many keys are good as may be, or the certificate is somebody's already. */
MUST_USE bool client_key_make(struct tx *tx, int64_t client, int64_t now_ms, int64_t until_ms, const uint8_t random[32], int64_t *id, struct fail *why);
MUST_USE bool client_certificate_add(struct tx *tx, int64_t client, int64_t now_ms, const struct certificate *c, int64_t *id, struct fail *why);
/* Ends its sessions too. Fails: NOT_FOUND no such key of this client. Revoked already: fine. */
MUST_USE bool client_key_revoke(struct tx *tx, int64_t client, int64_t key, int64_t now_ms, int64_t *ended, struct fail *why);

/* What a client shows: one of the two. */
struct client_proof {
	struct secret secret;
	const uint8_t *certificate;
};

struct client_found {
	int64_t client, key;     /* 0: refused */
	enum who kind;
	int64_t principal, until_ms;
	uint64_t rights;
	bool test_key;
	const uint8_t *certificate; /* the proof's, when it was one */
	const char *refusal;     /* a word for the log and the audit, never for the client */
};
/* true also for a refusal. Notes the key's use, at most once an hour. */
MUST_USE bool client_check(struct tx *tx, struct str client_id, const struct client_proof *proof, struct str peer, int64_t now_ms, struct client_found *out, struct fail *why);
/* A session of this key for these rights. It ends with the key's own time. */
MUST_USE bool client_session(struct tx *tx, const struct client_found *f, uint64_t rights, int64_t life_ms, int64_t now_ms, const uint8_t random[32], int64_t *id,
			     struct fail *why);

/* Authorization: Basic, as RFC 6749 2.3.1 has it: both halves form-encoded. false: not of that shape. */
MUST_USE bool client_basic(struct arena *a, struct str authorization, struct str *client_id, struct secret *secret);
#endif
