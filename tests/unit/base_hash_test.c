/* Goal: the digests are the ones of the standards.
 * Method: FIPS 180-4 and RFC 4231 vectors; the SipHash-2-4 reference key over 0..63 bytes; RFC 4648 section 10. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

static void check(const uint8_t got[SHA256_BYTES], const char *want)
{
	char text[2 * SHA256_BYTES + 1];
	hex_text(got, SHA256_BYTES, text);
	assert_string_equal(text, want);
}

static void sha256_vectors(void **state)
{
	(void)state;
	uint8_t out[SHA256_BYTES];
	sha256(STR(""), out);
	check(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256(STR_NONE, out);
	check(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256(STR("abc"), out);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
	check(out, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* GB/T 32905-2016, appendix A */
static void sm3_vectors(void **state)
{
	(void)state;
	uint8_t out[HASH_BYTES];
	assert_true(hash_is_here(HASH_SM3));
	hash_parts(HASH_SM3, &STR("abc"), 1, out);
	check(out, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	struct str pieces[] = { STR("abcdabcdabcdabcdabcdabcdabcdabcd"), STR_NONE, STR("abcdabcdabcdabcdabcdabcdabcdabcd") };
	hash_parts(HASH_SM3, pieces, 3, out);
	check(out, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
	/* one context per thread serves both hashes by turns */
	hash_parts(HASH_SHA256, (struct str[]){ STR("a"), STR("bc") }, 2, out);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(STR("abc"), out);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_vectors(void **state)
{
	(void)state;
	static const struct { const char *key, *data, *want; } rows[] = { /* RFC 4231 4.2, 4.3, 4.4, 4.5, 4.7, 4.8; key and data in hex */
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
		  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	};
	uint8_t key[131], data[152], out[SHA256_BYTES];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str k = { (char *)key, (size_t)str_hex(str_c(rows[i].key), key, sizeof key) };
		struct str d = { (char *)data, (size_t)str_hex(str_c(rows[i].data), data, sizeof data) };
		struct str halves[] = { { d.at, d.len / 2 }, STR_NONE, { d.at + d.len / 2, d.len - d.len / 2 } };
		hmac_sha256(k, &d, 1, out);
		check(out, rows[i].want);
		hmac_sha256(k, halves, 3, out);
		check(out, rows[i].want);
	}
	memset(key, 0xaa, sizeof key);
	struct str long_key = { (char *)key, sizeof key }, text = STR("Test Using Larger Than Block-Size Key - Hash Key First");
	hmac_sha256(long_key, &text, 1, out);
	check(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	text = STR("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used "
		   "by the HMAC algorithm.");
	hmac_sha256(long_key, &text, 1, out);
	check(out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void siphash_vectors(void **state)
{
	(void)state;
	static const struct { size_t len; uint64_t want; } rows[] = { /* reference vectors_sip64, read little-endian */
		{ 0, UINT64_C(0x726fdb47dd0e0e31) }, { 1, UINT64_C(0x74f839c593dc67fd) }, { 2, UINT64_C(0x0d6c8009d9a94f5a) },
		{ 3, UINT64_C(0x85676696d7fb7e2d) }, { 4, UINT64_C(0xcf2794e0277187b7) }, { 5, UINT64_C(0x18765564cd99a68d) },
		{ 6, UINT64_C(0xcbc9466e58fee3ce) }, { 7, UINT64_C(0xab0200f58b01d137) }, { 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) }, { 63, UINT64_C(0x958a324ceb064572) },
	};
	uint8_t key[16], in[64];
	for (uint8_t i = 0; i < 64; i++)
		in[i] = i;
	memcpy(key, in, 16);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_true(siphash(key, in, rows[i].len) == rows[i].want);
}

static void base64url(void **state)
{
	(void)state;
	static const struct { struct str bytes; const char *text; } rows[] = {
		{ { "", 0 }, "" }, { { "f", 1 }, "Zg" }, { { "fo", 2 }, "Zm8" }, { { "foo", 3 }, "Zm9v" }, { { "foob", 4 }, "Zm9vYg" },
		{ { "fooba", 5 }, "Zm9vYmE" }, { { "foobar", 6 }, "Zm9vYmFy" }, { { "\xff\xef\xfe", 3 }, "_-_-" },
	};
	char text[16];
	uint8_t bytes[16];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(base64url_text((const uint8_t *)rows[i].bytes.at, rows[i].bytes.len, text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(base64url_bytes(str_c(text), bytes, rows[i].bytes.len), rows[i].bytes.len);
		assert_memory_equal(bytes, rows[i].bytes.at, rows[i].bytes.len);
	}
	static const char *const wrong[] = { "Z", "Zh", "Zm9=", "Zg==", "Zm 9", "Zm9+", "Zm9/", "Zm9vY", "Zm9vYh" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(base64url_bytes(str_c(wrong[i]), bytes, sizeof bytes), -1);
	assert_int_equal(base64url_bytes(STR("Zm9v"), bytes, 2), -1);
}

static void in_pieces(void **state)
{
	(void)state;
	uint8_t out[SHA256_BYTES];
	struct sha256_run *run = sha256_begin(), *other = sha256_begin();
	sha256_more(run, STR("a"));
	sha256_more(other, STR("abx"));
	sha256_more(run, STR(""));
	sha256_more(run, STR("bc"));
	sha256_end(other, NULL);
	sha256_end(run, out);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void *in_a_thread(void *ctx)
{
	sha256(STR("abc"), ctx);
	return NULL;
}

static void threads_have_their_own(void **state)
{
	(void)state;
	pthread_t threads[4];
	uint8_t out[4][SHA256_BYTES];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, in_a_thread, out[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		check(out[i], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors), cmocka_unit_test(sm3_vectors),     cmocka_unit_test(hmac_vectors), cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(in_pieces),      cmocka_unit_test(base64url),      cmocka_unit_test(threads_have_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
