/* Goal: a person is found by the number alone, what is known of them is kept sealed and grows, and nothing of it lies open.
 * Method: a real store; facts in every order; the rows and the files themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "auth/person.h"
#include "migrated.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBER "621299199006150131"
static const uint8_t salt[16] = "sixteen bytes...";

static char dir[256];
static struct config config;
static struct store *store;

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
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	keyring_close();
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- facts ---- */

/* What is said, one after the other, and what is known then; NULL: not said, not known. */
static const struct { const char *name, *phone, *known_name, *known_phone; } steps[] = {
	{ NULL, NULL, NULL, NULL },
	{ "王小明", NULL, "王小明", NULL },
	{ NULL, "13900000000", "王小明", "13900000000" },
	{ NULL, NULL, "王小明", "13900000000" },
	{ "王小明", "13900000000", "王小明", "13900000000" },
	{ "王大明", NULL, "王大明", "13900000000" },
	{ NULL, "13800000000", "王大明", "13800000000" },
};

static void expect(struct str have, const char *want)
{
	assert_true((have.at == NULL) == (want == NULL) && str_eq(have, str_c(want)));
}

static int64_t phone_rows(struct tx *tx, const char *phone, struct fail *why)
{
	struct index_hashes h;
	person_phone_hash(str_c(phone), &h);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM person WHERE phone_hash_a = $1", why);
	assert_non_null(q);
	stmt_bind_blob(q, 1, h.at[SLOT_A], SHA256_BYTES);
	assert_true(stmt_row(q, why));
	return stmt_int(q, 0);
}

static bool facts_grow(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t id, again;
	if (!person_find_or_make(tx, IDENTITY_RESIDENT, STR(NUMBER), 1, &id, why))
		return false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char text[PERSON_FACTS_BYTES], last4[4];
		struct person_facts said = { .name = str_c(steps[i].name), .phone = str_c(steps[i].phone) }, known;
		if (!person_facts_merge(tx, id, &said, salt, why) || !person_facts_get(tx, id, text, &known, why))
			return false;
		expect(known.number, NUMBER);
		expect(known.name, steps[i].known_name);
		expect(known.phone, steps[i].known_phone);
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT facts FROM person WHERE id = $1", why);
		assert_non_null(q);
		stmt_bind_int(q, 1, id);
		assert_true(stmt_row(q, why) && person_last4(id, stmt_blob(q, 0), last4, why));
		assert_memory_equal(last4, "0131", 4);
		assert_int_equal(phone_rows(tx, "13900000000", why), steps[i].known_phone != NULL && strcmp(steps[i].known_phone, "13900000000") == 0);
	}
	assert_int_equal(phone_rows(tx, "13800000000", why), 1);
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(NUMBER), 2, &again, why) && again == id;
}

static void facts(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	if (!store_write(store, facts_grow, NULL, &why))
		fail_msg("%s", why.log);
}

static bool longest(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	char name[PERSON_NAME_BYTES], text[PERSON_FACTS_BYTES];
	int64_t id;
	for (int i = 0; i < PERSON_NAME_MAX; i++)
		memcpy(name + 4 * i, "𠮷", 4);
	struct person_facts said = { .name = { name, sizeof(name) }, .phone = STR("13700000000") }, known;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR("62129919850101006X"), 1, &id, why) && person_facts_merge(tx, id, &said, salt, why) &&
	       person_facts_get(tx, id, text, &known, why) && str_eq(known.name, said.name) && str_eq(known.phone, said.phone);
}

static bool nobody(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	char text[PERSON_FACTS_BYTES];
	struct person_facts known;
	return person_facts_get(tx, 1000, text, &known, why);
}

/* One person's facts, laid into another's row. */
static bool swapped(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	char text[PERSON_FACTS_BYTES];
	struct person_facts known;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE person SET facts = (SELECT p.facts FROM person p WHERE p.id = 1) WHERE id = 2", why);
	assert_true(q != NULL && stmt_run(q, why));
	return person_facts_get(tx, 2, text, &known, why);
}

static void limits(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(store, longest, NULL, &why));
	assert_false(store_write(store, nobody, NULL, &why));
	assert_int_equal(why.code, FAIL_NOT_FOUND);
	fail_clear(&why);
	assert_false(store_write(store, swapped, NULL, &why));
	assert_int_equal(why.code, FAIL_SEALED);
}

static void nothing_open(void **state)
{
	(void)state;
	static const char *const personal[] = { NUMBER, "62129919850101006X", "王小明", "王大明", "𠮷", "13900000000", "13800000000", "13700000000" };
	for (int f = 0; f < 2; f++) {
		char path[300];
		snprintf(path, sizeof(path), "%s/siban.db%s", dir, f == 0 ? "" : "-wal");
		FILE *file = fopen(path, "rb");
		char *all = malloc(16 << 20);
		assert_true(file != NULL && all != NULL);
		size_t len = fread(all, 1, 16 << 20, file);
		fclose(file);
		for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++)
			assert_null(memmem(all, len, personal[i], strlen(personal[i])));
		free(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(facts), cmocka_unit_test(limits), cmocka_unit_test(nothing_open) };
	return cmocka_run_group_tests(tests, begin, end);
}
