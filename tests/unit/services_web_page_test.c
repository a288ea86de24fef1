/* Goal: what is put into a page is a text there, whatever it is; a part is shown where its value is; and every page of web/ can be filled.
 * Method: rows of templates; each file as it lies in the program, held against the names its code gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/web_page.h"
#include <stdio.h>

static const struct web_value values[] = { { "a", { "1", 1 } }, { "evil", { "<\"'&>", 5 } }, { "empty", { "", 0 } }, { "none", { NULL, 0 } } };

static void filled(void **state)
{
	(void)state;
	static const struct { const char *template, *want; } rows[] = {
		{ "", "" }, { "text", "text" }, { "{{a}}", "1" }, { "x{{a}}y{{a}}", "x1y1" }, { "{{evil}}", "&lt;&quot;&#39;&amp;&gt;" }, { "[{{none}}]", "[]" }, { "{ {a} }", "{ {a} }" },
		{ "{{#a}}yes{{/a}}", "yes" }, { "{{#none}}no{{/none}}.", "." }, { "{{#empty}}there{{/empty}}", "there" }, { "{{#a}}{{evil}}{{/a}}!", "&lt;&quot;&#39;&amp;&gt;!" },
		{ "{{#a}}<{{#none}}x{{/none}}>{{/a}}", "<>" }, { "{{#none}}{{#a}}x{{/a}}{{/none}}", "" }, { "{{#a}}1{{/a}}{{#a}}2{{/a}}", "12" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct buf b;
		arena_init(&a, 1 << 16);
		buf_init(&b, &a, 16);
		web_fill(&b, str_c(rows[i].template), values, sizeof(values) / sizeof(values[0]));
		if (!buf_ok(&b) || !str_eq(buf_text(&b), str_c(rows[i].want)))
			fail_msg("\"%s\": %.*s", rows[i].template, STR_ARG(buf_text(&b)));
		arena_free(&a);
	}
}

/* Nothing that a browser would run or fetch from elsewhere, and each language of a page has the same parts. */
static void pages_are_plain(void **state)
{
	(void)state;
	static const char *const pages[] = { "receipt", "problem" };
	static const char *const never[] = { "<script", "<style", " style=", "http:", "https:", "javascript:", " onclick", "<img", "<iframe" };
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t marks[2] = { 0, 0 };
		for (int lang = 0; lang < 2; lang++) {
			char name[64];
			snprintf(name, sizeof(name), "%s.%s.html", pages[i], lang == 0 ? "zh" : "en");
			struct str text = web_file(name);
			for (size_t n = 0; n < sizeof(never) / sizeof(never[0]); n++)
				if (memmem(text.at, text.len, never[n], strlen(never[n])) != NULL)
					fail_msg("%s has %s", name, never[n]);
			for (size_t at = 0; at + 1 < text.len; at++)
				marks[lang] += text.at[at] == '{' && text.at[at + 1] == '{';
		}
		assert_int_equal(marks[0], marks[1]);
		assert_true(marks[0] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(filled), cmocka_unit_test(pages_are_plain) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
