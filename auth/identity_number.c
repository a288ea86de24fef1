/* auth/identity_number.c - every door that takes an identity number must read it the same way, or one person becomes two. */
#include "auth/identity_number.h"
#include <assert.h>

enum { OLD_RESIDENT_LENGTH = 15, OLD_FOREIGN_LENGTH = 15, PERSON_LENGTH = 18 };

/* Province pairs of GB/T 2260, beside which an address code is flagged. */
static const char known_provinces[] = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71";

static const char uscc_alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY"; /* GB 32100: no I O S V Z */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

static bool are_digits(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(at[i]))
			return false;
	return true;
}

static int32_t number_of(const char *at, size_t len)
{
	int32_t n = 0;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (at[i] - '0');
	return n;
}

static bool is_day(int year, int month, int day)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (month < 1 || month > 12 || day < 1)
		return false;
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && is_leap);
}

/* ISO 7064 MOD 11-2 over 17 digits. */
static char resident_check(const char *digits)
{
	static const int8_t weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;
	for (int i = 0; i < 17; i++)
		sum += weights[i] * (digits[i] - '0');
	return "10X98765432"[sum % 11];
}

static enum identity_kind kind_of(const char *number)
{
	if (number[0] == '9')
		return IDENTITY_FOREIGN_PR;
	if (memcmp(number, "810000", 6) == 0 || memcmp(number, "820000", 6) == 0 || memcmp(number, "830000", 6) == 0)
		return IDENTITY_HMT_RESIDENCE;
	return IDENTITY_RESIDENT;
}

/* 621200 is Longnan as a whole and was never on a card. No general rule for "…00": Jiayuguan (620200), Dongguan and others have no
 * counties, and their people bear the city's code. */
static bool is_impossible_area(const char *number)
{
	return number[0] == '0' || memcmp(number, "621200", 6) == 0;
}

static bool is_known_area(const char *number)
{
	for (const char *p = known_provinces; *p != '\0'; p += p[2] == ' ' ? 3 : 2)
		if (memcmp(p, number, 2) == 0)
			return true;
	return false;
}

static enum identity_wrong person_18(int32_t today, struct identity *out)
{
	const char *n = out->number;
	if (!are_digits(n, 17) || !(is_digit(n[17]) || n[17] == 'X'))
		return IDENTITY_WRONG_FORMAT;
	int32_t birth = number_of(n + 6, 8);
	if (birth < 19000101 || birth > today || !is_day(birth / 10000, birth / 100 % 100, birth % 100))
		return IDENTITY_WRONG_BIRTHDATE;
	if (resident_check(n) != n[17])
		return IDENTITY_WRONG_CHECK;
	enum identity_kind kind = kind_of(n);
	if (kind == IDENTITY_RESIDENT && is_impossible_area(n))
		return IDENTITY_WRONG_AREA;
	out->kind = kind;
	out->birth = birth;
	out->is_female = (n[16] - '0') % 2 == 0;
	out->is_area_unknown = kind == IDENTITY_RESIDENT && !is_known_area(n);
	return IDENTITY_FINE;
}

/* 3 letters of nationality, 4 digits of region, YYMMDD, 1 serial, 1 check: weights 7, 3, 1 mod 10, A = 10. */
static enum identity_wrong foreign_old(struct identity *out)
{
	static const int8_t weights[3] = { 7, 3, 1 };
	const char *n = out->number;
	int sum = 0;
	for (int i = 0; i < OLD_FOREIGN_LENGTH; i++) {
		if (i < 3 ? !is_upper(n[i]) : !is_digit(n[i]))
			return IDENTITY_WRONG_FORMAT;
		if (i < OLD_FOREIGN_LENGTH - 1)
			sum += weights[i % 3] * (i < 3 ? n[i] - 'A' + 10 : n[i] - '0');
	}
	if (!is_day(2000, number_of(n + 9, 2), number_of(n + 11, 2))) /* 2000 was a leap year: any century's day passes */
		return IDENTITY_WRONG_BIRTHDATE;
	if (sum % 10 != n[OLD_FOREIGN_LENGTH - 1] - '0')
		return IDENTITY_WRONG_CHECK;
	out->kind = IDENTITY_FOREIGN_PR_OLD;
	return IDENTITY_FINE;
}

enum identity_wrong identity_person(struct str text, int32_t today, struct identity *out)
{
	*out = (struct identity){ .kind = IDENTITY_NONE };
	text = str_trim(text);
	if (text.len != PERSON_LENGTH && text.len != OLD_RESIDENT_LENGTH)
		return IDENTITY_WRONG_FORMAT;
	for (size_t i = 0; i < text.len; i++)
		out->number[i] = text.at[i] >= 'a' && text.at[i] <= 'z' ? (char)(text.at[i] - 'a' + 'A') : text.at[i];
	if (text.len == PERSON_LENGTH)
		return person_18(today, out);
	return are_digits(text.at, text.len) ? IDENTITY_WRONG_OLD15 : foreign_old(out);
}

enum identity_wrong identity_organisation(struct str text, struct identity *out)
{
	*out = (struct identity){ .kind = IDENTITY_NONE };
	text = str_trim(text);
	if (text.len != IDENTITY_USCC_LENGTH)
		return IDENTITY_WRONG_LENGTH;
	int sum = 0, weight = 1, value = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.at[i] == '\0' ? NULL : strchr(uscc_alphabet, text.at[i]);
		if (at == NULL)
			return IDENTITY_WRONG_CHARSET;
		value = (int)(at - uscc_alphabet);
		if (i < IDENTITY_USCC_LENGTH - 1)
			sum += value * weight;
		weight = weight * 3 % 31;
	}
	if (!are_digits(text.at + 2, 6))
		return IDENTITY_WRONG_AREA;
	if (value != (31 - sum % 31) % 31)
		return IDENTITY_WRONG_CHECK;
	memcpy(out->number, text.at, text.len);
	out->kind = IDENTITY_ORGANISATION;
	return IDENTITY_FINE;
}

bool identity_15_to_18(struct str old, char out[IDENTITY_NUMBER_MAX + 1])
{
	if (old.len != OLD_RESIDENT_LENGTH || !are_digits(old.at, old.len))
		return false;
	memcpy(out, old.at, 6);
	memcpy(out + 6, "19", 2);
	memcpy(out + 8, old.at + 6, 9);
	out[17] = resident_check(out);
	out[18] = '\0';
	return true;
}

struct str identity_wrong_text(enum identity_wrong w)
{
	switch (w) {
	case IDENTITY_FINE: return STR("FINE");
#define X(name, text) case IDENTITY_WRONG_##name: return STR(text);
	IDENTITY_WRONGS(X)
#undef X
	}
	assert(!"an identity_wrong outside its table");
	return STR_NONE;
}

static bool is_mobile(struct str run)
{
	return run.len == 11 && run.at[0] == '1' && run.at[1] >= '3' && run.at[1] <= '9';
}

bool holds_personal_number(struct str text)
{
	for (size_t at = 0, end; at < text.len; at = end + 1) {
		for (end = at; end < text.len && text.at[end] >= '0' && text.at[end] <= '9';)
			end++;
		struct str run = { text.at + at, end - at };
		if (run.len == 17 && end < text.len && (text.at[end] == 'X' || text.at[end] == 'x'))
			run.len = 18;
		struct identity ignored;
		if (is_mobile(run) || (run.len == 18 && identity_person(run, IDENTITY_LATEST_DAY, &ignored) == IDENTITY_FINE))
			return true;
	}
	return false;
}
