/* services/applying/field_kinds.c - what each kind of answer looks like: small pure checks, one for a row. */
#include "services/applying/fields_inside.h"

#include "auth/identity_number.h"
#include "base/day.h"
#include "base/phone.h"
#include "services/services.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_OF(literal) { literal, sizeof(literal) - 1 }

/* ---- patterns ---- */

static bool all_of(struct str s, bool (*is)(unsigned char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is((unsigned char)s.at[i]))
			return false;
	return s.len > 0;
}

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
static bool is_letter_or_digit(unsigned char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
static bool is_digits(struct str s) { return all_of(s, is_digit); }
static bool is_alnum(struct str s) { return all_of(s, is_letter_or_digit); }
static bool is_post_code(struct str s) { return s.len == 6 && is_digits(s); }

/* Luhn, ISO/IEC 7812-1 */
static bool is_bank_card(struct str s)
{
	int sum = 0;
	if (s.len < 12 || s.len > 19 || !is_digits(s))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = s.at[s.len - 1 - i] - '0';
		if (i % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0;
}

static bool is_email(struct str s)
{
	struct str user, host, rest;
	if (s.len > 254 || !str_is_visible_ascii(s) || !str_cut(s, '@', &user, &host) || user.len == 0 || user.len > 64)
		return false;
	return memchr(host.at, '@', host.len) == NULL && str_cut(host, '.', &user, &rest) && user.len > 0 && rest.len > 0 && host.at[host.len - 1] != '.';
}

/* Of the unified ideographs, their first extension, and the dot of names of other peoples. */
static bool is_han_name(struct str s)
{
	size_t length = 0;
	for (size_t at = 0, bytes; at < s.len; at += bytes, length++) {
		const unsigned char *c = (const unsigned char *)s.at + at;
		bytes = str_utf8_char(s.at + at, s.len - at);
		int32_t point = bytes == 3 ? (c[0] & 0x0f) << 12 | (c[1] & 0x3f) << 6 | (c[2] & 0x3f) : bytes == 2 ? (c[0] & 0x1f) << 6 | (c[1] & 0x3f) : 0;
		bool is_dot = point == 0xb7 && at > 0 && at + bytes < s.len;
		if (!is_dot && !(point >= 0x4e00 && point <= 0x9fff) && !(point >= 0x3400 && point <= 0x4dbf))
			return false;
	}
	return length >= 2 && length <= 30;
}

/* ---- kinds ---- */

static bool check_any(const struct field *f, const json_t *answer)
{
	(void)f;
	(void)answer;
	return true;
}

static bool check_text(const struct field *f, const json_t *answer)
{
	return is_plain_text(field_text(answer)) && (f->pattern == NULL || f->pattern->check(field_text(answer)));
}

static bool check_money(const struct field *f, const json_t *answer)
{
	(void)f;
	return json_integer_value(answer) >= 0;
}

static bool check_date(const struct field *f, const json_t *answer)
{
	struct str s = field_text(answer);
	int32_t day;
	int64_t year, month, in_month;
	(void)f;
	if (day_from_text(s, &day))
		return true;
	/* days before 1970: births */
	return s.len == 10 && s.at[4] == '-' && s.at[7] == '-' && str_to_i64((struct str){ s.at, 4 }, 1900, 1969, &year) &&
	       str_to_i64((struct str){ s.at + 5, 2 }, 1, 12, &month) && is_digits((struct str){ s.at + 5, 2 }) && is_digits((struct str){ s.at + 8, 2 }) &&
	       str_to_i64((struct str){ s.at + 8, 2 }, 1, month_days((int)year, (int)month), &in_month);
}

static bool check_identity(const struct field *f, const json_t *answer)
{
	struct identity to;
	(void)f;
	return identity_person(field_text(answer), IDENTITY_LATEST_DAY, &to) == IDENTITY_FINE;
}

static bool check_uscc(const struct field *f, const json_t *answer)
{
	struct identity to;
	(void)f;
	return identity_organisation(field_text(answer), &to) == IDENTITY_FINE;
}

static bool check_phone(const struct field *f, const json_t *answer)
{
	char digits[PHONE_DIGITS + 1];
	(void)f;
	return phone_normal(field_text(answer), digits);
}

static bool check_region(const struct field *f, const json_t *answer)
{
	int64_t code;
	(void)f;
	return region_code_from(field_text(answer), &code);
}

static bool check_choice(const struct field *f, const json_t *answer)
{
	size_t i;
	json_t *choice;
	json_array_foreach((json_t *)f->choices, i, choice)
		if (json_equal(json_object_get(choice, "value"), answer))
			return true;
	return false;
}

static const struct field_kind kinds[] = {
#define KIND(name, text, answer, bounds, most, check, zh, en) { TEXT_OF(text), ANSWER_##answer, BOUNDS_##bounds, most, check, "not_a_" text },
#define PATTERN(...)
#include "services/applying/field_kinds.def"
#undef KIND
#undef PATTERN
};

static const struct field_pattern patterns[] = {
#define KIND(...)
#define PATTERN(text, check, zh, en) { TEXT_OF(text), check },
#include "services/applying/field_kinds.def"
#undef KIND
#undef PATTERN
};

const struct field_kind *field_kind_named(struct str text)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_eq(kinds[i].text, text))
			return &kinds[i];
	return NULL;
}

const struct field_pattern *field_pattern_named(struct str text)
{
	for (size_t i = 0; i < COUNT(patterns); i++)
		if (str_eq(patterns[i].text, text))
			return &patterns[i];
	return NULL;
}

bool field_is_kind(const struct field *f, int kind)
{
	return f->kind == &kinds[kind];
}
