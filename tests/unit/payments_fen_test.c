/* Goal: what is an amount is read to the fen, what is none is refused, and there is no floating point where money is.
 * Method: the vectors of tests/unit/vectors/payments.json and rows of our own; every amount below a thousand yuan and many above, written and read again; the sources of
 * payments/ and services/money/ word by word, by a search that is shown what it must see. */
#include "payments/fen.h"
#include <ftw.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void vectors(void **state)
{
	(void)state;
	json_error_t e;
	size_t i;
	json_t *all = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/vectors/payments.json", 0, &e), *row;
	assert_non_null(all);
	json_t *rows = json_object_get(json_object_get(all, "vectors"), "yuan_to_fen");
	assert_true(json_array_size(rows) > 10);
	json_array_foreach(rows, i, row) {
		const char *in = json_string_value(json_object_get(row, "in"));
		int64_t fen = -1;
		bool ok = fen_from_yuan(str_c(in), &fen);
		assert_true(ok == json_is_integer(json_object_get(row, "fen")));
		if (ok)
			assert_int_equal(fen, json_integer_value(json_object_get(row, "fen")));
	}
	json_decref(all);
}

static void what_is_no_amount(void **state)
{
	(void)state;
	static const char *const refused[] = { "", ".", "5.", ".5", "-1", "+1", " 1", "1 ", "1\n", "01", "00", "00.1", "1.000", "1.005", "1e3", "1E3", "1,000", "1_0", "0x10", "1.0.0", "1.-1",
		"1.+1", "１", "1．5", "١", "壹", "¥1", "1元", "NaN", "inf", "1.e", "9999999999999", "10000000000000000000000", "1.1e0", "0.1 " };
	int64_t fen;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (fen_from_yuan(str_c(refused[i]), &fen))
			fail_msg("taken: %s", refused[i]);
	assert_false(fen_from_yuan((struct str){ "1\0", 2 }, &fen));
	assert_false(fen_from_yuan(STR_NONE, &fen));
}

static void one(int64_t fen)
{
	char text[FEN_TEXT_BYTES];
	int64_t again = -1;
	size_t len = fen_yuan(fen, text);
	if (len != strlen(text) || !fen_from_yuan((struct str){ text, len }, &again) || again != fen)
		fail_msg("%lld is %s is %lld", (long long)fen, text, (long long)again);
}

static void there_and_back(void **state)
{
	(void)state;
	char text[FEN_TEXT_BYTES];
	for (int64_t fen = 0; fen < 100000; fen++)
		one(fen);
	for (int64_t fen = 1; fen < FEN_MAX / 7; fen = fen * 7 + 3)
		one(fen);
	one(FEN_MAX);
	fen_yuan(-5, text);
	assert_string_equal(text, "-0.05");
	fen_yuan(INT64_MIN, text);
	assert_string_equal(text, "-92233720368547758.08");
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool has_word(const char *text, const char *word)
{
	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		if ((at == text || !is_word(at[-1])) && !is_word(at[strlen(word)]))
			return true;
	return false;
}

/* %f and what is like it, as printf and scanf read it. */
static bool has_conversion(const char *text)
{
	for (const char *at = text; (at = strchr(at, '%')) != NULL;) {
		at += 1 + strspn(at + 1, "-+#0123456789.*'");
		at += strspn(at, "hlLqjzt");
		if (*at != '\0' && strchr("aAeEfFgG", *at) != NULL && !is_word(at[1]))
			return true;
		at += *at == '%';
	}
	return false;
}

/* 0.6, .5, 1e9; of code whose prose is blanked. */
static bool has_number(const char *text)
{
	for (const char *at = text; *at != '\0'; at++) {
		bool is_begin = *at >= '0' && *at <= '9' && (at == text || !is_word(at[-1]));
		size_t len = is_begin ? strspn(at, "0123456789") : 0;
		if (is_begin && (at[len] == '.' || ((at[len] == 'e' || at[len] == 'E') && strspn(at + len + 1, "+-0123456789") > 0)))
			return true;
		if (*at == '.' && at[1] >= '0' && at[1] <= '9' && (at == text || !is_word(at[-1])))
			return true;
	}
	return false;
}

/* Comments and what stands in quotes; a quote by itself opens nothing. */
static void blank_prose(char *s)
{
	while (*s != '\0') {
		if (strncmp(s, "'\"'", 3) == 0) {
			s += 3;
			continue;
		}
		char *end = s[0] == '/' && s[1] == '*' ? strstr(s + 2, "*/") : *s == '"' ? strchr(s + 1, '"') : NULL;
		if (end == NULL) {
			s++;
			continue;
		}
		size_t len = (size_t)(end - s) + (*s == '"' ? 1 : 2);
		memset(s, ' ', len);
		s += len;
	}
}

/* What is floating in a source, whose prose is blanked by that; NULL: nothing. */
static const char *floating_in(char *text)
{
	static const char *const words[] = { "float", "strtod", "strtof", "strtold", "atof", "json_real", "json_real_value", "json_number_value", "math", "tgmath", "lround", "llround", "rint",
		"lrint", "_Float64", "_Decimal64", "_Complex" };
	if (has_conversion(text))
		return "%f";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(text, words[i]))
			return words[i];
	blank_prose(text); /* there are other things that come double */
	return has_word(text, "double") ? "double" : has_number(text) ? "a number with a point" : NULL;
}

static void what_is_floating_is_seen(void **state)
{
	(void)state;
	static const struct { const char *text; bool is_floating; } rows[] = {
		{ "double x;", true }, { "long double x;", true }, { "float x;", true }, { "x = strtod(s, &end);", true }, { "x = strtold(s, &end);", true }, { "x = strtof(s, &end);", true },
		{ "x = json_number_value(j);", true }, { "x = json_real_value(j);", true }, { "#include <math.h>", true }, { "x = llround(y);", true },
		{ "printf(\"%f\", x);", true }, { "printf(\"%.2f yuan\", x);", true }, { "printf(\"%*.*Lf\", 1, 2, x);", true }, { "sscanf(s, \"%lf\", &x);", true }, { "printf(\"%08.3e\", x);", true },
		{ "printf(\"%%%g\", x);", true }, { "x = fen * 0.006;", true }, { "x = fen / 100.;", true }, { "x = .5 * fen;", true }, { "x = 1e2 * fen;", true }, { "x = 1E+2;", true },
		{ "int64_t fen; /* once a double, 0.5 of it */", false }, { "printf(\"%\" PRId64 \" a day\", x);", false }, { "printf(\"100%% for free\");", false }, { "x = a % e;", false },
		{ "s = \"80.05\";", false }, { "x = 0x1e2 + a.b5 + s[1].x;", false }, { "int is_doubled, refloated;", false }, { "printf(\"%zu: %.*s\", n, 5, f);", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "%s", rows[i].text);
		if ((floating_in(text) != NULL) != rows[i].is_floating)
			fail_msg("%s", rows[i].text);
	}
}

static int looked_into;

static int look_into(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static char text[1 << 19];
	size_t len = strlen(path);
	(void)st;
	(void)ftw;
	if (type != FTW_F || (strcmp(path + len - 2, ".c") != 0 && strcmp(path + len - 2, ".h") != 0 && strcmp(path + len - 4, ".def") != 0))
		return 0;
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	const char *what = floating_in(text);
	if (what != NULL)
		fail_msg("%s says %s", path, what);
	looked_into++;
	return 0;
}

static int none_in(const char *folder)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", SIBAN_SOURCE_DIR, folder);
	looked_into = 0;
	assert_int_equal(nftw(path, look_into, 8, FTW_PHYS), 0);
	return looked_into;
}

static void no_floating_point(void **state)
{
	(void)state;
	assert_true(none_in("payments") > 90);
	assert_true(none_in("services/money") > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(what_is_no_amount),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_floating_is_seen),
		cmocka_unit_test(no_floating_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
