/* base/form.c - pairs between '&', percent-decoded, one after the other. */
#include "base/form.h"
#include "base/request.h"
#include <stdio.h>

static const struct form_field *field_named(const struct form_field *fields, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, str_c(fields[i].name)))
			return &fields[i];
	return NULL;
}

static struct str *place_of(const struct form_field *f, void *out)
{
	return (struct str *)(void *)((char *)out + f->offset);
}

static bool wrong(struct fail *why, enum fail_code code, const struct form_field *f, const char *how)
{
	char pointer[FAIL_POINTER_MAX];
	snprintf(pointer, sizeof(pointer), "/%s", f->name);
	fail_note(why, code, __FILE__, __LINE__, "%s %s", f->name, how);
	return fail_point(why, pointer);
}

static bool take_pair(struct str pair, const struct form_field *fields, size_t count, void *out, struct arena *a, struct fail *why)
{
	struct str name, value;
	str_cut(pair, '=', &name, &value);
	name = percent_decoded(a, name, true);
	value = percent_decoded(a, value, true);
	if (name.at == NULL || value.at == NULL)
		return FAILS(why, BAD_REQUEST, "a pair that is badly encoded");
	const struct form_field *f = field_named(fields, count, name);
	if (f == NULL || value.len == 0)
		return true;
	struct str *place = place_of(f, out);
	if (place->at != NULL)
		return wrong(why, FAIL_FIELD, f, "was given twice");
	if (str_utf8_length(value) > f->max)
		return wrong(why, FAIL_FIELD, f, "is too long");
	*place = value;
	return true;
}

bool form_take(struct str body, const struct form_field *fields, size_t count, void *out, struct arena *a, struct fail *why)
{
	struct str pair, rest = body;
	for (int pairs = 0; rest.len > 0; pairs++) {
		if (pairs == FORM_PAIRS_MAX)
			return FAILS(why, BAD_REQUEST, "more than %d pairs", FORM_PAIRS_MAX);
		str_cut(rest, '&', &pair, &rest);
		if (pair.len > 0 && !take_pair(pair, fields, count, out, a, why))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && place_of(&fields[i], out)->at == NULL)
			return wrong(why, FAIL_FIELD_MISSING, &fields[i], "is missing");
	return true;
}
