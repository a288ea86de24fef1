/* Goal: a form is read as OAuth means it: each name once, empty is absent, unknown is ignored, and wrong bytes are refused by name.
 * Method: rows of bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/form.h"

struct taken {
	struct str grant, code;
};

static const struct form_field fields[] = {
	{ "grant_type", true, 20, offsetof(struct taken, grant) },
	{ "code", false, 6, offsetof(struct taken, code) },
};

static const struct { const char *body; enum fail_code want; const char *grant, *code, *pointer; } rows[] = {
	{ "grant_type=a", FAIL_NONE, "a", NULL, "" },
	{ "grant_type=a&code=1+2%2B3", FAIL_NONE, "a", "1 2+3", "" },
	{ "&&code=&grant_type=%E5%8A%9E&", FAIL_NONE, "办", NULL, "" },
	{ "code=%E5%8A%9E%E5%8A%9E%E5%8A%9E%E5%8A%9E%E5%8A%9E%E5%8A%9E&grant_type=a", FAIL_NONE, "a", "办办办办办办", "" },
	{ "state=x&grant_type=a&state=y&other", FAIL_NONE, "a", NULL, "" },
	{ "%67rant_type=a", FAIL_NONE, "a", NULL, "" },
	{ "", FAIL_FIELD_MISSING, NULL, NULL, "/grant_type" },
	{ "grant_type=", FAIL_FIELD_MISSING, NULL, NULL, "/grant_type" },
	{ "code=1", FAIL_FIELD_MISSING, NULL, NULL, "/grant_type" },
	{ "grant_type=a&grant_type=a", FAIL_FIELD, NULL, NULL, "/grant_type" },
	{ "grant_type=a&code=1234567", FAIL_FIELD, NULL, NULL, "/code" },
	{ "grant_type=a&code=%00", FAIL_BAD_REQUEST, NULL, NULL, "" },
	{ "grant_type=a&code=%4", FAIL_BAD_REQUEST, NULL, NULL, "" },
	{ "grant_type=a&code=%ff", FAIL_BAD_REQUEST, NULL, NULL, "" },
	{ "{\"grant_type\":\"a\"}", FAIL_FIELD_MISSING, NULL, NULL, "/grant_type" },
};

static void same(struct str have, const char *want)
{
	assert_int_equal(have.at == NULL, want == NULL);
	assert_true(want == NULL || str_eq(have, str_c(want)));
}

static void by_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct fail why;
		struct taken t = { 0 };
		arena_init(&a, 1 << 20);
		fail_clear(&why);
		bool ok = form_take(str_c(rows[i].body), fields, 2, &t, &a, &why);
		if (why.code != rows[i].want)
			fail_msg("%s: %s", rows[i].body, fail_row(why.code)->name);
		assert_int_equal(ok, rows[i].want == FAIL_NONE);
		assert_string_equal(why.pointer, rows[i].pointer);
		if (ok) {
			same(t.grant, rows[i].grant);
			same(t.code, rows[i].code);
		}
		arena_free(&a);
	}
}

static void too_many(void **state)
{
	(void)state;
	char body[4 * (FORM_PAIRS_MAX + 2)];
	struct arena a;
	struct fail why;
	struct taken t = { 0 };
	strcpy(body, "grant_type=a");
	for (int i = 0; i < FORM_PAIRS_MAX; i++)
		strcat(body, "&a");
	arena_init(&a, 1 << 20);
	fail_clear(&why);
	assert_false(form_take(str_c(body), fields, 2, &t, &a, &why));
	assert_int_equal(why.code, FAIL_BAD_REQUEST);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_rows), cmocka_unit_test(too_many) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
