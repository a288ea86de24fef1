/* Goal: an audit row says who, when, for whom, what and how it ended, in the deed's own transaction, and is proven by a fact; what was rolled
 * back leaves none. The tables of acts, subjects and kinds of facts are read by many and extended by many: numbers stay apart.
 * Method: rows added by hand in a database of their own, sealed and verified. */
#include "seal_fixture.h"

#include "auth/audit_read.h"
#include "base/clock.h"

static const struct audit_word acts[] = {
#define ACT(name, number, text, zh) { number, text, zh },
#define SUBJECT(name, number, text, zh)
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
}, subjects[] = {
#define ACT(name, number, text, zh)
#define SUBJECT(name, number, text, zh) { number, text, zh },
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
};

static void check_rows(const struct audit_word *rows, size_t count, int64_t least)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(rows[i].number >= least && rows[i].text[0] != '\0' && rows[i].zh[0] != '\0');
		for (size_t k = 0; k < i; k++)
			if (rows[k].number == rows[i].number || strcmp(rows[k].text, rows[i].text) == 0)
				fail_msg("%s and %s have the same number or name", rows[k].text, rows[i].text);
	}
}

static void numbers_stay_apart(void **state)
{
	(void)state;
	check_rows(acts, sizeof acts / sizeof acts[0], 1);
	check_rows(subjects, sizeof subjects / sizeof subjects[0], 0);
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		assert_ptr_equal(audit_act_word(acts[i].number), audit_act_named(str_c(acts[i].text)));
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
		assert_ptr_equal(audit_subject_word(subjects[i].number), audit_subject_named(str_c(subjects[i].text)));
	assert_null(audit_act_word(0));
	for (int i = 0; i < fact_row_count; i++) {
		assert_ptr_equal(fact_row_of(fact_rows[i].kind), &fact_rows[i]);
		assert_ptr_equal(fact_row_named(str_c(fact_rows[i].name)), &fact_rows[i]);
		assert_in_range(strlen(fact_rows[i].columns), 1, FACT_COLUMNS_MAX);
	}
	assert_null(fact_row_of(0));
	assert_null(fact_row_named(STR("nothing")));
}

static struct fixture f;

struct deed {
	struct request r;
	struct audit audit;
	bool is_refused;
};

static bool deed_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct deed *d = ctx;
	return audit_add(tx, &d->r, &d->audit, why) && (!d->is_refused || FAILS(why, FORBIDDEN, "not done after all"));
}

static void a_row_is_proven(void **state)
{
	(void)state;
	static struct deed d = { .r = { .id = "rq_01", .now_ms = SEAL_NOW, .who = { .kind = WHO_OPERATOR, .id = 4 } },
				 .audit = { AUDIT_IMPORTED, AUDIT_OF_CATALOGUE, 2, .result = 200, .for_kind = WHO_CITIZEN, .for_id = 9, .department = 3, .region = 621200 } };
	fixture_make(&f, NULL);
	FIXTURE_OK(&f, store_write(f.store, deed_apply, &d, &f.why));
	d.audit.detail = STR("with words");
	FIXTURE_OK(&f, store_write(f.store, deed_apply, &d, &f.why));
	d.is_refused = true;
	fail_clear(&f.why);
	assert_false(store_write(f.store, deed_apply, &d, &f.why));
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM audit WHERE fact = id AND made_ms = 1795420800000 AND request_id = 'rq_01' AND actor_kind = 8"
		" AND actor_id = 4 AND for_kind = 2 AND for_id = 9 AND act = 2 AND subject_kind = 3 AND subject_id = 2 AND result = 200"), 2);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM audit WHERE detail IS NULL OR detail = CAST('with words' AS BLOB)"), 2);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM fact WHERE kind = 2 AND ref_a = id AND department = 3 AND region = 621200"), 2);
	seal_some(&f, SEAL_NOW, 10);
	seal_invariants(&f, 2);
	fixture_drop(&f);
}

/* Rows of acts by number: i made at i ms after SEAL_NOW, sealed a second later than the one before. */
enum { ROWS = 7 };

static int read_ids(const struct audit_filter *filter, int most, int64_t *at, bool *more, int64_t ids[ROWS])
{
	struct arena a;
	struct audit_row rows[ROWS];
	struct tx tx = { 0 };
	int count = 0;
	struct connection *c = store_reader(f.store, 0, &f.why);
	arena_init(&a, 1 << 16);
	FIXTURE_OK(&f, c != NULL && reader_begin(c, &tx, &f.why) && audit_read(&tx, &a, filter, at, rows, most, &count, more, &f.why));
	for (int i = 0; i < count; i++)
		ids[i] = rows[i].id;
	connection_close(c);
	arena_free(&a);
	return count;
}

static void it_is_read_in_the_order_of_its_seals(void **state)
{
	(void)state;
	static struct deed d = { .r = { .id = "rq_01", .who = { .kind = WHO_STAFF, .id = 4 } }, .audit = { AUDIT_LOGGED_IN, AUDIT_OF_PERSON, 0, .result = 200 } };
	static const int64_t regions[ROWS] = { 0, 621200, 621202, 621202001, 621221, 620102, 0 };
	static const struct { const char *name; struct audit_filter filter; int count; int64_t ids[ROWS]; } cases[] = {
		{ "all of it", { .subject_kind = -1 }, 7, { 1, 2, 3, 4, 5, 6, 7 } },
		{ "a prefecture and what lies nowhere", { .subject_kind = -1, .region = 621200 }, 6, { 1, 2, 3, 4, 5, 7 } },
		{ "a county", { .subject_kind = -1, .region = 621202 }, 2, { 3, 4 } },
		{ "a township", { .subject_kind = -1, .region = 621202001 }, 1, { 4 } },
		{ "one person", { .subject_kind = AUDIT_OF_PERSON, .subject_id = 3 }, 1, { 3 } },
		{ "another kind", { .subject_kind = AUDIT_OF_CASE }, 0, { 0 } },
		{ "an act", { .subject_kind = -1, .act = AUDIT_LOGIN_REFUSED }, 0, { 0 } },
		{ "an actor", { .subject_kind = -1, .actor_kind = WHO_STAFF, .actor_id = 4 }, 7, { 1, 2, 3, 4, 5, 6, 7 } },
		{ "for whom", { .subject_kind = -1, .actor_kind = WHO_CITIZEN, .actor_id = 100 + 6 }, 1, { 6 } },
		{ "from a seal on", { .subject_kind = -1, .from_ms = SEAL_NOW + 5000 }, 3, { 5, 6, 7 } },
		{ "just behind a seal", { .subject_kind = -1, .from_ms = SEAL_NOW + 5001 }, 2, { 6, 7 } },
		{ "up to a seal", { .subject_kind = -1, .to_ms = SEAL_NOW + 3000 }, 2, { 1, 2 } },
		{ "between", { .subject_kind = -1, .from_ms = SEAL_NOW + 2000, .to_ms = SEAL_NOW + 2001 }, 1, { 2 } },
		{ "before anything", { .subject_kind = -1, .to_ms = 1 }, 0, { 0 } },
		{ "after everything", { .subject_kind = -1, .from_ms = INT64_MAX }, 0, { 0 } },
	};
	fixture_make(&f, NULL);
	for (int i = 0; i < ROWS; i++) {
		d.r.now_ms = SEAL_NOW + i;
		d.audit.subject_id = i + 1;
		d.audit.region = regions[i];
		d.audit.for_kind = WHO_CITIZEN;
		d.audit.for_id = 100 + i + 1;
		FIXTURE_OK(&f, store_write(f.store, deed_apply, &d, &f.why));
		seal_some(&f, SEAL_NOW + (i + 1) * 1000, 10);
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ids[ROWS] = { 0 }, at = 0;
		bool more;
		int count = read_ids(&cases[i].filter, ROWS, &at, &more, ids);
		if (count != cases[i].count || more || memcmp(ids, cases[i].ids, (size_t)count * sizeof(ids[0])) != 0)
			fail_msg("%s: %d rows", cases[i].name, count);
		/* the same, one by one */
		int64_t one[ROWS], place = 0;
		int seen = 0;
		for (more = true; more;)
			if (read_ids(&cases[i].filter, 1, &place, &more, one) == 1)
				assert_int_equal(one[0], ids[seen++]);
		assert_int_equal(seen, count);
	}
	fixture_drop(&f);
}

/* A filter that fits nothing looks at so much and says where it is. */
static void an_answer_looks_at_so_much(void **state)
{
	(void)state;
	struct audit_filter none = { .subject_kind = -1, .act = AUDIT_LOGIN_REFUSED };
	int64_t at = 0, ids[ROWS];
	bool more = true;
	int answers = 0;
	fixture_make(&f, NULL);
	seal_make_facts(&f, 2 * AUDIT_SCAN_MAX + 1);
	while (seal_some(&f, SEAL_NOW, SEAL_ROWS_MAX) > 0) {
	}
	int64_t began_ns = clock_mono_ns();
	for (; more; answers++)
		assert_int_equal(read_ids(&none, ROWS, &at, &more, ids), 0);
	print_message("%d seals looked at in %lld us\n", AUDIT_SCAN_MAX, (long long)(clock_mono_ns() - began_ns) / 1000 / answers);
	assert_int_equal(answers, 3);
	assert_int_equal(at, 2 * AUDIT_SCAN_MAX + 1);
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_stay_apart), cmocka_unit_test(a_row_is_proven), cmocka_unit_test(it_is_read_in_the_order_of_its_seals),
		cmocka_unit_test(an_answer_looks_at_so_much) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
