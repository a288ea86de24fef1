/* Goal: a person's content is kept once, two persons' twice; whoever needs it has it, and what nobody needs goes after a day, row first and bytes after; a crash between
 * bytes and row leaves bytes that a walk finds, never a row without them; an exchange of the cipher key touches the heads alone; nothing of a content can
 * be read in the database or beside it.
 * Method: the same tests on SQLite with its folder, and on PostgreSQL with its rows; a clock of the test's own. */
#include "postgres_server.h"
#include "store_fixture.h"

#include "auth/blob.h"
#include "auth/keyring.h"
#include "auth/retention.h"
#include "auth/rotation.h"

#include <pthread.h>

#define NOW INT64_C(1795420800000)
#define DAY BLOB_ORPHAN_MS
#define SECRET "a report of the hospital about Wang Xiaoming"

static struct side {
	bool is_postgres;
	struct fixture f;
	char database[32];
	struct blobs *blobs;
} sides[] = { { .is_postgres = false }, { .is_postgres = true } };
enum { SIDES = sizeof sides / sizeof sides[0] };

static struct side *on;
static const uint8_t salt[VAULT_SALT_BYTES] = { 7 };

static void must(bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx)
{
	FIXTURE_OK(&on->f, store_write(on->f.store, apply, ctx, &on->f.why));
}

static void count_is(const char *sql, int64_t n)
{
	if (fixture_number(&on->f, sql) != n)
		fail_msg("%s is %lld and not %lld", sql, (long long)fixture_number(&on->f, sql), (long long)n);
}

static struct blob_sealed seal(struct str text, int64_t now_ms)
{
	struct blob_sealed out;
	struct fail why;
	memset(&out, 0, sizeof(out)); /* for a compiler that does not know that fail_msg never returns */
	fail_clear(&why);
	struct blob_sealer *s = blob_seal_begin(on->blobs, now_ms, &why);
	if (s == NULL || !blob_seal(s, text, &why) || !blob_seal_end(s, &out, &why))
		fail_msg("%s", why.log);
	return out;
}

struct keeping {
	struct blob_new n;
	int64_t now_ms, id;
	bool is_known;
};

static bool keep(struct tx *tx, void *ctx, struct fail *why)
{
	struct keeping *k = ctx;
	return blob_keep(tx, &k->n, k->now_ms, salt, &k->id, &k->is_known, why);
}

static struct keeping kept(const struct blob_sealed *s, int64_t person, int64_t owner)
{
	struct keeping k = { .n = { .person = person, .media = STR("text/plain"), .sealed = s, .owner = { 1, owner } }, .now_ms = NOW };
	must(keep, &k);
	return k;
}

struct letting {
	struct blob_owner owner;
	int64_t now_ms, rows;
};

static bool release(struct tx *tx, void *ctx, struct fail *why)
{
	struct letting *l = ctx;
	return blob_release(tx, l->owner, l->now_ms, why);
}

static bool sweep(struct tx *tx, void *ctx, struct fail *why)
{
	struct letting *l = ctx;
	return blob_sweep(tx, l->now_ms, 100, &l->rows, why);
}

static int64_t swept(int64_t now_ms)
{
	struct letting l = { .now_ms = now_ms };
	must(sweep, &l);
	return l.rows;
}

static void let_go(int64_t owner, int64_t now_ms)
{
	struct letting l = { .owner = { 1, owner }, .now_ms = now_ms };
	must(release, &l);
}

static int64_t cleared(int64_t now_ms)
{
	static const struct blob_place beginning;
	struct blob_place at = beginning;
	int64_t removed = 0;
	struct connection *c = store_reader(on->f.store, 0, &on->f.why);
	do
		FIXTURE_OK(&on->f, blob_clear(on->blobs, c, &at, now_ms, &removed, &on->f.why));
	while (memcmp(&at, &beginning, sizeof at) != 0);
	connection_close(c);
	return removed;
}

static bool find(int64_t id, struct blob_found *out)
{
	struct tx tx = { 0 };
	fail_clear(&on->f.why);
	struct connection *c = store_reader(on->f.store, 0, &on->f.why);
	assert_true(c != NULL && reader_begin(c, &tx, &on->f.why));
	bool ok = blob_find(&tx, id, out, &on->f.why);
	connection_close(c);
	return ok;
}

static void reads(int64_t id, struct str text)
{
	char got[256];
	struct blob_found b;
	assert_true(find(id, &b));
	assert_int_equal(b.what.bytes, text.len);
	assert_string_equal(b.media, "text/plain");
	struct blob_opener *o = blob_unseal_begin(on->blobs, &b.what, &on->f.why);
	FIXTURE_OK(&on->f, o != NULL && blob_unseal(o, 0, got, text.len, &on->f.why));
	assert_memory_equal(got, text.at, text.len);
	blob_unseal_end(o);
}

/* ---- tests ---- */

static void once_for_each_person(void)
{
	struct blob_sealed first = seal(STR(SECRET), NOW), again = seal(STR(SECRET), NOW), others = seal(STR(SECRET), NOW);
	struct keeping a = kept(&first, 1, 10), b = kept(&again, 1, 11), c = kept(&others, 2, 12), d = kept(&again, 1, 11);
	assert_true(!a.is_known && b.is_known && !c.is_known && d.is_known);
	assert_true(a.id == b.id && c.id != a.id && d.id == a.id);
	reads(a.id, STR(SECRET));
	reads(c.id, STR(SECRET));
	count_is("SELECT count(*) FROM blob", 2);
	count_is("SELECT count(*) FROM blob_ref", 3);
	count_is("SELECT count(DISTINCT content_hash) FROM blob", 2);
	assert_int_equal(cleared(NOW + DAY), 0);
	assert_int_equal(cleared(NOW + DAY + 1), 1); /* the second of the first person's */
	/* one lets go, the other still needs it */
	let_go(10, NOW);
	assert_int_equal(swept(NOW + 9 * DAY), 0);
	let_go(11, NOW);
	let_go(12, NOW + DAY);
	assert_int_equal(swept(NOW + DAY - 1), 0);
	/* somebody brings it again in time */
	struct blob_sealed late = seal(STR(SECRET), NOW);
	struct keeping e = kept(&late, 1, 13);
	assert_true(e.is_known && e.id == a.id);
	assert_int_equal(swept(NOW + 2 * DAY), 1);
	struct blob_found gone;
	assert_false(find(c.id, &gone));
	assert_int_equal(on->f.why.code, FAIL_NOT_FOUND);
	let_go(13, NOW);
	assert_int_equal(swept(NOW + 2 * DAY), 1);
	assert_int_equal(cleared(NOW + 2 * DAY), 3);
	count_is("SELECT count(*) FROM blob", 0);
	count_is("SELECT count(*) FROM blob_ref", 0);
}

struct racer {
	pthread_t thread;
	struct blob_sealed sealed;
	struct keeping k;
	struct fail why;
	bool ok;
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	fail_clear(&r->why);
	r->sealed = seal(STR(SECRET), NOW);
	r->ok = store_write(on->f.store, keep, &r->k, &r->why);
	return NULL;
}

static void two_at_once(void)
{
	enum { RACERS = 8 };
	static struct racer racers[RACERS];
	int fresh = 0;
	for (int i = 0; i < RACERS; i++) {
		racers[i].k = (struct keeping){ .n = { .person = 3, .media = STR("text/plain"), .sealed = &racers[i].sealed, .owner = { 1, 20 + i } }, .now_ms = NOW };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		if (!racers[i].ok)
			fail_msg("%s", racers[i].why.log);
		fresh += !racers[i].k.is_known;
	}
	assert_int_equal(fresh, 1);
	reads(racers[0].k.id, STR(SECRET));
	count_is("SELECT count(*) FROM blob_ref", RACERS);
	for (int i = 0; i < RACERS; i++)
		let_go(20 + i, NOW);
	assert_int_equal(swept(NOW + DAY), 1);
	assert_int_equal(cleared(NOW + 2 * DAY), RACERS);
}

static bool keep_and_fail(struct tx *tx, void *ctx, struct fail *why)
{
	return keep(tx, ctx, why) && FAILS(why, CONFLICT, "the owner may not be");
}

/* Bytes without a row are found; a row that comes when they may be gone already is refused. */
static void no_row_without_bytes(void)
{
	struct blob_sealed lost = seal(STR(SECRET), NOW), slow = seal(STR(SECRET), NOW);
	struct keeping k = { .n = { .person = 1, .media = STR("text/plain"), .sealed = &lost, .owner = { 1, 30 } }, .now_ms = NOW };
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, keep_and_fail, &k, &on->f.why));
	count_is("SELECT count(*) FROM blob", 0);
	k = (struct keeping){ .n = { .person = 1, .media = STR("text/plain"), .sealed = &slow, .owner = { 1, 30 } }, .now_ms = NOW + DAY };
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, keep, &k, &on->f.why));
	assert_int_equal(on->f.why.code, FAIL_GONE);
	fail_clear(&on->f.why);
	struct blob_writer *half = blob_create(on->blobs, id_make(NOW, (uint8_t[10]){ 9 }), &on->f.why); /* and one was cut off */
	assert_non_null(half);
	assert_int_equal(cleared(NOW + DAY), 0);
	assert_int_equal(cleared(NOW + DAY + 1), 3);
	assert_int_equal(cleared(NOW + DAY + 1), 0);
	blob_abort(half);
	/* a row whose bytes somebody took away says so */
	struct blob_sealed s = seal(STR(SECRET), NOW);
	struct keeping there = kept(&s, 1, 31);
	FIXTURE_OK(&on->f, blob_remove(on->blobs, s.name, &on->f.why));
	struct blob_found b;
	assert_true(find(there.id, &b));
	fail_clear(&on->f.why);
	assert_null(blob_unseal_begin(on->blobs, &b.what, &on->f.why));
	assert_int_equal(on->f.why.code, FAIL_SEALED);
	let_go(31, NOW);
	assert_int_equal(swept(NOW + DAY), 1);
}

static bool rotate(struct tx *tx, void *ctx, struct fail *why)
{
	return rotation_step(tx, salt, ctx, why);
}

static bool match(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return keyring_match(tx, why);
}

static bool values(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *n = ctx; /* in: the key; out: values */
	return rotation_values_under(tx, (int)*n, n, why);
}

static void exchange(enum key_kind kind)
{
	struct rotation_step step;
	int id;
	FIXTURE_OK(&on->f, keyring_add(kind, KEY_AES_256_GCM, &id, &on->f.why));
	must(match, NULL);
	do
		must(rotate, &step);
	while (!step.is_over);
	must(match, NULL);
	FIXTURE_OK(&on->f, keyring_save_marks(&on->f.why));
}

static void keys_change(void)
{
	struct blob_sealed s = seal(STR(SECRET), NOW), again;
	struct keeping a = kept(&s, 2, 40), b;
	int64_t old = keyring_cipher_id();
	exchange(KEY_CIPHER);
	assert_int_not_equal(keyring_cipher_id(), old);
	must(values, &old);
	assert_int_equal(old, 0);
	reads(a.id, STR(SECRET));
	/* the hash of the old index key is known again */
	exchange(KEY_INDEX);
	again = seal(STR(SECRET), NOW);
	b = kept(&again, 2, 41);
	assert_true(b.is_known && b.id == a.id);
	let_go(40, NOW);
	let_go(41, NOW);
	assert_int_equal(swept(NOW + DAY), 1);
	assert_int_equal(cleared(NOW + 2 * DAY), 2);
}

struct erasing {
	int64_t person, rows;
	bool is_over;
};

static bool erase(struct tx *tx, void *ctx, struct fail *why)
{
	struct erasing *e = ctx;
	return retention_erase(tx, e->person, 2, &e->rows, &e->is_over, why);
}

static void a_person_is_forgotten(void)
{
	struct blob_sealed s[4];
	for (int i = 0; i < 4; i++) {
		s[i] = seal((struct str){ SECRET, 10 + (size_t)i }, NOW);
		kept(&s[i], i < 3 ? 4 : 1, 50 + i);
	}
	struct erasing e = { .person = 4 };
	for (int i = 0; i < 10 && !e.is_over; i++)
		must(erase, &e);
	assert_true(e.is_over);
	count_is("SELECT count(*) FROM blob WHERE person = 4", 0);
	count_is("SELECT count(*) FROM blob_ref", 1);
	assert_int_equal(cleared(NOW + 2 * DAY), 3);
	let_go(53, NOW);
	assert_int_equal(swept(NOW + DAY), 1);
	assert_int_equal(cleared(NOW + 2 * DAY), 1);
}

static void nothing_to_read(void)
{
	char command[512], url[256];
	struct blob_sealed s = seal(STR(SECRET), NOW);
	kept(&s, 1, 60);
	if (on->is_postgres) {
		snprintf(command, sizeof command, "'%spg_dump' '%s' >'%s/dump'", postgres_server.programs, postgres_url_as("postgres", on->database, url), on->f.folder);
		assert_int_equal(system(command), 0);
	}
	snprintf(command, sizeof command, "! grep -raqe 'hospital' -e Xiaoming -e \"$(printf hospital | od -An -tx1 | tr -d ' \\n')\" '%s'", on->f.folder);
	assert_int_equal(system(command), 0);
	let_go(60, NOW);
	assert_int_equal(swept(NOW + DAY), 1);
	assert_int_equal(cleared(NOW + 2 * DAY), 1);
}

/* ---- all of them ---- */

static bool people(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO person (id, facts, kind, made_ms) SELECT 1, $1, 0, 1 UNION ALL SELECT 2, $1, 0, 1 UNION ALL SELECT 3, $1, 0, 1"
		" UNION ALL SELECT 4, $1, 0, 1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}

static int begin(void **state)
{
	if (postgres_server_start(state) != 0)
		return -1;
	for (int i = 0; i < SIDES; i++) {
		char url[256];
		on = &sides[i];
		if (on->is_postgres) {
			postgres_database(NULL, on->database);
			fixture_make_at(&on->f, postgres_url_as("siban", on->database, url), NULL);
		} else {
			fixture_make(&on->f, NULL);
		}
		on->blobs = blobs_open(on->f.store, blob_body_of(on->f.store), &on->f.why);
		assert_non_null(on->blobs);
	}
	return 0;
}

static int end(void **state)
{
	for (int i = 0; i < SIDES; i++) {
		blobs_close(sides[i].blobs);
		fixture_drop(&sides[i].f);
	}
	return postgres_server_stop(state);
}

static void side(struct side *s)
{
	static void (*const tests[])(void) = { once_for_each_person, two_at_once, no_row_without_bytes, a_person_is_forgotten, nothing_to_read, keys_change };
	on = s;
	FIXTURE_OK(&on->f, keyring_open(&on->f.config, true, &on->f.why));
	must(match, NULL);
	must(people, NULL);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tests[i]();
	keyring_close();
}

static void on_sqlite(void **state)
{
	(void)state;
	side(&sides[0]);
}

static void on_postgres(void **state)
{
	(void)state;
	side(&sides[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(on_sqlite), cmocka_unit_test(on_postgres) };
	return cmocka_run_group_tests(tests, begin, end);
}
