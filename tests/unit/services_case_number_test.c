/* Goal: case numbers cannot collide, go back to their row, and catch typing errors. Method: the published anchor of ISO 7064
 * MOD 11,10, whole small domains, a seeded sample of the large one. */
#include "base/hash.h"
#include "services/cases/case_number.h"
#include "tests/unit/services_world.h"

static uint64_t seed = 20261123;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void anchor(void **state)
{
	(void)state;
	assert_int_equal(mod11_10("0794", 4), '5');
}

static void small_domains(void **state)
{
	(void)state;
	static const uint32_t domains[] = { 1, 2, 3, 10, 97, 100, 101, 1000, 4099, 12345 };
	for (size_t d = 0; d < sizeof(domains) / sizeof(domains[0]); d++) {
		char *seen = calloc(domains[d], 1);
		for (uint32_t v = 0; v < domains[d]; v++) {
			uint32_t p = case_number_permute(key, domains[d], v);
			assert_true(p < domains[d]);
			assert_int_equal(seen[p]++, 0);
			assert_int_equal(case_number_unpermute(key, domains[d], p), v);
		}
		free(seen);
	}
}

/* Neighbours end far from each other, and another key is another order. */
static void large_domain(void **state)
{
	(void)state;
	uint8_t other[16] = { 1 };
	int near = 0, same = 0;
	for (int i = 0; i < 20000; i++) {
		uint32_t v = any(CASE_SERIALS - 1), p = case_number_permute(key, CASE_SERIALS, v), next = case_number_permute(key, CASE_SERIALS, v + 1);
		assert_int_equal(case_number_unpermute(key, CASE_SERIALS, p), v);
		near += (p > next ? p - next : next - p) < 100000; /* expected: about 0.2 % */
		same += p == case_number_permute(other, CASE_SERIALS, v);
	}
	assert_true(near < 100);
	assert_true(same < 5);
}

static void round_trip(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	for (int i = 0; i < 5000; i++) {
		char number[CASE_NUMBER_BYTES], again[CASE_NUMBER_BYTES];
		int64_t id = 1 + any(CASE_SERIALS - 1), back;
		assert_true(case_number_format(id, 621202, NOW_MS, number, &why));
		assert_int_equal(strlen(number), CASE_NUMBER_LENGTH);
		assert_memory_equal(number, "LN62120220261123", 16);
		assert_true(case_number_parse(str_c(number), &back, again));
		assert_int_equal(back, id);
		assert_string_equal(number, again);
	}
	char number[CASE_NUMBER_BYTES], again[CASE_NUMBER_BYTES];
	int64_t back;
	assert_false(case_number_format(CASE_SERIALS, 621202, NOW_MS, number, &why));
	assert_int_equal(why.code, FAIL_STORE_FULL);
	fail_clear(&why);
	assert_true(case_number_format(7, 621202, NOW_MS, number, &why));
	number[0] = 'l';
	assert_true(case_number_parse(str_c(number), &back, again));
	assert_int_equal(again[0], 'L');
	number[5] = 'x';
	assert_false(case_number_parse(str_c(number), &back, again));
	assert_false(case_number_parse(STR(""), &back, again));
}

/* The day ends in Longnan, not in Greenwich. */
static void day_of_longnan(void **state)
{
	(void)state;
	struct fail why;
	char number[CASE_NUMBER_BYTES];
	fail_clear(&why);
	assert_true(case_number_format(1, 621221, NOW_MS + 8 * 3600000 - 1, number, &why));
	assert_memory_equal(number, "LN62122120261123", 16);
	assert_true(case_number_format(1, 621221, NOW_MS + 8 * 3600000, number, &why));
	assert_memory_equal(number, "LN62122120261124", 16);
}

static void typing_errors(void **state)
{
	(void)state;
	struct fail why;
	int swaps = 0, caught = 0;
	fail_clear(&why);
	for (int i = 0; i < 300; i++) {
		char good[CASE_NUMBER_BYTES], bad[CASE_NUMBER_BYTES], out[CASE_NUMBER_BYTES];
		int64_t id;
		assert_true(case_number_format(1 + any(CASE_SERIALS - 1), 621202, NOW_MS, good, &why));
		for (int at = 2; at < CASE_NUMBER_LENGTH; at++)
			for (char c = '0'; c <= '9'; c++) {
				memcpy(bad, good, sizeof(bad));
				bad[at] = c;
				if (c != good[at])
					assert_false(case_number_parse(str_c(bad), &id, out));
			}
		for (int at = 2; at < CASE_NUMBER_LENGTH - 1; at++) {
			if (good[at] == good[at + 1])
				continue;
			memcpy(bad, good, sizeof(bad));
			bad[at] = good[at + 1];
			bad[at + 1] = good[at];
			swaps++;
			caught += !case_number_parse(str_c(bad), &id, out);
		}
	}
	assert_true(caught * 100 > swaps * 97);
}

/* The key is made once and stays. */
static bool init_again(struct tx *tx, void *make, struct fail *why)
{
	return case_number_init(tx, *(bool *)make, why);
}

static void key_stays(void **state)
{
	struct world *w = *state;
	struct fail why;
	char before[CASE_NUMBER_BYTES], after[CASE_NUMBER_BYTES];
	fail_clear(&why);
	assert_true(case_number_format(42, 621202, NOW_MS, before, &why));
	for (int make = 0; make < 2; make++) {
		bool told = make == 1;
		assert_true(store_write(w->store, init_again, &told, &why));
		assert_true(case_number_format(42, 621202, NOW_MS, after, &why));
		assert_string_equal(before, after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anchor), cmocka_unit_test(small_domains), cmocka_unit_test(large_domain), cmocka_unit_test(round_trip),
		cmocka_unit_test(day_of_longnan), cmocka_unit_test(typing_errors), cmocka_unit_test(key_stays),
	};
	return cmocka_run_group_tests(tests, world_make, world_end);
}
