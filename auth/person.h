/* auth/person.h - a person is a row with sealed facts, found again by a keyed hash of the number, and by nothing else.
 *
 * Thread: whoever holds the transaction. The keyring must be open. */
#ifndef AUTH_PERSON_H
#define AUTH_PERSON_H
#include "auth/identity_number.h"
#include "base/phone.h"
#include "store/store.h"

enum { PERSON_NAME_MAX = 50 /* characters */, PERSON_NAME_BYTES = 4 * PERSON_NAME_MAX, PERSON_FACTS_BYTES = 320 /* sealed or open */ };

enum confirmed_by {
	CONFIRMED_BY_NOBODY,
#define CONFIRMED(name, number, text, prose) CONFIRMED_BY_##name = number,
#include "auth/confirmations.def"
#undef CONFIRMED
};
const char *confirmed_by_text(enum confirmed_by by); /* NULL: nobody */

/* at NULL: not known. */
struct person_facts {
	struct str number, name, phone;
};

/* The row of this number, made when absent. `number` is normalised (struct identity). In a write transaction. */
MUST_USE bool person_find_or_make(struct tx *tx, enum identity_kind kind, struct str number, int64_t now_ms, int64_t *id, struct fail *why);
/* The row of this number; 0: there is none. */
MUST_USE bool person_find(struct tx *tx, enum identity_kind kind, struct str number, int64_t *id, struct fail *why);
/* Somebody of whom only a phone is known, so far: kind 0, no hash of a number. Nobody is looked for: that phone may have been another's. */
MUST_USE bool person_make_by_phone(struct tx *tx, struct str phone, int64_t now_ms, const uint8_t salt[16], int64_t *id, struct fail *why);
/* Such a person becomes known by number and name. No row may have this number yet. */
MUST_USE bool person_become(struct tx *tx, int64_t id, enum identity_kind kind, struct str number, struct str name, const uint8_t salt[16], struct fail *why);
/* His name and number were confirmed just now. */
MUST_USE bool person_confirmed(struct tx *tx, int64_t id, enum confirmed_by by, int64_t now_ms, struct fail *why);
/* Newer facts take the place of older ones, what is not known stays. The number must be the row's own, or not known. `salt`: 16 bytes of the
 * request's randomness. In a write transaction. */
MUST_USE bool person_facts_merge(struct tx *tx, int64_t id, const struct person_facts *newer, const uint8_t salt[16], struct fail *why);
/* Fails: NOT_FOUND; SEALED. The texts live in `text`; wipe it after use. */
MUST_USE bool person_facts_get(struct tx *tx, int64_t id, char text[PERSON_FACTS_BYTES], struct person_facts *out, struct fail *why);
/* The same of a value that was read already; one that was overwritten knows nothing. */
MUST_USE bool person_facts_open(int64_t id, struct str sealed, char text[PERSON_FACTS_BYTES], struct person_facts *out, struct fail *why);
MUST_USE bool person_kind(struct tx *tx, int64_t id, enum identity_kind *kind, struct fail *why); /* Fails: NOT_FOUND */
/* The number's last four characters, which a slip's holder knows. */
MUST_USE bool person_last4(int64_t id, struct str sealed, char last4[4], struct fail *why);
/* What the two indexes hold of a number and of a phone. */
struct index_hashes;
void person_hash(enum identity_kind kind, struct str number, struct index_hashes *out);
void person_phone_hash(struct str phone, struct index_hashes *out);
#endif
