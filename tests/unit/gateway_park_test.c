/* Goal: who waits is found by the effect and by the time, several for one effect too, and leaves both lists at once.
 * Method: a model of arrays beside the table, and a walk of puts and takes drawn from a fixed seed. */
#include "gateway/requests/park.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PLACES = 64, EFFECTS = 20, STEPS = 20000 };

static struct parking p;
static struct parked places[PLACES];

static int waiting_for(int64_t effect)
{
	int n = 0;
	for (int i = 0; i < PLACES; i++)
		n += places[i].effect == effect;
	return n;
}

static void check(void)
{
	size_t count = 0;
	int64_t first = INT64_MAX, last = 0;
	for (int i = 0; i < PLACES; i++) {
		count += places[i].effect != 0;
		if (places[i].effect != 0 && places[i].until_ms < first)
			first = places[i].until_ms;
	}
	assert_int_equal(p.count, count);
	assert_true(count == 0 ? parking_first(&p) == NULL : parking_first(&p)->until_ms == first);
	for (struct link *l = p.by_time.next; l != &p.by_time; l = l->next, count--) {
		int64_t until = ((struct parked *)((char *)l - offsetof(struct parked, in_time)))->until_ms;
		assert_true(until >= last);
		last = until;
	}
	assert_int_equal(count, 0);
	for (int64_t effect = 1; effect <= EFFECTS; effect++) {
		struct parked *one = parking_find(&p, effect * PARK_BUCKETS); /* all in one bucket */
		assert_int_equal(one != NULL, waiting_for(effect * PARK_BUCKETS) > 0);
		assert_true(one == NULL || one->effect == effect * PARK_BUCKETS);
	}
}

static void a_walk(void **state)
{
	(void)state;
	unsigned seed = 20261125;
	parking_init(&p);
	for (int step = 0; step < STEPS; step++) {
		struct parked *one = &places[rand_r(&seed) % PLACES];
		if (one->effect != 0)
			parking_take(&p, one);
		else
			parking_put(&p, one, (1 + rand_r(&seed) % EFFECTS) * (int64_t)PARK_BUCKETS, 1 + rand_r(&seed) % 50);
		if (step % 50 == 0)
			check();
	}
	while (parking_first(&p) != NULL)
		parking_take(&p, parking_first(&p));
	check();
}

static void who_came_first(void **state)
{
	(void)state;
	parking_init(&p);
	memset(places, 0, sizeof(places));
	parking_put(&p, &places[0], 7, 50);
	parking_put(&p, &places[1], 7, 50);
	parking_put(&p, &places[2], 8, 40);
	assert_ptr_equal(parking_first(&p), &places[2]);
	parking_take(&p, &places[2]);
	assert_ptr_equal(parking_first(&p), &places[0]); /* of equal deadlines the first that came */
	assert_ptr_equal(parking_find(&p, 7), &places[0]);
	parking_take(&p, &places[0]);
	assert_ptr_equal(parking_find(&p, 7), &places[1]);
	assert_null(parking_find(&p, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_walk), cmocka_unit_test(who_came_first) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
