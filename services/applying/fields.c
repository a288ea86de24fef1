/* services/applying/fields.c - a form is judged once, when its guide is written; its answers each time they come. */
#include "services/applying/fields.h"
#include "services/applying/fields_inside.h"

#include "services/services.h"

#include <stddef.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { POINTER_BYTES = FAIL_POINTER_MAX, TEXT_BYTES_MAX = 8000, MOST_WHEN_UNBOUNDED = 200 };

/* ---- a form ---- */

static bool check_key(struct str s, struct fail *why)
{
	(void)why;
	for (size_t i = 0; i < s.len; i++)
		if (!(s.at[i] >= 'a' && s.at[i] <= 'z') && !(i > 0 && (s.at[i] == '_' || (s.at[i] >= '0' && s.at[i] <= '9'))))
			return false;
	return true;
}

static const struct json_field field_fields[] = {
	{ "key", JSON_F_TEXT, true, 1, FIELD_KEY_MAX, offsetof(struct field, key), check_key },
	{ "label", JSON_F_TEXT, true, 1, 60, offsetof(struct field, label), check_plain_text },
	{ "type", JSON_F_TEXT, true, 1, 16, offsetof(struct field, type_text), NULL },
	{ "required", JSON_F_BOOL, true, 0, 0, offsetof(struct field, required), NULL },
	{ "min", JSON_F_INT, false, 0, 0, offsetof(struct field, min), NULL },
	{ "max", JSON_F_INT, false, 0, 0, offsetof(struct field, max), NULL },
	{ "pattern", JSON_F_TEXT, false, 1, 32, offsetof(struct field, pattern_text), NULL },
	{ "help", JSON_F_TEXT, false, 2, 200, offsetof(struct field, help), check_plain_text },
};

struct choice {
	struct str value, label;
};
static const struct json_field choice_fields[] = {
	{ "value", JSON_F_TEXT, true, 1, FIELD_KEY_MAX, offsetof(struct choice, value), check_visible_ascii },
	{ "label", JSON_F_TEXT, true, 1, 60, offsetof(struct choice, label), check_plain_text },
};

struct dependence {
	struct str field, is;
};
static const struct json_field dependence_fields[] = {
	{ "field", JSON_F_TEXT, true, 1, FIELD_KEY_MAX, offsetof(struct dependence, field), NULL },
	{ "is", JSON_F_TEXT, true, 1, FIELD_KEY_MAX, offsetof(struct dependence, is), NULL },
};

static bool wrong_at(struct fail *why, const char *at, const char *member, const char *reason)
{
	char pointer[POINTER_BYTES];
	snprintf(pointer, sizeof pointer, "%s%s", at, member);
	FAILS_FIELD(why, FIELD, pointer, "form: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

static bool kind_make(struct field *f, const char *at, struct fail *why)
{
	f->kind = field_kind_named(f->type_text);
	if (f->kind == NULL)
		return wrong_at(why, at, "/type", "no_such_type");
	f->pattern = field_pattern_named(f->pattern_text);
	if (f->pattern_text.at != NULL && (f->pattern == NULL || !field_is_kind(f, FIELD_KIND_TEXT)))
		return wrong_at(why, at, "/pattern", f->pattern == NULL ? "no_such_pattern" : "only_of_text");
	bool has_bounds = f->min != 0 || f->max != 0;
	if (has_bounds && f->kind->bounds == BOUNDS_NOTHING)
		return wrong_at(why, at, "/max", "no_bounds_of_this_type");
	if (has_bounds && (f->min > f->max || f->max > f->kind->most || f->min < (f->kind->bounds == BOUNDS_LENGTH ? 0 : -f->kind->most)))
		return wrong_at(why, at, "/max", "not_bounds");
	return true;
}

static bool choices_make(struct field *f, const json_t *choices, const char *at, struct arena *a, struct fail *why)
{
	char pointer[POINTER_BYTES];
	size_t count = json_array_size(choices);
	if (!field_is_kind(f, FIELD_KIND_CHOICE))
		return choices == NULL || wrong_at(why, at, "/choices", "only_of_choice");
	if (count < 2 || count > FIELD_CHOICES_MAX)
		return wrong_at(why, at, "/choices", "not_a_list_in_bounds");
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(choices, i);
		struct choice c = { .value = STR_NONE };
		snprintf(pointer, sizeof pointer, "%s/choices/%zu", at, i);
		if (!json_take(item, choice_fields, COUNT(choice_fields), JSON_REFUSE_UNKNOWN, pointer, &c, a, why))
			return false;
		for (size_t k = 0; k < i; k++)
			if (json_equal(json_object_get(json_array_get(choices, k), "value"), json_object_get(item, "value")))
				return wrong_at(why, pointer, "/value", "twice");
	}
	f->choices = choices;
	return true;
}

static int field_named(const struct fields *f, struct str key)
{
	for (int i = 0; i < f->count; i++)
		if (str_eq(f->of[i].key, key))
			return i;
	return -1;
}

static bool has_choice(const struct field *f, struct str value)
{
	size_t i;
	json_t *choice;
	if (field_is_kind(f, FIELD_KIND_YES_NO))
		return str_eq(value, STR("yes")) || str_eq(value, STR("no"));
	json_array_foreach((json_t *)f->choices, i, choice)
		if (str_eq(field_text(json_object_get(choice, "value")), value))
			return true;
	return false;
}

/* On what comes before it: so there are no circles, and a form can be walked once. */
static bool dependence_make(const struct fields *form, struct field *f, const json_t *on, const char *at, struct arena *a, struct fail *why)
{
	char pointer[POINTER_BYTES];
	struct dependence d = { .field = STR_NONE };
	f->depends_on = -1;
	if (on == NULL)
		return true;
	snprintf(pointer, sizeof pointer, "%s/depends_on", at);
	if (!json_take(on, dependence_fields, COUNT(dependence_fields), JSON_REFUSE_UNKNOWN, pointer, &d, a, why))
		return false;
	f->depends_on = field_named(form, d.field);
	if (f->depends_on < 0 || !(field_is_kind(&form->of[f->depends_on], FIELD_KIND_CHOICE) || field_is_kind(&form->of[f->depends_on], FIELD_KIND_YES_NO)))
		return wrong_at(why, pointer, "/field", "no_earlier_choice");
	f->depends_is = d.is;
	return has_choice(&form->of[f->depends_on], d.is) || wrong_at(why, pointer, "/is", "no_such_choice");
}

static bool field_take(const json_t *item, struct fields *out, struct arena *a, struct fail *why)
{
	char at[24];
	struct field *f = &out->of[out->count];
	*f = (struct field){ .key = STR_NONE };
	snprintf(at, sizeof at, "/form/%d", out->count);
	if (!json_is_object(item))
		return wrong_at(why, at, "", "not_an_object");
	DROP(json) json_t *rest = json_copy((json_t *)item);
	if (rest == NULL)
		return FAILS(why, MEMORY, "a field");
	json_object_del(rest, "choices");
	json_object_del(rest, "depends_on");
	if (!json_take(rest, field_fields, COUNT(field_fields), JSON_REFUSE_UNKNOWN, at, f, a, why))
		return false;
	if (field_named(out, f->key) >= 0)
		return wrong_at(why, at, "/key", "twice");
	if (!kind_make(f, at, why) || !choices_make(f, json_object_get(item, "choices"), at, a, why) ||
	    !dependence_make(out, f, json_object_get(item, "depends_on"), at, a, why))
		return false;
	out->count++;
	return true;
}

bool fields_take(const json_t *items, struct fields *out, struct arena *a, struct fail *why)
{
	size_t i;
	json_t *item;
	out->count = 0;
	if (items == NULL)
		return true; /* a matter without a form of its own */
	if (!json_is_array(items) || json_array_size(items) > FIELDS_MAX)
		return wrong_at(why, "/form", "", "not_a_list_in_bounds");
	json_array_foreach((json_t *)items, i, item)
		if (!field_take(item, out, a, why))
			return false;
	return true;
}

/* ---- answers ---- */

static const json_t *answer_to(const struct field *f, const json_t *answers)
{
	const json_t *found = json_object_getn(answers, f->key.at, f->key.len);
	return json_is_null(found) ? NULL : found;
}

static bool is_json_of(const struct field *f, const json_t *answer)
{
	switch (f->kind->answer) {
	case ANSWER_TEXT:   return json_is_string(answer);
	case ANSWER_NUMBER: return json_is_integer(answer);
	case ANSWER_YES_NO: return json_is_boolean(answer);
	}
	return false;
}

bool field_is_asked(const struct fields *f, int field, const json_t *answers)
{
	const struct field *of = &f->of[field];
	if (of->depends_on < 0)
		return true;
	const struct field *on = &f->of[of->depends_on];
	const json_t *answer = answer_to(on, answers);
	if (answer == NULL || !is_json_of(on, answer) || !field_is_asked(f, of->depends_on, answers))
		return false;
	struct str is = json_is_boolean(answer) ? (json_is_true(answer) ? STR("yes") : STR("no")) : field_text(answer);
	return str_eq(is, of->depends_is);
}

static bool fits_bounds(const struct field *f, const json_t *answer)
{
	bool has_bounds = f->min != 0 || f->max != 0;
	if (f->kind->bounds == BOUNDS_VALUE)
		return json_integer_value(answer) >= (has_bounds ? f->min : -f->kind->most) && json_integer_value(answer) <= (has_bounds ? f->max : f->kind->most);
	int64_t length = json_is_string(answer) ? (int64_t)str_utf8_length(field_text(answer)) : 1;
	return length >= 1 && (f->kind->bounds != BOUNDS_LENGTH || (length >= f->min && length <= (has_bounds ? f->max : MOST_WHEN_UNBOUNDED)));
}

/* NULL: nothing is wrong with it. */
static const char *wrong_with(const struct fields *form, int field, const json_t *answers)
{
	const struct field *f = &form->of[field];
	const json_t *answer = answer_to(f, answers);
	bool is_asked = field_is_asked(form, field, answers);
	if (answer == NULL)
		return is_asked && f->required ? "missing" : NULL;
	if (!is_asked)
		return "not_asked";
	if (!fits_bounds(f, answer))
		return "out_of_bounds";
	if (f->kind->check(f, answer))
		return NULL;
	return f->pattern != NULL && is_plain_text(field_text(answer)) ? "not_of_its_pattern" : f->kind->wrong;
}

/* RFC 6901: a stranger's name, cut to what a pointer may hold. */
static struct str pointer_of(struct arena *a, struct str name)
{
	char pointer[POINTER_BYTES];
	size_t len = (size_t)snprintf(pointer, sizeof pointer, "/answers/");
	for (size_t at = 0, bytes; at < name.len && len + 4 < sizeof pointer; at += bytes) {
		bytes = str_utf8_char(name.at + at, name.len - at);
		char c = name.at[at];
		if (bytes == 1 && (c == '~' || c == '/')) {
			pointer[len++] = '~';
			pointer[len++] = c == '~' ? '0' : '1';
		} else {
			memcpy(pointer + len, name.at + at, bytes);
			len += bytes;
		}
	}
	return str_copy(a, (struct str){ pointer, len });
}

struct judging {
	struct request *r;
	struct wrong_field *wrong;
	int count;
	bool has_memory;
};

static void note_wrong(struct judging *j, struct str name, const char *reason)
{
	if (j->count == FIELD_WRONG_MAX)
		return;
	struct str pointer = pointer_of(&j->r->arena, name);
	j->has_memory &= pointer.at != NULL;
	j->wrong[j->count++] = (struct wrong_field){ pointer, reason };
}

static bool is_known(const struct fields *f, const char *name)
{
	return field_named(f, str_c(name)) >= 0;
}

/* What could not even be kept. */
static void judge_shape(struct judging *j, const struct fields *f, const json_t *answers)
{
	const char *name;
	json_t *answer;
	json_object_foreach((json_t *)answers, name, answer)
		if (!is_known(f, name))
			note_wrong(j, str_c(name), "unknown");
	for (int i = 0; i < f->count; i++) {
		answer = (json_t *)answer_to(&f->of[i], answers);
		if (answer != NULL && !is_json_of(&f->of[i], answer))
			note_wrong(j, f->of[i].key, f->of[i].kind->wrong);
		else if (json_string_length(answer) > TEXT_BYTES_MAX)
			note_wrong(j, f->of[i].key, "out_of_bounds");
	}
}

static bool refuse(struct judging *j, struct fail *why)
{
	j->r->wrong = j->wrong;
	j->r->wrong_count = j->count;
	FAILS(why, FORM, "%d answers", j->count);
	if (j->count == 0)
		return fail_point(why, "/answers");
	char pointer[POINTER_BYTES];
	snprintf(pointer, sizeof pointer, "%.*s", STR_ARG(j->wrong[0].pointer));
	return fail_point(why, pointer);
}

bool fields_judge(const struct fields *f, const json_t *answers, enum fields_how how, struct request *r, struct wrong_field *wrong, int *count, struct fail *why)
{
	struct judging j = { .r = r, .wrong = wrong, .has_memory = true };
	*count = 0;
	if (!json_is_object(answers) || json_dumpb(answers, NULL, 0, JSON_COMPACT) > ANSWERS_BYTES_MAX)
		return refuse(&j, why);
	judge_shape(&j, f, answers);
	bool is_shaped = j.count == 0;
	for (int i = 0; i < f->count && is_shaped; i++) {
		const char *reason = wrong_with(f, i, answers);
		if (reason != NULL)
			note_wrong(&j, f->of[i].key, reason);
	}
	*count = j.count;
	if (!j.has_memory)
		return FAILS(why, MEMORY, "what is wrong");
	return (is_shaped && (how == FIELDS_DRAFT || j.count == 0)) || refuse(&j, why);
}

json_t *fields_carry(const struct fields *to, const json_t *answers)
{
	json_t *kept = json_object();
	for (int i = 0; kept != NULL && i < to->count; i++) {
		json_t *answer = (json_t *)answer_to(&to->of[i], answers);
		if (answer == NULL || !is_json_of(&to->of[i], answer))
			continue;
		if (json_object_setn(kept, to->of[i].key.at, to->of[i].key.len, answer) != 0) {
			json_decref(kept);
			return NULL;
		}
	}
	return kept;
}
