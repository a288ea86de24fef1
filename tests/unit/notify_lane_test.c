/* Goal: an account's rate and calls in flight are shared out among the nodes, exactly and without anybody being stuck when their number changes.
 * Method: a lane for each node, asked each millisecond; then one whose calls are open while nodes come and go. */
#include "notify/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { NODES_MAX = 5, SECONDS = 10 };

static struct lane lane_of(int64_t rate, int64_t in_flight)
{
	struct lane l;
	lane_init(&l, &(struct account_settings){ .is_configured = true, .rate = rate, .in_flight = in_flight }, 0);
	return l;
}

/* Calls begun by all of them in ten seconds, each over at once. */
static int64_t begun(int64_t rate, int nodes)
{
	struct lane lanes[NODES_MAX];
	int64_t calls = 0;
	for (int i = 0; i < nodes; i++) {
		lanes[i] = lane_of(rate, 1000);
		lane_share(&lanes[i], nodes);
		lanes[i].tokens = 0; /* what may go at once is another matter */
	}
	for (int64_t ms = 1; ms <= SECONDS * 1000; ms++)
		for (int i = 0; i < nodes; i++)
			for (; lane_room(&lanes[i], ms) > 0; calls++) {
				lane_take(&lanes[i]);
				lane_end(&lanes[i]);
				lane_written(&lanes[i]);
			}
	return calls;
}

static void the_rate_is_kept_together(void **state)
{
	static const struct { int64_t rate; int nodes; } rows[] = { { 100, 1 }, { 100, 2 }, { 100, 3 }, { 7, 2 }, { 1, 1 }, { 1, 5 }, { 500, 5 } };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t calls = begun(rows[i].rate, rows[i].nodes), most = rows[i].rate * SECONDS;
		assert_in_range(calls, most - rows[i].nodes, most);
	}
}

static void calls_in_flight(void **state)
{
	static const struct { int64_t all; int nodes; int64_t each; } rows[] = { { 64, 1, 64 }, { 64, 2, 32 }, { 64, 3, 21 }, { 1, 3, 1 }, { 4, 5, 1 } };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct lane l = lane_of(0, rows[i].all);
		lane_share(&l, rows[i].nodes);
		assert_int_equal(lane_room(&l, 0), rows[i].each);
	}
}

static void nodes_come_and_go(void **state)
{
	struct lane l = lane_of(0, 8);
	(void)state;
	for (int i = 0; i < 8; i++)
		lane_take(&l);
	lane_share(&l, 4); /* eight are open, and two would be our part */
	assert_int_equal(lane_room(&l, 0), 0);
	for (int i = 0; i < 6; i++) {
		lane_end(&l);
		lane_written(&l);
		assert_int_equal(lane_room(&l, 0), 0);
	}
	lane_end(&l);
	lane_written(&l);
	assert_int_equal(lane_room(&l, 0), 1);
	lane_take(&l);
	assert_int_equal(lane_room(&l, 0), 0);
	lane_share(&l, 1); /* the others are gone */
	assert_int_equal(lane_room(&l, 0), 6);
	for (int i = 0; i < 6; i++)
		lane_take(&l);
	assert_int_equal(lane_wake_ms(&l, 0), INT64_MAX);
	for (int i = 0; i < 8; i++) {
		lane_end(&l);
		lane_written(&l);
	}
	assert_int_equal(lane_room(&l, 0), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_rate_is_kept_together), cmocka_unit_test(calls_in_flight), cmocka_unit_test(nodes_come_and_go) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
