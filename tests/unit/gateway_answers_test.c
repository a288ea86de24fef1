/* Goal: an answer is found until its time is over and not a moment longer; the memory stays within its bounds, and the oldest makes room.
 * Method: by hand, with a clock of our own; then many keys, more than fit. */
#include "gateway/requests/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void key_of(int n, uint8_t out[ANSWER_KEY_BYTES])
{
	memset(out, 0, ANSWER_KEY_BYTES);
	memcpy(out + (n % 2) * 8, &n, sizeof(n)); /* half of them share their first bytes, and so their bucket */
}

static void keep(struct answers *m, int n, const char *body, int64_t until_ms)
{
	uint8_t key[ANSWER_KEY_BYTES];
	struct http_answer a = { .status = 200 + n % 100, .body = str_c(body), .content_type = n % 3 == 0 ? STR("text/x") : STR_NONE };
	key_of(n, key);
	answers_keep(m, key, &a, until_ms);
}

static bool holds(struct answers *m, int n, const char *body, int64_t now_ms)
{
	uint8_t key[ANSWER_KEY_BYTES];
	struct http_answer a;
	key_of(n, key);
	if (!answers_find(m, key, now_ms, &a))
		return false;
	assert_true(a.end == HTTP_ANSWERED && a.status == 200 + n % 100 && str_eq(a.body, str_c(body)));
	assert_true(n % 3 == 0 ? str_eq(a.content_type, STR("text/x")) : a.content_type.at == NULL);
	return true;
}

static void until_its_time(void **state)
{
	(void)state;
	struct answers *m = answers_make(8, 4096);
	keep(m, 1, "one", 100);
	keep(m, 3, "", 200);
	assert_true(holds(m, 1, "one", 99));
	assert_false(holds(m, 1, "one", 100));
	assert_true(holds(m, 3, "", 100));
	assert_false(holds(m, 2, "", 0));
	assert_int_equal(answers_count(m), 2); /* not found is not yet gone */
	answers_sweep(m, 100);
	assert_int_equal(answers_count(m), 1);
	keep(m, 3, "again", 300);
	assert_true(holds(m, 3, "again", 250));
	assert_int_equal(answers_count(m), 1);
	answers_drop(m);
}

static void bounds(void **state)
{
	(void)state;
	char body[64];
	struct answers *m = answers_make(100, 1 << 20);
	for (int n = 0; n < 1000; n++) {
		snprintf(body, sizeof(body), "body %d", n);
		keep(m, n, body, 1000000);
		assert_true(answers_count(m) <= 100);
	}
	for (int n = 0; n < 1000; n++) {
		snprintf(body, sizeof(body), "body %d", n);
		assert_int_equal(holds(m, n, body, 0), n >= 900);
	}
	answers_drop(m);

	static char large[5000];
	memset(large, 'x', sizeof(large) - 1);
	m = answers_make(100, 12000);
	for (int n = 0; n < 10; n++)
		keep(m, n, large, 1000);
	assert_int_equal(answers_count(m), 2);
	assert_true(holds(m, 8, large, 0) && holds(m, 9, large, 0));
	answers_drop(m);
	m = answers_make(100, 4000);
	keep(m, 1, "small", 1000);
	keep(m, 2, large, 1000); /* larger than all of it: nobody else suffers */
	assert_true(holds(m, 1, "small", 0) && answers_count(m) == 1);
	answers_drop(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(until_its_time), cmocka_unit_test(bounds) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
