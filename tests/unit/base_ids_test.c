/* Goal: ids sort by time, go to text and back, and have one text only.
 * Method: round trips with random bytes; every way to misspell. */
#include "base/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

static void round_trip(void **state)
{
	(void)state;
	char text[ID_TEXT_BYTES], later[ID_TEXT_BYTES];
	for (int64_t i = 0; i < 5000; i++) {
		struct id id = id_new(1795392000000 + i), back;
		assert_int_equal(id_text(id, "rq", text), 29);
		assert_true(id_from_text(str_c(text), "rq", &back));
		assert_memory_equal(&id, &back, sizeof id);
		id_text(id_new(1795392000000 + i + 1), "rq", later);
		assert_true(strcmp(text, later) < 0);
		for (char *c = text + 3; *c != '\0'; c++)
			*c = (char)tolower(*c);
		assert_true(id_from_text(str_c(text), "rq", &back));
		assert_memory_equal(&id, &back, sizeof id);
	}
}

static void known_text(void **state)
{
	(void)state;
	static const uint8_t ones[10] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
	char text[ID_TEXT_BYTES];
	id_text(id_make(0, (const uint8_t[10]){ 0 }), "rq", text);
	assert_string_equal(text, "rq_00000000000000000000000000");
	id_text(id_make((INT64_C(1) << 48) - 1, ones), "case", text);
	assert_string_equal(text, "case_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	id_text(id_make(1469918176385, ones), "", text);
	assert_memory_equal(text, "_01ARYZ6S41", 11); /* the ULID specification's time example */
}

static void canonical_only(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"rq_80000000000000000000000000", "rq_0000000000000000000000000", "rq_000000000000000000000000000", "rq-00000000000000000000000000",
		"rx_00000000000000000000000000", "RQ_00000000000000000000000000", "rq_0000000000000000000000000I", "rq_0000000000000000000000000L",
		"rq_0000000000000000000000000O", "rq_0000000000000000000000000u", "rq_0000000000000000000000000 ", "rq_000000000000-0000000000000", "rq_", "",
	};
	struct id id;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(id_from_text(str_c(wrong[i]), "rq", &id));
	assert_false(id_from_text((struct str){ "rq_0000000000000000000000000\0", 29 }, "rq", &id));
}

static void random_is_fresh(void **state)
{
	(void)state;
	uint8_t one[32], two[32], large[2000], zero[32] = { 0 };
	for (int i = 0; i < 1000; i++) {
		random_bytes(one, sizeof one);
		random_bytes(two, sizeof two);
		assert_memory_not_equal(one, two, sizeof one);
		assert_memory_not_equal(one, zero, sizeof one);
	}
	random_bytes(large, sizeof large);
	assert_memory_not_equal(large, large + 1000, 1000);
	random_bytes(one, 0);
}

static void a_fork_does_not_repeat(void **state)
{
	(void)state;
	uint8_t ours[16], theirs[16];
	random_bytes(ours, 1);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		random_bytes(theirs, sizeof theirs);
		_exit(write(ends[1], theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
	}
	random_bytes(ours, sizeof ours);
	assert_int_equal(read(ends[0], theirs, sizeof theirs), sizeof theirs);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_memory_not_equal(ours, theirs, sizeof ours);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),      cmocka_unit_test(known_text),             cmocka_unit_test(canonical_only),
		cmocka_unit_test(random_is_fresh), cmocka_unit_test(a_fork_does_not_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
