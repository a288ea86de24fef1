/* auth/login.h - ways in: what a phone (or a WeChat account) that has just proved itself opens, and for whom.
 *
 *   the device was here before, for a person this phone leads to    that person, as far as he confirmed himself. So a family on one phone has a person per device
 *   else exactly one confirmed person, seen within 90 days           that person: a new phone in the same hand
 *   else (nobody; several; idle for longer: the number may have been given to somebody else)
 *                                                                    L1 and a person known by the phone alone: the newest such one that is not idle, or a new
 *                                                                    one. Nothing of anybody's past is shown. Who confirms his identity gets what is his
 *
 * An account elsewhere (providers.def) goes by the same table, but nobody is made for it: auth/provider.h says how it comes to lead to somebody.
 * What a department says about an applicant's phone opens nothing: departments write what they were told.
 * Thread: the write lane. */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H
#include "auth/person.h"
#include "base/ids.h"

enum login_kind {
	LOGIN_PHONE = 1,
#define PROVIDER(name, number, ...) LOGIN_##name = number,
#include "auth/providers.def"
#undef PROVIDER
};
enum { LOGIN_VALUE_MAX = 255 };
#define LOGIN_IDLE_MS (INT64_C(90) * 24 * 3600 * 1000)

struct login_found {
	int64_t login, person;
	int level;               /* LEVEL_L1 or LEVEL_L2 */
	int64_t level3_until_ms; /* 0: no face was shown */
};
/* `value`: the phone normalised, or what the platform calls the account. `salt`: 16 bytes of the request's own. */
MUST_USE bool login_enter(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], int64_t now_ms, const uint8_t salt[16],
			  struct login_found *out, struct fail *why);
/* The same without a trace: whom does it lead to? login 0: nobody; and nobody makes it lead to somebody before this transaction is over. */
MUST_USE bool login_find(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], int64_t now_ms, struct login_found *out, struct fail *why);
MUST_USE bool login_used(struct tx *tx, int64_t login, int64_t now_ms, struct fail *why);
MUST_USE bool login_add(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int level, int64_t now_ms, const uint8_t salt[16], int64_t *id,
			 struct fail *why);
/* Has a session been opened from this device by this way? For a stranger's device the answer costs the same. */
MUST_USE bool login_knows_device(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], bool *knows, struct fail *why);
MUST_USE bool login_seen(struct tx *tx, int64_t session, int64_t now_ms, struct fail *why); /* of the session's way in, after a refresh */
/* The text of a login, e.g. to be masked. It lives in `text`. */
MUST_USE bool login_value(struct tx *tx, int64_t login, char text[LOGIN_VALUE_MAX + 1], enum login_kind *kind, struct str *value, struct fail *why);

/* A way of this kind that leads to this person now: the one this session came by, else the one used last. 0: he has none. */
MUST_USE bool login_newest(struct tx *tx, enum login_kind kind, int64_t person, int64_t session, int64_t *login, struct fail *why);

/* The phone a session came in by. "": it came in another way. */
MUST_USE bool login_phone(struct tx *tx, int64_t session, char phone[PHONE_DIGITS + 1], struct fail *why);

/* Does it lead to this person (*own, 0: no), does it lead to others? Nobody changes that before this transaction is over. */
MUST_USE bool login_leads(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int64_t *own, bool *others, struct fail *why);
/* The name outside of a way that has one. */
MUST_USE bool login_key(struct tx *tx, int64_t login, struct id *key, struct fail *why);

/* -- accounts of a site that says itself whose they are: no device and no idleness is asked for */
/* The account's way to this person, at L2: the one that is there, or a new one. Its ways to others end. */
MUST_USE bool login_vouched(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int64_t now_ms, const uint8_t salt[16], int64_t *login, struct fail *why);
/* Whom it last led to at L2. out->login 0: nobody. */
MUST_USE bool login_linked(struct tx *tx, enum login_kind kind, struct str value, int64_t now_ms, struct login_found *out, struct fail *why);

/* -- after a confirmation (auth/real_name.h) */
MUST_USE bool login_raise(struct tx *tx, int64_t login, int level, struct fail *why);
/* The same phone's way to this person, at L2: the one that is there, or a new one. */
MUST_USE bool login_lead(struct tx *tx, int64_t login, int64_t person, int64_t now_ms, const uint8_t salt[16], int64_t *out, bool *made, struct fail *why);
MUST_USE bool login_end(struct tx *tx, int64_t login, int64_t now_ms, struct fail *why);
MUST_USE bool login_revive(struct tx *tx, int64_t login, struct fail *why);
/* Ways of the same phone to known persons other than this one, when they have been idle. */
MUST_USE bool login_end_idle(struct tx *tx, int64_t login, int64_t person, int64_t now_ms, struct fail *why);

/* -- another phone (services/people/me_phone.c) */
enum { LOGIN_PHONES_MAX = 16 };
/* The phones that lead to this person now. */
MUST_USE bool login_phones(struct tx *tx, int64_t person, char phones[LOGIN_PHONES_MAX][PHONE_DIGITS + 1], int *count, struct fail *why);
/* From now on this phone leads to him and no other does. Fails: RATE he has changed it too often today. */
MUST_USE bool login_change_phone(struct tx *tx, int64_t person, struct str phone, int level, int64_t now_ms, const uint8_t salt[16], int64_t *login, struct fail *why);

/* -- for a change of the index key (auth/rotation.c): the rows of one person */
MUST_USE bool login_hashes_fill(struct tx *tx, int slot, int64_t person, struct fail *why);
MUST_USE bool login_hashes_empty(struct tx *tx, int slot, int64_t person, struct fail *why);
#endif
