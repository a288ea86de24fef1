/* Goal: what was taken stays whole until it is given back, and everything that was put is dropped exactly once. Method: readers and a writer at once, under
 * ThreadSanitizer too. */
#include "base/shelf.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { READERS = 4, THINGS = 2000, NUMBERS = 64 };

struct thing {
	int numbers[NUMBERS];
};

static atomic_int dropped;
static atomic_bool over;

static void thing_drop(void *at)
{
	struct thing *t = at;
	for (int i = 0; i < NUMBERS; i++)
		t->numbers[i] = -1;
	free(t);
	atomic_fetch_add(&dropped, 1);
}

static struct thing *made(int n)
{
	struct thing *t = malloc(sizeof *t);
	assert_non_null(t);
	for (int i = 0; i < NUMBERS; i++)
		t->numbers[i] = n;
	return t;
}

static void *reading(void *ctx)
{
	intptr_t wrong = 0;
	(void)ctx;
	while (!atomic_load(&over)) {
		DROP(shelved) struct shelved *held = NULL;
		const struct thing *t = shelf_take(SHELF_SEARCH, &held);
		for (int i = 1; t != NULL && i < NUMBERS; i++)
			wrong += t->numbers[i] != t->numbers[0] || t->numbers[i] < 0;
	}
	return (void *)wrong;
}

static void readers_and_a_writer(void **state)
{
	(void)state;
	pthread_t threads[READERS];
	struct fail why;
	void *wrong;
	fail_clear(&why);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reading, NULL), 0);
	for (int n = 0; n < THINGS; n++)
		assert_true(shelf_put(SHELF_SEARCH, made(n), thing_drop, &why));
	atomic_store(&over, true);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(atomic_load(&dropped), THINGS - 1);
	assert_true(shelf_put(SHELF_SEARCH, NULL, NULL, &why));
	assert_int_equal(atomic_load(&dropped), THINGS);
}

static void held_over_a_newer_one(void **state)
{
	(void)state;
	struct fail why;
	struct shelved *held, *nothing;
	fail_clear(&why);
	atomic_store(&dropped, 0);
	assert_null(shelf_take(SHELF_SEARCH, &nothing));
	shelf_give(nothing);
	assert_true(shelf_put(SHELF_SEARCH, made(1), thing_drop, &why));
	const struct thing *old = shelf_take(SHELF_SEARCH, &held);
	assert_true(shelf_put(SHELF_SEARCH, made(2), thing_drop, &why));
	assert_int_equal(old->numbers[0], 1);
	assert_int_equal(atomic_load(&dropped), 0);
	shelf_give(held);
	assert_int_equal(atomic_load(&dropped), 1);
	assert_true(shelf_put(SHELF_SEARCH, NULL, NULL, &why));
	assert_int_equal(atomic_load(&dropped), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(readers_and_a_writer), cmocka_unit_test(held_over_a_newer_one) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
