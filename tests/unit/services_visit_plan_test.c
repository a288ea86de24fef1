/* Goal: a visit is planned whole: people in one slot or the very next ones, matters one after the other without waiting, the order that is over first; and the
 * nearest beginnings are those a search of everything finds. Method: rows of slots by hand; random slots beside a slow search in other words. */
#include "services/booking/visit_plan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIN INT64_C(60000)

static struct visit_group a, b;

/* "3 0 1": free seats of slots one after the other; '-' a gap of the slot's length */
static void slots(struct visit_group *g, int64_t id, int64_t begins, int64_t minutes, const char *free)
{
	*g = (struct visit_group){ .id = id };
	for (; *free != '\0'; free++, begins += minutes)
		if (*free != '-') {
			g->slots[g->count] = (struct visit_slot){ id * 100 + g->count, begins * MIN, (begins + minutes) * MIN, *free - '0' };
			g->count++;
		}
}

static struct visit_wish wish(int people, int matters, const struct visit_group *x, const struct visit_group *y)
{
	return (struct visit_wish){ .people = people, .matters = matters, .group_of = { x, y } };
}

static void rows(void **state)
{
	(void)state;
	static const struct { const char *a, *b; int people, matters; int64_t starts, ends /* minutes; 0: none */; } cases[] = {
		{ "1111", "", 1, 1, 30, 60 }, { "1011", "", 1, 1, 30, 0 }, { "3", "", 3, 1, 0, 30 }, { "21", "", 3, 1, 0, 60 }, { "2-1", "", 3, 1, 0, 0 }, { "201", "", 3, 1, 0, 0 },
		{ "1111", "1111", 1, 2, 0, 60 }, { "1000", "0010", 1, 2, 0, 90 }, { "1000", "0001", 1, 2, 0, 0 /* half an hour is the most */ },
		{ "01", "11", 1, 2, 0, 60 /* the second matter first */ }, { "2100", "0021", 3, 2, 0, 120 }, { "11", "", 1, 1, 15, 0 }, { "1111", "", 1, 1, 120, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct visit_plan p;
		slots(&a, 1, 0, 30, cases[i].a);
		slots(&b, 2, 0, 30, cases[i].b);
		struct visit_wish w = wish(cases[i].people, cases[i].matters, &a, &b);
		bool found = visit_plan(&w, cases[i].starts * MIN, &p);
		if (found != (cases[i].ends != 0) || (found && p.ends_ms != cases[i].ends * MIN))
			fail_msg("row %zu: %s, ends at %lld", i, found ? "found" : "not found", (long long)(found ? p.ends_ms / MIN : 0));
		if (found)
			assert_int_equal(p.count, cases[i].people * cases[i].matters);
	}
}

/* Two matters at one window are two slots, never the same seat. */
static void one_window(void **state)
{
	(void)state;
	struct visit_plan p;
	slots(&a, 1, 0, 30, "11");
	struct visit_wish w = wish(1, 2, &a, &a);
	assert_true(visit_plan(&w, 0, &p));
	assert_true(p.seats[0].slot != p.seats[1].slot && p.seats[0].matter == 0);
	slots(&a, 1, 0, 30, "20");
	assert_false(visit_plan(&w, 0, &p));
}

static int64_t far(int64_t x, int64_t y)
{
	return x < y ? y - x : x - y;
}

static void nearest(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 3000; round++) {
		char free_a[25] = "", free_b[25] = "";
		struct visit_plan p;
		int64_t got[VISIT_ALTERNATIVES];
		for (int i = 0; i < 24; i++) {
			free_a[i] = "0000123-"[rand() % 8];
			free_b[i] = "0000012-"[rand() % 8];
		}
		slots(&a, 1, 0, 30, free_a);
		slots(&b, 2, 10, 20, free_b);
		struct visit_wish w = wish(1 + rand() % 3, 1 + rand() % 2, &a, &b);
		int64_t around = (rand() % 24) * 30 * MIN;
		int count = visit_alternatives(&w, around, got), possible = 0;
		/* every minute of the day, in other words */
		for (int64_t t = 0; t < 24 * 30; t++) {
			if (!visit_plan(&w, t * MIN, &p))
				continue;
			bool named = false;
			possible++;
			for (int i = 0; i < count; i++)
				named |= got[i] == t * MIN;
			if (!named && (count < VISIT_ALTERNATIVES || far(t * MIN, around) < far(got[count - 1], around)))
				fail_msg("round %d: minute %lld is nearer", round, (long long)t);
		}
		assert_int_equal(count, possible < VISIT_ALTERNATIVES ? possible : VISIT_ALTERNATIVES);
		for (int i = 1; i < count; i++)
			assert_true(far(got[i], around) >= far(got[i - 1], around));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows), cmocka_unit_test(one_window), cmocka_unit_test(nearest) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
