/* base/cipher.h - the two ciphers of sealed values (libcrypto behind a plain face), without an allocation or key schedule per call.
 *
 * Each thread keeps one context per cipher and direction, and in it the key it used last: values are sealed and opened with the same
 * key nearly always. Whoever calls chooses nonces and binds place and row through `bound`, which is authenticated and not kept.
 * Thread: any. A cipher_key is read only after cipher_key_make.
 * Source: NIST SP 800-38D; GB/T 32907 (SM4), GB/T 32905 (SM3). */
#ifndef BASE_CIPHER_H
#define BASE_CIPHER_H
#include "base/str.h"

enum cipher { CIPHER_AES_256_GCM, CIPHER_SM4_CBC, CIPHERS };
enum { CIPHER_KEY_MAX = 32, GCM_NONCE_BYTES = 12, GCM_TAG_BYTES = 16, SM4_BLOCK_BYTES = 16, SM4_KEY_BYTES = 16, HMAC_SM3_BYTES = 32 };

struct cipher_key {
	enum cipher cipher;
	uint8_t bytes[CIPHER_KEY_MAX]; /* SM4 uses the first 16 */
	uint64_t serial;               /* no two keys of a process share one: what a thread's context remembers */
};

bool cipher_is_here(enum cipher c); /* does this libcrypto have all that it needs? */
void cipher_key_make(struct cipher_key *k, enum cipher c, const uint8_t *bytes);

/* `to` takes plain.len bytes. */
void gcm_seal(const struct cipher_key *k, const uint8_t nonce[GCM_NONCE_BYTES], struct str bound, struct str plain, uint8_t *to, uint8_t tag[GCM_TAG_BYTES]);
/* false: not what was sealed; what stands in `to` then is wiped. */
bool gcm_open(const struct cipher_key *k, const uint8_t nonce[GCM_NONCE_BYTES], struct str bound, struct str sealed, const uint8_t tag[GCM_TAG_BYTES], uint8_t *to);

/* CBC with PKCS 7 padding. `to` takes plain.len rounded up beyond the next whole block; returns the bytes written. Authenticates nothing. */
size_t sm4_cbc_seal(const struct cipher_key *k, const uint8_t iv[SM4_BLOCK_BYTES], struct str plain, uint8_t *to);
/* `to` takes sealed.len bytes. -1: not whole blocks, or no padding at the end. Only for what a MAC has vouched for. */
int64_t sm4_cbc_open(const struct cipher_key *k, const uint8_t iv[SM4_BLOCK_BYTES], struct str sealed, uint8_t *to);

/* A platform's own envelope (WeChat's encryptedData): AES-128-CBC with PKCS 7 padding, a key per value, seldom used, so no context is kept. `to` takes
 * sealed.len bytes. -1: not whole blocks, or no padding at the end; it authenticates nothing, so what it yields is judged by what it says. */
int64_t aes_128_cbc_open(const uint8_t key[16], const uint8_t iv[16], struct str sealed, uint8_t *to);
#endif
