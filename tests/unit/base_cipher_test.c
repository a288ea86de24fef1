/* Goal: the ciphers are the standards' own, a changed bit does not open, and threads and keys do not mix.
 * Method: vectors of the GCM proposal (McGrew and Viega, cases 14 to 16), GB/T 32907 and draft-ribose-cfrg-sm4 A.2.2.1. */
#include "base/cipher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

enum { MAX = 128 };

static struct str bytes_of(const char *hex, uint8_t *to)
{
	int64_t n = str_hex(str_c(hex), to, MAX);
	assert_true(n >= 0);
	return (struct str){ (const char *)to, (size_t)n };
}

static const struct { const char *key, *nonce, *bound, *plain, *sealed, *tag; } gcm[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
	  "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static void gcm_vectors(void **state)
{
	(void)state;
	uint8_t key[MAX], nonce[MAX], bound[MAX], plain[MAX], want[MAX], tag_want[MAX], got[MAX], tag[GCM_TAG_BYTES];
	for (int round = 0; round < 2; round++) /* the second finds contexts with another key inside */
		for (size_t i = 0; i < sizeof(gcm) / sizeof(gcm[0]); i++) {
			struct cipher_key k;
			bytes_of(gcm[i].key, key);
			bytes_of(gcm[i].nonce, nonce);
			bytes_of(gcm[i].tag, tag_want);
			struct str b = bytes_of(gcm[i].bound, bound), p = bytes_of(gcm[i].plain, plain), s = bytes_of(gcm[i].sealed, want);
			cipher_key_make(&k, CIPHER_AES_256_GCM, key);
			gcm_seal(&k, nonce, b, p, got, tag);
			assert_memory_equal(got, want, s.len);
			assert_memory_equal(tag, tag_want, sizeof(tag));
			assert_true(gcm_open(&k, nonce, b, s, tag, got));
			assert_memory_equal(got, plain, p.len);
			tag[i]++;
			assert_false(gcm_open(&k, nonce, b, s, tag, got));
			for (size_t n = 0; n < s.len; n++)
				assert_int_equal(got[n], 0); /* what did not open is not left lying about */
			tag[i]--;
			nonce[0]++;
			assert_false(gcm_open(&k, nonce, b, s, tag, got));
		}
}

static void sm4_vectors(void **state)
{
	(void)state;
	static const struct { const char *iv, *plain, *first; } rows[] = {
		{ "00000000000000000000000000000000", "0123456789abcdeffedcba9876543210", "681edf34d206965e86b3e94f536e4246" },
		{ "000102030405060708090a0b0c0d0e0f", "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb",
		  "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d" },
		{ "000102030405060708090a0b0c0d0e0f", "", "" },
		{ "000102030405060708090a0b0c0d0e0f", "aabbcc", "" },
	};
	uint8_t key[MAX], iv[MAX], plain[MAX], want[MAX], got[MAX], back[MAX];
	struct cipher_key k;
	bytes_of("0123456789abcdeffedcba9876543210", key);
	cipher_key_make(&k, CIPHER_SM4_CBC, key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str p = bytes_of(rows[i].plain, plain), w = bytes_of(rows[i].first, want);
		bytes_of(rows[i].iv, iv);
		size_t n = sm4_cbc_seal(&k, iv, p, got);
		assert_int_equal(n, p.len / SM4_BLOCK_BYTES * SM4_BLOCK_BYTES + SM4_BLOCK_BYTES);
		assert_memory_equal(got, want, w.len);
		assert_int_equal(sm4_cbc_open(&k, iv, (struct str){ (char *)got, n }, back), p.len);
		assert_memory_equal(back, plain, p.len);
		assert_int_equal(sm4_cbc_open(&k, iv, (struct str){ (char *)got, n - 1 }, back), -1);
		assert_int_equal(sm4_cbc_open(&k, iv, (struct str){ (char *)got, 0 }, back), -1);
	}
}

/* Sealing under two keys by turns in many threads: a context that kept the wrong key would show. */
static void *by_turns(void *ctx)
{
	uint8_t nonce[GCM_NONCE_BYTES] = { 0 }, sealed[32], tag[GCM_TAG_BYTES], plain[32];
	struct cipher_key *keys = ctx;
	struct str text = STR("thirty-two bytes of some text...");
	for (int i = 0; i < 2000; i++) {
		const struct cipher_key *k = &keys[i % 2];
		nonce[0] = (uint8_t)i;
		gcm_seal(k, nonce, STR("x"), text, sealed, tag);
		if (!gcm_open(k, nonce, STR("x"), (struct str){ (char *)sealed, 32 }, tag, plain) || memcmp(plain, text.at, 32) != 0 ||
		    gcm_open(&keys[1 - i % 2], nonce, STR("x"), (struct str){ (char *)sealed, 32 }, tag, plain))
			return ctx;
	}
	return NULL;
}

static void keys_and_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	struct cipher_key keys[2];
	uint8_t bytes[CIPHER_KEY_MAX] = { 1 };
	void *wrong;
	cipher_key_make(&keys[0], CIPHER_AES_256_GCM, bytes);
	bytes[31] = 1;
	cipher_key_make(&keys[1], CIPHER_AES_256_GCM, bytes);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, by_turns, keys), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	assert_true(cipher_is_here(CIPHER_AES_256_GCM) && cipher_is_here(CIPHER_SM4_CBC));
	const struct CMUnitTest tests[] = { cmocka_unit_test(gcm_vectors), cmocka_unit_test(sm4_vectors), cmocka_unit_test(keys_and_threads) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
