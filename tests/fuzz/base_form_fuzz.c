/* Forms: whatever comes in ends in a verdict; what is taken is UTF-8 within its bounds, and encoded again it reads the same. */
#include "base/form.h"

#include <assert.h>
#include <stdio.h>

enum { FIELDS = 3, NAME_MAX_POINTS = 16, FORM_BYTES = 65536 };

struct taken {
	struct str at[FIELDS];
};

static const struct form_field fields[FIELDS] = {
	{ "grant_type", true, 64, offsetof(struct taken, at[0]) },
	{ "code", false, NAME_MAX_POINTS, offsetof(struct taken, at[1]) },
	{ "device_name", false, NAME_MAX_POINTS, offsetof(struct taken, at[2]) },
};

static void encode(struct buf *b, const char *name, struct str value)
{
	buf_str(b, str_c(name));
	buf_char(b, '=');
	for (size_t i = 0; i < value.len; i++)
		buf_printf(b, "%%%02X", (unsigned char)value.at[i]);
	buf_char(b, '&');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct fail why;
	struct taken t = { 0 }, again = { 0 };
	struct buf b;
	if (size > FORM_BYTES)
		return 0;
	arena_init(&a, 4 << 20);
	fail_clear(&why);
	bool ok = form_take((struct str){ (const char *)data, size }, fields, FIELDS, &t, &a, &why);
	assert(ok == (why.code == FAIL_NONE));
	if (ok) {
		buf_init(&b, &a, 1024);
		for (int i = 0; i < FIELDS; i++) {
			assert(t.at[i].at != NULL || !fields[i].required);
			if (t.at[i].at == NULL)
				continue;
			assert(t.at[i].len > 0 && str_is_utf8(t.at[i]) && str_utf8_length(t.at[i]) <= fields[i].max);
			encode(&b, fields[i].name, t.at[i]);
		}
		assert(buf_ok(&b) && form_take(buf_text(&b), fields, FIELDS, &again, &a, &why));
		for (int i = 0; i < FIELDS; i++)
			assert(str_eq(t.at[i], again.at[i]));
	}
	arena_free(&a);
	return 0;
}
