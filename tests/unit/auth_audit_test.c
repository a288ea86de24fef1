/* Goal: an audit row says who, when, for whom, what and how it ended, in the deed's own transaction, and is proven by a fact; what was rolled
 * back leaves none. The tables of acts, subjects and kinds of facts are read by many and extended by many: numbers stay apart.
 * Method: rows added by hand in a database of their own, sealed and verified. */
#include "seal_fixture.h"

#include "auth/audit.h"

static const struct row { int64_t number; const char *text, *zh; } acts[] = {
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

static void check_rows(const struct row *rows, size_t count, int64_t least)
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_stay_apart), cmocka_unit_test(a_row_is_proven) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
