/* Goal: what was sealed opens in its place and nowhere else, and nothing that was altered opens.
 * Method: values made from the format's description by another implementation; then every bit, length, place, row and key id is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "auth/vault.h"
#include "base/arena.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define AES_1 "cipher 1 aes-256-gcm 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define SM4_258 "cipher 258 sm4-cbc-hmac-sm3 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define REST "\nindex 2 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f current\n" \
	"nonce 808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\n"
#define TEXT "王小明 13900000000"
enum { ROW = 77 };

static const struct { const char *file, *sealed; } algorithms[] = {
	{ AES_1 " current\n" SM4_258 REST, "01000149f72ccbd0e36b35b28f28768cb9d5fda417c7a76984b77538e2a50e9a3074b2f930b9bb00d0995ea55b1b436eb0249aaa" },
	{ AES_1 "\n" SM4_258 " current" REST,
	  "020102746e71fa1357d2dc622101ac55662909b5a76896ed8a5aed9e0c533a41a9918e19b224850c55558a057ddd0d5e748d88ab761c2ba02651a90748893bb32f7a0e"
	  "10ac5655b21c701a6d42980eef0652dc" },
};

static char dir[256];
static struct config config;
static struct arena arena;
static uint8_t salt[VAULT_SALT_BYTES];

static void key_file(const char *text)
{
	char path[300];
	struct fail why;
	keyring_close();
	snprintf(path, sizeof(path), "%s/keys", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/keys/vault.keys", dir);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	fail_clear(&why);
	if (!keyring_open(&config, false, &why))
		fail_msg("%s", why.log);
}

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int begin(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof(dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	config_defaults(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	arena_init(&arena, 16 << 20);
	for (int i = 0; i < VAULT_SALT_BYTES; i++)
		salt[i] = (uint8_t)(0xa0 + i);
	return 0;
}

static int end(void **state)
{
	(void)state;
	keyring_close();
	arena_free(&arena);
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static struct str sealed(const char *place, int64_t row, struct str plain)
{
	struct buf b;
	struct fail why;
	fail_clear(&why);
	buf_init(&b, &arena, 64);
	assert_true(vault_seal(place, row, plain, salt, &b, &why));
	return buf_text(&b);
}

/* The text, or STR_NONE: refused as SEALED, with nothing of the value in what is logged. */
static struct str opened(const char *place, int64_t row, struct str value)
{
	struct buf b;
	struct fail why;
	fail_clear(&why);
	buf_init(&b, &arena, 64);
	bool ok = vault_open(place, row, value, &b, &why);
	assert_int_equal(ok, why.code == FAIL_NONE);
	if (ok)
		return buf_text(&b);
	assert_int_equal(why.code, FAIL_SEALED);
	assert_int_equal(b.len, 0);
	assert_null(strstr(why.log, "13900000000"));
	return STR_NONE;
}

static void known_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		char hex[256];
		key_file(algorithms[i].file);
		struct str value = sealed("person.facts", ROW, STR(TEXT));
		hex_text((const uint8_t *)value.at, value.len, hex);
		assert_string_equal(hex, algorithms[i].sealed);
		assert_true(str_eq(opened("person.facts", ROW, value), STR(TEXT)));
		assert_int_equal(vault_key_id(value), i == 0 ? 1 : 258);
	}
	/* what one current key sealed opens when the other is current */
	uint8_t bytes[128];
	int64_t n = str_hex(str_c(algorithms[0].sealed), bytes, sizeof(bytes));
	assert_true(str_eq(opened("person.facts", ROW, (struct str){ (char *)bytes, (size_t)n }), STR(TEXT)));
}

static void all_lengths(void **state)
{
	(void)state;
	static char text[200];
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		key_file(algorithms[i].file);
		for (size_t len = 0; len <= sizeof(text); len++) {
			struct str value = sealed("a.b", -1, (struct str){ text, len }), back = opened("a.b", -1, value);
			assert_true(value.len <= len + VAULT_OVERHEAD_MAX);
			assert_true(back.at != NULL && back.len == len && memcmp(back.at, text, len) == 0);
			arena_reset(&arena);
		}
	}
}

static void nothing_altered_opens(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		key_file(algorithms[i].file);
		struct str value = sealed("person.facts", ROW, STR(TEXT));
		char copy[160];
		for (size_t bit = 0; bit < 8 * value.len; bit++) {
			memcpy(copy, value.at, value.len);
			copy[bit / 8] ^= (char)(1 << bit % 8);
			assert_null(opened("person.facts", ROW, (struct str){ copy, value.len }).at);
		}
		memcpy(copy, value.at, value.len);
		for (size_t len = 0; len < value.len; len++) {
			assert_null(opened("person.facts", ROW, (struct str){ copy, len }).at);                            /* the end is missing */
			assert_null(opened("person.facts", ROW, (struct str){ copy + value.len - len, len }).at);          /* the beginning */
		}
		copy[value.len] = 0;
		assert_null(opened("person.facts", ROW, (struct str){ copy, value.len + 1 }).at);
		assert_null(opened("person.facts", ROW + 1, value).at);
		assert_null(opened("person.facts", -ROW, value).at);
		assert_null(opened("person.fact", ROW, value).at);
		assert_null(opened("effect.payload", ROW, value).at);
		assert_true(str_eq(opened("person.facts", ROW, value), STR(TEXT)));
	}
}

/* The same text again is the same bytes (apply may be run twice); anything else that differs, and the nonce differs. */
static void nonces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		key_file(algorithms[i].file);
		struct str all[6];
		all[0] = sealed("person.facts", ROW, STR(TEXT));
		assert_true(str_eq(all[0], sealed("person.facts", ROW, STR(TEXT))));
		all[1] = sealed("person.facts", ROW + 1, STR(TEXT));
		all[2] = sealed("person.factt", ROW, STR(TEXT));
		all[3] = sealed("person.facts", ROW, STR(TEXT "1"));
		salt[15]++;
		all[4] = sealed("person.facts", ROW, STR(TEXT));
		salt[15]--;
		key_file(algorithms[1 - i].file);
		all[5] = sealed("person.facts", ROW, STR(TEXT));
		for (int a = 0; a < 6; a++)
			for (int b = 0; b < a; b++)
				assert_memory_not_equal(all[a].at + 3, all[b].at + 3, 12);
	}
}

static void no_memory(void **state)
{
	(void)state;
	static char big[1 << 20];
	struct arena small;
	struct fail why;
	struct buf b;
	key_file(algorithms[0].file);
	struct str value = sealed("a.b", 1, (struct str){ big, sizeof(big) });
	arena_init(&small, 64 << 10);
	fail_clear(&why);
	buf_init(&b, &small, 64);
	assert_false(vault_seal("a.b", 1, (struct str){ big, sizeof(big) }, salt, &b, &why));
	assert_int_equal(why.code, FAIL_MEMORY);
	fail_clear(&why);
	buf_init(&b, &small, 64);
	assert_false(vault_open("a.b", 1, value, &b, &why));
	assert_int_equal(why.code, FAIL_MEMORY);
	arena_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values), cmocka_unit_test(all_lengths), cmocka_unit_test(nothing_altered_opens),
		cmocka_unit_test(nonces), cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
