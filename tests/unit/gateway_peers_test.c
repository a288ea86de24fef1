/* Goal: a peer is asked by no more than its limit at once; one that fails five times in a row is not asked for a while, then by one, whose end decides;
 * no peer's trouble is another's. Method: by hand, with a clock of our own. */
#include "gateway/requests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

enum { MAX = 4 };

static struct peers all;

static struct peer *enter(const char *name, int64_t now_ms, int64_t *again_ms)
{
	return peers_enter(&all, str_c(name), MAX, now_ms, again_ms);
}

static void once(const char *name, bool well, int64_t now_ms)
{
	int64_t again;
	struct peer *p = enter(name, now_ms, &again);
	assert_non_null(p);
	peers_leave(p, well, 0, now_ms);
}

static int reset(void **state)
{
	(void)state;
	memset(&all, 0, sizeof(all));
	return 0;
}

static void limit(void **state)
{
	(void)state;
	int64_t again;
	struct peer *in[MAX];
	for (int i = 0; i < MAX; i++)
		assert_non_null(in[i] = enter("a", 0, &again));
	assert_null(enter("a", 0, &again));
	assert_int_equal(again, 1000);
	assert_non_null(enter("b", 0, &again));
	peers_leave(in[0], true, 0, 0);
	assert_non_null(enter("a", 0, &again));
}

static void breaker(void **state)
{
	(void)state;
	int64_t again, now = 1000;
	for (int i = 0; i < PEER_FAILURES_MAX - 1; i++)
		once("a", false, now);
	once("a", true, now); /* not in a row */
	for (int i = 0; i < PEER_FAILURES_MAX; i++)
		once("a", false, now);
	assert_null(enter("a", now + 400, &again));
	assert_int_equal(again, PEER_OPEN_FIRST_MS - 400);
	once("b", true, now);
	for (int64_t open = PEER_OPEN_FIRST_MS; open < 2 * PEER_OPEN_MOST_MS; open *= 2) { /* it fails again and again: twice as long, up to a minute */
		int64_t most = open < PEER_OPEN_MOST_MS ? open : PEER_OPEN_MOST_MS;
		assert_null(enter("a", now + most - 1, &again));
		now += most;
		struct peer *p = enter("a", now, &again);
		assert_non_null(p);
		assert_null(enter("a", now, &again)); /* one tries, the others do not wait for it */
		peers_leave(p, false, 0, now);
	}
	now += PEER_OPEN_MOST_MS;
	once("a", true, now);
	for (int i = 0; i < PEER_FAILURES_MAX - 1; i++)
		once("a", false, now); /* it begins anew */
	assert_non_null(enter("a", now, &again));
}

/* Those under way when it opened do not make it longer with each failure. */
static void many_under_way(void **state)
{
	(void)state;
	int64_t again;
	struct peer *in[16];
	for (int i = 0; i < 16; i++)
		in[i] = peers_enter(&all, STR("a"), 16, 0, &again);
	for (int i = 0; i < 16; i++)
		peers_leave(in[i], false, 0, 100);
	assert_null(enter("a", 100 + PEER_OPEN_FIRST_MS - 1, &again));
	assert_non_null(enter("a", 100 + PEER_OPEN_FIRST_MS, &again));
}

static void it_says_itself(void **state)
{
	(void)state;
	int64_t again;
	struct peer *p = enter("a", 0, &again);
	peers_leave(p, false, 7000, 0);
	assert_null(enter("a", 6999, &again));
	assert_int_equal(again, 1);
	p = enter("a", 7000, &again);
	peers_leave(p, false, 100 * PEER_OPEN_MOST_MS, 7000);
	assert_non_null(enter("a", 7000 + PEER_OPEN_MOST_MS, &again)); /* not for ever */
}

static void more_names_than_fit(void **state)
{
	(void)state;
	int64_t again;
	char name[16];
	for (int i = 0; i < PEERS_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		once(name, i != 7, 0);
	}
	once("new", true, 0);
	assert_int_equal(all.count, PEERS_MAX);
	assert_int_equal(all.at[7].failures, 1); /* who is in trouble is not forgotten for it */
	for (int i = 0; i < PEERS_MAX; i++)
		all.at[i].in_flight = 1;
	assert_null(enter("another", 0, &again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(limit, reset), cmocka_unit_test_setup(breaker, reset), cmocka_unit_test_setup(many_under_way, reset),
		cmocka_unit_test_setup(it_says_itself, reset), cmocka_unit_test_setup(more_names_than_fit, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
