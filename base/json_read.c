/* base/json_read.c - why this exists: jansson is given only what is small and shallow, and what it yields is checked member by
 * member against a table, so that no handler looks at a stranger's JSON by hand. */
#include "base/json.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/ids.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool memory_refused;

/* jansson's lexer ignores a failed append and would go on with a shorter token, so we remember the refusal ourselves. */
static void *json_memory(size_t bytes)
{
	void *at = fault_hit(FAULT_json) ? NULL : malloc(bytes);
	if (at == NULL)
		memory_refused = true;
	return at;
}

static void start(void)
{
	size_t seed;
	random_bytes(&seed, sizeof seed);
	json_set_alloc_funcs(json_memory, free);
	json_object_seed(seed | 1); /* 0 would ask jansson for a seed of its own */
}

static bool bad(struct fail *why, int64_t line, const char *what)
{
	if (why->code != FAIL_NONE)
		return false;
	fail_note(why, FAIL_BAD_JSON, __FILE__, __LINE__, "%s, line %" PRId64, what, line);
	fail_fact_number(why, "line", line);
	return false;
}

/* What must be known before jansson builds anything: how deep and how many. Wrong syntax is left to jansson. */
static bool small_enough(struct str text, struct fail *why)
{
	int64_t line = 1, values = 0;
	int depth = 0;
	bool inside = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '\n')
			line++;
		if (inside) {
			if (c == '\\' && i + 1 < text.len && text.at[i + 1] != '\n')
				i++;
			else if (c == '"')
				inside = false;
			continue;
		}
		if (c == '"')
			inside = true;
		else if (c == '[' || c == '{')
			depth++;
		else if (c == ']' || c == '}')
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return bad(why, line, "nested too deeply");
		values += c == '[' || c == '{' || c == ',';
		if (values > JSON_VALUES_MAX)
			return bad(why, line, "too many values");
	}
	return true;
}

json_t *json_read(struct str text, struct fail *why)
{
	pthread_once(&once, start);
	if (text.len > JSON_BYTES_MAX) {
		FAILS(why, BODY_TOO_LARGE, "JSON of %zu bytes", text.len);
		return NULL;
	}
	if (str_starts(text, STR("\xef\xbb\xbf"))) {
		bad(why, 1, "byte order mark");
		return NULL;
	}
	if (!small_enough(text, why))
		return NULL;
	memory_refused = false;
	json_error_t error;
	json_t *found = json_loadb(text.len == 0 ? "" : text.at, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (memory_refused || (found == NULL && json_error_code(&error) == json_error_out_of_memory)) {
		json_decref(found);
		FAILS(why, MEMORY, "JSON of %zu bytes", text.len);
		return NULL;
	}
	if (found == NULL) {
		static const char *const words[] = {
			[json_error_invalid_utf8] = "not UTF-8",         [json_error_premature_end_of_input] = "ends early",
			[json_error_invalid_syntax] = "wrong syntax",    [json_error_end_of_input_expected] = "more than one value",
			[json_error_null_character] = "NUL in text",     [json_error_null_byte_in_key] = "NUL in a name",
			[json_error_duplicate_key] = "duplicate name",   [json_error_numeric_overflow] = "number out of range",
		};
		size_t code = (size_t)json_error_code(&error); /* jansson's own text quotes the body, which a log must not hold */
		bool known = code < sizeof words / sizeof words[0] && words[code] != NULL;
		bad(why, error.line > 0 ? error.line : 1, known ? words[code] : "refused");
	}
	return found;
}

/* -- from an object to a struct */

struct take {
	const char *at; /* pointer of the object */
	struct arena *arena;
	struct fail *why;
};

/* RFC 6901: "~" is "~0" and "/" is "~1" in a name. What does not fit is cut at a whole character by fail_point. */
static void point(const struct take *t, const char *name)
{
	char pointer[FAIL_POINTER_MAX + 8];
	size_t len = strlen(t->at);
	if (len > FAIL_POINTER_MAX)
		len = FAIL_POINTER_MAX;
	memcpy(pointer, t->at, len);
	pointer[len++] = '/';
	for (; *name != '\0' && len < FAIL_POINTER_MAX + 4; name++) {
		if (*name == '~' || *name == '/') {
			pointer[len++] = '~';
			pointer[len++] = *name == '~' ? '0' : '1';
		} else {
			pointer[len++] = *name;
		}
	}
	pointer[len] = '\0';
	fail_point(t->why, pointer);
}

static bool wrong(const struct take *t, const struct json_field *f, const char *what)
{
	FAILS(t->why, FIELD, "%s: %s", f->name, what);
	point(t, f->name);
	return false;
}

static bool out_of_range(const struct take *t, const struct json_field *f, const char *what)
{
	wrong(t, f, what);
	fail_fact_number(t->why, "min", f->min);
	fail_fact_number(t->why, "max", f->max);
	return false;
}

static bool bounded(const struct json_field *f)
{
	return f->min != 0 || f->max != 0;
}

static bool take_text(const struct take *t, const struct json_field *f, const json_t *value, struct str *to)
{
	if (!json_is_string(value))
		return wrong(t, f, "not a string");
	struct str text = { json_string_value(value), json_string_length(value) };
	int64_t points = (int64_t)str_utf8_length(text);
	if (bounded(f) && (points < f->min || points > f->max))
		return out_of_range(t, f, "length");
	*to = str_copy(t->arena, text);
	if (to->at == NULL)
		return FAILS(t->why, MEMORY, "%s", f->name);
	if (f->check != NULL && !f->check(*to, t->why))
		return t->why->code == FAIL_NONE ? wrong(t, f, "not accepted") : (point(t, f->name), false);
	return true;
}

static bool take_int(const struct take *t, const struct json_field *f, const json_t *value, int64_t *to)
{
	if (!json_is_integer(value))
		return wrong(t, f, "not a whole number");
	int64_t v = json_integer_value(value);
	if (bounded(f) && (v < f->min || v > f->max))
		return out_of_range(t, f, "value");
	*to = v;
	return true;
}

static bool take_time(const struct take *t, const struct json_field *f, const json_t *value, int64_t *to)
{
	struct str text = { json_string_value(value), json_string_length(value) };
	return (json_is_string(value) && time_from_rfc3339(text, to)) || wrong(t, f, "not an RFC 3339 time");
}

static bool take_one(const struct take *t, const struct json_field *f, json_t *value, char *out)
{
	void *to = out + f->offset;
	switch (f->kind) {
	case JSON_F_TEXT:
		return take_text(t, f, value, to);
	case JSON_F_INT:
		return take_int(t, f, value, to);
	case JSON_F_BOOL:
		*(bool *)to = json_is_true(value);
		return json_is_boolean(value) || wrong(t, f, "not true or false");
	case JSON_F_TIME:
		return take_time(t, f, value, to);
	case JSON_F_OBJECT:
		*(json_t **)to = value;
		return json_is_object(value) || wrong(t, f, "not an object");
	}
	assert(!"a kind of json_field");
	return false;
}

static bool known(const struct json_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return true;
	return false;
}

bool json_take(const json_t *object, const struct json_field *fields, size_t count, enum json_unknown unknown, const char *at,
	       void *out, struct arena *a, struct fail *why)
{
	struct take t = { at, a, why };
	if (!json_is_object(object)) {
		FAILS(why, BAD_REQUEST, "not an object");
		return at[0] == '\0' ? false : fail_point(why, at);
	}
	/* Unknown names first: a misspelt name is better told as such than as the missing one. */
	json_t *members = (json_t *)object; /* jansson's iterator wants it so, and writes nothing */
	for (void *it = json_object_iter(members); it != NULL && unknown == JSON_REFUSE_UNKNOWN; it = json_object_iter_next(members, it)) {
		const char *name = json_object_iter_key(it);
		if (known(fields, count, name))
			continue;
		FAILS(why, FIELD_UNKNOWN, "a member of \"%s\"", at);
		point(&t, name);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_object_get(object, fields[i].name);
		if (value != NULL && !json_is_null(value)) {
			if (!take_one(&t, &fields[i], value, out))
				return false;
		} else if (fields[i].required) {
			FAILS(why, FIELD_MISSING, "%s", fields[i].name);
			point(&t, fields[i].name);
			return false;
		}
	}
	return true;
}
