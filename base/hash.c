/* base/hash.c - why this exists: digests behind a plain face, without libcrypto's allocation per call.
 *
 * The one-shot SHA256() of OpenSSL 3 fetches its algorithm each time; here the algorithm is fetched once and each thread
 * keeps one context. HMAC is RFC 2104 over it, because the library's incremental form costs a context per call. */
#include "base/hash.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 64 /* of both */ };
_Static_assert((int)SM3_BYTES == (int)SHA256_BYTES && (int)HASH_BYTES == (int)SHA256_BYTES, "one HMAC serves both");

static const struct str names[HASH_KINDS] = { [HASH_SHA256] = { "sha256", 6 }, [HASH_SM3] = { "sm3", 3 } }; /* libcrypto reads any case */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static EVP_MD *algorithms[HASH_KINDS]; /* live as long as the process */
static _Thread_local EVP_MD_CTX *contexts[HASH_KINDS];

/* A machine without SHA-256 or memory for one context cannot keep any promise of this program. */
static void die(const char *what)
{
	fprintf(stderr, "siban: libcrypto refuses: %s\n", what);
	abort();
}

static void thread_ended(void *unused)
{
	(void)unused;
	for (int d = 0; d < HASH_KINDS; d++) {
		EVP_MD_CTX_free(contexts[d]);
		contexts[d] = NULL;
	}
}

static void start(void)
{
	for (int d = 0; d < HASH_KINDS; d++)
		algorithms[d] = EVP_MD_fetch(NULL, names[d].at, NULL);
	if (pthread_key_create(&thread_end, thread_ended) != 0)
		die("thread key");
}

static EVP_MD_CTX *begin(enum hash_kind d)
{
	if (contexts[d] == NULL) {
		pthread_once(&once, start);
		if (algorithms[d] == NULL)
			die(names[d].at);
		contexts[d] = EVP_MD_CTX_new();
		if (contexts[d] == NULL || pthread_setspecific(thread_end, contexts) != 0)
			die("context");
	}
	if (EVP_DigestInit_ex2(contexts[d], algorithms[d], NULL) != 1)
		die("init");
	return contexts[d];
}

static void feed(EVP_MD_CTX *ctx, const void *at, size_t len)
{
	if (len > 0 && EVP_DigestUpdate(ctx, at, len) != 1)
		die("update");
}

static void finish(EVP_MD_CTX *ctx, uint8_t out[SHA256_BYTES])
{
	if (EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		die("final");
}

struct sha256_run {
	EVP_MD_CTX *ctx;
};

struct sha256_run *sha256_begin(void)
{
	struct sha256_run *run = malloc(sizeof *run);
	pthread_once(&once, start);
	if (run == NULL || (run->ctx = EVP_MD_CTX_new()) == NULL || EVP_DigestInit_ex2(run->ctx, algorithms[HASH_SHA256], NULL) != 1)
		die("a digest in pieces");
	return run;
}

void sha256_more(struct sha256_run *run, struct str piece)
{
	feed(run->ctx, piece.at, piece.len);
}

void sha256_number(struct sha256_run *run, int64_t n)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	sha256_more(run, (struct str){ (const char *)bytes, sizeof bytes });
}

void sha256_end(struct sha256_run *run, uint8_t out[SHA256_BYTES])
{
	if (out != NULL)
		finish(run->ctx, out);
	EVP_MD_CTX_free(run->ctx);
	free(run);
}

struct sha256_run *sha1_begin(void)
{
	struct sha256_run *run = malloc(sizeof *run);
	if (run == NULL || (run->ctx = EVP_MD_CTX_new()) == NULL || EVP_DigestInit_ex2(run->ctx, EVP_sha1(), NULL) != 1)
		die("sha1 in pieces");
	return run;
}

void sha1_end(struct sha256_run *run, uint8_t out[SHA1_BYTES])
{
	uint8_t whole[SHA256_BYTES];
	sha256_end(run, out != NULL ? whole : NULL);
	if (out != NULL)
		memcpy(out, whole, SHA1_BYTES);
}

void hash_parts(enum hash_kind kind, const struct str *parts, size_t count, uint8_t out[HASH_BYTES])
{
	EVP_MD_CTX *ctx = begin(kind);
	for (size_t i = 0; i < count; i++)
		feed(ctx, parts[i].at, parts[i].len);
	finish(ctx, out);
}

bool hash_is_here(enum hash_kind kind)
{
	pthread_once(&once, start);
	return algorithms[kind] != NULL;
}

struct str hash_name(enum hash_kind kind)
{
	return names[kind];
}

void sha1(struct str in, uint8_t out[SHA1_BYTES])
{
	if (EVP_Q_digest(NULL, "sha1", NULL, in.at, in.len, out, NULL) != 1)
		die("sha1");
}

static void hmac(enum hash_kind d, struct str key, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	uint8_t inner[BLOCK_BYTES] = { 0 }, outer[BLOCK_BYTES];
	if (key.len > BLOCK_BYTES)
		hash_parts(d, &key, 1, inner);
	else if (key.len > 0)
		memcpy(inner, key.at, key.len);
	for (int i = 0; i < BLOCK_BYTES; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	EVP_MD_CTX *ctx = begin(d);
	feed(ctx, inner, sizeof inner);
	for (size_t i = 0; i < count; i++)
		feed(ctx, parts[i].at, parts[i].len);
	finish(ctx, out);
	ctx = begin(d);
	feed(ctx, outer, sizeof outer);
	feed(ctx, out, SHA256_BYTES);
	finish(ctx, out);
	OPENSSL_cleanse(inner, sizeof inner);
	OPENSSL_cleanse(outer, sizeof outer);
}

void sha256(struct str in, uint8_t out[SHA256_BYTES])
{
	hash_parts(HASH_SHA256, &in, 1, out);
}

void hmac_sha256(struct str key, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	hmac(HASH_SHA256, key, parts, count, out);
}

void hmac_sm3(struct str key, const struct str *parts, size_t count, uint8_t out[SM3_BYTES])
{
	hmac(HASH_SM3, key, parts, count, out);
}

/* -- SipHash-2-4, after Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012) */

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t turn(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = turn(s->b, 13) ^ s->a;
	s->a = turn(s->a, 32);
	s->c += s->d;
	s->d = turn(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = turn(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = turn(s->b, 17) ^ s->c;
	s->c = turn(s->c, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	sip_round(s);
	s->a ^= word;
}

static inline uint64_t little(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return le64toh(word);
}

uint64_t siphash(const uint8_t key[16], const void *at, size_t len)
{
	const uint8_t *in = at;
	uint64_t k0 = little(key), k1 = little(key + 8);
	struct sip s = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
			 k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
	size_t left = len;
	for (; left >= 8; left -= 8, in += 8)
		sip_word(&s, little(in));
	uint64_t last = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)in[i] << (8 * i);
	sip_word(&s, last);
	s.c ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

/* -- base64url */

static size_t base64(const uint8_t *in, size_t len, const char *alphabet, char *out)
{
	char *at = out;
	uint32_t bits = 0;
	int have = 0;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 6; have -= 6)
			*at++ = alphabet[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*at++ = alphabet[bits << (6 - have) & 63];
	*at = '\0';
	return (size_t)(at - out);
}

size_t base64url_text(const uint8_t *in, size_t len, char *out)
{
	return base64(in, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", out);
}

size_t base64_text(const uint8_t *in, size_t len, char *out)
{
	size_t n = base64(in, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", out);
	while (n % 4 != 0)
		out[n++] = '=';
	out[n] = '\0';
	return n;
}

static int base64_digit(char c, char plus, char slash)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == plus ? 62 : c == slash ? 63 : -1;
}

static int64_t bytes_of(struct str in, char plus, char slash, uint8_t *out, size_t max)
{
	if (in.len % 4 == 1 || in.len / 4 * 3 + (in.len % 4 > 0 ? in.len % 4 - 1 : 0) > max)
		return -1;
	uint8_t *at = out;
	uint32_t bits = 0;
	int have = 0;
	for (size_t i = 0; i < in.len; i++) {
		int digit = base64_digit(in.at[i], plus, slash);
		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*at++ = (uint8_t)(bits >> have);
		}
	}
	if ((bits & ((1u << have) - 1)) != 0) /* two texts must not mean the same bytes */
		return -1;
	return at - out;
}

void wipe(void *at, size_t len)
{
	OPENSSL_cleanse(at, len);
}

int64_t base64url_bytes(struct str in, uint8_t *out, size_t max)
{
	return bytes_of(in, '-', '_', out, max);
}

int64_t base64_bytes(struct str in, uint8_t *out, size_t max)
{
	if (in.len == 0 || in.len % 4 != 0)
		return in.len == 0 ? 0 : -1;
	for (int i = 0; i < 2 && in.at[in.len - 1] == '='; i++)
		in.len--;
	return bytes_of(in, '+', '/', out, max);
}
