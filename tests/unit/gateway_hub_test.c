/* Goal: news reaches each loop that waits for its kind, once, in order; nobody else is rung; and a box that overflows says so.
 * Method: boxes with counted rings, filled by hand. */
#include "gateway/loops/hub.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void count_ring(void *ctx)
{
	++*(int *)ctx;
}

struct world {
	struct hub hub;
	struct hub_box one, two;
	int rings_one, rings_two;
};

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	hub_add_box(&w->hub, &w->one, count_ring, &w->rings_one);
	hub_add_box(&w->hub, &w->two, count_ring, &w->rings_two);
}

static void test_who_waits_is_told(void **state)
{
	static struct world w;
	const struct news news[] = { { NEWS_PERSON, 7 }, { NEWS_EFFECT_ENDED, 8 }, { NEWS_PERSON, 9 } };
	const struct news *got;
	bool all;
	(void)state;
	make(&w);
	hub_news(&w.hub, news, 3, false);
	assert_int_equal(w.rings_one + w.rings_two, 0);
	hub_want(&w.one, NEWS_PERSON, 1);
	hub_want(&w.two, NEWS_EFFECT_ENDED, 1);
	hub_news(&w.hub, news, 3, false);
	assert_int_equal(hub_take(&w.one, &got, &all), 2);
	assert_false(all);
	assert_int_equal(got[0].key, 7);
	assert_int_equal(got[1].key, 9);
	assert_int_equal(hub_take(&w.two, &got, &all), 1);
	assert_int_equal(got[0].key, 8);
	assert_int_equal(hub_take(&w.two, &got, &all), 0);
	hub_want(&w.one, NEWS_PERSON, -1);
	hub_news(&w.hub, news, 1, false);
	assert_int_equal(w.rings_one, 1);
	assert_int_equal(w.rings_two, 1);
}

static void test_one_ring_per_burst(void **state)
{
	static struct world w;
	const struct news news = { NEWS_PERSON, 1 };
	const struct news *got;
	bool all;
	(void)state;
	make(&w);
	hub_want(&w.one, NEWS_PERSON, 1);
	for (int i = 0; i < 3; i++)
		hub_news(&w.hub, &news, 1, false);
	assert_int_equal(w.rings_one, 1);
	assert_int_equal(hub_take(&w.one, &got, &all), 3);
	hub_news(&w.hub, &news, 1, false);
	assert_int_equal(w.rings_one, 2);
}

static void test_too_much_is_all(void **state)
{
	static struct world w;
	const struct news news = { NEWS_PERSON, 1 };
	const struct news *got;
	bool all;
	(void)state;
	make(&w);
	hub_want(&w.one, NEWS_PERSON, 1);
	for (int i = 0; i <= HUB_BOX_NEWS; i++)
		hub_news(&w.hub, &news, 1, false);
	assert_int_equal(hub_take(&w.one, &got, &all), HUB_BOX_NEWS);
	assert_true(all);
	assert_int_equal(w.rings_one, 1);
	hub_news(&w.hub, NULL, 0, true); /* the store itself had more than fits */
	assert_int_equal(hub_take(&w.one, &got, &all), 0);
	assert_true(all);
	assert_int_equal(w.rings_one, 2);
	hub_take(&w.one, &got, &all);
	assert_false(all);
}

static void test_ears_hear_their_kind(void **state)
{
	static struct world w;
	const struct news news = { NEWS_EFFECT_DUE, 1 };
	int heard = 0;
	(void)state;
	make(&w);
	hub_add_ear(&w.hub, NEWS_EFFECT_DUE, count_ring, &heard);
	hub_news(&w.hub, &(struct news){ NEWS_PERSON, 1 }, 1, false);
	assert_int_equal(heard, 0);
	hub_news(&w.hub, &news, 1, false);
	assert_int_equal(heard, 1);
	hub_news(&w.hub, NULL, 0, true);
	assert_int_equal(heard, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits_is_told),
		cmocka_unit_test(test_one_ring_per_burst),
		cmocka_unit_test(test_too_much_is_all),
		cmocka_unit_test(test_ears_hear_their_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
