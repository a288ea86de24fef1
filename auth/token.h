/* auth/token.h - bearer tokens: opaque, random, stored only as a hash, recognisable by prefix.
 *
 *   sbc_…  a citizen's     sbd_…  a department's     sbs_…  of staff     sbp_…  a partner's     sbt_…  a terminal's
 *   sbr_…  a refresh token, which opens nothing but /oauth2/token
 *
 * and then 43 characters of base64url (256 random bits). By the prefix a secret scanner knows what was lost, and where to call.
 *
 * A token belongs to a session (auth/session.h) and is as good as that; one that the operator's hand made belongs to none.
 * Development tokens (`siban token --dev`) are rows marked so; a gateway whose configuration does not say development refuses them.
 * Thread: whoever holds the transaction. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H
#include "base/log.h"
#include "base/request.h"
#include "store/store.h"

enum { TOKEN_TEXT_BYTES = 48 /* every kind: 4 + 43 and a NUL */ };

struct token_spec {
	enum who kind;         /* one that has a prefix: not ANYONE, not OPERATOR */
	int64_t principal;     /* row id of person, department, …, by kind */
	int64_t session;       /* 0: none */
	int64_t expires_ms;
	bool development;
	bool test_key;
	uint8_t random[32];
};

/* The text that belongs to these random bytes: pure, so that the answer can be rendered after COMMIT. */
void token_text(enum who kind, const uint8_t random[32], char text[TOKEN_TEXT_BYTES]);
/* Writes the token's row and its text (shown once, never kept). */
MUST_USE bool token_make(struct tx *tx, const struct token_spec *spec, int64_t now_ms, char text[TOKEN_TEXT_BYTES], struct fail *why);
/* Who does this bearer stand for? Served from the row cache (ROW_TOKEN, ROW_SESSION) where it can be. Fails: TOKEN unknown, expired, revoked, of a session
 * that is over or bound to another certificate than `certificate` (request_certificate; NULL: none), or a development token where those are not welcome: all
 * the same answer. */
MUST_USE bool token_check(struct tx *tx, struct secret bearer, const uint8_t *certificate, int64_t now_ms, bool development, struct principal *who, struct fail *why);
/* RFC 7009: the session of an access token of any age, found by its text. *session 0: no such token, or it belongs to none; then *token. */
MUST_USE bool token_find(struct tx *tx, struct str text, int64_t *token, int64_t *session, struct fail *why);
MUST_USE bool token_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why); /* expired for a day */
/* The same question later, by row, for what stays open: does it still stand for this principal? Fails: TOKEN. */
MUST_USE bool token_is_good(struct tx *tx, int64_t token, int64_t principal, int64_t now_ms, struct fail *why);
MUST_USE bool token_revoke(struct tx *tx, int64_t token, int64_t now_ms, struct fail *why); /* touches the row cache, and tells who holds its live streams */
#endif
