/* base/hash.h - the digests everything else is built on (libcrypto behind a plain face).
 * Thread: any. */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include "base/str.h"

enum { SHA1_BYTES = 20, SHA256_BYTES = 32, SM3_BYTES = 32, HASH_BYTES = 32 };
enum hash_kind { HASH_SHA256, HASH_SM3, HASH_KINDS }; /* in the order of the knob seal.hash */

void sha256(struct str in, uint8_t out[SHA256_BYTES]);
/* Of what comes piece by piece, when it is too large to be held. */
struct sha256_run;
struct sha256_run *sha256_begin(void);
void sha256_more(struct sha256_run *run, struct str piece);
void sha256_number(struct sha256_run *run, int64_t n); /* as eight bytes, the greatest first */
void sha256_end(struct sha256_run *run, uint8_t out[SHA256_BYTES]); /* frees it; out NULL: nobody wants to know any more */
/* Of the parts joined as they are: the caller separates. Dies where libcrypto has no such hash. */
void hash_parts(enum hash_kind kind, const struct str *parts, size_t count, uint8_t out[HASH_BYTES]);
bool hash_is_here(enum hash_kind kind);    /* some builds of libcrypto leave SM3 out */
struct str hash_name(enum hash_kind kind); /* "sha256", "sm3" */
struct sha256_run *sha1_begin(void); /* the same for SHA-1: more by sha256_more, the end by sha1_end */
void sha1_end(struct sha256_run *run, uint8_t out[SHA1_BYTES]);
void sha1(struct str in, uint8_t out[SHA1_BYTES]); /* where an old protocol wants it; it guards nothing */
void hmac_sha256(struct str key, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES]); /* parts are joined as they are: the caller separates */
void hmac_sm3(struct str key, const struct str *parts, size_t count, uint8_t out[SM3_BYTES]); /* GB/T 32905; dies where libcrypto has no SM3 */
void wipe(void *at, size_t len); /* what no optimiser leaves out */
uint64_t siphash(const uint8_t key[16], const void *at, size_t len); /* SipHash-2-4, for tables an outsider may fill */
/* Returns the length written, NUL-terminated; out needs 4*((len+2)/3)+1 bytes. */
size_t base64url_text(const uint8_t *in, size_t len, char *out); /* RFC 4648 section 5, no padding */
size_t base64_text(const uint8_t *in, size_t len, char *out);    /* section 4, padded */
int64_t base64url_bytes(struct str in, uint8_t *out, size_t max); /* -1: not canonical base64url or too long */
int64_t base64_bytes(struct str in, uint8_t *out, size_t max);    /* section 4, padded; -1 as above */
#endif
