/* auth/ticket_key.h - the keys that tickets are signed with (Ed25519): one made of each index key of the ring, so that a key exchange makes a new one and
 * tickets that are out stay good.
 *
 * A key is named by the first four bytes of SHA-256 over its public half.
 * Thread: any, after keyring_open.
 * Source: RFC 8032. */
#ifndef AUTH_TICKET_KEY_H
#define AUTH_TICKET_KEY_H
#include "auth/keyring.h"
#include "base/str.h"

enum { TICKET_KEY_BYTES = 32, TICKET_KEY_ID_BYTES = 4, TICKET_SIGNATURE_BYTES = 64 };

struct ticket_key {
	uint8_t id[TICKET_KEY_ID_BYTES];
	uint8_t public_half[TICKET_KEY_BYTES];
};
/* The current one first. Fails: SYSTEM. */
MUST_USE bool ticket_keys(struct ticket_key out[KEYRING_INDEX_MAX], int *count, struct fail *why);
/* By the current key. Fails: SYSTEM. */
MUST_USE bool ticket_sign(struct str text, uint8_t out[TICKET_SIGNATURE_BYTES], struct fail *why);
/* By the key of that name, whichever of the ring it is. */
bool ticket_verifies(const uint8_t id[TICKET_KEY_ID_BYTES], struct str text, const uint8_t signature[TICKET_SIGNATURE_BYTES]);
#endif
