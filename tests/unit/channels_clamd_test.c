/* Goal: only one whole answer is clean; what was found is named in letters a log can bear; everything else is no verdict. Method: rows of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "channels/clamd.h"

static const struct { const char *name; struct str answer; enum clamd_verdict want; const char *found; } rows[] = {
	{ "clean", STR("stream: OK\0"), CLAMD_CLEAN, "" },
	{ "clean, by lines", STR("stream: OK\n"), CLAMD_CLEAN, "" },
	{ "without an end", STR("stream: OK"), CLAMD_CLEAN, "" },
	{ "found", STR("stream: Win.Test.EICAR_HDB-1 FOUND\0"), CLAMD_FOUND, "Win.Test.EICAR_HDB-1" },
	{ "found, with a name that is none", STR("stream: a\"b\x01\xe7 c FOUND\0"), CLAMD_FOUND, "a\"b???c" },
	{ "too large for it", STR("INSTREAM size limit exceeded. ERROR\0"), CLAMD_ERROR, "" },
	{ "nothing", STR(""), CLAMD_NONSENSE, "" },
	{ "an end alone", STR("\0"), CLAMD_NONSENSE, "" },
	{ "half of it", STR("stream: O"), CLAMD_NONSENSE, "" },
	{ "two answers", STR("stream: OK\0stream: x FOUND\0"), CLAMD_NONSENSE, "" },
	{ "found nothing", STR("stream:  FOUND\0"), CLAMD_NONSENSE, "" },
	{ "another's", STR("/tmp/x: OK\0"), CLAMD_NONSENSE, "" },
	{ "found, and fine", STR("stream: x FOUND OK\0"), CLAMD_NONSENSE, "" },
	{ "unknown command", STR("UNKNOWN COMMAND\0"), CLAMD_NONSENSE, "" },
};

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char name[CLAMD_NAME_MAX + 1];
		enum clamd_verdict v = clamd_judge(rows[i].answer, name);
		if (v != rows[i].want)
			fail_msg("%s: %d", rows[i].name, v);
		assert_string_equal(name, rows[i].found);
	}
}

static void lengths(void **state)
{
	(void)state;
	uint8_t out[CLAMD_LENGTH_BYTES];
	clamd_length(0x01020304, out);
	assert_memory_equal(out, "\x01\x02\x03\x04", 4);
	clamd_length(0, out);
	assert_memory_equal(out, "\0\0\0\0", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(lengths) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
