/* Bytes as a sealed value: none opens that vault_seal did not make; what it made opens, and no byte of it may change. The first byte chooses the
 * algorithm of the key that is current. */
#include "auth/ring.h"
#include "auth/vault.h"
#include "base/arena.h"
#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keys(enum key_algorithm current)
{
	struct fail why;
	struct keyfile f = { .count = 3 };
	fail_clear(&why);
	f.keys[0] = (struct keyfile_key){ .kind = KEY_CIPHER, .algorithm = KEY_AES_256_GCM, .id = 1, .bytes = { 1, 2, 3 } };
	f.keys[1] = (struct keyfile_key){ .kind = KEY_CIPHER, .algorithm = KEY_SM4_CBC_HMAC_SM3, .id = 2, .bytes = { 4, 5, 6 } };
	f.keys[2] = (struct keyfile_key){ .kind = KEY_INDEX, .mark = KEY_CURRENT, .id = 3, .bytes = { 7, 8, 9 } };
	f.keys[current == KEY_AES_256_GCM ? 0 : 1].mark = KEY_CURRENT;
	ring_close();
	bool ok = ring_use_file(&f, &why);
	assert(ok);
}

static bool opens(struct arena *a, struct str value, struct str *text)
{
	struct buf b;
	struct fail why;
	fail_clear(&why);
	buf_init(&b, a, 64);
	bool ok = vault_open("fuzz.place", 7, value, &b, &why);
	assert(ok == (why.code == FAIL_NONE) && (ok || (why.code == FAIL_SEALED && b.len == 0)));
	*text = buf_text(&b);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t salt[VAULT_SALT_BYTES] = "a fuzzer's salt";
	static enum key_algorithm set;
	struct arena a;
	struct str text;
	struct buf b;
	struct fail why;
	if (size == 0)
		return 0;
	enum key_algorithm wanted = data[0] % 2 == 0 ? KEY_AES_256_GCM : KEY_SM4_CBC_HMAC_SM3;
	if (wanted != set)
		keys(set = wanted);
	struct str given = { (const char *)data + 1, size - 1 };
	arena_init(&a, 4 << 20);
	bool forged = opens(&a, given, &text);
	assert(!forged);
	fail_clear(&why);
	buf_init(&b, &a, 64);
	bool sealed = vault_seal("fuzz.place", 7, given, salt, &b, &why);
	assert(sealed && opens(&a, buf_text(&b), &text) && str_eq(text, given));
	size_t at = size * 31 % b.len;
	b.at[at] ^= (char)(1 + data[0] % 255);
	bool altered = opens(&a, buf_text(&b), &text);
	assert(!altered);
	arena_free(&a);
	return 0;
}
