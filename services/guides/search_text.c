/* services/guides/search_text.c - what a phone's keyboard makes of the same word, made alike. */
#include "services/guides/search_text.h"

enum { FULL_WIDTH_FIRST = 0xFF01, FULL_WIDTH_LAST = 0xFF5E, FULL_TO_HALF = 0xFEE0 };
enum { HAN_FIRST = 0x3400, HAN_LAST = 0x9FFF, HAN_COMPATIBLE_FIRST = 0xF900, HAN_COMPATIBLE_LAST = 0xFAFF, HAN_RARE_FIRST = 0x20000, HAN_RARE_LAST = 0x323AF };

static uint32_t decoded(const char *at, size_t bytes)
{
	static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (uint8_t)at[0] & first_bits[bytes];
	for (size_t i = 1; i < bytes; i++)
		c = c << 6 | ((uint8_t)at[i] & 0x3f);
	return c;
}

uint32_t search_char(struct str *rest)
{
	size_t bytes = str_utf8_char(rest->at, rest->len);
	uint32_t c = bytes == 0 ? 0 : decoded(rest->at, bytes);
	bytes += bytes == 0; /* not UTF-8: passed over as a sign */
	rest->at += bytes;
	rest->len -= bytes;
	if (c >= FULL_WIDTH_FIRST && c <= FULL_WIDTH_LAST)
		c -= FULL_TO_HALF;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return c;
	bool han = (c >= HAN_FIRST && c <= HAN_LAST) || (c >= HAN_COMPATIBLE_FIRST && c <= HAN_COMPATIBLE_LAST) || (c >= HAN_RARE_FIRST && c <= HAN_RARE_LAST);
	return han ? c : 0;
}

static const struct { struct str text; bool closes; } fillers[] = {
#define FILLER(text) { { text, sizeof(text) - 1 }, false },
#define CLOSING(text) { { text, sizeof(text) - 1 }, true },
#include "services/guides/search_fillers.def"
#undef FILLER
#undef CLOSING
};

static size_t filler_at(struct str s)
{
	for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
		size_t len = fillers[i].text.len;
		struct str rest = { s.at + len, s.len - len };
		if (str_starts(s, fillers[i].text) && (!fillers[i].closes || rest.len == 0 || search_char(&rest) == 0))
			return len;
	}
	return 0;
}

int search_words(struct str s, uint32_t *out, int max)
{
	int count = 0;
	while (s.len > 0 && count < max) {
		size_t skip = filler_at(s);
		uint32_t c = 0;
		if (skip > 0) {
			s.at += skip;
			s.len -= skip;
		} else {
			c = search_char(&s);
		}
		if (c != 0 || (count > 0 && out[count - 1] != 0))
			out[count++] = c;
	}
	return count > 0 && out[count - 1] == 0 ? count - 1 : count;
}
