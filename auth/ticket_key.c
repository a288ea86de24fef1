/* auth/ticket_key.c - OpenSSL's Ed25519 behind a plain face; the secret half is made anew for each use, and kept nowhere. */
#include "auth/ticket_key.h"
#include "base/hash.h"
#include <openssl/evp.h>
#include <string.h>

#define PURPOSE "ticket key"

static inline void pkey_dropper(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static inline void md_dropper(EVP_MD_CTX **c) { EVP_MD_CTX_free(*c); }

static EVP_PKEY *private_of(uint8_t seed[SHA256_BYTES])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SHA256_BYTES);
	explicit_bzero(seed, SHA256_BYTES);
	return k;
}

static bool public_of(EVP_PKEY *k, struct ticket_key *out)
{
	uint8_t digest[SHA256_BYTES];
	size_t len = TICKET_KEY_BYTES;
	if (k == NULL || EVP_PKEY_get_raw_public_key(k, out->public_half, &len) != 1 || len != TICKET_KEY_BYTES)
		return false;
	sha256((struct str){ (const char *)out->public_half, TICKET_KEY_BYTES }, digest);
	memcpy(out->id, digest, TICKET_KEY_ID_BYTES);
	return true;
}

bool ticket_keys(struct ticket_key out[KEYRING_INDEX_MAX], int *count, struct fail *why)
{
	uint8_t seeds[KEYRING_INDEX_MAX][SHA256_BYTES];
	bool ok = true;
	*count = keyring_index_all(PURPOSE, NULL, 0, seeds);
	for (int i = 0; i < *count; i++) {
		DROP(pkey) EVP_PKEY *k = private_of(seeds[i]);
		ok = public_of(k, &out[i]) && ok;
	}
	return ok || FAILS(why, SYSTEM, "OpenSSL makes no Ed25519 key");
}

bool ticket_sign(struct str text, uint8_t out[TICKET_SIGNATURE_BYTES], struct fail *why)
{
	uint8_t seed[SHA256_BYTES];
	size_t len = TICKET_SIGNATURE_BYTES;
	keyring_index(PURPOSE, NULL, 0, seed);
	DROP(pkey) EVP_PKEY *k = private_of(seed);
	DROP(md) EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = k != NULL && c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 && EVP_DigestSign(c, out, &len, (const uint8_t *)text.at, text.len) == 1 &&
		  len == TICKET_SIGNATURE_BYTES;
	return ok || FAILS(why, SYSTEM, "OpenSSL does not sign");
}

bool ticket_verifies(const uint8_t id[TICKET_KEY_ID_BYTES], struct str text, const uint8_t signature[TICKET_SIGNATURE_BYTES])
{
	struct ticket_key keys[KEYRING_INDEX_MAX];
	struct fail ignored;
	int count;
	fail_clear(&ignored);
	if (!ticket_keys(keys, &count, &ignored))
		return false;
	for (int i = 0; i < count; i++) {
		if (memcmp(keys[i].id, id, TICKET_KEY_ID_BYTES) != 0)
			continue;
		DROP(pkey) EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, keys[i].public_half, TICKET_KEY_BYTES);
		DROP(md) EVP_MD_CTX *c = EVP_MD_CTX_new();
		return k != NULL && c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
		       EVP_DigestVerify(c, signature, TICKET_SIGNATURE_BYTES, (const uint8_t *)text.at, text.len) == 1;
	}
	return false;
}
