/* Goal: a token stands for one principal until it ends, and the four ways to be refused are one answer; keys are made once and kept.
 * Method: a real store; the row cache cold and warm; files with wrong rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "auth/person.h"
#include "auth/token.h"
#include "migrated.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1795420800000)

static char dir[256];
static struct config config;
static struct store *store;
static struct connection *reader;

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
	store = migrated_open(&config, &why);
	assert_non_null(store);
	reader = store_reader(store, 64, &why);
	assert_non_null(reader);
	return 0;
}

static int end(void **state)
{
	(void)state;
	connection_close(reader);
	store_close(store);
	keyring_close();
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- tokens ---- */

struct making {
	struct token_spec spec;
	char text[TOKEN_TEXT_BYTES];
};

static bool make(struct tx *tx, void *ctx, struct fail *why)
{
	struct making *m = ctx;
	return token_make(tx, &m->spec, NOW, m->text, why);
}

static struct making made(enum who kind, int64_t principal, bool development, uint8_t seed)
{
	struct making m = { .spec = { .kind = kind, .principal = principal, .expires_ms = NOW + 1000, .development = development, .test_key = seed % 2 == 1 } };
	struct fail why;
	fail_clear(&why);
	memset(m.spec.random, seed, sizeof(m.spec.random));
	assert_true(store_write(store, make, &m, &why));
	return m;
}

static enum fail_code check(const char *text, int64_t now_ms, bool development, struct principal *who)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	assert_true(reader_begin(reader, &tx, &why));
	bool ok = token_check(&tx, (struct secret){ str_c(text) }, NULL, now_ms, development, who, &why);
	reader_end(reader);
	assert_int_equal(ok, why.code == FAIL_NONE);
	if (!ok) { /* one answer, whatever the reason; and the log does not hold the token */
		assert_int_equal(why.code, FAIL_TOKEN);
		assert_null(strstr(why.log, text));
		assert_int_equal(why.fact_count, 0);
	}
	return why.code;
}

static void stands_for_one(void **state)
{
	(void)state;
	struct principal who;
	struct making citizen = made(WHO_CITIZEN, 7, false, 1), department = made(WHO_DEPARTMENT, 9, false, 2);
	assert_int_equal(strlen(citizen.text), 47);
	assert_memory_equal(citizen.text, "sbc_", 4);
	assert_memory_equal(department.text, "sbd_", 4);
	for (int twice = 0; twice < 2; twice++) { /* cold, then from the cache */
		assert_int_equal(check(citizen.text, NOW, false, &who), FAIL_NONE);
		assert_true(who.kind == WHO_CITIZEN && who.id == 7 && who.token > 0 && who.test_key);
		assert_int_equal(check(department.text, NOW, false, &who), FAIL_NONE);
		assert_true(who.kind == WHO_DEPARTMENT && who.id == 9 && !who.test_key);
	}
	static const struct { enum who kind; const char *prefix; } others[] = { { WHO_STAFF, "sbs_" }, { WHO_PARTNER, "sbp_" }, { WHO_TERMINAL, "sbt_" } };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct making other = made(others[i].kind, 11, false, (uint8_t)(10 + i));
		assert_memory_equal(other.text, others[i].prefix, 4);
		assert_int_equal(check(other.text, NOW, false, &who), FAIL_NONE);
		assert_true(who.kind == others[i].kind && who.id == 11 && who.level == 0);
	}
	char text[TOKEN_TEXT_BYTES];
	token_text(WHO_CITIZEN, citizen.spec.random, text);
	assert_string_equal(text, citizen.text);
	/* the letter of the kind is part of what is hashed */
	memcpy(text, "sbd_", 4);
	assert_int_equal(check(text, NOW, true, &who), FAIL_TOKEN);
}

static bool revoke_one(struct tx *tx, void *ctx, struct fail *why)
{
	return token_revoke(tx, *(int64_t *)ctx, NOW, why);
}

struct good {
	int64_t token, principal, now_ms;
};

static bool ask_good(struct tx *tx, void *ctx, struct fail *why)
{
	const struct good *g = ctx;
	return token_is_good(tx, g->token, g->principal, g->now_ms, why);
}

static enum fail_code good(int64_t token, int64_t principal, int64_t now_ms)
{
	struct good g = { token, principal, now_ms };
	struct fail why;
	fail_clear(&why);
	bool ok = store_write(store, ask_good, &g, &why);
	assert_int_equal(ok, why.code == FAIL_NONE);
	return why.code;
}

static struct news heard[8];
static size_t heard_count;

static void listen(void *ctx, const struct news *news, size_t count, bool all)
{
	(void)ctx;
	assert_false(all);
	for (size_t i = 0; i < count; i++)
		heard[heard_count++] = news[i];
}

/* Whoever holds a citizen's live streams looks at their token again; a department has none. */
static void an_end_is_told(void **state)
{
	(void)state;
	struct principal citizen, department;
	struct making a = made(WHO_CITIZEN, 7, true, 40), b = made(WHO_DEPARTMENT, 8, true, 41);
	struct fail why;
	fail_clear(&why);
	assert_int_equal(check(a.text, NOW, true, &citizen), FAIL_NONE);
	assert_int_equal(check(b.text, NOW, true, &department), FAIL_NONE);
	assert_int_equal(good(citizen.token, 7, NOW + 999), FAIL_NONE);
	assert_int_equal(good(citizen.token, 7, NOW + 1000), FAIL_TOKEN);
	assert_int_equal(good(citizen.token, 8, NOW), FAIL_TOKEN);             /* another person's by now */
	assert_int_equal(good(999, 7, NOW), FAIL_TOKEN);
	heard_count = 0;
	store_listen(store, listen, NULL);
	assert_true(store_write(store, revoke_one, &department.token, &why) && store_write(store, revoke_one, &citizen.token, &why));
	store_listen(store, NULL, NULL);
	assert_int_equal(heard_count, 1);
	assert_int_equal(heard[0].kind, NEWS_PERSON);
	assert_int_equal(heard[0].key, 7);
	assert_int_equal(good(citizen.token, 7, NOW), FAIL_TOKEN);
}

static void four_refusals(void **state)
{
	(void)state;
	struct principal who;
	struct making m = made(WHO_CITIZEN, 7, true, 4);
	assert_int_equal(check(m.text, NOW, true, &who), FAIL_NONE);
	assert_int_equal(check(m.text, NOW, false, &who), FAIL_TOKEN);         /* cached, and still a development token */
	assert_int_equal(check(m.text, NOW + 999, true, &who), FAIL_NONE);
	assert_int_equal(check(m.text, NOW + 1000, true, &who), FAIL_TOKEN);   /* cached, and still expiring */
	static const char *const unknown[] = { "", "sbc_", "sbc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sbx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	for (size_t i = 1; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(check(unknown[i], NOW, true, &who), FAIL_TOKEN);
	int64_t id = 0;
	assert_int_equal(check(m.text, NOW, true, &who), FAIL_NONE);
	id = who.token;
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(store, revoke_one, &id, &why));
	assert_int_equal(check(m.text, NOW, true, &who), FAIL_TOKEN);          /* the cache was told */
	int64_t nobody = 999;
	assert_false(store_write(store, revoke_one, &nobody, &why));
	assert_int_equal(why.code, FAIL_NOT_FOUND);
}

/* ---- persons ---- */

static bool two_persons(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *ids = ctx;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR("621299199006150131"), NOW, &ids[0], why) &&
	       person_find_or_make(tx, IDENTITY_RESIDENT, STR("62129919850101006X"), NOW, &ids[1], why) &&
	       person_find_or_make(tx, IDENTITY_RESIDENT, STR("621299199006150131"), NOW + 5, &ids[2], why) &&
	       person_find_or_make(tx, IDENTITY_ORGANISATION, STR("621299199006150131"), NOW, &ids[3], why);
}

static void persons(void **state)
{
	(void)state;
	int64_t ids[4];
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(store, two_persons, ids, &why));
	assert_int_equal(ids[0], ids[2]);
	assert_true(ids[0] != ids[1] && ids[0] != ids[3] && ids[1] != ids[3]);
}

/* ---- the keyring ---- */

static void parts_do_not_run_together(void **state)
{
	(void)state;
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
	struct str one[] = { STR("ab"), STR("c") }, two[] = { STR("a"), STR("bc") }, three[] = { STR("abc") };
	keyring_index("person", one, 2, a);
	keyring_index("person", two, 2, b);
	assert_memory_not_equal(a, b, sizeof(a));
	keyring_index("person", three, 1, b);
	assert_memory_not_equal(a, b, sizeof(a));
	keyring_index("lookup", one, 2, b);
	assert_memory_not_equal(a, b, sizeof(a));
	keyring_index("person", one, 2, b);
	assert_memory_equal(a, b, sizeof(a));
}

static bool match(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return keyring_match(tx, why);
}

static void key_is_kept(void **state)
{
	(void)state;
	char before[17], after[17], path[300];
	struct stat st;
	struct fail why;
	int64_t ids[4];
	snprintf(path, sizeof(path), "%s/keys/vault.keys", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	keyring_fingerprint(before);
	keyring_close();
	fail_clear(&why);
	assert_true(keyring_open(&config, false, &why));
	keyring_fingerprint(after);
	assert_string_equal(before, after);
	assert_true(store_write(store, match, NULL, &why)); /* notes it */
	assert_true(store_write(store, two_persons, ids, &why));
	assert_true(store_write(store, match, NULL, &why)); /* and finds it again */

	keyring_close();
	assert_int_equal(chmod(path, 0640), 0);
	assert_false(keyring_open(&config, true, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
	fail_clear(&why);
	assert_int_equal(unlink(path), 0);
	assert_false(keyring_open(&config, false, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
	fail_clear(&why);
	assert_true(keyring_open(&config, true, &why)); /* another key: this database is not its own */
	assert_false(store_write(store, match, NULL, &why));
	assert_int_equal(why.code, FAIL_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stands_for_one, begin, end), cmocka_unit_test_setup_teardown(four_refusals, begin, end),
		cmocka_unit_test_setup_teardown(an_end_is_told, begin, end),
		cmocka_unit_test_setup_teardown(persons, begin, end), cmocka_unit_test_setup_teardown(parts_do_not_run_together, begin, end),
		cmocka_unit_test_setup_teardown(key_is_kept, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
