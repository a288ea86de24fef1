/* Goal: two editions side by side name what was added, changed and removed, each once, files by content and material, certificates by digest. Method: rows of answers; lists of materials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/applying/application_changes.h"

#include <stdio.h>

static struct arena a;
static struct changes c;

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static const char *told(const char *before, const char *now, const struct material *files_before, int n_before, const struct material *files_now, int n_now)
{
	static char text[512];
	struct fail why;
	size_t len = 0;
	json_t *one = json_loads(before, 0, NULL), *two = json_loads(now, 0, NULL);
	fail_clear(&why);
	assert_true(changes_between(&(struct handed){ one, files_before, n_before }, &(struct handed){ two, files_now, n_now }, &a, &c, &why));
	text[0] = '\0';
	for (int i = 0; i < c.count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s %s", i > 0 ? ", " : "", STR_ARG(c.at[i].pointer), c.at[i].what);
	json_decref(one);
	json_decref(two);
	return text;
}

static void answers(void **state)
{
	(void)state;
	static const struct { const char *before, *now, *want; } rows[] = {
		{ "{}", "{}", "" },
		{ "{\"a\":1,\"b\":\"x\"}", "{\"b\":\"x\",\"a\":1}", "" },
		{ "{\"a\":1}", "{\"a\":2}", "/answers/a changed" },
		{ "{\"a\":1}", "{\"a\":\"1\"}", "/answers/a changed" },
		{ "{\"a\":1}", "{\"b\":1}", "/answers/b added, /answers/a removed" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(told(rows[i].before, rows[i].now, NULL, 0, NULL, 0), rows[i].want);
}

static void files(void **state)
{
	(void)state;
	const struct material before[] = { { .id = 1, .number = 1, .blob = 7 }, { .id = 2, .number = 2, .blob = 8 }, { .number = 3, .is_certificate = true, .sha256 = { 1 } } };
	/* brought again under another name, the same for another material, and another certificate */
	const struct material now[] = { { .id = 9, .number = 1, .blob = 7 }, { .id = 10, .number = 3, .blob = 8 }, { .number = 3, .is_certificate = true, .sha256 = { 2 } } };
	assert_string_equal(told("{}", "{}", before, 3, before, 3), "");
	assert_string_equal(told("{}", "{}", before, 3, now, 3), "/materials/3 added, /materials/3 added, /materials/2 removed, /materials/3 removed");
	assert_true(c.at[0].of_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(answers, begin, end), cmocka_unit_test_setup_teardown(files, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
