/* Goal: no bytes crash json_read, json_take or the writer; what is accepted survives being written and read again.
 * Method: read; walk the value with the writer; read that; both must be equal. The raw bytes also go through json_put_text. */
#include "base/arena.h"
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

struct sample {
	struct str text, free_text;
	int64_t number, when;
	bool flag;
	json_t *object;
};

static bool not_empty(struct str s, struct fail *why)
{
	(void)why;
	return s.len > 0;
}

static const struct json_field fields[] = {
	{ .name = "text", .kind = JSON_F_TEXT, .required = true, .min = 1, .max = 20, .offset = offsetof(struct sample, text) },
	{ .name = "free", .kind = JSON_F_TEXT, .offset = offsetof(struct sample, free_text), .check = not_empty },
	{ .name = "number", .kind = JSON_F_INT, .min = -5, .max = 100, .offset = offsetof(struct sample, number) },
	{ .name = "when", .kind = JSON_F_TIME, .offset = offsetof(struct sample, when) },
	{ .name = "flag", .kind = JSON_F_BOOL, .offset = offsetof(struct sample, flag) },
	{ .name = "object", .kind = JSON_F_OBJECT, .offset = offsetof(struct sample, object) },
};

/* The writer has no reals and writes names as they are: such values are left out. */
static bool writable(const json_t *j)
{
	size_t i;
	const char *name;
	json_t *item;
	if (json_is_real(j))
		return false;
	json_array_foreach((json_t *)j, i, item)
		if (!writable(item))
			return false;
	json_object_foreach((json_t *)j, name, item) {
		for (const char *c = name; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || *c == '"' || *c == '\\')
				return false;
		if (!writable(item))
			return false;
	}
	return true;
}

static void put(struct json_out *out, const json_t *j)
{
	size_t i;
	const char *name;
	json_t *item;
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		json_put_object(out);
		json_object_foreach((json_t *)j, name, item) {
			json_put_name(out, name);
			put(out, item);
		}
		json_put_object_end(out);
		break;
	case JSON_ARRAY:
		json_put_array(out);
		json_array_foreach((json_t *)j, i, item)
			put(out, item);
		json_put_array_end(out);
		break;
	case JSON_STRING:
		json_put_text(out, (struct str){ json_string_value(j), json_string_length(j) });
		break;
	case JSON_INTEGER:
		json_put_number(out, json_integer_value(j));
		break;
	case JSON_NULL:
		json_put_nothing(out);
		break;
	default:
		json_put_boolean(out, json_is_true(j));
	}
}

static void take(const json_t *j, struct arena *a)
{
	for (int unknown = JSON_REFUSE_UNKNOWN; unknown <= JSON_IGNORE_UNKNOWN; unknown++) {
		struct sample out = { .number = 0 };
		struct fail why = { .code = FAIL_NONE };
		bool good = json_take(j, fields, sizeof fields / sizeof fields[0], (enum json_unknown)unknown, "", &out, a, &why);
		assert(good == (why.code == FAIL_NONE));
		assert(str_is_utf8(str_c(why.pointer)) && str_is_utf8(str_c(why.log)));
		assert(!good || (str_is_utf8(out.text) && str_utf8_length(out.text) <= 20 && out.number >= -5 && out.number <= 100 && out.when >= 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct fail why = { .code = FAIL_NONE };
	struct arena a;
	struct buf b;
	arena_init(&a, 16 << 20);
	buf_init(&b, &a, 0);
	DROP(json) json_t *j = json_read(in, &why);
	assert((j == NULL) == (why.code != FAIL_NONE));
	assert(j == NULL || str_is_utf8(in));
	if (j != NULL && writable(j)) {
		take(j, &a);
		struct json_out out = json_begin(&b);
		put(&out, j);
		bool fits = json_end(&out);
		DROP(json) json_t *back = json_read(buf_text(&b), &why);
		assert(!fits || b.len > JSON_BYTES_MAX || (back != NULL && json_equal(j, back)));
	}
	b.len = 0;
	struct json_out out = json_begin(&b);
	json_put_text(&out, in);
	bool fits = json_end(&out);
	fail_clear(&why);
	DROP(json) json_t *text = json_read(buf_text(&b), &why);
	bool has_nul = size > 0 && memchr(data, 0, size) != NULL;
	assert(!fits || b.len > JSON_BYTES_MAX || has_nul == (text == NULL));
	assert(text == NULL || !str_is_utf8(in) || (json_string_length(text) == size && memcmp(json_string_value(text), data, size) == 0));
	arena_free(&a);
	return 0;
}
