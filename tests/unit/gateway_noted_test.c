/* Goal: refusals of those who have logged in go on record, and nobody fills the record with them: the first of a kind at once, the rest as one row an hour; what
 * was not committed is written again, the same; a table that is full counts strangers together.
 * Method: requests noted by hand, bites written into a database of their own, sealed and verified. */
#include "seal_fixture.h"

#include "auth/audit.h"
#include "gateway/requests/noted.h"
#include "gateway/requests/route.h"

#define HOUR_MS INT64_C(3600000)

static struct fixture f;

static void note(int64_t id, const char *route, enum noted what, int64_t now_ms, int times)
{
	static struct request r;
	request_clear(&r);
	for (int i = 0; i < route_count; i++)
		if (strcmp(routes[i].name, route) == 0)
			r.route = &routes[i];
	assert_non_null(r.route);
	r.who = (struct principal){ .kind = WHO_CITIZEN, .id = id };
	r.now_ms = now_ms;
	r.reply.status = 403;
	memcpy(r.id, "rq_first", sizeof("rq_first"));
	for (int i = 0; i < times; i++)
		noted_add(&r, what);
}

struct bite {
	int64_t now_ms, rows;
	bool is_lost;
};

static bool write_bite(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	return noted_write(tx, b->now_ms, 50, &b->rows, why) && (!b->is_lost || FAILS(why, STORE, "not committed"));
}

static int64_t bite(int64_t now_ms, bool is_lost)
{
	struct bite b = { .now_ms = now_ms, .is_lost = is_lost };
	fail_clear(&f.why);
	assert_int_equal(store_write(f.store, write_bite, &b, &f.why), !is_lost);
	noted_written(!is_lost);
	return b.rows;
}

static int64_t rows(const char *where)
{
	char sql[200];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE %s", where);
	return fixture_number(&f, sql);
}

static void the_first_at_once_and_the_rest_by_the_hour(void **state)
{
	(void)state;
	noted_begin();
	fixture_make(&f, NULL);
	note(7, "case_list", NOTED_LEVEL, SEAL_NOW, 1);
	note(7, "case_show", NOTED_OWNER, SEAL_NOW, 3);
	assert_int_equal(bite(SEAL_NOW + 1000, false), 2);
	assert_int_equal(rows("act = 80 AND actor_kind = 2 AND actor_id = 7 AND request_id = 'rq_first' AND subject_kind = 80 AND result = 403"), 2);
	assert_int_equal(rows("detail = CAST('level case_list' AS BLOB)"), 1);
	assert_int_equal(rows("detail = CAST('owner case_show, 3 times within the hour' AS BLOB)"), 1);
	note(7, "case_list", NOTED_LEVEL, SEAL_NOW + 2000, 1000);
	assert_int_equal(bite(SEAL_NOW + 3000, false), 0);
	assert_int_equal(bite(SEAL_NOW + HOUR_MS - 1, false), 0);
	assert_int_equal(bite(SEAL_NOW + HOUR_MS, false), 1);
	assert_int_equal(rows("detail = CAST('level case_list, 1000 more times within the hour' AS BLOB)"), 1);
	/* the hour is over and nothing is left of it: a first one again */
	note(7, "case_list", NOTED_LEVEL, SEAL_NOW + HOUR_MS + 1, 1);
	assert_int_equal(bite(SEAL_NOW + HOUR_MS + 2, false), 1);
	assert_int_equal(rows("detail = CAST('level case_list' AS BLOB)"), 2);
	seal_some(&f, SEAL_NOW + 2 * HOUR_MS, 10);
	seal_invariants(&f, 4);
	fixture_drop(&f);
}

static void what_was_lost_is_written_again(void **state)
{
	(void)state;
	noted_begin();
	fixture_make(&f, NULL);
	note(1, "case_list", NOTED_LEVEL, SEAL_NOW, 2);
	assert_int_equal(bite(SEAL_NOW, true), 1);
	note(2, "case_list", NOTED_RIGHT, SEAL_NOW, 1);
	assert_int_equal(bite(SEAL_NOW, false), 1); /* the same bite */
	assert_int_equal(rows("actor_id = 1"), 1);
	assert_int_equal(bite(SEAL_NOW, false), 1);
	assert_int_equal(rows("actor_id = 2 AND detail = CAST('right case_list' AS BLOB)"), 1);
	/* a stop writes what no hour has ended */
	note(1, "case_list", NOTED_LEVEL, SEAL_NOW + 1, 5);
	note(3, "staff_audit", NOTED_READ, SEAL_NOW + 1, 1);
	noted_end(f.store, SEAL_NOW + 2);
	assert_int_equal(rows("actor_id = 1 AND detail = CAST('level case_list, 5 more times within the hour' AS BLOB)"), 1);
	assert_int_equal(rows("actor_id = 3 AND act = 81"), 1);
	noted_end(f.store, SEAL_NOW + 3);
	assert_int_equal(rows("id > 0"), 4);
	fixture_drop(&f);
}

static void more_than_the_table_holds_are_counted_together(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	int64_t written = 0;
	noted_begin();
	fixture_make(&f, NULL);
	for (int i = 1; i <= MANY; i++)
		note(i, "case_list", NOTED_LEVEL, SEAL_NOW, 1);
	for (int64_t n; (n = bite(SEAL_NOW, false)) > 0;)
		written += n;
	assert_in_range(written, 3000, 4097);
	int64_t others = fixture_number(&f, "SELECT count(*) FROM audit WHERE actor_id = 0 AND instr(detail, CAST('level anything, others of this kind, ' AS BLOB)) = 1");
	assert_int_equal(others, 1);
	assert_int_equal(fixture_number(&f, "SELECT CAST(substr(CAST(detail AS TEXT), 38) AS INTEGER) FROM audit WHERE actor_id = 0"), MANY - (written - 1));
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_first_at_once_and_the_rest_by_the_hour), cmocka_unit_test(what_was_lost_is_written_again),
		cmocka_unit_test(more_than_the_table_holds_are_counted_together) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
