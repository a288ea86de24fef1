/* auth/staff.h - a member of staff: account, roles, and what proves that it is he.
 *
 *   invited → active → closed        an invitation's code makes it active, once, within a day; closed is for good
 *
 * Two factors: a password (auth/password.h), and digits of an app (auth/totp.h) or a client certificate (base/certificate.h). The password stays beside a
 * certificate, because nothing here shows whether its key lies behind a PIN, and two ways to know somebody are demanded, one of them by cryptography. A
 * password lives 90 days and is none of the last five (GB/T 22239-2019 8.1.4.1).
 * Thread: whoever holds the transaction; names and secrets are sealed here and opened here. */
#ifndef AUTH_STAFF_H
#define AUTH_STAFF_H
#include "auth/password.h"
#include "auth/role.h"
#include "auth/totp.h"
#include "base/hash.h"
#include "store/store.h"

enum { STAFF_ACCOUNT_MAX = 32, STAFF_NAME_MAX = 30 /* characters */, STAFF_NAME_BYTES = 4 * STAFF_NAME_MAX, STAFF_FORMER_PASSWORDS = 5 };
#define STAFF_PASSWORD_LIFE_MS (INT64_C(90) * 24 * 3600 * 1000)
#define STAFF_IDLE_MS (INT64_C(15) * 60 * 1000)       /* a session lives from use to use */
#define STAFF_SESSION_MS (INT64_C(12) * 3600 * 1000)  /* and no longer than that: its token's life */
#define STAFF_INVITATION_MS (INT64_C(24) * 3600 * 1000)

enum staff_state { STAFF_INVITED = 1, STAFF_ACTIVE = 2, STAFF_CLOSED = 3 };

struct staff_new {
	struct str account; /* a-z, 0-9, dot, dash; begins with a letter; 3 to 32 */
	struct str name;
	int64_t department; /* row id; 0 none */
	int64_t region;     /* code */
	int64_t roles;
};

struct staff_row {
	int64_t id, department, region, roles, password_ms, totp_step, invited_until_ms;
	enum staff_state state;
	char account[STAFF_ACCOUNT_MAX + 1];
	char password[PASSWORD_TEXT_BYTES];
	uint8_t totp[TOTP_SECRET_BYTES];
	bool has_certificate;
	uint8_t certificate[SHA256_BYTES];
	char name[STAFF_NAME_BYTES + 1];
};

bool staff_account_fits(struct str account);
/* `random`: 32 bytes of this person's own. The invitation's code is theirs (staff_invitation_text); its hash is kept. Fails: CONFLICT the account was given
 * before; FIELD account, roles, region, department. */
MUST_USE bool staff_invite(struct tx *tx, const struct staff_new *s, int64_t now_ms, const uint8_t random[32], int64_t *id, struct fail *why);
enum { STAFF_INVITATION_TEXT = 44 };
void staff_invitation_text(const uint8_t random[32], char out[STAFF_INVITATION_TEXT]);
/* *found false: no such account, or invitation. */
MUST_USE bool staff_by_account(struct tx *tx, struct str account, struct staff_row *out, bool *found, struct fail *why);
MUST_USE bool staff_by_invitation(struct tx *tx, struct str code, struct staff_row *out, bool *found, struct fail *why);
/* By row id after `after`, of everybody in the region; neither password nor secret is read. */
MUST_USE bool staff_in_region(struct tx *tx, int64_t region, int64_t after, struct staff_row *out, int most, int *count, struct fail *why);
/* The account's name; "" for 0. */
MUST_USE bool staff_account(struct tx *tx, int64_t id, char out[STAFF_ACCOUNT_MAX + 1], struct fail *why);
MUST_USE bool staff_by_id(struct tx *tx, int64_t id, struct staff_row *out, bool *found, struct fail *why);
/* The first or a new password, hashed already; an invitation is used up by it. Compare with the former ones before (staff_former_passwords). */
MUST_USE bool staff_set_password(struct tx *tx, int64_t id, const char *hashed, int64_t now_ms, struct fail *why);
/* The texts of the last ones, newest first, the present one included; returns how many, -1: why is noted. */
int staff_former_passwords(struct tx *tx, int64_t id, char out[STAFF_FORMER_PASSWORDS][PASSWORD_TEXT_BYTES], struct fail *why);
/* One argon2id for each of them: work. Fails: FIELD at `pointer`, reason former. */
MUST_USE bool staff_password_is_new(struct secret password, const char former[][PASSWORD_TEXT_BYTES], int count, const char *pointer, struct fail *why);
/* The same password under today's setting: neither newer nor another. */
MUST_USE bool staff_rehash_password(struct tx *tx, int64_t id, const char *hashed, struct fail *why);
/* The step has served. Fails: CREDENTIALS it had served already (two logins with the same digits: one wins). */
MUST_USE bool staff_totp_served(struct tx *tx, int64_t id, int64_t step, struct fail *why);
/* What stands for the digits from now on; NULL: nothing does. Fails: NOT_FOUND not active; CONFLICT it is another's. */
MUST_USE bool staff_set_certificate(struct tx *tx, int64_t id, const uint8_t *fingerprint, int64_t now_ms, struct fail *why);
/* Whoever lost his phone, his password or his invitation begins again: another code and another secret of digits, both of `random`, and no certificate; until
 * the code has served nobody logs in. The former passwords stay. */
MUST_USE bool staff_invite_again(struct tx *tx, int64_t id, int64_t now_ms, const uint8_t random[32], struct fail *why);
MUST_USE bool staff_set_roles(struct tx *tx, int64_t id, int64_t roles, int64_t now_ms, struct fail *why);
MUST_USE bool staff_close(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why);
/* Has anybody who is not closed this duty? */
MUST_USE bool staff_duty_is_held(struct tx *tx, enum duty duty, bool *is_held, struct fail *why);
/* Row id of his department; 0: he is of none. */
MUST_USE bool staff_department(struct tx *tx, int64_t id, int64_t *department, struct fail *why);
/* Secrets out of the row when it is done with. */
void staff_row_wipe(struct staff_row *s);
#endif
