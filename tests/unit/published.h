/* tests/unit/published.h - what whoever published a vector says of it: files of tests/unit/vectors, their digests, names of columns and amounts in yuan. */
#ifndef TESTS_PUBLISHED_H
#define TESTS_PUBLISHED_H
#include "base/hash.h"
#include "payments/fen.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* What whoever published it says of it. */
static inline json_t *published(const char *name)
{
	char path[512];
	json_error_t e;
	snprintf(path, sizeof path, "%s/tests/unit/vectors/%s", SIBAN_SOURCE_DIR, name);
	json_t *v = json_load_file(path, 0, &e);
	assert_non_null(v);
	return v;
}

static inline const char *cell(const json_t *v, const char *list, size_t at)
{
	return json_string_value(json_array_get(json_object_get(v, list), at));
}

static inline int64_t fen_of(const char *yuan)
{
	int64_t fen;
	assert_true(fen_from_yuan(str_c(yuan), &fen));
	return fen;
}

static inline int64_t number_of(const json_t *v, const char *name)
{
	assert_true(json_is_integer(json_object_get(v, name)));
	return json_integer_value(json_object_get(v, name));
}

static inline void digest_is(struct str text, const char *want)
{
	char hex[2 * SHA1_BYTES + 1];
	uint8_t sha1[SHA1_BYTES];
	struct sha256_run *run = sha1_begin();
	sha256_more(run, text);
	sha1_end(run, sha1);
	hex_text(sha1, SHA1_BYTES, hex);
	assert_string_equal(hex, want);
}

/* The line of column names in a file, as they are published. */
static inline bool has_names(struct str text, const json_t *names)
{
	char line[1024];
	size_t i, len = 0;
	json_t *name;
	json_array_foreach(names, i, name)
		len += (size_t)snprintf(line + len, sizeof line - len, "%s%s", i > 0 ? "," : "", json_string_value(name));
	return i > 0 && memmem(text.at, text.len, line, len) != NULL;
}
#endif
