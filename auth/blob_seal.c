/* auth/blob_seal.c - the form of a sealed blob:
 *
 *   4  "sblb"
 *   1  1, this form
 *   1  algorithm (enum key_algorithm)
 *   2  0
 *   8  random, the beginning of each nonce
 *  16  the blob's name
 *      then chunks of 64 KiB of content, the last with what is left, perhaps nothing:
 *   n  ciphertext (SM4: padded to whole blocks)
 *  16  tag, or 32 of HMAC-SM3
 *
 * With each chunk are authenticated: this head, the chunk's number, and whether it is the last. The key serves one blob, so head and number make a nonce that
 * never comes twice. SM4's key, the MAC's and that of the IVs are made from the blob's by HMAC-SM3. */
#include "auth/blob_seal.h"
#include "auth/ring.h"
#include "base/hash.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { FORM = 1, PREFIX_BYTES = 8, HEAD_BYTES = 16 + ID_BYTES, NUMBER_BYTES = 8, BOUND_BYTES = HEAD_BYTES + NUMBER_BYTES + 1 };
enum { SEALED_CHUNK_MAX = BLOB_CHUNK_BYTES + SM4_BLOCK_BYTES + HMAC_SM3_BYTES };

/* ---- a chunk ---- */

struct chunk_keys {
	enum key_algorithm algorithm;
	struct cipher_key key;
	uint8_t mac[SM3_BYTES], iv[SM3_BYTES]; /* SM4's */
	uint8_t bound[BOUND_BYTES];            /* the head, then the chunk's own */
};

static void derive(const uint8_t *key, const char *what, uint8_t out[SM3_BYTES])
{
	struct str word = str_c(what);
	hmac_sm3((struct str){ (const char *)key, BLOB_KEY_BYTES }, &word, 1, out);
}

/* `k->bound` has its head already. */
static void keys_make(struct chunk_keys *k, enum key_algorithm algorithm, const uint8_t key[BLOB_KEY_BYTES])
{
	uint8_t sm4[SM3_BYTES];
	k->algorithm = algorithm;
	if (algorithm == KEY_AES_256_GCM) {
		cipher_key_make(&k->key, CIPHER_AES_256_GCM, key);
		return;
	}
	derive(key, "blob.sm4", sm4);
	derive(key, "blob.mac", k->mac);
	derive(key, "blob.iv", k->iv);
	cipher_key_make(&k->key, CIPHER_SM4_CBC, sm4);
	wipe(sm4, sizeof sm4);
}

static void chunk_bind(struct chunk_keys *k, int64_t number, bool is_last)
{
	for (int i = 0; i < NUMBER_BYTES; i++)
		k->bound[HEAD_BYTES + i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
	k->bound[BOUND_BYTES - 1] = is_last;
}

static void gcm_nonce(const struct chunk_keys *k, uint8_t nonce[GCM_NONCE_BYTES])
{
	memcpy(nonce, k->bound + 8, PREFIX_BYTES);
	memcpy(nonce + PREFIX_BYTES, k->bound + HEAD_BYTES + NUMBER_BYTES - 4, GCM_NONCE_BYTES - PREFIX_BYTES); /* BLOB_BYTES_MAX has fewer chunks than 2^32 */
}

static struct str bound_of(const struct chunk_keys *k)
{
	return (struct str){ (const char *)k->bound, BOUND_BYTES };
}

static void sm4_iv(const struct chunk_keys *k, uint8_t iv[SM3_BYTES])
{
	struct str bound = bound_of(k);
	hmac_sm3((struct str){ (const char *)k->iv, sizeof k->iv }, &bound, 1, iv);
}

static void sm4_mac(const struct chunk_keys *k, struct str text, uint8_t mac[HMAC_SM3_BYTES])
{
	struct str parts[] = { bound_of(k), text };
	hmac_sm3((struct str){ (const char *)k->mac, sizeof k->mac }, parts, 2, mac);
}

static size_t sealed_len(enum key_algorithm algorithm, size_t len)
{
	return algorithm == KEY_AES_256_GCM ? len + GCM_TAG_BYTES : len - len % SM4_BLOCK_BYTES + SM4_BLOCK_BYTES + HMAC_SM3_BYTES;
}

/* Returns the length. */
static size_t chunk_seal(struct chunk_keys *k, int64_t number, bool is_last, struct str plain, uint8_t to[SEALED_CHUNK_MAX])
{
	uint8_t once[SM3_BYTES];
	chunk_bind(k, number, is_last);
	if (k->algorithm == KEY_AES_256_GCM) {
		gcm_nonce(k, once);
		gcm_seal(&k->key, once, bound_of(k), plain, to, to + plain.len);
	} else {
		sm4_iv(k, once);
		size_t len = sm4_cbc_seal(&k->key, once, plain, to);
		sm4_mac(k, (struct str){ (const char *)to, len }, to + len);
	}
	return sealed_len(k->algorithm, plain.len);
}

/* Is it exactly `len` bytes of content? `to` takes as many bytes as are sealed. */
static bool chunk_open(struct chunk_keys *k, int64_t number, bool is_last, struct str sealed, size_t len, uint8_t *to)
{
	uint8_t once[SM3_BYTES], mac[HMAC_SM3_BYTES];
	chunk_bind(k, number, is_last);
	if (k->algorithm == KEY_AES_256_GCM) {
		gcm_nonce(k, once);
		return gcm_open(&k->key, once, bound_of(k), (struct str){ sealed.at, len }, (const uint8_t *)sealed.at + len, to);
	}
	struct str text = { sealed.at, sealed.len - HMAC_SM3_BYTES };
	sm4_mac(k, text, mac);
	if (CRYPTO_memcmp(mac, text.at + text.len, sizeof mac) != 0)
		return false;
	sm4_iv(k, once);
	return sm4_cbc_open(&k->key, once, text, to) == (int64_t)len;
}

/* ---- in ---- */

struct blob_sealer {
	struct blob_writer *writer;
	struct chunk_keys keys;
	struct sha256_run *digest;
	struct blob_sealed what;
	int64_t chunks;
	size_t held;
	char plain[BLOB_CHUNK_BYTES];
	uint8_t sealed[SEALED_CHUNK_MAX];
};

static void sealer_drop(struct blob_sealer *s, uint8_t *digest)
{
	sha256_end(s->digest, digest);
	wipe(s, sizeof *s);
	free(s);
}

static void head_make(uint8_t head[HEAD_BYTES], enum key_algorithm algorithm, struct id name)
{
	memcpy(head, "sblb", 4);
	head[4] = FORM;
	head[5] = (uint8_t)algorithm;
	head[6] = head[7] = 0;
	random_bytes(head + 8, PREFIX_BYTES);
	memcpy(head + 8 + PREFIX_BYTES, name.bytes, ID_BYTES);
}

struct blob_sealer *blob_seal_begin(struct blobs *b, int64_t now_ms, struct fail *why)
{
	struct blob_sealer *s = malloc(sizeof *s);
	if (s == NULL) {
		FAILS(why, MEMORY, "a sealer of a blob");
		return NULL;
	}
	s->chunks = 0;
	s->held = 0;
	s->what = (struct blob_sealed){ .name = id_new(now_ms) };
	random_bytes(s->what.key, sizeof s->what.key);
	head_make(s->keys.bound, ring_now()->current->algorithm, s->what.name);
	keys_make(&s->keys, ring_now()->current->algorithm, s->what.key);
	s->digest = sha256_begin();
	s->writer = blob_create(b, s->what.name, why);
	if (s->writer != NULL && blob_write(s->writer, (struct str){ (const char *)s->keys.bound, HEAD_BYTES }, why))
		return s;
	blob_seal_abort(s);
	return NULL;
}

static bool chunk_out(struct blob_sealer *s, bool is_last, struct fail *why)
{
	struct str plain = { s->plain, s->held };
	size_t len = chunk_seal(&s->keys, s->chunks++, is_last, plain, s->sealed);
	sha256_more(s->digest, plain);
	s->what.bytes += (int64_t)s->held;
	s->held = 0;
	return blob_write(s->writer, (struct str){ (const char *)s->sealed, len }, why);
}

/* A full chunk waits until more comes, because it may be the last. */
bool blob_seal(struct blob_sealer *s, struct str piece, struct fail *why)
{
	while (piece.len > 0) {
		if (s->what.bytes + (int64_t)s->held + (int64_t)piece.len > BLOB_BYTES_MAX)
			return FAILS(why, BODY_TOO_LARGE, "a blob of more than %lld bytes", (long long)BLOB_BYTES_MAX);
		if (s->held == BLOB_CHUNK_BYTES && !chunk_out(s, false, why))
			return false;
		size_t n = piece.len < BLOB_CHUNK_BYTES - s->held ? piece.len : BLOB_CHUNK_BYTES - s->held;
		memcpy(s->plain + s->held, piece.at, n);
		s->held += n;
		piece = (struct str){ piece.at + n, piece.len - n };
	}
	return true;
}

bool blob_seal_end(struct blob_sealer *s, struct blob_sealed *out, struct fail *why)
{
	if (!chunk_out(s, true, why)) {
		blob_seal_abort(s);
		return false;
	}
	bool ok = blob_finish(s->writer, why);
	if (ok)
		*out = s->what;
	sealer_drop(s, ok ? out->sha256 : NULL);
	return ok;
}

void blob_seal_abort(struct blob_sealer *s)
{
	if (s == NULL)
		return;
	blob_abort(s->writer);
	sealer_drop(s, NULL);
}

/* ---- out ---- */

struct blob_opener {
	struct blob_reader *reader;
	struct chunk_keys keys;
	int64_t bytes, last; /* of the content; the last chunk's number */
	int64_t opened;      /* the chunk that is in `plain`; -1: none */
	char plain[SEALED_CHUNK_MAX];
	uint8_t sealed[SEALED_CHUNK_MAX];
};

static size_t chunk_len(const struct blob_opener *o, int64_t number)
{
	return number < o->last ? BLOB_CHUNK_BYTES : (size_t)(o->bytes - o->last * BLOB_CHUNK_BYTES);
}

static bool head_fits(const uint8_t head[HEAD_BYTES], const struct id *name)
{
	return memcmp(head, "sblb", 4) == 0 && head[4] == FORM && (head[5] == KEY_AES_256_GCM || head[5] == KEY_SM4_CBC_HMAC_SM3) &&
	       memcmp(head + 8 + PREFIX_BYTES, name->bytes, ID_BYTES) == 0;
}

static bool open_head(struct blob_opener *o, const struct blob_sealed *what, struct fail *why)
{
	if (blob_bytes(o->reader) < HEAD_BYTES || what->bytes < 0 || what->bytes > BLOB_BYTES_MAX)
		return FAILS(why, SEALED, "a blob is shorter than its head");
	if (!blob_read(o->reader, 0, o->keys.bound, HEAD_BYTES, why))
		return false;
	if (!head_fits(o->keys.bound, &what->name))
		return FAILS(why, SEALED, "a blob's head was altered, or is another's");
	enum key_algorithm algorithm = (enum key_algorithm)o->keys.bound[5];
	if (algorithm == KEY_SM4_CBC_HMAC_SM3 && !cipher_is_here(CIPHER_SM4_CBC))
		return FAILS(why, SEALED, "a blob is sealed with SM4, which this libcrypto has not");
	keys_make(&o->keys, algorithm, what->key);
	o->bytes = what->bytes;
	o->last = what->bytes == 0 ? 0 : (what->bytes - 1) / BLOB_CHUNK_BYTES;
	int64_t wanted = HEAD_BYTES + o->last * (int64_t)sealed_len(algorithm, BLOB_CHUNK_BYTES) + (int64_t)sealed_len(algorithm, chunk_len(o, o->last));
	return blob_bytes(o->reader) == wanted ||
	       FAILS(why, SEALED, "a blob has %lld bytes and should have %lld", (long long)blob_bytes(o->reader), (long long)wanted);
}

struct blob_opener *blob_unseal_begin(struct blobs *b, const struct blob_sealed *what, struct fail *why)
{
	struct blob_opener *o = malloc(sizeof *o);
	if (o == NULL) {
		FAILS(why, MEMORY, "an opener of a blob");
		return NULL;
	}
	o->opened = -1;
	o->reader = blob_open(b, what->name, why);
	if (o->reader != NULL && open_head(o, what, why))
		return o;
	blob_unseal_end(o);
	return NULL;
}

static bool chunk_in(struct blob_opener *o, int64_t number, struct fail *why)
{
	size_t len = chunk_len(o, number), sealed = sealed_len(o->keys.algorithm, len);
	int64_t at = HEAD_BYTES + number * (int64_t)sealed_len(o->keys.algorithm, BLOB_CHUNK_BYTES);
	o->opened = -1;
	if (!blob_read(o->reader, at, o->sealed, sealed, why))
		return false;
	if (!chunk_open(&o->keys, number, number == o->last, (struct str){ (const char *)o->sealed, sealed }, len, (uint8_t *)o->plain))
		return FAILS(why, SEALED, "chunk %lld of a blob was altered, or is not this blob's", (long long)number);
	o->opened = number;
	return true;
}

bool blob_unseal(struct blob_opener *o, int64_t at, void *to, size_t len, struct fail *why)
{
	assert(at >= 0 && at <= o->bytes && (int64_t)len <= o->bytes - at);
	if (o->bytes == 0 && o->opened < 0)
		return chunk_in(o, 0, why); /* that it is empty is vouched for, too */
	for (char *next = to; len > 0;) {
		int64_t number = at / BLOB_CHUNK_BYTES;
		size_t from = (size_t)(at % BLOB_CHUNK_BYTES);
		if (number != o->opened && !chunk_in(o, number, why))
			return false;
		size_t n = chunk_len(o, number) - from < len ? chunk_len(o, number) - from : len;
		memcpy(next, o->plain + from, n);
		next += n;
		at += (int64_t)n;
		len -= n;
	}
	return true;
}

void blob_unseal_end(struct blob_opener *o)
{
	if (o == NULL)
		return;
	blob_close(o->reader);
	wipe(o, sizeof *o);
	free(o);
}
