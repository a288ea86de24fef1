/* auth/keyfile.h - the file of secrets: one key a line, read with every wrong line named, written whole or not at all.
 *
 *   # comments and blank lines are passed over
 *   cipher 1 aes-256-gcm 64 hex digits current       new values are sealed with the one cipher key marked current, old ones open with theirs
 *   cipher 3 sm4-cbc-hmac-sm3 64 hex digits
 *   index 2 64 hex digits current                    the key of the indexes; `next` is being changed to; unmarked: kept to recognise repeats
 *   nonce 64 hex digits                              makes nonces; never leaves the file, never changes
 *
 * <state>/keys/vault.keys, mode 0600, its owner's; or, when systemd hands over credentials, $CREDENTIALS_DIRECTORY/vault.keys, which we
 * read and never write. Ids are 1..65535, each used once over both kinds.
 * Thread: one at a time. Owns: the caller wipes (keyfile_wipe). */
#ifndef AUTH_KEYFILE_H
#define AUTH_KEYFILE_H
#include "base/config.h"
#include "base/fail.h"
#include "base/str.h"

enum { KEYFILE_KEYS_MAX = 24, KEYFILE_INDEX_MAX = 8 /* of them */, KEY_ID_MAX = 65535 };
enum { KEYFILE_KEY_BYTES = 32, KEYFILE_BYTES_MAX = 16384, KEYFILE_PATH_BYTES = 1300, FINGERPRINT_BYTES = 17 };

enum key_kind { KEY_CIPHER, KEY_INDEX };
enum key_mark { KEY_KEPT, KEY_CURRENT, KEY_NEXT };
enum key_algorithm { KEY_AES_256_GCM = 1, KEY_SM4_CBC_HMAC_SM3 = 2 }; /* also the format byte of a sealed value */

struct keyfile_key {
	enum key_kind kind;
	enum key_algorithm algorithm; /* of a cipher key */
	enum key_mark mark;
	int id;
	uint8_t bytes[KEYFILE_KEY_BYTES];
};

struct keyfile {
	struct keyfile_key keys[KEYFILE_KEYS_MAX];
	int count;
	uint8_t nonce[KEYFILE_KEY_BYTES];
	bool is_credential; /* systemd's: not ours to write */
	char path[KEYFILE_PATH_BYTES];
};

/* Fails: CONFIG; each wrong line is an event key_file_wrong, and `why` says how many and the first. */
MUST_USE bool keyfile_parse(struct str text, struct keyfile *out, struct fail *why);
/* Finds and reads it. *is_there false: there is none, and out->path says where it should be. Fails: CONFIG, SYSTEM. */
MUST_USE bool keyfile_read(const struct config *c, struct keyfile *out, bool *is_there, struct fail *why);
/* Writes beside its place, syncs, and moves there: a crash leaves the old file or the new. is_new: refuses to replace one.
 * Fails: KEY_FILE a credential; SYSTEM. */
MUST_USE bool keyfile_write(const struct keyfile *k, bool is_new, struct fail *why);
void keyfile_wipe(struct keyfile *k);

/* Adds a key of random bytes under the next free id, marked current (cipher) or next (index). Fails: KEY_FILE too many, KEY_EXCHANGE a next is there. */
MUST_USE bool keyfile_add(struct keyfile *k, enum key_kind kind, enum key_algorithm algorithm, int *id, struct fail *why);
void keyfile_make(struct keyfile *k); /* a new database's: cipher 1, index 2, nonce; path stays */
bool key_algorithm_from(struct str name, enum key_algorithm *out);
const char *key_algorithm_name(enum key_algorithm a);
/* 16 hex digits by which a key is recognised and not found out. */
void key_fingerprint(const struct keyfile_key *k, char out[FINGERPRINT_BYTES]);
#endif
