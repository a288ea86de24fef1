/* auth/ring.h - the keys as they are in memory, ready for use; for this room only.
 *
 * A ring is never changed once others may see it: a new key makes a new ring, and older ones stay until the end, because some thread may still
 * be sealing with what it found there.
 * Thread: any. */
#ifndef AUTH_RING_H
#define AUTH_RING_H
#include "auth/keyfile.h"
#include "auth/keyring.h"
#include "base/cipher.h"

struct ring_cipher {
	int id;
	enum key_algorithm algorithm;
	struct cipher_key key;
	uint8_t mac[KEYFILE_KEY_BYTES];   /* HMAC-SM3's */
	uint8_t nonce[KEYFILE_KEY_BYTES]; /* of this cipher key and the file's nonce key: under two keys no text has one nonce */
};

struct ring {
	struct keyfile file;              /* marks and ids as they stand there */
	struct index_slots slots;         /* the database's word, which goes before the marks of index keys */
	struct ring_cipher ciphers[KEYFILE_KEYS_MAX];
	int cipher_count;
	const struct ring_cipher *current;
	struct ring *older;
};

const struct ring *ring_now(void);      /* asserts that the keyring is open */
const struct ring_cipher *ring_cipher(const struct ring *r, int id); /* NULL: not here */
int key_marked(const struct keyfile *f, enum key_kind kind, enum key_mark mark); /* its id; 0: none */

/* Each makes a new ring that differs in this. The first file opens the keyring; later ones leave the current cipher key as it is. */
MUST_USE bool ring_use_file(const struct keyfile *f, struct fail *why);
MUST_USE bool ring_use_slots(const struct index_slots *s, struct fail *why);
MUST_USE bool ring_use_current(struct fail *why); /* the cipher key that the file marks */
void ring_close(void);                            /* wipes all; nobody may be using them any more */
#endif
