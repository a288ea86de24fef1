/* auth/terminal.h - a self-service machine in a hall, and how a citizen hands his login over to it.
 *
 *   terminal   tm_…, stands at a place; proved by a client certificate that is its own (base/certificate.h)
 *   visit      an anonymous session of the terminal, of one visitor: a new one ends everything else that is open there
 *   hand-over  the terminal shows a code as a picture; the citizen's phone, logged in, is shown which terminal this is and where, and says yes to
 *              that one; the visit that showed the code takes a session of the citizen, once
 *
 * What guards it: a code is 128 random bits, lives a minute, and only its digest is kept; a yes names the terminal that was shown, so that a picture passed on
 * from elsewhere says from where; a taking needs the terminal's certificate and the very visit that asked.
 * The citizen's session is at most L2, bound to the terminal's certificate, ends 60 seconds after its last use and ten minutes after it began, stands in
 * the citizen's list of sessions and ends there too. What asks for a device of one's own (handler.own_device) is refused to it. A citizen is at one terminal at a time.
 *
 * Sessions live from use to use as those of staff do (gateway/requests/presence.h).
 * Thread: whoever holds the transaction. */
#ifndef AUTH_TERMINAL_H
#define AUTH_TERMINAL_H
#include "base/certificate.h"
#include "base/ids.h"
#include "base/request.h"

enum { TERMINAL_TEXT = 40 /* characters of name and place */, TERMINAL_TEXT_BYTES = 4 * TERMINAL_TEXT, HAND_OVER_CODE_BYTES = 23 /* 22 and a NUL */ };
#define TERMINAL_IDLE_MS (INT64_C(60) * 1000)
#define TERMINAL_SESSION_MS (INT64_C(10) * 60 * 1000)
#define HAND_OVER_MS (INT64_C(60) * 1000)        /* the life of its key, and from the yes to the taking */

struct terminal_new {
	struct str name, place;
	int64_t region;
	const struct certificate *certificate;
};

struct terminal_row {
	int64_t id, region, until_ms;
	struct id key;
	bool is_revoked;
	char name[TERMINAL_TEXT_BYTES + 1], place[TERMINAL_TEXT_BYTES + 1];
};

/* Fails: CONFLICT the certificate is another's; FIELD no such region, or the certificate has expired. */
MUST_USE bool terminal_add(struct tx *tx, const struct terminal_new *t, int64_t now_ms, const uint8_t random10[10], int64_t *id, struct id *key, struct fail *why);
/* *found false: none, or revoked. */
MUST_USE bool terminal_by_id(struct tx *tx, int64_t id, struct terminal_row *out, bool *found, struct fail *why);
MUST_USE bool terminal_by_key(struct tx *tx, struct id key, struct terminal_row *out, bool *found, struct fail *why);
MUST_USE bool terminal_by_certificate(struct tx *tx, const uint8_t fingerprint[SHA256_BYTES], struct terminal_row *out, bool *found, struct fail *why);
/* By row id after `after`, revoked ones too. */
MUST_USE bool terminal_list(struct tx *tx, int64_t after, struct terminal_row *out, int most, int *count, struct fail *why);
/* Its sessions end in the same transaction, its visitors' too. */
MUST_USE bool terminal_revoke(struct tx *tx, int64_t id, int64_t now_ms, int64_t *ended, struct fail *why);

/* Ends all that is open at the terminal, and begins a visit. */
MUST_USE bool terminal_visit(struct tx *tx, const struct terminal_row *t, const uint8_t *certificate, int64_t now_ms, const uint8_t random[32], int64_t *session, struct fail *why);

/* ---- hand-overs ---- */

void hand_over_code(const uint8_t random[32], char out[HAND_OVER_CODE_BYTES]);
struct id hand_over_key(struct str code); /* what names it once it has left the screen */

struct hand_over {
	int64_t id, terminal, visit, person, approved_by, until_ms, opened;
	int level;
};
/* What the citizen said yes to. Fails: NOT_FOUND that code had its yes already. */
MUST_USE bool hand_over_approve(struct tx *tx, struct id key, const struct hand_over *h, int64_t now_ms, struct fail *why);
MUST_USE bool hand_over_find(struct tx *tx, struct id key, struct hand_over *out, bool *found, struct fail *why);
/* The citizen's session; what he has open at other terminals ends. Fails: NOT_FOUND it was taken, its minute is over, or the phone that said yes is logged out. */
MUST_USE bool hand_over_take(struct tx *tx, const struct hand_over *h, const struct terminal_row *t, const uint8_t *certificate, int64_t now_ms, const uint8_t random[32],
			     int64_t *session, struct fail *why);
#endif
