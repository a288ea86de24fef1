/* Goal: keys come and go under everybody's hands: whoever seals, opens or asks an index meanwhile gets a whole answer of one key or the other.
 * And one command at a time changes the file. Method: threads that seal and open while keys are added, used and dropped; ThreadSanitizer watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "auth/vault.h"
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, CHANGES = 12 };

static char dir[256];
static struct config config;
static _Atomic bool is_over;

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
	struct fail why;
	const char *tmp = getenv("TMPDIR");
	fail_clear(&why);
	snprintf(dir, sizeof(dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	config_defaults(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	assert_true(keyring_open(&config, true, &why));
	return 0;
}

static int end(void **state)
{
	(void)state;
	keyring_close();
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* Returns ctx when something was wrong. A value is opened before the key can be dropped: dropping needs a value under it to be gone. */
static void *seal_and_open(void *ctx)
{
	static const uint8_t salt[VAULT_SALT_BYTES] = { 9 };
	uint8_t first[SHA256_BYTES], again[SHA256_BYTES];
	struct str part = STR("part");
	keyring_index("test", &part, 1, first);
	for (int64_t row = 1; !atomic_load(&is_over); row++) {
		char sealed[256], text[256];
		struct buf s = { .at = sealed, .cap = sizeof(sealed) }, t = { .at = text, .cap = sizeof(text) };
		struct fail why;
		fail_clear(&why);
		if (!vault_seal("test.place", row, STR("a text"), salt, &s, &why) || !vault_open("test.place", row, buf_text(&s), &t, &why) ||
		    !str_eq(buf_text(&t), STR("a text")))
			return ctx;
		keyring_index("test", &part, 1, again);
		if (memcmp(first, again, sizeof(first)) != 0)
			return ctx;
	}
	return NULL;
}

static void *adds_too(void *ctx)
{
	_Atomic int *added = ctx;
	struct fail why;
	int id;
	for (int i = 0; i < CHANGES; i++) {
		fail_clear(&why);
		if (keyring_add(KEY_CIPHER, i % 2 == 0 ? KEY_AES_256_GCM : KEY_SM4_CBC_HMAC_SM3, &id, &why)) {
			keyring_use_current();
			atomic_fetch_add(added, 1);
		} else if (why.code != FAIL_BUSY && why.code != FAIL_KEY_FILE) {
			return ctx;
		}
	}
	return NULL;
}

static int keys(void)
{
	int n = 0;
	while (keyring_key(n) != NULL)
		n++;
	return n;
}

static void changes_under_use(void **state)
{
	(void)state;
	pthread_t users[THREADS], adders[2];
	_Atomic int added = 0;
	void *wrong;
	struct fail why;
	fail_clear(&why);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&users[i], NULL, seal_and_open, dir), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&adders[i], NULL, adds_too, &added), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(adders[i], &wrong);
		assert_null(wrong);
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(users[i], &wrong);
		assert_null(wrong);
	}
	/* no key was lost between two who wrote at once: the file has each that was promised */
	assert_true(added > 0);
	assert_int_equal(keys(), 2 + added);
	keyring_close();
	assert_true(keyring_open(&config, false, &why));
	assert_int_equal(keys(), 2 + added);
}

static void a_full_file(void **state)
{
	(void)state;
	struct fail why;
	int id;
	fail_clear(&why);
	while (keyring_add(KEY_CIPHER, KEY_AES_256_GCM, &id, &why))
		;
	assert_int_equal(why.code, FAIL_KEY_FILE);
	assert_int_equal(keys(), KEYFILE_KEYS_MAX);
	fail_clear(&why);
	assert_true(keyring_drop(1, &why));
	assert_true(keyring_add(KEY_CIPHER, KEY_AES_256_GCM, &id, &why));
	assert_int_equal(id, KEYFILE_KEYS_MAX + 1); /* an id is not used again while a higher one is there */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(changes_under_use), cmocka_unit_test(a_full_file) };
	return cmocka_run_group_tests(tests, begin, end);
}
