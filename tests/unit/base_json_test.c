/* Goal: no text, however made, costs much or gets past json_read in a form that handlers do not expect; json_take names the
 * wrong member; what the writer writes is read back unchanged.
 * Method: a list of torture, each with its failure and its time; rows for json_take; the n-th allocation refused. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
enum { SLOW_MS = 2000 };
#else
enum { SLOW_MS = 100 };
#endif

static enum fail_code read_code(struct str text, int64_t *line)
{
	struct fail why = { .code = FAIL_NONE };
	int64_t before = clock_thread_cpu_ns();
	DROP(json) json_t *j = json_read(text, &why);
	assert_true(clock_thread_cpu_ns() - before < (int64_t)SLOW_MS * 1000000);
	assert_int_equal(j == NULL, why.code != FAIL_NONE);
	*line = -1;
	if (why.code == FAIL_BAD_JSON) {
		assert_int_equal(why.fact_count, 1);
		assert_string_equal(why.facts[0].name, "line");
		*line = why.facts[0].number;
	}
	return why.code;
}

static void torture_by_text(void **state)
{
	(void)state;
	static const struct { struct str text; enum fail_code want; int64_t line; } rows[] = {
#define ROW(literal, want, line) { { literal, sizeof(literal) - 1 }, want, line }
		ROW("null", FAIL_NONE, -1),
		ROW(" \r\n\t17 ", FAIL_NONE, -1),
		ROW("\"\xe5\x8a\x9e\"", FAIL_NONE, -1),
		ROW("\"\\ud83d\\ude00\"", FAIL_NONE, -1),
		ROW("[9223372036854775807,-9223372036854775808]", FAIL_NONE, -1),
		ROW("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \\\" {{{{{{\"", FAIL_NONE, -1),
		ROW("", FAIL_BAD_JSON, 1),
		ROW(" \n ", FAIL_BAD_JSON, 2),
		ROW("\xef\xbb\xbf{}", FAIL_BAD_JSON, 1),
		ROW("{\"a\":1,\n\"a\":2}", FAIL_BAD_JSON, 2),
		ROW("{\"a\":1,\n\"\\u0061\":2}", FAIL_BAD_JSON, 2),
		ROW("NaN", FAIL_BAD_JSON, 1),
		ROW("[Infinity]", FAIL_BAD_JSON, 1),
		ROW("[-Infinity]", FAIL_BAD_JSON, 1),
		ROW("\"\\ud800\"", FAIL_BAD_JSON, 1),
		ROW("\"\\udc00\"", FAIL_BAD_JSON, 1),
		ROW("\"\\ud800\\u0041\"", FAIL_BAD_JSON, 1),
		ROW("\"\xed\xa0\x80\"", FAIL_BAD_JSON, 1),
		ROW("\"\xc0\xaf\"", FAIL_BAD_JSON, 1),
		ROW("\"\xff\"", FAIL_BAD_JSON, 1),
		ROW("\"\xe5\x8a", FAIL_BAD_JSON, 1),
		ROW("\"\\u0000\"", FAIL_BAD_JSON, 1),
		ROW("{\"\\u0000\":1}", FAIL_BAD_JSON, 1),
		ROW("\"a\0b\"", FAIL_BAD_JSON, 1),
		ROW("{}\0", FAIL_BAD_JSON, 1),
		ROW("\0", FAIL_BAD_JSON, 1),
		ROW("\"\x01\"", FAIL_BAD_JSON, 1),
		ROW("\"a\nb\"", FAIL_BAD_JSON, 1),
		ROW("[1e309]", FAIL_BAD_JSON, 1),
		ROW("[-1e309]", FAIL_BAD_JSON, 1),
		ROW("[9223372036854775808]", FAIL_BAD_JSON, 1),
		ROW("[-9223372036854775809]", FAIL_BAD_JSON, 1),
		ROW("{} x", FAIL_BAD_JSON, 1),
		ROW("{}\n{}", FAIL_BAD_JSON, 2),
		ROW("[1,]", FAIL_BAD_JSON, 1),
		ROW("{'a':1}", FAIL_BAD_JSON, 1),
		ROW("[01]", FAIL_BAD_JSON, 1),
		ROW("[.5]", FAIL_BAD_JSON, 1),
		ROW("[1] // no", FAIL_BAD_JSON, 1),
		ROW("TRUE", FAIL_BAD_JSON, 1),
		ROW("]]]]", FAIL_BAD_JSON, 1),
		ROW("\"\\", FAIL_BAD_JSON, 1),
#undef ROW
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t line;
		enum fail_code got = read_code(rows[i].text, &line);
		if (got != rows[i].want || (got == FAIL_BAD_JSON && line != rows[i].line))
			fail_msg("row %zu (%.*s): %s, line %d", i, STR_ARG(rows[i].text), fail_row(got)->name, (int)line);
	}
	int64_t line;
	assert_int_equal(read_code(STR_NONE, &line), FAIL_BAD_JSON);
}

/* `head` repeated, in a text of `len` bytes. */
static char *repeated(const char *head, size_t len)
{
	char *text = malloc(len + 1);
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = head[i % strlen(head)];
	return text;
}

static void torture_by_size(void **state)
{
	(void)state;
	static const struct { const char *head; size_t len; enum fail_code want; } rows[] = {
		{ "[", 100000, FAIL_BAD_JSON },       { "{\"a\":", 500000, FAIL_BAD_JSON }, { "[{\"a\":", 600000, FAIL_BAD_JSON },
		{ "[", 10 << 20, FAIL_BODY_TOO_LARGE }, { " ", (1 << 20) + 1, FAIL_BODY_TOO_LARGE }, { " ", 1 << 20, FAIL_BAD_JSON },
		{ "1", 1 << 20, FAIL_BAD_JSON },      { "\"\\", 1 << 20, FAIL_BAD_JSON },   { "\\\"", 1 << 20, FAIL_BAD_JSON },
		{ "{}", 1 << 20, FAIL_BAD_JSON },     { ",", 1 << 20, FAIL_BAD_JSON },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = repeated(rows[i].head, rows[i].len);
		int64_t line;
		assert_int_equal(read_code((struct str){ text, rows[i].len }, &line), rows[i].want);
		free(text);
	}
}

/* Well-formed and as costly as the limits allow. */
static void torture_that_is_allowed(void **state)
{
	(void)state;
	int64_t line;
	char text[64];
	struct arena a;
	arena_init(&a, 8 << 20);
	struct buf b;
	buf_init(&b, &a, 1 << 20);
	for (int i = 0; i < JSON_VALUES_MAX / 2 - 1; i++)
		buf_str(&b, i == 0 ? STR("[{}") : STR(",{}"));
	buf_char(&b, ']');
	assert_int_equal(read_code(buf_text(&b), &line), FAIL_NONE);
	b.len = 0;
	for (int i = 0; i < 50000; i++)
		buf_printf(&b, "%c\"name%d\":%d", i == 0 ? '{' : ',', i, i);
	buf_char(&b, '}');
	assert_true(buf_ok(&b) && b.len < JSON_BYTES_MAX);
	assert_int_equal(read_code(buf_text(&b), &line), FAIL_NONE);
	for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		assert_int_equal(read_code((struct str){ text, 2 * (size_t)depth }, &line), depth <= JSON_DEPTH_MAX ? FAIL_NONE : FAIL_BAD_JSON);
	}
	arena_free(&a);
}

static void no_allocation_is_missed(void **state)
{
	(void)state;
	if (!fault_set(STR("json=")))
		skip();
	static const char text[] = "{\"a\":[1,2.5,\"a long text, longer than the lexer's first buffer\",{\"b\":null}],\"number\":1234567890123456789,"
				   "\"c\":[1,2,3,4,5,6,7,8,9,10],\"d\":1,\"e\":2,\"f\":3,\"g\":4,\"h\":5,\"i\":6,\"j\":7,\"k\":8}";
	struct fail why = { .code = FAIL_NONE };
	DROP(json) json_t *whole = json_read((struct str){ text, sizeof text - 1 }, &why);
	assert_non_null(whole);
	int n = 1;
	for (;; n++) {
		char set[32];
		snprintf(set, sizeof set, "json=%d", n);
		assert_true(fault_set(str_c(set)));
		fail_clear(&why);
		DROP(json) json_t *j = json_read((struct str){ text, sizeof text - 1 }, &why);
		bool asked = fault_count(FAULT_json) >= n;
		if (j != NULL) {
			assert_true(!asked && json_equal(j, whole));
			break;
		}
		assert_true(asked);
		assert_int_equal(why.code, FAIL_MEMORY);
	}
	fault_clear_all();
	assert_true(n > 20);
}

struct sample {
	struct str text;
	int64_t number;
	bool flag;
	int64_t when;
	json_t *object;
	struct str checked;
};

static bool is_upper(struct str s, struct fail *why)
{
	if (str_eq(s, STR("GONE")))
		return FAILS(why, GONE, "as the check says");
	return str_eq(s, STR("UPPER"));
}

static const struct json_field fields[] = {
	{ .name = "text", .kind = JSON_F_TEXT, .required = true, .min = 1, .max = 3, .offset = offsetof(struct sample, text) },
	{ .name = "number", .kind = JSON_F_INT, .min = 1, .max = 100, .offset = offsetof(struct sample, number) },
	{ .name = "flag", .kind = JSON_F_BOOL, .offset = offsetof(struct sample, flag) },
	{ .name = "when", .kind = JSON_F_TIME, .offset = offsetof(struct sample, when) },
	{ .name = "object", .kind = JSON_F_OBJECT, .offset = offsetof(struct sample, object) },
	{ .name = "checked", .kind = JSON_F_TEXT, .offset = offsetof(struct sample, checked), .check = is_upper },
};

static void taking(void **state)
{
	(void)state;
	static const struct { const char *text; enum json_unknown unknown; enum fail_code want; const char *pointer; } rows[] = {
		{ "{\"text\":\"\xe5\x8a\x9e\xe4\xbb\xb6\xe5\x8d\x95\"}", JSON_REFUSE_UNKNOWN, FAIL_NONE, "" },
		{ "{\"text\":\"abcd\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/text" },
		{ "{\"text\":\"\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/text" },
		{ "{\"text\":null}", JSON_REFUSE_UNKNOWN, FAIL_FIELD_MISSING, "/in/text" },
		{ "{}", JSON_REFUSE_UNKNOWN, FAIL_FIELD_MISSING, "/in/text" },
		{ "{\"text\":1}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/text" },
		{ "{\"tekst\":\"a\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD_UNKNOWN, "/in/tekst" },
		{ "{\"text\":\"a\",\"more\":1}", JSON_IGNORE_UNKNOWN, FAIL_NONE, "" },
		{ "{\"text\":\"a\",\"a/b~c\":1}", JSON_REFUSE_UNKNOWN, FAIL_FIELD_UNKNOWN, "/in/a~1b~0c" },
		{ "{\"text\":\"a\",\"number\":1.0}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/number" },
		{ "{\"text\":\"a\",\"number\":1e2}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/number" },
		{ "{\"text\":\"a\",\"number\":\"1\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/number" },
		{ "{\"text\":\"a\",\"number\":0}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/number" },
		{ "{\"text\":\"a\",\"number\":100,\"flag\":true,\"when\":\"1970-01-01T00:00:05Z\",\"object\":{\"x\":1}}", JSON_REFUSE_UNKNOWN, FAIL_NONE, "" },
		{ "{\"text\":\"a\",\"flag\":0}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/flag" },
		{ "{\"text\":\"a\",\"when\":5}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/when" },
		{ "{\"text\":\"a\",\"when\":\"yesterday\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/when" },
		{ "{\"text\":\"a\",\"object\":[]}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/object" },
		{ "{\"text\":\"a\",\"checked\":\"UPPER\"}", JSON_REFUSE_UNKNOWN, FAIL_NONE, "" },
		{ "{\"text\":\"a\",\"checked\":\"lower\"}", JSON_REFUSE_UNKNOWN, FAIL_FIELD, "/in/checked" },
		{ "{\"text\":\"a\",\"checked\":\"GONE\"}", JSON_REFUSE_UNKNOWN, FAIL_GONE, "/in/checked" },
		{ "[]", JSON_REFUSE_UNKNOWN, FAIL_BAD_REQUEST, "/in" },
		{ "null", JSON_REFUSE_UNKNOWN, FAIL_BAD_REQUEST, "/in" },
	};
	struct arena a;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fail why = { .code = FAIL_NONE };
		struct sample out = { .number = 0 };
		DROP(json) json_t *j = json_read(str_c(rows[i].text), &why);
		assert_non_null(j);
		bool good = json_take(j, fields, sizeof fields / sizeof fields[0], rows[i].unknown, "/in", &out, &a, &why);
		if (good != (rows[i].want == FAIL_NONE) || why.code != rows[i].want || strcmp(why.pointer, rows[i].pointer) != 0)
			fail_msg("%s: %s at %s", rows[i].text, fail_row(why.code)->name, why.pointer);
		if (out.object != NULL && good)
			assert_true(out.number == 100 && out.flag && out.when == 5000 && json_object_size(out.object) == 1);
	}
	arena_free(&a);
}

static void taking_with_long_names(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 16);
	struct fail why = { .code = FAIL_NONE };
	struct sample out = { .number = 0 };
	struct buf b;
	buf_init(&b, &a, 0);
	buf_str(&b, STR("{\"text\":\"a\",\""));
	for (int i = 0; i < 100; i++)
		buf_str(&b, STR("\xe5\x8a\x9e~"));
	buf_str(&b, STR("\":1}"));
	DROP(json) json_t *j = json_read(buf_text(&b), &why);
	assert_non_null(j);
	assert_false(json_take(j, fields, 6, JSON_REFUSE_UNKNOWN, "", &out, &a, &why));
	assert_int_equal(why.code, FAIL_FIELD_UNKNOWN);
	assert_true(str_is_utf8(str_c(why.pointer)) && strlen(why.pointer) > FAIL_POINTER_MAX - 5);
	fail_clear(&why);
	DROP(json) json_t *small = json_read(STR("{\"text\":\"a\"}"), &why);
	struct arena none;
	arena_init(&none, 0);
	assert_false(json_take(small, fields, 6, JSON_REFUSE_UNKNOWN, "", &out, &none, &why));
	assert_int_equal(why.code, FAIL_MEMORY);
	arena_free(&a);
}

static void writing(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 16);
	struct buf b;
	buf_init(&b, &a, 0);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "text", STR("a\"b\\c\n\r\t\x01\x1b\x7f\xc2\x9b\xc2\xa0\xe5\x8a\x9e\xff\xe5\x8a"));
	json_add_number(&j, "min", INT64_MIN);
	json_add_boolean(&j, "yes", true);
	json_add_nothing(&j, "none");
	json_add_time(&j, "time", 1795392000007);
	json_put_name(&j, "list");
	json_put_array(&j);
	json_put_number(&j, 1);
	json_put_object(&j);
	json_put_object_end(&j);
	json_put_text(&j, STR_NONE);
	json_put_nothing(&j);
	json_put_boolean(&j, false);
	json_put_time(&j, 0);
	json_put_array(&j);
	json_put_array_end(&j);
	json_put_array_end(&j);
	json_add_number(&j, "after", 0);
	json_put_object_end(&j);
	assert_true(json_end(&j));
	static const char want[] = "{\"text\":\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001b\\u007f\\u009b\xc2\xa0\xe5\x8a\x9e\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
				   "\"min\":-9223372036854775808,\"yes\":true,\"none\":null,\"time\":\"2026-11-23T08:00:00.007+08:00\","
				   "\"list\":[1,{},\"\",null,false,\"1970-01-01T08:00:00.000+08:00\",[]],\"after\":0}";
	assert_int_equal(b.len, sizeof want - 1);
	assert_memory_equal(b.at, want, b.len);
	struct fail why = { .code = FAIL_NONE };
	DROP(json) json_t *back = json_read(buf_text(&b), &why);
	assert_non_null(back);
	arena_free(&a);
}

static void writing_every_byte(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	for (unsigned first = 0; first < 256; first++) {
		char text[600];
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)(first + i * 7);
		for (size_t len = 0; len < sizeof text; len += 37) {
			arena_reset(&a);
			struct buf b;
			buf_init(&b, &a, 0);
			struct json_out j = json_begin(&b);
			json_put_text(&j, (struct str){ text, len });
			assert_true(json_end(&j));
			struct fail why = { .code = FAIL_NONE };
			DROP(json) json_t *back = json_read(buf_text(&b), &why);
			bool has_nul = memchr(text, 0, len) != NULL; /* written as \u0000, which our own reader refuses */
			assert_int_equal(back == NULL, has_nul);
			assert_int_equal(why.code, has_nul ? FAIL_BAD_JSON : FAIL_NONE);
		}
	}
	arena_free(&a);
}

static bool written_as_it_is(struct arena *a, const char *text, size_t len)
{
	arena_reset(a);
	struct buf b;
	buf_init(&b, a, 0);
	struct json_out j = json_begin(&b);
	json_put_text(&j, (struct str){ text, len });
	assert_true(json_end(&j));
	return b.len == len + 2 && memcmp(b.at + 1, text, len) == 0;
}

/* Characters of three bytes are copied eight at a time: each possible first and second byte at each of the eight places, among
 * characters that need no look. */
static void writing_runs_of_chinese(void **state)
{
	(void)state;
	enum { CHARS = 10 };
	struct arena a;
	arena_init(&a, 1 << 16);
	char text[3 * CHARS];
	for (size_t at = 0; at < CHARS; at++)
		for (int first = 0xe0; first <= 0xff; first++)
			for (int second = 0x7f; second <= 0xc0; second++)
				for (int third = 0x7f; third <= 0xc0; third += 0x41 / 5) {
					for (size_t i = 0; i < CHARS; i++)
						memcpy(text + 3 * i, i % 2 == 0 ? "\xe5\x8a\x9e" : "\xe1\xbf\x80", 3);
					text[3 * at] = (char)first;
					text[3 * at + 1] = (char)second;
					text[3 * at + 2] = (char)third;
					struct str s = { text, sizeof text };
					bool plain_third = third != 0x7f; /* DEL is escaped */
					if (written_as_it_is(&a, text, sizeof text) != (str_is_utf8(s) && plain_third && second != 0x7f))
						fail_msg("%02x %02x %02x as character %zu", (unsigned)first, (unsigned)second, (unsigned)third, at);
				}
	for (size_t len = 0; len <= sizeof text; len++) /* ends that cut a character */
		assert_int_equal(written_as_it_is(&a, "\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e\xe5\x8a\x9e", len),
				 len % 3 == 0);
	arena_free(&a);
}

static void writing_into_a_full_arena(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 9000);
	struct buf b;
	buf_init(&b, &a, 0);
	struct json_out j = json_begin(&b);
	json_put_array(&j);
	for (int i = 0; i < 2000; i++)
		json_put_text(&j, STR("does not fit"));
	json_put_array_end(&j);
	assert_false(json_end(&j));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torture_by_text), cmocka_unit_test(torture_by_size),        cmocka_unit_test(torture_that_is_allowed),
		cmocka_unit_test(taking),          cmocka_unit_test(taking_with_long_names), cmocka_unit_test(no_allocation_is_missed),
		cmocka_unit_test(writing),         cmocka_unit_test(writing_every_byte),     cmocka_unit_test(writing_into_a_full_arena),
		cmocka_unit_test(writing_runs_of_chinese),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
