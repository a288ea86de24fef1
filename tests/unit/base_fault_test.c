/* Goal: a switch says yes exactly when it was told to, from the environment too, and a held thread goes on when let go.
 * Method: counts by hand; one thread at the hold, seen through fault_count. */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#ifdef SIBAN_FAULTS
#include <sched.h>

static void from_the_environment(void **state)
{
	(void)state; /* main has set SIBAN_FAULT="send=2,accept=1+" */
	assert_false(fault_hit(FAULT_send));
	assert_true(fault_hit(FAULT_send));
	assert_false(fault_hit(FAULT_send));
	assert_true(fault_hit(FAULT_accept) && fault_hit(FAULT_accept));
	fault_clear_all();
	assert_false(fault_hit(FAULT_accept));
}

static void counting(void **state)
{
	(void)state;
	assert_true(fault_set(STR("store_commit=3")));
	assert_false(fault_hit(FAULT_store_commit) || fault_hit(FAULT_store_commit));
	assert_true(fault_hit(FAULT_store_commit));
	assert_false(fault_hit(FAULT_store_commit));
	assert_int_equal(fault_count(FAULT_store_commit), 4);
	assert_true(fault_set(STR("store_commit=2+")));
	assert_int_equal(fault_count(FAULT_store_commit), 0);
	assert_false(fault_hit(FAULT_store_commit));
	assert_true(fault_hit(FAULT_store_commit) && fault_hit(FAULT_store_commit));
	assert_true(fault_set(STR("store_commit=")));
	assert_false(fault_hit(FAULT_store_commit));
	static const char *const wrong[] = { "", "store_commit", "nothing=1", "send=0", "send=x", "send=-1", "send=+", "send=1++", "send=hold+" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(fault_set(str_c(wrong[i])));
}

static void *held(void *ctx)
{
	fault_hold(FAULT_committer);
	*(bool *)ctx = true;
	return NULL;
}

static void holding(void **state)
{
	(void)state;
	bool through = false;
	pthread_t thread;
	fault_hold(FAULT_committer); /* off: returns at once */
	assert_true(fault_set(STR("committer=hold")));
	assert_false(fault_hit(FAULT_committer));
	assert_int_equal(fault_count(FAULT_committer), 1);
	assert_int_equal(pthread_create(&thread, NULL, held, &through), 0);
	while (fault_count(FAULT_committer) < 2)
		sched_yield();
	assert_true(fault_set(STR("committer=")));
	pthread_join(thread, NULL);
	assert_true(through);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(from_the_environment), cmocka_unit_test(counting), cmocka_unit_test(holding) };
	setenv("SIBAN_FAULT", "send=2,accept=1+", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
static void refuses(void **state)
{
	(void)state;
	assert_false(fault_set(STR("send=1")));
	assert_false(fault_hit(FAULT_send));
	assert_int_equal(fault_count(FAULT_send), 0);
	fault_clear_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refuses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
