/* Goal: the quota and no more, at any moment and over any window; strangers do not share a bucket; a full table forgets the rested.
 * Method: time given by hand. */
#include "gateway/requests/ratelimit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void quota_then_refusal(void **state)
{
	(void)state;
	struct ratelimit *l = ratelimit_make(1024);
	struct rate_rule rule = { 5, 60 };
	struct rate_verdict v;
	for (int i = 0; i < 5; i++) {
		ratelimit_charge(l, 1, 42, &rule, 1000, &v);
		assert_false(v.refused);
		assert_int_equal(v.remaining, 4 - i);
	}
	ratelimit_charge(l, 1, 42, &rule, 1000, &v);
	assert_true(v.refused);
	assert_int_equal(v.remaining, 0);
	assert_int_equal(v.retry_s, 12);
	assert_int_equal(v.reset_s, 60);
	ratelimit_charge(l, 1, 43, &rule, 1000, &v); /* another id */
	assert_false(v.refused);
	ratelimit_charge(l, 2, 42, &rule, 1000, &v); /* another space */
	assert_false(v.refused);
	ratelimit_charge(l, 1, 42, &rule, 1000 + 11999, &v);
	assert_true(v.refused);
	ratelimit_charge(l, 1, 42, &rule, 1000 + 12000, &v); /* one fifth of the window later there is room for one */
	assert_false(v.refused);
	ratelimit_charge(l, 1, 42, &rule, 1000 + 12000, &v);
	assert_true(v.refused);
	ratelimit_drop(l);
}

static void never_more_than_twice_in_any_window(void **state)
{
	(void)state;
	struct ratelimit *l = ratelimit_make(1024);
	struct rate_rule rule = { 100, 60 };
	int passed = 0;
	for (int64_t ms = 0; ms < 600000; ms += 10) {
		struct rate_verdict v;
		ratelimit_charge(l, 1, 1, &rule, ms, &v);
		passed += !v.refused;
	}
	assert_in_range(passed, 1095, 1101); /* the first burst of 100, then 100 a minute */
	ratelimit_drop(l);
}

static void no_quota_no_limit(void **state)
{
	(void)state;
	struct ratelimit *l = ratelimit_make(1024);
	struct rate_rule rule = { 0, 60 };
	struct rate_verdict v;
	for (int i = 0; i < 1000; i++) {
		ratelimit_charge(l, 1, 1, &rule, 0, &v);
		assert_false(v.refused);
		assert_int_equal(v.quota, 0);
	}
	ratelimit_drop(l);
}

static void many_strangers(void **state)
{
	(void)state;
	struct ratelimit *l = ratelimit_make(1024);
	struct rate_rule rule = { 2, 60 };
	struct rate_verdict v;
	for (uint64_t id = 0; id < 100000; id++) {
		ratelimit_charge(l, 1, id, &rule, (int64_t)id, &v);
		assert_false(v.refused);
	}
	/* The table is far smaller than the crowd; whoever asks now is still held to the quota. */
	for (int i = 0; i < 2; i++)
		ratelimit_charge(l, 1, 7, &rule, 100000, &v);
	ratelimit_charge(l, 1, 7, &rule, 100000, &v);
	assert_true(v.refused);
	ratelimit_drop(l);
}

static void what_is_given_back_never_came(void **state)
{
	(void)state;
	struct ratelimit *l = ratelimit_make(1024);
	struct rate_rule rule = { 3, 60 };
	struct rate_verdict v;
	for (int i = 0; i < 10; i++) {
		ratelimit_charge(l, 1, 1, &rule, 1000, &v);
		assert_true(!v.refused && v.remaining == 2);
		ratelimit_give_back(l, 1, 1, &rule);
	}
	for (int left = 2; left >= 0; left--) {
		ratelimit_charge(l, 1, 1, &rule, 1000, &v);
		assert_true(!v.refused && v.remaining == left);
	}
	ratelimit_charge(l, 1, 1, &rule, 1000, &v);
	assert_true(v.refused && v.retry_s == 20);
	ratelimit_give_back(l, 1, 1, &rule);
	ratelimit_charge(l, 1, 1, &rule, 1000, &v);
	assert_true(!v.refused && v.remaining == 0);
	ratelimit_give_back(l, 1, 2, &rule); /* one nobody has seen: nothing is gained */
	for (int i = 0; i < 3; i++)
		ratelimit_charge(l, 1, 2, &rule, 1000, &v);
	ratelimit_charge(l, 1, 2, &rule, 1000, &v);
	assert_true(v.refused);
	ratelimit_drop(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(quota_then_refusal), cmocka_unit_test(never_more_than_twice_in_any_window),
		cmocka_unit_test(no_quota_no_limit), cmocka_unit_test(many_strangers), cmocka_unit_test(what_is_given_back_never_came) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
