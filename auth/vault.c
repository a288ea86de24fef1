/* auth/vault.c - bytes that say which key made them, and that open in one place only.
 *
 *   1  format: 1 AES-256-GCM, 2 SM4-CBC with HMAC-SM3 over everything before it
 *   2  the key's id, high byte first
 *  12  nonce, or 16 of SM4's
 *   n  ciphertext (SM4: padded to whole blocks)
 *  16  tag, or 32 of HMAC-SM3
 *
 * Why nonces are made and not drawn: apply may be run again and must write the same bytes, and a counter would be a row everybody waits for.
 * An HMAC under a key of its own over all that is sealed is as good as drawn: two different texts collide as 96 random bits do, and the same text
 * under the same salt gives the same bytes, which tells nobody anything new. */
#include "auth/vault.h"
#include "auth/ring.h"
#include "base/hash.h"
#include <assert.h>
#include <openssl/crypto.h>

enum { HEAD_BYTES = 3, ROW_BYTES = 8, PLACE_MAX = 40, BOUND_MAX = HEAD_BYTES + ROW_BYTES + PLACE_MAX + 1 };

/* What is authenticated beside the text: format, key id, row, place and its NUL, so that no two lists read alike. */
struct bound {
	char at[BOUND_MAX];
	size_t len;
};

static struct bound bound_of(enum key_algorithm format, int id, int64_t row, const char *place)
{
	struct bound b;
	size_t place_len = strlen(place);
	assert(place_len > 0 && place_len <= PLACE_MAX);
	b.at[0] = (char)format;
	b.at[1] = (char)(id >> 8);
	b.at[2] = (char)id;
	for (int i = 0; i < ROW_BYTES; i++)
		b.at[HEAD_BYTES + i] = (char)((uint64_t)row >> (56 - 8 * i));
	memcpy(b.at + HEAD_BYTES + ROW_BYTES, place, place_len + 1);
	b.len = HEAD_BYTES + ROW_BYTES + place_len + 1;
	return b;
}

static void nonce_of(const struct ring_cipher *k, const struct bound *b, struct str plain, const uint8_t *salt, uint8_t out[SHA256_BYTES])
{
	struct str parts[] = { { (const char *)salt, VAULT_SALT_BYTES }, { b->at, b->len }, plain };
	hmac_sha256((struct str){ (const char *)k->nonce, sizeof(k->nonce) }, parts, sizeof(parts) / sizeof(parts[0]), out);
}

static void sm4_mac(const struct ring_cipher *k, const struct bound *b, struct str nonce_and_text, uint8_t out[SM3_BYTES])
{
	struct str parts[] = { { b->at, b->len }, nonce_and_text };
	hmac_sm3((struct str){ (const char *)k->mac, sizeof(k->mac) }, parts, sizeof(parts) / sizeof(parts[0]), out);
}

bool vault_seal(const char *place, int64_t row, struct str plain, const uint8_t salt[VAULT_SALT_BYTES], struct buf *out, struct fail *why)
{
	const struct ring_cipher *k = ring_now()->current;
	struct bound b = bound_of(k->algorithm, k->id, row, place);
	uint8_t nonce[SHA256_BYTES];
	uint8_t *to = (uint8_t *)buf_room(out, plain.len + VAULT_OVERHEAD_MAX);
	if (to == NULL)
		return FAILS(why, MEMORY, "a sealed value of %zu bytes", plain.len);
	nonce_of(k, &b, plain, salt, nonce);
	memcpy(to, b.at, HEAD_BYTES);
	uint8_t *at = to + HEAD_BYTES;
	if (k->algorithm == KEY_AES_256_GCM) {
		memcpy(at, nonce, GCM_NONCE_BYTES);
		gcm_seal(&k->key, nonce, (struct str){ b.at, b.len }, plain, at + GCM_NONCE_BYTES, at + GCM_NONCE_BYTES + plain.len);
		at += GCM_NONCE_BYTES + plain.len + GCM_TAG_BYTES;
	} else {
		memcpy(at, nonce, SM4_BLOCK_BYTES);
		size_t len = SM4_BLOCK_BYTES + sm4_cbc_seal(&k->key, nonce, plain, at + SM4_BLOCK_BYTES);
		sm4_mac(k, &b, (struct str){ (const char *)at, len }, at + len);
		at += len + HMAC_SM3_BYTES;
	}
	out->len += (size_t)(at - to);
	return true;
}

/* The text's length, -1: it does not open. `body` is what stands behind the head; `to` takes as many bytes. */
static int64_t open_gcm(const struct ring_cipher *k, const struct bound *b, struct str body, uint8_t *to)
{
	if (body.len < GCM_NONCE_BYTES + GCM_TAG_BYTES)
		return -1;
	struct str sealed = { body.at + GCM_NONCE_BYTES, body.len - GCM_NONCE_BYTES - GCM_TAG_BYTES };
	const uint8_t *tag = (const uint8_t *)sealed.at + sealed.len;
	return gcm_open(&k->key, (const uint8_t *)body.at, (struct str){ b->at, b->len }, sealed, tag, to) ? (int64_t)sealed.len : -1;
}

static int64_t open_sm4(const struct ring_cipher *k, const struct bound *b, struct str body, uint8_t *to)
{
	uint8_t mac[SM3_BYTES];
	if (body.len < 2 * SM4_BLOCK_BYTES + HMAC_SM3_BYTES)
		return -1;
	struct str vouched = { body.at, body.len - HMAC_SM3_BYTES };
	sm4_mac(k, b, vouched, mac);
	if (CRYPTO_memcmp(mac, body.at + vouched.len, sizeof(mac)) != 0) /* before a byte is deciphered: padding tells nobody anything */
		return -1;
	return sm4_cbc_open(&k->key, (const uint8_t *)body.at, (struct str){ body.at + SM4_BLOCK_BYTES, vouched.len - SM4_BLOCK_BYTES }, to);
}

int vault_key_id(struct str sealed)
{
	return sealed.len < HEAD_BYTES ? 0 : (unsigned char)sealed.at[1] << 8 | (unsigned char)sealed.at[2];
}

bool vault_open(const char *place, int64_t row, struct str sealed, struct buf *out, struct fail *why)
{
	int id = vault_key_id(sealed);
	if (id == 0)
		return FAILS(why, SEALED, "%s of row %lld is too short to be a sealed value", place, (long long)row);
	const struct ring_cipher *k = ring_cipher(ring_now(), id);
	if (k == NULL && keyring_finds(id))
		k = ring_cipher(ring_now(), id);
	if (k == NULL)
		return FAILS(why, SEALED, "%s of row %lld is sealed with key %d, which is not in the key file", place, (long long)row, id);
	if ((unsigned char)sealed.at[0] != k->algorithm)
		return FAILS(why, SEALED, "%s of row %lld names key %d and another algorithm than that key's", place, (long long)row, id);
	uint8_t *to = (uint8_t *)buf_room(out, sealed.len);
	if (to == NULL)
		return FAILS(why, MEMORY, "a sealed value of %zu bytes", sealed.len);
	struct bound b = bound_of(k->algorithm, id, row, place);
	struct str body = { sealed.at + HEAD_BYTES, sealed.len - HEAD_BYTES };
	int64_t len = k->algorithm == KEY_AES_256_GCM ? open_gcm(k, &b, body, to) : open_sm4(k, &b, body, to);
	if (len < 0)
		return FAILS(why, SEALED, "%s of row %lld does not open with key %d: altered, or moved from its place", place, (long long)row, id);
	out->len += (size_t)len;
	return true;
}
