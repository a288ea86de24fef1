/* auth/keyring.h - the keys that turn a person into a number nobody can turn back.
 *
 * <state>/keys/index.key: 32 random bytes, mode 0600, made by migrate for a new database. Losing it loses every look-up by identity number,
 * so a gateway whose database has persons refuses to start with another key (the key's fingerprint is in the database's meta table).
 * Thread: opened before threads start, read only afterwards. */
#ifndef AUTH_KEYRING_H
#define AUTH_KEYRING_H
#include "base/config.h"
#include "base/fail.h"
#include "base/hash.h"

struct tx; /* store/store.h */

enum { KEYRING_PARTS_MAX = 12 };

/* Fails: CONFIG with the file's name and what to do; SYSTEM when the operating system refuses. */
MUST_USE bool keyring_open(const struct config *c, bool make_if_absent, struct fail *why);
void keyring_close(void); /* zeroes the keys */
void keyring_fingerprint(char out[17]); /* 16 hex digits of a hash of the key */
/* Does the database belong to this key? A write transaction notes the fingerprint when the database has none yet; a read transaction
 * accepts that only while there is no person. Called by migrate and at every start. Fails: CONFIG another key. */
MUST_USE bool keyring_match(struct tx *tx, struct fail *why);
/* Was it made with some key already? Then a missing key file is a loss, and a new one would only hide it. */
MUST_USE bool keyring_is_noted(struct tx *tx, bool *is_noted, struct fail *why);
/* HMAC-SHA-256 of purpose and parts, separated so that no two lists collide. Purposes: "person", "lookup", "cursor", … */
void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES]); /* count <= KEYRING_PARTS_MAX */
#endif
