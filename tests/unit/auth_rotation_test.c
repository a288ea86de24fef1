/* Goal: keys change while everything goes on: at every moment each person is found and each value opens, and in the end nothing is left under
 * the old key. Every column that holds bytes is either in sealed_columns.def or known to be a digest.
 * Method: a real store with rows in every sealed column; bite after bite, new rows in between; reopened between bites, as after a kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "auth/person.h"
#include "auth/rotation.h"
#include "auth/vault.h"
#include "store/meta.h"
#include "store_fixture.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PERSONS = 330, OTHERS = 250 };

static char dir[256];
static struct config config;
static struct store *store;
static struct fail why;
static int persons; /* made so far; the n-th has id n + 1 */

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void must(bool ok)
{
	if (!ok)
		fail_msg("%s: %s", fail_row(why.code)->name, why.log);
}

static bool match(struct tx *tx, void *ctx, struct fail *w)
{
	(void)ctx;
	return keyring_match(tx, w);
}

static void open_all(void)
{
	fail_clear(&why);
	must(keyring_open(&config, true, &why));
	store = migrated_open(&config, &why);
	must(store != NULL);
	must(store_write(store, match, NULL, &why));
}

static void close_all(void)
{
	store_close(store);
	keyring_close();
}

/* ---- rows ---- */

static struct str number_of(int n, char out[IDENTITY_NUMBER_MAX + 1])
{
	snprintf(out, IDENTITY_NUMBER_MAX + 1, "6212%014d", n);
	return str_c(out);
}

static bool person_add(struct tx *tx, void *ctx, struct fail *w)
{
	(void)ctx;
	char number[IDENTITY_NUMBER_MAX + 1], phone[16];
	uint8_t salt[16] = { 1 };
	int64_t id;
	snprintf(phone, sizeof(phone), "139%08d", persons);
	struct person_facts f = { .name = STR("王小明"), .phone = persons % 3 == 0 ? STR_NONE : str_c(phone) };
	return person_find_or_make(tx, IDENTITY_RESIDENT, number_of(persons, number), 1, &id, w) && id == ++persons && person_facts_merge(tx, id, &f, salt, w);
}

static bool sealed_put(struct tx *tx, const char *sql, const char *place, int64_t id, struct fail *w)
{
	char bytes[256];
	uint8_t salt[16] = { 2 };
	struct buf b = { .at = bytes, .cap = sizeof(bytes) };
	if (!vault_seal(place, id, STR("what nobody else may read"), salt, &b, w))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, sql, w);
	assert_non_null(q);
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, b.at, b.len);
	return stmt_run(q, w);
}

static bool plain_put(struct tx *tx, const char *sql, int64_t id, struct fail *w)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, w);
	assert_non_null(q);
	stmt_bind_int(q, 1, id);
	return stmt_run(q, w);
}

/* The key is the row's number and zeroes, so that outcomes too are bound to `id`. */
static bool outcome_add(struct tx *tx, int64_t id, bool is_empty, struct fail *w)
{
	char bytes[256];
	uint8_t salt[16] = { 2 }, key[32] = { 0 };
	struct buf b = { .at = bytes, .cap = sizeof(bytes) };
	memcpy(key, &id, sizeof(id));
	if (!is_empty && !vault_seal("outcome.text", id, STR("LN1"), salt, &b, w))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO outcome (who_kind, who_id, day, route, key_hash, body_hash, code, status, n0, n1, n2, n3, n4, n5, text, made_ms)"
		" VALUES ($1, -1, 20000, 3, $2, $3, 1, 200, 0, 0, 0, 0, 0, 0, $4, 1)", w);
	assert_non_null(q);
	stmt_bind_int(q, 1, id % 3);
	stmt_bind_blob(q, 2, key, sizeof(key));
	stmt_bind_blob(q, 3, key, sizeof(key));
	stmt_bind_blob(q, 4, b.at, b.len);
	return stmt_run(q, w);
}

/* A row with two sealed values. */
static bool sealed_pair(struct tx *tx, const char *sql, const char *place_a, const char *place_b, int64_t id, struct fail *w)
{
	static char bytes[2][256];
	uint8_t salt[16] = { 3 };
	struct buf a = { .at = bytes[0], .cap = sizeof(bytes[0]) }, b = { .at = bytes[1], .cap = sizeof(bytes[1]) };
	if (!vault_seal(place_a, id, STR("一"), salt, &a, w) || !vault_seal(place_b, id, STR("二"), salt, &b, w))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, sql, w);
	assert_non_null(q);
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, a.at, a.len);
	stmt_bind_blob(q, 3, b.at, b.len);
	return stmt_run(q, w);
}

/* Two members of staff, and what one of them proposed and the other refused; every other time nobody has said why yet. */
static bool staff_add(struct tx *tx, int64_t id, struct fail *w)
{
	static const char region[] = "INSERT INTO region (code, name, level) VALUES (621200, 'x', 2) ON CONFLICT DO NOTHING";
	static const char staff[] = "INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES ($1, 'a' || $1, $2, 621200, 1, 2, '', 0, $3, 0, 0, 1, 1)";
	static const char proposal[] = "INSERT INTO proposal (id, key, kind, state, subject, region, payload, maker, maker_session, checker, checker_session, note, made_ms, expires_ms)"
		" VALUES ($1, CAST($1 AS BLOB), 1, 3, 0, 621200, $2, 1, 1, 2, 2, CASE WHEN $1 % 2 = 0 THEN $3 END, 1, 1)";
	DROP(stmt) struct stmt *q = tx_query(tx, region, w);
	return q != NULL && stmt_run(q, w) && sealed_pair(tx, staff, "staff.name", "staff.totp", id, w) &&
	       (id < 2 || sealed_pair(tx, proposal, "proposal.payload", "proposal.note", id, w));
}

static bool others_add(struct tx *tx, void *ctx, struct fail *w)
{
	(void)ctx;
	static const char effect[] = "INSERT INTO effect (id, key, kind, state, subject, waits, held_by, person, message, attempts, rung, asks, due_ms,"
		" expires_ms, done_ms, receipt, code, ref, made_ms, changed_ms) VALUES ($1, CAST($1 AS BLOB), 1, 3, '', 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, '', '', 1, 1)";
	static const char payload[] = "INSERT INTO effect_payload (effect, payload) VALUES ($1, $2)";
	static const char message[] = "INSERT INTO message (id, key, person, seq, template, case_id, cause, content, made_ms)"
		" VALUES ($1, CAST($1 AS BLOB), 1, $1, 1, 0, 0, $2, 1)";
	static const char callback[] = "INSERT INTO raw_callback (id, source, digest, body, reports, taken, made_ms, unmatched) VALUES ($1, 1, CAST($1 AS BLOB), $2, 0, 0, 1, 0)";
	for (int64_t id = 1; id <= OTHERS; id++)
		if (!plain_put(tx, effect, id, w) || !sealed_put(tx, payload, "effect.payload", id, w) || !sealed_put(tx, message, "message.content", id, w) ||
		    !sealed_put(tx, callback, "raw_callback.body", id, w) || !outcome_add(tx, id, id % 5 == 0, w) ||
		    !staff_add(tx, id, w))
			return false;
	return true;
}

/* ---- what must hold at every moment ---- */

static bool all_found(struct tx *tx, void *ctx, struct fail *w)
{
	(void)ctx;
	for (int n = 0; n < persons; n += 7) {
		char number[IDENTITY_NUMBER_MAX + 1], text[PERSON_FACTS_BYTES];
		struct person_facts f;
		int64_t id;
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, number_of(n, number), 2, &id, w) || !person_facts_get(tx, id, text, &f, w))
			return false;
		assert_int_equal(id, n + 1);
		assert_true(str_eq(f.number, str_c(number)) && (f.phone.at == NULL) == (n % 3 == 0));
	}
	return true;
}

static bool count_under(struct tx *tx, void *ctx, struct fail *w)
{
	int64_t *n = ctx; /* in: the key; out: values */
	return rotation_values_under(tx, (int)*n, n, w);
}

static int64_t values_under(int64_t key)
{
	must(store_write(store, count_under, &key, &why));
	return key;
}

static bool count_rows(struct tx *tx, void *ctx, struct fail *w)
{
	int64_t *n = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*), COUNT(id_hash_a), COUNT(id_hash_b), COUNT(phone_hash_a), COUNT(phone_hash_b) FROM person", w);
	assert_true(q != NULL && stmt_row(q, w));
	for (int i = 0; i < 5; i++)
		n[i] = stmt_int(q, i);
	return true;
}

static bool bite(struct tx *tx, void *ctx, struct fail *w)
{
	static const uint8_t salt[16] = { 3 };
	return rotation_step(tx, salt, ctx, w);
}

static bool lost_bite(struct tx *tx, void *ctx, struct fail *w)
{
	return bite(tx, ctx, w) && FAILS(w, STORE_FULL, "no room");
}

/* To the end: each bite is once rolled back as by a full disk and then done, with a new person and a look at everybody in between; every
 * third time everything is closed and opened. Returns the bites. */
static int rotate(void)
{
	struct rotation_step s;
	int bites = 0;
	do {
		assert_false(store_write(store, lost_bite, &s, &why));
		assert_int_equal(why.code, FAIL_STORE_FULL);
		fail_clear(&why);
		must(store_write(store, bite, &s, &why));
		assert_true(s.changed <= 200);
		must(store_write(store, person_add, NULL, &why));
		must(store_write(store, all_found, NULL, &why));
		if (++bites % 3 == 0) {
			close_all();
			open_all();
			must(store_write(store, all_found, NULL, &why));
		}
		assert_true(bites < 100);
	} while (!s.is_over);
	return bites;
}

static int key_add(enum key_kind kind, enum key_algorithm algorithm)
{
	int id;
	must(store_write(store, match, NULL, &why)); /* as the command does: the roles are the database's */
	must(keyring_add(kind, algorithm, &id, &why));
	must(store_write(store, match, NULL, &why));
	return id;
}

/* ---- tests ---- */

static int begin(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof(dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	config_defaults(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	open_all();
	for (int i = 0; i < PERSONS; i++)
		must(store_write(store, person_add, NULL, &why));
	must(store_write(store, others_add, NULL, &why));
	return 0;
}

static int end(void **state)
{
	(void)state;
	close_all();
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

enum { SEALED_STAFF = 2 * OTHERS, SEALED_PROPOSALS = OTHERS - 1 + OTHERS / 2, SEALED_OTHERS = 4 * OTHERS - OTHERS / 5 + SEALED_STAFF + SEALED_PROPOSALS };

static void cipher_keys(void **state)
{
	(void)state;
	assert_int_equal(values_under(1), PERSONS + SEALED_OTHERS);
	int id = key_add(KEY_CIPHER, KEY_SM4_CBC_HMAC_SM3);
	assert_int_equal(keyring_cipher_id(), 1); /* known, noted, not used yet */
	keyring_use_current();
	assert_int_equal(keyring_cipher_id(), id);
	assert_true(rotate() > 5);
	assert_int_equal(values_under(1), 0);
	assert_int_equal(values_under(id), persons - 1 + 1 + SEALED_OTHERS);
	must(store_write(store, all_found, NULL, &why));
	/* and back to AES while the other is still there */
	int again = key_add(KEY_CIPHER, KEY_AES_256_GCM);
	rotate();
	assert_int_equal(values_under(id), 0);
	assert_int_equal(values_under(again), persons + SEALED_OTHERS);
}

static bool forget(struct tx *tx, void *ctx, struct fail *w)
{
	return keyring_forget(tx, *(int *)ctx, w);
}

static void retired_keys(void **state)
{
	(void)state;
	int id = 1;
	must(store_write(store, forget, &id, &why));
	must(keyring_drop(id, &why));
	close_all();
	open_all(); /* nobody misses it */
	must(store_write(store, all_found, NULL, &why));
	for (int n = 0; keyring_key(n) != NULL; n++)
		assert_int_not_equal(keyring_key(n)->id, id);
}

static void index_keys(void **state)
{
	(void)state;
	uint8_t old[KEYRING_INDEX_MAX][SHA256_BYTES], now[KEYRING_INDEX_MAX][SHA256_BYTES];
	struct str part = STR("an event");
	for (int round = 0; round < 2; round++) { /* A to B, and B to A */
		int64_t rows[5], filled = round == 0 ? 2 : 1;
		assert_int_equal(keyring_index_all("event", &part, 1, old), round + 1);
		int id = key_add(KEY_INDEX, KEY_AES_256_GCM), other;
		assert_false(keyring_add(KEY_INDEX, 0, &other, &why));
		assert_int_equal(why.code, FAIL_KEY_EXCHANGE);
		fail_clear(&why);
		rotate();
		must(store_write(store, count_rows, rows, &why));
		assert_int_equal(rows[filled], rows[0]);
		assert_int_equal(rows[3 - filled], 0);
		assert_int_equal(rows[2 + filled], rows[0] - (rows[0] + 2) / 3); /* every third has no phone */
		assert_int_equal(rows[5 - filled], 0);
		must(keyring_save_marks(&why));
		/* a digest of the day before is still recognised */
		assert_int_equal(keyring_index_all("event", &part, 1, now), round + 2);
		bool is_known = false;
		for (int i = 1; i < round + 2; i++)
			is_known = is_known || memcmp(now[i], old[0], SHA256_BYTES) == 0;
		assert_true(is_known && memcmp(now[0], old[0], SHA256_BYTES) != 0);
		for (int n = 0; keyring_key(n) != NULL; n++)
			if (keyring_key(n)->kind == KEY_INDEX)
				assert_int_equal(keyring_state(keyring_key(n)), keyring_key(n)->id == id ? KEY_STATE_CURRENT : KEY_STATE_KEPT);
	}
}

static bool spoil(struct tx *tx, void *ctx, struct fail *w)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect_payload SET payload = (SELECT e.payload FROM effect_payload e WHERE e.effect = 2) WHERE effect = 1", w);
	assert_non_null(q);
	return stmt_run(q, w);
}

/* A value that does not open stops the change by its place and row; nothing is thrown away. */
static void spoilt_value(void **state)
{
	(void)state;
	struct rotation_step s;
	must(store_write(store, spoil, NULL, &why));
	key_add(KEY_CIPHER, KEY_AES_256_GCM);
	while (store_write(store, bite, &s, &why))
		assert_false(s.is_over);
	assert_int_equal(why.code, FAIL_SEALED);
	assert_non_null(strstr(why.log, "effect.payload of row 1 "));
	fail_clear(&why);
}

/* ---- the table and the schema ---- */

/* Columns of bytes that hold nothing to seal: digests, keys made of random, names of the house. */
static const char *const open_bytes[] = {
	"schema_migration.sha256", "meta.value", "outcome.key_hash", "outcome.body_hash", "person.id_hash_a", "person.id_hash_b", "person.phone_hash_a",
	"person.phone_hash_b", "token.hash", "login.hash_a", "login.hash_b", "login.key", "device.device_hash", "session.key", "session.device_hash", "refresh.hash", "otp_day.phone_hash", "identity_try.number_hash", "person_merge.key",
	"case_event.digest", "held_event.digest", "effect.key", "raw_callback.digest", "fact.digest", "seal.chain", "message.key",
	"calendar_year.bits", "guide.digest", "erasure.key", "staff.invitation", "staff.certificate", "staff_place.address_hash", "proposal.key", "guide_draft.key", "hook.key", "duty_phone.key", "mandate.key", "client.key", "client_key.secret_hash", "client_key.certificate", "session.certificate",
	"ledger_journal.digest", "pay_notice.digest", "pay_order.key", "pay_odd.key", "pay_attempt.key", "pay_refund.key", "case_result.sha256", "case_result.code",
	"booking.key", "booking_wait.key", "queue_number.key", "terminal.key", "terminal.certificate", "hand_over.key",
	"application.key", "application_material.key", "application_certificate.key", "application_certificate.sha256", "recon_file.digest", "recon_file.blob", "recon_sign.digest", "blob.name", "blob.content_hash", "blob_body.name", "blob_row.bytes", /* the last sealed under keys of their own: auth/blob_seal.h */
};

static bool is_known_column(const char *name)
{
	for (size_t i = 0; i < sizeof(open_bytes) / sizeof(open_bytes[0]); i++)
		if (strcmp(open_bytes[i], name) == 0)
			return true;
	static const char *const sealed[] = {
#define SEALED(place, table, column, ...) table "." column,
#include "auth/sealed_columns.def"
#undef SEALED
	};
	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++)
		if (strcmp(sealed[i], name) == 0)
			return true;
	return false;
}

static bool columns(struct tx *tx, void *ctx, struct fail *w)
{
	/* SQLite's own catalogue: not a text of the program's, and so not given as one */
	static const char catalogue[] = "SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'BLOB'";
	int *known = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, catalogue, w);
	assert_non_null(q);
	while (stmt_row(q, w)) {
		char name[64];
		struct str s = stmt_text(q, 0);
		assert_true(s.len < sizeof(name));
		memcpy(name, s.at, s.len);
		name[s.len] = '\0';
		if (!is_known_column(name))
			fail_msg("%s holds bytes: is it sealed (auth/sealed_columns.def), or a digest (this test)?", name);
		++*known;
	}
	return w->code == FAIL_NONE;
}

static void table_and_schema(void **state)
{
	(void)state;
	int known = 0;
	must(store_write(store, columns, &known, &why));
	assert_int_equal(known, (int)(sizeof(open_bytes) / sizeof(open_bytes[0])) + rotation_columns); /* and none that is not there */
}

static int unstick(void **state)
{
	(void)state;
	fixture_unstick(store);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, unstick)
		TEST(table_and_schema), TEST(cipher_keys), TEST(retired_keys), TEST(index_keys), TEST(spoilt_value),
#undef TEST
	};
	return cmocka_run_group_tests(tests, begin, end);
}
