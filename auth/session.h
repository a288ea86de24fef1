/* auth/session.h - a session is one device of one principal, from login to its end. Tokens belong to it, and whatever ends it ends them.
 *
 *   a citizen has SESSIONS_MAX at most; one more ends the one that was seen least lately. One at a terminal (auth/terminal.h) is beside these
 *   a session ends: by its own device (revoke), by another of the same person, by a stolen refresh token, by merge, by time
 *   a device that another one put out (a lost phone) is unknown from then on; one that logged itself out is not
 *
 * Revocation: the row is the truth. Each loop's row cache forgets it with the COMMIT; other nodes are told by the channel "epoch", and look
 * again (gateway/expiring/epoch.h).
 * Thread: whoever holds the transaction. */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H
#include "base/ids.h"
#include "base/request.h"
#include "store/store.h"

enum { SESSIONS_MAX = 8 /* as many as tx_touch takes before every row is forgotten */, SESSION_NAME_MAX = 40, SESSION_NAME_BYTES = 4 * SESSION_NAME_MAX,
       SESSION_KEY_BYTES = ID_TEXT_BYTES, DEVICE_HASH_BYTES = 32, CERTIFICATE_BYTES = 32 };
#define SESSION_LIFE_MS (INT64_C(30) * 24 * 3600 * 1000)  /* of a citizen's; each refresh begins it anew */
#define ACCESS_LIFE_MS (INT64_C(30) * 60 * 1000)

enum session_end {
	SESSION_OPEN,
	SESSION_ENDED_ITSELF = 1,
	SESSION_ENDED_BY_OTHER = 2,    /* another session of the same person */
	SESSION_ENDED_BY_THEFT = 3,    /* a refresh token came a second time */
	SESSION_ENDED_BY_NEWER = 4,    /* the ninth device */
	SESSION_ENDED_BY_OPERATOR = 5,
	SESSION_ENDED_BY_MERGE = 6,
	SESSION_ENDED_BY_VISITOR = 7,  /* the next one at a terminal */
};

struct session_new {
	enum who kind;
	int64_t principal;
	int64_t login;                 /* row id; 0 none */
	const uint8_t *device_hash;    /* NULL none */
	struct str name;
	int level;
	int64_t level3_until_ms;
	uint64_t rights;
	int64_t region;
	int64_t life_ms;
	const uint8_t *certificate;    /* its tokens want this client certificate (base/certificate.h); NULL: none */
	int64_t terminal;              /* at which it is; 0: at none */
};
/* `random`: 32 bytes of this session's own (request_bytes). The key outside is session_key of the same bytes. */
MUST_USE bool session_open(struct tx *tx, const struct session_new *s, int64_t now_ms, const uint8_t random[32], int64_t *id, struct fail *why);
struct id session_key(int64_t now_ms, const uint8_t random[32]);

MUST_USE bool session_end(struct tx *tx, int64_t id, enum session_end reason, int64_t now_ms, struct fail *why); /* ended already: fine */
/* All open ones of a principal but `except` (0: all). */
MUST_USE bool session_end_all(struct tx *tx, enum who kind, int64_t principal, int64_t except, enum session_end reason, int64_t now_ms, int64_t *count, struct fail *why);
/* Level and face; of a session whose person has become known, the person too. What another showed at a window is not this one's. */
MUST_USE bool session_raise(struct tx *tx, int64_t id, int64_t principal, int level, int64_t level3_until_ms, struct fail *why);
MUST_USE bool session_at_window(struct tx *tx, int64_t id, int64_t until_ms, struct fail *why); /* L4 until then */
MUST_USE bool session_seen(struct tx *tx, int64_t id, int64_t now_ms, int64_t expires_ms, struct fail *why);
/* One that lives from use to use: seen now, and good until `until_ms`. Nothing when it is over, or was seen less than `pause_ms` ago. */
MUST_USE bool session_used(struct tx *tx, int64_t id, int64_t now_ms, int64_t until_ms, int64_t pause_ms, struct fail *why);
MUST_USE bool session_rename(struct tx *tx, int64_t id, struct str name, const uint8_t salt[16], struct fail *why);
/* The open session of this principal by its key outside. Fails: NOT_FOUND, somebody else's too. */
MUST_USE bool session_find(struct tx *tx, const struct principal *who, struct id key, int64_t now_ms, int64_t *id, struct fail *why);

/* What a request needs of a session, from the row cache where it can be. */
struct session_row {
	int64_t id, principal, expires_ms, level3_until_ms, level4_until_ms, region, terminal;
	uint64_t rights;
	int8_t level;
	bool is_ended, is_bound;       /* bound: to the certificate */
	uint8_t certificate[CERTIFICATE_BYTES];
};
MUST_USE bool session_read(struct tx *tx, int64_t id, struct session_row *out, struct fail *why);

/* The device's own secret, as it came. */
bool device_id_is_good(struct str device_id);            /* 22 to 64 characters of base64url: 128 random bits or more */
void device_hash(struct str device_id, uint8_t out[DEVICE_HASH_BYTES]);
MUST_USE bool device_is_known(struct tx *tx, int64_t person, const uint8_t hash[DEVICE_HASH_BYTES], bool *known, struct fail *why);
MUST_USE bool device_seen(struct tx *tx, int64_t person, const uint8_t hash[DEVICE_HASH_BYTES], int64_t now_ms, struct fail *why);
#endif
