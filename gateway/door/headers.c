/* gateway/door/headers.c - strict where a wrong reading would matter, forgiving where only comfort is at stake. */
#include "gateway/door/headers.h"

enum { TRACEPARENT_CHARS = 55, KEY_CHARS_MIN = 8, KEY_CHARS_MAX = 255 };

enum lang header_lang(struct str accept_language)
{
	struct str rest = accept_language;
	while (rest.len > 0) {
		struct str one;
		str_cut(rest, ',', &one, &rest);
		one = str_trim(one);
		if (one.len >= 2 && str_eq_nocase((struct str){ one.at, 2 }, STR("zh")))
			return LANG_ZH;
		if (one.len >= 2 && str_eq_nocase((struct str){ one.at, 2 }, STR("en")))
			return LANG_EN;
	}
	return LANG_ZH;
}

/* 00-<32 hex>-<16 hex>-<2 hex>, all in lower case; version ff, zero ids and a version 00 with a tail are invalid. Its first 55 characters
 * go into the answer, so each is looked at. */
bool header_trace(struct str value, char out[33])
{
	static const char zeros[] = "00000000000000000000000000000000";
	out[0] = '\0';
	if (value.len < TRACEPARENT_CHARS || (value.len > TRACEPARENT_CHARS && (str_starts(value, STR("00")) || value.at[TRACEPARENT_CHARS] != '-')))
		return false;
	for (size_t i = 0; i < TRACEPARENT_CHARS; i++) {
		char c = value.at[i];
		bool is_dash = i == 2 || i == 35 || i == 52;
		if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	if (str_starts(value, STR("ff")) || memcmp(value.at + 3, zeros, 32) == 0 || memcmp(value.at + 36, zeros, 16) == 0)
		return false;
	memcpy(out, value.at + 3, 32);
	out[32] = '\0';
	return true;
}

bool header_bearer(struct str authorization, struct secret *out)
{
	struct str scheme, token;
	out->secret = STR_NONE;
	if (authorization.at == NULL)
		return true;
	if (!str_cut(authorization, ' ', &scheme, &token) || !str_eq_nocase(scheme, STR("bearer")) || !str_is_visible_ascii(token))
		return false;
	out->secret = token;
	return true;
}

bool header_is_basic(struct str authorization)
{
	struct str scheme, rest;
	return str_cut(authorization, ' ', &scheme, &rest) && str_eq_nocase(scheme, STR("basic"));
}

struct str header_media_type(struct str content_type)
{
	struct str type, parameters;
	str_cut(content_type, ';', &type, &parameters);
	return str_trim(type);
}

bool header_idempotency_key(struct str value, struct str *key)
{
	if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
		value = (struct str){ value.at + 1, value.len - 2 };
	*key = value;
	return value.len >= KEY_CHARS_MIN && value.len <= KEY_CHARS_MAX && str_is_visible_ascii(value);
}

static struct str opaque_part(struct str tag)
{
	return str_starts(tag, STR("W/")) ? (struct str){ tag.at + 2, tag.len - 2 } : tag;
}

bool header_has_etag(struct str if_none_match, struct str etag)
{
	struct str rest = if_none_match, one;
	if (str_eq(str_trim(rest), STR("*")))
		return true;
	while (rest.len > 0) {
		str_cut(rest, ',', &one, &rest);
		one = str_trim(one);
		if (one.len > 0 && str_eq(opaque_part(one), opaque_part(etag)))
			return true;
	}
	return false;
}
