/* auth/keyring.h - the keys that turn a person into a number nobody can turn back.
 *
 * <state>/keys/vault.keys (auth/keyfile.h), made by migrate for a new database. Losing it loses every look-up by identity number and every
 * sealed value, so a gateway refuses to start when a key its database was written with is missing or another (fingerprints are in meta).
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
/* Does the database belong to these keys? A write transaction notes those it does not know yet. Called by migrate and at every start.
 * Fails: CONFIG a key is missing or another, by its id. */
MUST_USE bool keyring_match(struct tx *tx, struct fail *why);
bool keyring_has_unnoted(void); /* the last match was in a read transaction, and would have had keys to note */
/* Was it made with some key already? Then a missing key file is a loss, and a new one would only hide it. */
MUST_USE bool keyring_is_noted(struct tx *tx, bool *is_noted, struct fail *why);
/* HMAC-SHA-256 of purpose and parts, separated so that no two lists collide. Purposes: "person", "lookup", "cursor", … */
void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES]); /* count <= KEYRING_PARTS_MAX */
#endif
