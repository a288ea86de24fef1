/* auth/document.c - why this exists: one person who shows one paper at two doors must not become two. */
#include "auth/document.h"

enum { COUNTRY_LETTERS = 3, PASSPORT_MIN = 5, PASSPORT_MAX = 17, HM_SHORT = 9, HM_LONG = 11, TW_NEW = 8, TW_OLD = 11 };
_Static_assert(COUNTRY_LETTERS + 1 + PASSPORT_MAX <= IDENTITY_NUMBER_MAX, "the longest passport fits");

enum told_by { ITSELF = 1, NAME, COUNTRY };

static const struct { const char *text; enum told_by by; } documents[] = {
#define DOCUMENT(name, number, text, zh, by) [number] = { text, by },
#include "auth/documents.def"
#undef DOCUMENT
};
static const int KINDS = sizeof(documents) / sizeof(documents[0]);

const char *identity_kind_text(enum identity_kind kind)
{
	return kind > 0 && (int)kind < KINDS ? documents[kind].text : "";
}

static enum identity_kind kind_named(struct str text)
{
	for (int i = 1; i < KINDS; i++)
		if (str_eq(text, str_c(documents[i].text)))
			return (enum identity_kind)i;
	return IDENTITY_NONE;
}

/* ---- numbers ---- */

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }
static bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }

static size_t digits_from(struct str s, size_t at)
{
	size_t end = at;
	while (end < s.len && s.at[end] >= '0' && s.at[end] <= '9')
		end++;
	return end - at;
}

/* H for Hong Kong, M for Macao; the longer form bears how often it was issued. */
static bool is_hm_travel(struct str s)
{
	return (s.len == HM_SHORT || s.len == HM_LONG) && (upper(s.at[0]) == 'H' || upper(s.at[0]) == 'M') && digits_from(s, 1) == s.len - 1;
}

static bool is_tw_travel(struct str s)
{
	return (s.len == TW_NEW && digits_from(s, 0) == TW_NEW) || (s.len == TW_OLD && digits_from(s, 0) == TW_OLD - 1 && is_letter(s.at[TW_OLD - 1]));
}

static bool is_passport(struct str s)
{
	if (s.len < PASSPORT_MIN || s.len > PASSPORT_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_letter(s.at[i]) && !(s.at[i] >= '0' && s.at[i] <= '9'))
			return false;
	return true;
}

static bool is_country(struct str s)
{
	return s.len == COUNTRY_LETTERS && is_letter(s.at[0]) && is_letter(s.at[1]) && is_letter(s.at[2]);
}

static void keep(struct identity *out, struct str text)
{
	size_t len = strlen(out->number);
	for (size_t i = 0; i < text.len; i++)
		out->number[len + i] = upper(text.at[i]);
}

static enum identity_wrong named(enum identity_kind kind, const struct document_said *said, struct identity *out)
{
	struct str number = str_trim(said->number);
	bool fits = kind == IDENTITY_HM_TRAVEL ? is_hm_travel(number) : kind == IDENTITY_TW_TRAVEL ? is_tw_travel(number) : is_passport(number);
	*out = (struct identity){ .kind = IDENTITY_NONE };
	if (!fits)
		return IDENTITY_WRONG_FORMAT;
	if (documents[kind].by == COUNTRY) {
		keep(out, said->country);
		keep(out, STR(":"));
	}
	keep(out, number);
	out->kind = kind;
	return IDENTITY_FINE;
}

/* ---- which ---- */

enum identity_wrong document_identity(const struct document_said *said, unsigned takes, int32_t today, struct identity *out)
{
	enum identity_kind kind = said->type.at != NULL ? kind_named(said->type) : IDENTITY_NONE;
	bool is_any = said->type.at == NULL || (kind == IDENTITY_RESIDENT && (takes & DOCUMENTS_OF_RESIDENTS) != 0);
	*out = (struct identity){ .kind = IDENTITY_NONE };
	if (kind == IDENTITY_NONE && !is_any)
		return IDENTITY_WRONG_TYPE;
	if (documents[kind].by == COUNTRY ? !is_country(said->country) : said->country.at != NULL)
		return IDENTITY_WRONG_COUNTRY;
	if (kind == IDENTITY_ORGANISATION)
		return (takes & DOCUMENTS_OF_ORGANISATIONS) != 0 ? identity_organisation(said->number, out) : IDENTITY_WRONG_TYPE;
	if (!is_any && documents[kind].by != ITSELF)
		return named(kind, said, out);
	enum identity_wrong wrong = identity_person(said->number, today, out);
	return wrong == IDENTITY_FINE && !is_any && out->kind != kind ? IDENTITY_WRONG_TYPE : wrong;
}

struct document_number document_number(enum identity_kind kind, struct str kept)
{
	struct document_number n = { STR(""), kept };
	if (kind > 0 && (int)kind < KINDS && documents[kind].by == COUNTRY && kept.len > COUNTRY_LETTERS)
		n = (struct document_number){ { kept.at, COUNTRY_LETTERS }, { kept.at + COUNTRY_LETTERS + 1, kept.len - COUNTRY_LETTERS - 1 } };
	return n;
}
