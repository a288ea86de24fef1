/* Goal: a deadline passes once, when its kind's time is up since it was last set, and never after it was cleared; a changed limit
 * holds at once. Method: a clock that is only a number. */
#include "gateway/door/deadline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct deadlines all;
static int64_t limits[DEADLINE_KINDS];
static int passed[DEADLINE_KINDS];

static void on_passed(struct deadline *d, enum deadline_kind kind)
{
	assert_int_equal(d->kind, DEADLINE_NONE);
	passed[kind]++;
}

static void set_again(struct deadline *d, enum deadline_kind kind)
{
	passed[kind]++;
	deadline_set(&all, d, DEADLINE_IDLE, 1000000);
}

static int prepare(void **state)
{
	(void)state;
	deadlines_init(&all);
	for (int i = 0; i < DEADLINE_KINDS; i++) {
		limits[i] = 100 * (i + 1);
		passed[i] = 0;
	}
	return 0;
}

static void each_in_its_time(void **state)
{
	(void)state;
	struct deadline d[4];
	for (int i = 0; i < 4; i++)
		deadline_init(&d[i], on_passed);
	deadline_set(&all, &d[0], DEADLINE_HEADER, 0); /* 300 */
	deadline_set(&all, &d[1], DEADLINE_HEADER, 50);
	deadline_set(&all, &d[2], DEADLINE_BODY, 0);   /* 400 */
	deadline_set(&all, &d[3], DEADLINE_BODY, 0);
	deadlines_tick(&all, limits, 299);
	assert_int_equal(passed[DEADLINE_HEADER], 0);
	deadline_set(&all, &d[2], DEADLINE_BODY, 300); /* progress */
	deadlines_tick(&all, limits, 300);
	assert_int_equal(passed[DEADLINE_HEADER], 1);
	deadline_clear(&d[1]);
	deadline_clear(&d[1]);
	deadlines_tick(&all, limits, 400);
	assert_int_equal(passed[DEADLINE_HEADER], 1);
	assert_int_equal(passed[DEADLINE_BODY], 1);
	deadlines_tick(&all, limits, 10000);
	assert_int_equal(passed[DEADLINE_BODY], 2);
	deadlines_tick(&all, limits, 20000);
	assert_int_equal(passed[DEADLINE_BODY], 2);
}

static void a_new_limit_holds_at_once(void **state)
{
	(void)state;
	struct deadline d;
	deadline_init(&d, on_passed);
	deadline_set(&all, &d, DEADLINE_IDLE, 0);
	limits[DEADLINE_IDLE] = 10;
	deadlines_tick(&all, limits, 10);
	assert_int_equal(passed[DEADLINE_IDLE], 1);
}

static void may_be_set_while_it_passes(void **state)
{
	(void)state;
	struct deadline d;
	deadline_init(&d, set_again);
	deadline_set(&all, &d, DEADLINE_BODY, 0);
	deadlines_tick(&all, limits, 1000);
	assert_int_equal(passed[DEADLINE_BODY], 1);
	assert_int_equal(d.kind, DEADLINE_IDLE);
	deadline_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_in_its_time, prepare),
		cmocka_unit_test_setup(a_new_limit_holds_at_once, prepare),
		cmocka_unit_test_setup(may_be_set_while_it_passes, prepare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
