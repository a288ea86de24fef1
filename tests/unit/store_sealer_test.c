/* Goal: committed facts get numbers 1, 2, 3 … and a chain that anybody can compute again; whatever was changed, taken away or put in
 * afterwards is found, at its number. Method: fixed vectors; random interleavings of writers and sealer; each column of each table changed
 * past the store, as somebody with the file would. */
#include "seal_fixture.h"

#include "base/clock.h"

static struct fixture f;

static int begin(void **state)
{
	(void)state;
	fixture_make(&f, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static void nothing_to_seal(void **state)
{
	(void)state;
	assert_int_equal(seal_some(&f, SEAL_NOW, 10), 0);
	assert_int_equal(seal_read_head(&f).seq, 0);
	seal_invariants(&f, 0);
}

/* ---- the chain is what the header says: computed here by other means ---- */

static const char *const vectors[HASH_KINDS] = { /* of seq 1, 2 below; by Python's hashlib */
	[HASH_SHA256] = "bf62631f0fe664333cd07a2a1e6b7d26d016516f63706268f901354f040ad6e0",
	[HASH_SM3] = "5b96e2cabbc5dd65d59b274c095c05091ef71a236e83e0fb21021ee18c6f349e",
};

static void chain_vectors(void **state)
{
	(void)state;
	for (int hash = 0; hash < HASH_KINDS; hash++) {
		uint8_t before[HASH_BYTES] = { 0 };
		struct seal s = { 0 };
		char hex[2 * HASH_BYTES + 1];
		for (int64_t seq = 1; seq <= 2; seq++) {
			struct sealed_fact fact = { 10 + seq, 1, 20 + seq, 30 + seq, 4, 621200, SEAL_NOW + seq, STR("0123456789abcdef0123456789abcdef") };
			s = (struct seal){ .seq = seq, .fact = fact.id, .department = 4, .sealed_ms = SEAL_NOW + 1000 };
			seal_chain((enum hash_kind)hash, before, &s, &fact);
			memcpy(before, s.chain, HASH_BYTES);
		}
		hex_text(s.chain, HASH_BYTES, hex);
		assert_string_equal(hex, vectors[hash]);
	}
}

/* ---- sealing ---- */

static void in_pieces(void **state)
{
	(void)state;
	seal_make_facts(&f, 10);
	assert_int_equal(seal_some(&f, SEAL_NOW, 4), 4);
	assert_int_equal(seal_some(&f, SEAL_NOW, 4), 4);
	assert_int_equal(seal_some(&f, SEAL_NOW, 4), 2);
	assert_int_equal(seal_some(&f, SEAL_NOW, 4), 0);
	seal_invariants(&f, 10);
}

/* How long a full bite holds the write lane: printed, as the import's is; the metric committer_stall_us watches it where it counts. */
static void a_full_bite(void **state)
{
	(void)state;
	seal_make_facts(&f, 10 * SEAL_ROWS_MAX);
	for (int i = 0; i < 10; i++) {
		int64_t began = clock_mono_ns();
		assert_int_equal(seal_some(&f, SEAL_NOW, SEAL_ROWS_MAX), SEAL_ROWS_MAX);
		print_message("%d facts sealed and committed: %lld us\n", SEAL_ROWS_MAX, (long long)(clock_mono_ns() - began) / 1000);
	}
	int64_t began = clock_mono_ns();
	seal_invariants(&f, 10 * SEAL_ROWS_MAX);
	print_message("%d rows verified both ways in small pieces: %lld us\n", 10 * SEAL_ROWS_MAX, (long long)(clock_mono_ns() - began) / 1000);
}

static bool step_and_no(struct tx *tx, void *ctx, struct fail *why)
{
	return seal_step(tx, ctx, why) && FAILS(why, GONE, "rolled back by the test");
}

static void runs_again_to_the_same(void **state)
{
	(void)state;
	seal_make_facts(&f, 6);
	struct seal_step s = { SEAL_NOW, 4, 0 };
	fail_clear(&f.why);
	assert_false(store_write(f.store, step_and_no, &s, &f.why));
	assert_int_equal(f.why.code, FAIL_GONE);
	assert_int_equal(s.sealed, 4);
	seal_invariants(&f, 0);
	seal_some(&f, SEAL_NOW, 4);
	struct seal once = seal_read_head(&f);
	seal_some(&f, SEAL_NOW, 4);
	struct seal twice = seal_read_head(&f);
	seal_invariants(&f, 6);
	/* the same facts in another database, sealed at the same time in other pieces: the same chain */
	fixture_drop(&f);
	fixture_make(&f, NULL);
	seal_make_facts(&f, 6);
	seal_some(&f, SEAL_NOW, 3);
	seal_some(&f, SEAL_NOW, 1);
	assert_memory_equal(seal_read_head(&f).chain, once.chain, HASH_BYTES);
	seal_some(&f, SEAL_NOW, 9);
	assert_memory_equal(seal_read_head(&f).chain, twice.chain, HASH_BYTES);
}

static void waiting(void **state)
{
	(void)state;
	struct tx tx = { 0 };
	int64_t count = 0, oldest = 0;
	seal_make_facts(&f, 5);
	seal_some(&f, SEAL_NOW, 3);
	struct seal head = seal_read_head(&f);
	struct connection *c = store_reader(f.store, 0, &f.why);
	FIXTURE_OK(&f, reader_begin(c, &tx, &f.why) && seal_waiting(&tx, &head, &count, &oldest, &f.why));
	assert_int_equal(count, 2);
	assert_int_equal(oldest, SEAL_NOW + 4);
	reader_end(c);
	seal_some(&f, SEAL_NOW, 3);
	head = seal_read_head(&f);
	FIXTURE_OK(&f, reader_begin(c, &tx, &f.why) && seal_waiting(&tx, &head, &count, &oldest, &f.why));
	assert_int_equal(count, 0);
	assert_int_equal(oldest, 0);
	connection_close(c);
}

/* ---- any order of writing, failing and sealing ---- */

struct draw {
	uint64_t state;
};

static int draw(struct draw *d, int n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((d->state >> 33) % (uint64_t)n);
}

static bool facts_and_no(struct tx *tx, void *count, struct fail *why)
{
	return seal_facts(tx, count, why) && FAILS(why, GONE, "rolled back by the test");
}

static void any_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct draw d = { seed };
		int64_t facts = 0, sealed = 0;
		for (int i = 0; i < 80; i++) {
			int count = draw(&d, 6);
			switch (draw(&d, 4)) {
			case 0:
				seal_make_facts(&f, count);
				facts += count;
				break;
			case 1: /* a request that wrote and was refused: its ids are used again */
				fail_clear(&f.why);
				assert_false(store_write(f.store, facts_and_no, &count, &f.why));
				break;
			default:
				sealed += seal_some(&f, SEAL_NOW + i, 1 + draw(&d, 9));
			}
			assert_true(sealed <= facts);
		}
		seal_invariants(&f, sealed);
		while (seal_some(&f, SEAL_NOW + 100, 5) > 0)
			;
		seal_invariants(&f, facts);
		fixture_drop(&f);
		fixture_make(&f, NULL);
	}
}

/* ---- what somebody with the file can do ---- */

#define AS_OWNER                                                                                                                       \
	"DROP TRIGGER fact_no_update; DROP TRIGGER fact_no_delete; DROP TRIGGER seal_no_update; DROP TRIGGER seal_no_delete;"           \
	"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; "

enum { SEALED = 12, VICTIM = 6, WALK_ROWS = 5 };

static const struct { const char *sql; enum seal_wrong wrong; int64_t seq; } tampered[] = {
	/* the record itself */
	{ "UPDATE audit SET fact = 7 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET id = 66 WHERE id = 6", SEAL_WRONG_ROW_GONE, VICTIM },
	{ "UPDATE audit SET made_ms = made_ms - 1 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET request_id = 'rq_U' WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET actor_kind = 2 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET actor_id = 1 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET for_kind = 0 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET for_id = 8 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET act = 2 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET subject_kind = 0 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET subject_id = 0 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET result = 403 WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "UPDATE audit SET detail = x'' WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM }, /* empty is not NULL */
	{ "UPDATE audit SET detail = x'00' WHERE id = 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	{ "DELETE FROM audit WHERE id = 6", SEAL_WRONG_ROW_GONE, VICTIM },
	/* the fact */
	{ "UPDATE fact SET id = 99 WHERE id = 6", SEAL_WRONG_FACT_GONE, VICTIM },
	{ "UPDATE fact SET kind = 1 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET ref_a = 7 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET ref_b = 1 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET department = 4 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET region = 1 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET made_ms = 1 WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE fact SET digest = x'00' WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "DELETE FROM fact WHERE id = 6", SEAL_WRONG_FACT_GONE, VICTIM },
	{ "REPLACE INTO fact SELECT id, kind, ref_a, ref_b, 0, region, made_ms, digest FROM fact WHERE id = 6", SEAL_WRONG_CHAIN, VICTIM }, /* asks no trigger */
	/* the seal */
	{ "UPDATE seal SET seq = 60 WHERE seq = 6", SEAL_WRONG_SEAL_GONE, VICTIM },
	{ "UPDATE seal SET fact = 99 WHERE seq = 6", SEAL_WRONG_FACT_GONE, VICTIM },
	{ "UPDATE seal SET department = 3 WHERE seq = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE seal SET sealed_ms = sealed_ms + 1 WHERE seq = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "UPDATE seal SET chain = x'00' WHERE seq = 6", SEAL_WRONG_CHAIN, VICTIM },
	{ "DELETE FROM seal WHERE seq = 6", SEAL_WRONG_SEAL_GONE, VICTIM },
	/* at the ends of pieces, first and last */
	{ "UPDATE audit SET result = 0 WHERE id = 1", SEAL_WRONG_ROW_CHANGED, 1 },
	{ "UPDATE audit SET result = 0 WHERE id = 5", SEAL_WRONG_ROW_CHANGED, 5 },
	{ "UPDATE audit SET result = 0 WHERE id = 12", SEAL_WRONG_ROW_CHANGED, 12 },
	{ "DELETE FROM seal WHERE seq = 1", SEAL_WRONG_SEAL_GONE, 1 },
	{ "UPDATE seal SET chain = x'00' WHERE seq = 12", SEAL_WRONG_CHAIN, 12 },
	{ "UPDATE seal SET chain = zeroblob(99) WHERE seq = 12", SEAL_WRONG_CHAIN, 12 },
	/* of several, the first */
	{ "UPDATE audit SET result = 0 WHERE id >= 6", SEAL_WRONG_ROW_CHANGED, VICTIM },
	/* two things exchanged */
	{ "UPDATE seal SET fact = 99 WHERE seq = 6; UPDATE seal SET fact = 6 WHERE seq = 7; UPDATE seal SET fact = 7 WHERE seq = 6", SEAL_WRONG_CHAIN, VICTIM },
	/* a record and its fact taken away, the chain closed over them */
	{ "DELETE FROM seal WHERE seq = 6; DELETE FROM fact WHERE id = 6; DELETE FROM audit WHERE id = 6; UPDATE seal SET seq = seq - 1 WHERE seq = 7",
	  SEAL_WRONG_CHAIN, VICTIM },
};

/* The sealed database as bytes, so that each row of a table begins with the same one. */
static struct {
	char path[96];
	char *bytes;
	size_t len;
} kept;

static void sealed_and_kept(void)
{
	enum { BYTES_MAX = 1 << 22 };
	seal_make_facts(&f, SEALED);
	seal_some(&f, SEAL_NOW, SEALED);
	fixture_close(&f);
	snprintf(kept.path, sizeof kept.path, "%s/siban.db", f.folder);
	FILE *in = fopen(kept.path, "rb");
	assert_true(in != NULL && (kept.bytes = malloc(BYTES_MAX)) != NULL);
	kept.len = fread(kept.bytes, 1, BYTES_MAX, in);
	assert_true(kept.len > 0 && kept.len < BYTES_MAX);
	fclose(in);
}

/* The kept one with something done to it, opened. */
static void altered(const char *sql)
{
	store_close(f.store); /* its log goes with it */
	FILE *out = fopen(kept.path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(kept.bytes, 1, kept.len, out), kept.len);
	assert_int_equal(fclose(out), 0);
	fixture_raw(&f, sql);
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
}

static void tampering_is_found(void **state)
{
	(void)state;
	sealed_and_kept();
	for (size_t i = 0; i < sizeof tampered / sizeof tampered[0]; i++) {
		char sql[1024];
		snprintf(sql, sizeof sql, "%s%s", AS_OWNER, tampered[i].sql);
		altered(sql);
		struct seal_walk w = seal_walk_all(&f, NULL, WALK_ROWS);
		if (w.wrong != tampered[i].wrong || w.wrong_seq != tampered[i].seq || w.at.seq != tampered[i].seq - 1)
			fail_msg("%s: %s at %lld, last good %lld", tampered[i].sql, seal_wrong_word(w.wrong), (long long)w.wrong_seq, (long long)w.at.seq);
		(void)seal_read_head(&f); /* whatever it looks like, it can be asked for: verification begins with that */
		if (w.wrong == SEAL_WRONG_ROW_CHANGED || w.wrong == SEAL_WRONG_ROW_GONE)
			assert_true(w.kind == FACT_AUDIT && w.ref_a == tampered[i].seq);
	}
	altered("SELECT 1");
	seal_invariants(&f, SEALED);
	free(kept.bytes);
}

/* A fact that comes between two sealed ones: only where ids are not dense, which our own writing never makes. */
static void a_fact_between_is_found(void **state)
{
	(void)state;
	seal_make_facts(&f, 3);
	fixture_close(&f);
	fixture_raw(&f, AS_OWNER "UPDATE fact SET id = 13 WHERE id = 3; UPDATE audit SET fact = 13 WHERE id = 3;");
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	seal_some(&f, SEAL_NOW, 3); /* the digest is of fact 3, so seq 3 is wrong in its row; what we look for comes before that */
	fixture_close(&f);
	fixture_raw(&f, "INSERT INTO fact SELECT 5, kind, ref_a, ref_b, department, region, made_ms, digest FROM fact WHERE id = 1");
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	struct seal_walk w = seal_walk_all(&f, NULL, WALK_ROWS);
	assert_int_equal(w.wrong, SEAL_WRONG_FACT_UNSEALED);
	assert_int_equal(w.wrong_seq, 3);
}

/* ---- a row without a fact ---- */

static const struct { const char *sql; int64_t ref_a; } put_in[] = {
	{ "INSERT INTO audit SELECT 50, 0, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail FROM audit WHERE id = 1", 50 },
	{ "INSERT INTO audit SELECT 50, 6, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail FROM audit WHERE id = 6", 50 },
	{ "INSERT INTO audit SELECT 50, 99, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail FROM audit WHERE id = 6", 50 },
	{ AS_OWNER "UPDATE fact SET kind = 1 WHERE id = 6", 6 },
};

static void a_row_put_in_is_found(void **state)
{
	(void)state;
	sealed_and_kept();
	for (size_t i = 0; i < sizeof put_in / sizeof put_in[0]; i++) {
		altered(put_in[i].sql);
		struct seal_rows w = seal_rows_all(&f, FACT_AUDIT, WALK_ROWS);
		assert_int_equal(w.wrong, SEAL_WRONG_ROW_UNKNOWN);
		assert_int_equal(w.ref_a, put_in[i].ref_a);
	}
	free(kept.bytes);
}

/* ---- a noted head ---- */

static void a_noted_head_shows_what_was_cut_off(void **state)
{
	(void)state;
	seal_make_facts(&f, 8);
	seal_some(&f, SEAL_NOW, 5);
	struct seal middle = seal_read_head(&f);
	seal_some(&f, SEAL_NOW, 5);
	struct seal head = seal_read_head(&f);
	struct seal_walk w = seal_walk_all(&f, &middle, 2);
	assert_true(w.wrong == SEAL_FINE && w.rows == 3);
	w = seal_walk_all(&f, &head, 2);
	assert_true(w.wrong == SEAL_FINE && w.rows == 0);
	struct seal other = middle;
	other.chain[31] ^= 1;
	w = seal_walk_all(&f, &other, 2);
	assert_true(w.wrong == SEAL_WRONG_OTHER_HEAD && w.wrong_seq == 5);
	fixture_close(&f);
	fixture_raw(&f, AS_OWNER "DELETE FROM seal WHERE seq > 6; DELETE FROM fact WHERE id > 6; DELETE FROM audit WHERE id > 6;");
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	seal_invariants(&f, 6); /* by itself it looks whole */
	w = seal_walk_all(&f, &head, 2);
	assert_true(w.wrong == SEAL_WRONG_NO_SUCH_HEAD && w.wrong_seq == 8);
	/* and made longer again it is not what it was */
	seal_make_facts(&f, 2);
	seal_some(&f, SEAL_NOW + 1, 5);
	seal_invariants(&f, 8);
	w = seal_walk_all(&f, &head, 2);
	assert_true(w.wrong == SEAL_WRONG_OTHER_HEAD && w.wrong_seq == 8);
	w = seal_walk_all(&f, &middle, 2);
	assert_true(w.wrong == SEAL_FINE && w.rows == 3); /* what was noted before the cut still holds */
}

/* ---- the database refuses ---- */

static const char *const refused[] = {
	"UPDATE fact SET made_ms = 0 WHERE id = 1", "DELETE FROM fact WHERE id = 2", "DELETE FROM fact",
	"INSERT INTO fact SELECT * FROM fact WHERE id = 1 ON CONFLICT (id) DO UPDATE SET kind = 9",
	"UPDATE seal SET chain = x'00' WHERE seq = 1", "DELETE FROM seal WHERE seq = 1", "REPLACE INTO seal SELECT * FROM seal WHERE seq = 1",
	"REPLACE INTO seal SELECT 2, fact, department, sealed_ms, chain FROM seal WHERE seq = 1",
	"UPDATE audit SET result = 0 WHERE id = 1", "DELETE FROM audit WHERE id = 1", "REPLACE INTO audit SELECT * FROM audit WHERE id = 1",
	"UPDATE OR REPLACE audit SET id = 2 WHERE id = 1", "DELETE FROM audit", "UPDATE OR IGNORE seal SET sealed_ms = 0",
};

static void the_database_refuses(void **state)
{
	(void)state;
	seal_make_facts(&f, 3);
	seal_some(&f, SEAL_NOW, 1);
	fixture_close(&f);
	char path[96];
	snprintf(path, sizeof path, "%s/siban.db", f.folder);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		if (sqlite3_exec(db, refused[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT || strstr(sqlite3_errmsg(db), "is append-only") == NULL)
			fail_msg("%s: %s", refused[i], sqlite3_errmsg(db));
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	seal_invariants(&f, 1);
}

/* ---- the hash is the database's ---- */

static void sm3(void **state)
{
	(void)state;
	fixture_folder(&f);
	f.config.seal_hash = HASH_SM3;
	FIXTURE_OK(&f, fixture_open(&f, STORE_MIGRATE));
	seal_make_facts(&f, 4);
	seal_some(&f, SEAL_NOW, 3);
	seal_invariants(&f, 3);
	struct seal by_sm3 = seal_read_head(&f);
	fixture_close(&f);
	f.config.seal_hash = HASH_SHA256;
	assert_false(fixture_open(&f, STORE_SERVE));
	assert_int_equal(f.why.code, FAIL_CONFIG);
	assert_non_null(strstr(f.why.log, "sm3: set it back"));
	assert_false(fixture_open(&f, STORE_MIGRATE));
	f.config.seal_hash = HASH_SM3;
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	seal_some(&f, SEAL_NOW, 3);
	seal_invariants(&f, 4);
	fixture_drop(&f);
	fixture_make(&f, NULL);
	seal_make_facts(&f, 3);
	seal_some(&f, SEAL_NOW, 3);
	assert_memory_not_equal(seal_read_head(&f).chain, by_sm3.chain, HASH_BYTES);
	fixture_close(&f);
	fixture_raw(&f, "DELETE FROM meta WHERE name = 'seal.hash'"); /* as if migrate had been cut off before it */
	assert_false(fixture_open(&f, STORE_SERVE));
	assert_int_equal(f.why.code, FAIL_SCHEMA);
	FIXTURE_OK(&f, fixture_open(&f, STORE_MIGRATE));
	fixture_close(&f);
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
}

/* ---- content: no two rows read the same ---- */

static void content_is_unambiguous(void **state)
{
	(void)state;
	static const struct fact_row two = { .kind = FACT_AUDIT, .columns = "TT" };
	static const struct { struct str a, b; } pairs[] = {
		{ { "ab", 2 }, { "c", 1 } }, { { "a", 1 }, { "bc", 2 } }, { { "abc", 3 }, { "", 0 } }, { { "abc", 3 }, { NULL, 0 } }, { { "", 0 }, { "abc", 3 } },
		{ { NULL, 0 }, { "abc", 3 } }, { { "", 0 }, { "", 0 } }, { { NULL, 0 }, { NULL, 0 } },
	};
	enum { PAIRS = sizeof pairs / sizeof pairs[0] };
	uint8_t digests[PAIRS][HASH_BYTES];
	for (size_t i = 0; i < PAIRS; i++) {
		struct fact_content c;
		fact_content(&c, &two);
		fact_text(&c, pairs[i].a);
		fact_text(&c, pairs[i].b);
		hash_parts(HASH_SHA256, c.parts, c.parts_count, digests[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(digests[i], digests[k], HASH_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_to_seal, begin, end),
		cmocka_unit_test(chain_vectors),
		cmocka_unit_test_setup_teardown(in_pieces, begin, end),
		cmocka_unit_test_setup_teardown(a_full_bite, begin, end),
		cmocka_unit_test_setup_teardown(runs_again_to_the_same, begin, end),
		cmocka_unit_test_setup_teardown(waiting, begin, end),
		cmocka_unit_test_setup_teardown(any_order, begin, end),
		cmocka_unit_test_setup_teardown(tampering_is_found, begin, end),
		cmocka_unit_test_setup_teardown(a_fact_between_is_found, begin, end),
		cmocka_unit_test_setup_teardown(a_row_put_in_is_found, begin, end),
		cmocka_unit_test_setup_teardown(a_noted_head_shows_what_was_cut_off, begin, end),
		cmocka_unit_test_setup_teardown(the_database_refuses, begin, end),
		cmocka_unit_test_teardown(sm3, end),
		cmocka_unit_test(content_is_unambiguous),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
