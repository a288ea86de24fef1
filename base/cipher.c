/* base/cipher.c - why this exists: EVP's own way costs an allocation, a fetch and a key schedule per value. */
#include "base/cipher.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum direction { OPEN, SEAL, DIRECTIONS }; /* as EVP_CipherInit wants them: 0 decrypts, 1 encrypts */

struct held {
	EVP_CIPHER_CTX *context;
	uint64_t serial; /* of the key inside; 0 none */
};

static const char *const names[CIPHERS] = { [CIPHER_AES_256_GCM] = "AES-256-GCM", [CIPHER_SM4_CBC] = "SM4-CBC" };
static const size_t key_bytes[CIPHERS] = { [CIPHER_AES_256_GCM] = CIPHER_KEY_MAX, [CIPHER_SM4_CBC] = SM4_KEY_BYTES };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static EVP_CIPHER *algorithms[CIPHERS]; /* live as long as the process; NULL: this libcrypto has none */
static _Atomic uint64_t serials;
static _Thread_local struct held held[CIPHERS][DIRECTIONS];

static void die(const char *what)
{
	fprintf(stderr, "siban: libcrypto refuses: %s\n", what);
	abort();
}

/* EVP_CIPHER_CTX_free wipes the key schedule. */
static void thread_ended(void *unused)
{
	(void)unused;
	for (int c = 0; c < CIPHERS; c++)
		for (int d = 0; d < DIRECTIONS; d++) {
			EVP_CIPHER_CTX_free(held[c][d].context);
			held[c][d] = (struct held){ NULL, 0 };
		}
}

static void start(void)
{
	for (int c = 0; c < CIPHERS; c++)
		algorithms[c] = EVP_CIPHER_fetch(NULL, names[c], NULL);
	if (pthread_key_create(&thread_end, thread_ended) != 0)
		die("thread key");
}

bool cipher_is_here(enum cipher c)
{
	pthread_once(&once, start);
	if (c != CIPHER_SM4_CBC || algorithms[c] == NULL)
		return algorithms[c] != NULL;
	EVP_MD *sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
	EVP_MD_free(sm3);
	return sm3 != NULL;
}

void cipher_key_make(struct cipher_key *k, enum cipher c, const uint8_t *bytes)
{
	k->cipher = c;
	memset(k->bytes, 0, sizeof(k->bytes));
	memcpy(k->bytes, bytes, key_bytes[c]);
	k->serial = atomic_fetch_add(&serials, 1) + 1;
}

/* This thread's context with the key inside and the nonce set. */
static EVP_CIPHER_CTX *begin(const struct cipher_key *k, enum direction d, const uint8_t *nonce)
{
	struct held *h = &held[k->cipher][d];
	assert(k->serial != 0);
	if (h->context == NULL) {
		pthread_once(&once, start);
		if (algorithms[k->cipher] == NULL)
			die(names[k->cipher]);
		h->context = EVP_CIPHER_CTX_new();
		if (h->context == NULL || pthread_setspecific(thread_end, held) != 0)
			die("context");
	}
	if (h->serial != k->serial) {
		h->serial = 0;
		if (EVP_CipherInit_ex2(h->context, algorithms[k->cipher], k->bytes, NULL, (int)d, NULL) != 1)
			die("key");
		h->serial = k->serial;
	}
	if (EVP_CipherInit_ex2(h->context, NULL, NULL, nonce, (int)d, NULL) != 1)
		die("nonce");
	return h->context;
}

static int feed(EVP_CIPHER_CTX *ctx, uint8_t *to, struct str from)
{
	int n = 0;
	assert(from.len < INT32_MAX);
	if (from.len > 0 && EVP_CipherUpdate(ctx, to, &n, (const uint8_t *)from.at, (int)from.len) != 1)
		die("update");
	return n;
}

void gcm_seal(const struct cipher_key *k, const uint8_t nonce[GCM_NONCE_BYTES], struct str bound, struct str plain, uint8_t *to, uint8_t tag[GCM_TAG_BYTES])
{
	assert(k->cipher == CIPHER_AES_256_GCM);
	EVP_CIPHER_CTX *ctx = begin(k, SEAL, nonce);
	uint8_t none[SM4_BLOCK_BYTES];
	int n;
	feed(ctx, NULL, bound);
	feed(ctx, to, plain);
	if (EVP_CipherFinal_ex(ctx, none, &n) != 1 || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) != 1)
		die("tag");
}

bool gcm_open(const struct cipher_key *k, const uint8_t nonce[GCM_NONCE_BYTES], struct str bound, struct str sealed, const uint8_t tag[GCM_TAG_BYTES], uint8_t *to)
{
	assert(k->cipher == CIPHER_AES_256_GCM);
	EVP_CIPHER_CTX *ctx = begin(k, OPEN, nonce);
	uint8_t none[SM4_BLOCK_BYTES], wanted[GCM_TAG_BYTES];
	int n;
	memcpy(wanted, tag, sizeof(wanted)); /* EVP takes no const tag */
	feed(ctx, NULL, bound);
	feed(ctx, to, sealed);
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, wanted) != 1)
		die("tag");
	bool ok = EVP_CipherFinal_ex(ctx, none, &n) == 1;
	if (!ok)
		OPENSSL_cleanse(to, sealed.len);
	return ok;
}

size_t sm4_cbc_seal(const struct cipher_key *k, const uint8_t iv[SM4_BLOCK_BYTES], struct str plain, uint8_t *to)
{
	assert(k->cipher == CIPHER_SM4_CBC);
	EVP_CIPHER_CTX *ctx = begin(k, SEAL, iv);
	int written = feed(ctx, to, plain), last = 0;
	if (EVP_CipherFinal_ex(ctx, to + written, &last) != 1)
		die("final");
	return (size_t)(written + last);
}

int64_t sm4_cbc_open(const struct cipher_key *k, const uint8_t iv[SM4_BLOCK_BYTES], struct str sealed, uint8_t *to)
{
	assert(k->cipher == CIPHER_SM4_CBC);
	if (sealed.len == 0 || sealed.len % SM4_BLOCK_BYTES != 0)
		return -1;
	EVP_CIPHER_CTX *ctx = begin(k, OPEN, iv);
	int written = feed(ctx, to, sealed), last = 0;
	if (EVP_CipherFinal_ex(ctx, to + written, &last) == 1)
		return written + last;
	OPENSSL_cleanse(to, sealed.len);
	return -1;
}

int64_t aes_128_cbc_open(const uint8_t key[16], const uint8_t iv[16], struct str sealed, uint8_t *to)
{
	if (sealed.len == 0 || sealed.len % 16 != 0)
		return -1;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL || EVP_CipherInit_ex2(ctx, EVP_aes_128_cbc(), key, iv, (int)OPEN, NULL) != 1)
		die("aes-128-cbc");
	int written = feed(ctx, to, sealed), last = 0;
	bool ok = EVP_CipherFinal_ex(ctx, to + written, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		OPENSSL_cleanse(to, sealed.len);
	return ok ? written + last : -1;
}
