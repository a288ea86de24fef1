/* auth/vault.h - sealing: what is personal lies in the database only as ciphertext, bound to the place it lies in.
 *
 * A sealed value is a format byte (1 AES-256-GCM, 2 SM4-CBC with HMAC-SM3), the key's id, nonce, ciphertext and tag. The place (a literal such
 * as "person.facts") and the row are authenticated with it: moved to another row or column, it does not open. The nonce is made from salt, place,
 * row and text under a key of its own: apply may seal again and gets the same bytes, and no nonce ever serves two texts.
 * Keys: <state>/keys/vault.keys, mode 0600, opened with the keyring.
 * Thread: any, after keyring_open; keys may be added while running, and taken away when nothing lies under them.
 * Source: architecture rule "personal data is sealed from the first table on". */
#ifndef AUTH_VAULT_H
#define AUTH_VAULT_H
#include "base/fail.h"
#include "base/str.h"

enum { VAULT_SALT_BYTES = 16, VAULT_OVERHEAD_MAX = 67 /* SM4: head 3, nonce 16, padding up to 16, MAC 32 */ };

/* Appends the sealed value to `out`. Fails: MEMORY. */
MUST_USE bool vault_seal(const char *place, int64_t row, struct str plain, const uint8_t salt[VAULT_SALT_BYTES], struct buf *out, struct fail *why);
/* Appends the text to `out`. Fails: SEALED when it was altered, truncated, moved, or its key is not here (the log says which key id); MEMORY. */
MUST_USE bool vault_open(const char *place, int64_t row, struct str sealed, struct buf *out, struct fail *why);
int vault_key_id(struct str sealed); /* the key it says it was sealed with; 0: too short to say */
#endif
