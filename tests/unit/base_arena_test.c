/* Goal: what the arena gives is aligned, apart, within the cap, and all gone after a reset; a refusal is remembered.
 * Method: fill to the cap in several sizes; refuse the n-th chunk by the fault switch. */
#include "base/arena.h"
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void aligned_and_apart(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	unsigned char *at[200];
	for (size_t i = 0; i < 200; i++) {
		at[i] = arena_alloc(&a, i * 7);
		assert_non_null(at[i]);
		assert_int_equal((uintptr_t)at[i] % 16, 0);
		memset(at[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(at[i][k], i);
	unsigned char *zero = arena_zalloc(&a, 1000);
	for (size_t k = 0; k < 1000; k++)
		assert_int_equal(zero[k], 0);
	arena_free(&a);
}

static void cap_holds(void **state)
{
	(void)state;
	static const size_t pieces[] = { 1, 100, 5000, 70000, 300000 };
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct arena a;
		arena_init(&a, 256 * 1024);
		size_t got = 0;
		while (arena_alloc(&a, pieces[i]) != NULL)
			got += pieces[i];
		assert_true(a.refused && a.used <= a.cap && got <= a.cap);
		arena_reset(&a);
		assert_false(a.refused);
		assert_true(a.used <= ARENA_FIRST_BYTES || a.used <= a.cap);
		assert_non_null(arena_alloc(&a, 16));
		arena_free(&a);
	}
	struct arena a;
	arena_init(&a, 4096);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_null(arena_alloc(&a, 4096)); /* the chunk's head counts too */
	assert_non_null(arena_alloc(&a, 4080));
	arena_free(&a);
	arena_init(&a, 0);
	assert_null(arena_alloc(&a, 0));
	arena_free(&a);
}

static void first_chunk_is_kept(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	assert_null(a.chunks);
	void *first = arena_alloc(&a, 10);
	for (int i = 0; i < 50; i++)
		assert_non_null(arena_alloc(&a, 4000));
	arena_reset(&a);
	assert_int_equal(a.used, ARENA_FIRST_BYTES);
	assert_ptr_equal(arena_alloc(&a, 10), first);
	arena_free(&a);
	assert_null(a.chunks);
	assert_int_equal(a.used, 0);
}

static void extends_only_the_newest(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 16);
	char *one = arena_alloc(&a, 100);
	assert_true(arena_extend(&a, one, 100, 1000));
	memset(one, 'x', 1000);
	char *two = arena_alloc(&a, 8);
	assert_false(arena_extend(&a, one, 1000, 1001 + 16));
	assert_true(two >= one + 1000);
	assert_false(arena_extend(&a, two, 8, 1 << 15)); /* beyond the chunk */
	assert_false(arena_extend(&a, two, 8, SIZE_MAX));
	assert_false(arena_extend(&a, NULL, 0, 8));
	assert_true(arena_extend(&a, two, 8, 4));
	arena_free(&a);
}

static void the_nth_chunk_fails(void **state)
{
	(void)state;
	if (!fault_set(STR("alloc=")))
		skip(); /* built without the switches */
	for (int n = 1; n <= 3; n++) {
		struct arena a;
		char text[] = "alloc=0";
		text[6] = (char)('0' + n);
		assert_true(fault_set(str_c(text)));
		arena_init(&a, 1 << 20);
		int got = 0;
		while (arena_alloc(&a, 8000) != NULL)
			got++;
		assert_true(a.refused);
		assert_int_equal(fault_count(FAULT_alloc), n);
		assert_non_null(arena_alloc(&a, 8000)); /* once; the next question is answered */
		arena_free(&a);
		fault_clear_all();
		assert_true(n == 1 ? got == 0 : got > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_and_apart),       cmocka_unit_test(cap_holds),           cmocka_unit_test(first_chunk_is_kept),
		cmocka_unit_test(extends_only_the_newest), cmocka_unit_test(the_nth_chunk_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
