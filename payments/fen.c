/* payments/fen.c - why this exists: 80.1 is no binary fraction, and a fen that is lost on the way is looked for at the close of the day. */
#include "payments/fen.h"

static bool digits(struct str s, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*out = *out * 10 + (s.at[i] - '0');
	}
	return s.len > 0;
}

bool fen_from_yuan(struct str text, int64_t *fen)
{
	enum { YUAN_DIGITS_MAX = 12 };
	struct str yuan, rest;
	int64_t whole, part = 0;
	bool has_point = str_cut(text, '.', &yuan, &rest);
	if (yuan.len > YUAN_DIGITS_MAX || (yuan.len > 1 && yuan.at[0] == '0') || !digits(yuan, &whole))
		return false;
	if (has_point && (rest.len > 2 || !digits(rest, &part)))
		return false;
	if (rest.len == 1)
		part *= 10;
	*fen = whole * 100 + part;
	return true;
}

size_t fen_yuan(int64_t fen, char out[FEN_TEXT_BYTES])
{
	size_t len = 0;
	uint64_t u = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
	if (fen < 0)
		out[len++] = '-';
	len += i64_text((int64_t)(u / 100), out + len);
	out[len++] = '.';
	memcpy(out + len, two_digits[u % 100], 2);
	len += 2;
	out[len] = '\0';
	return len;
}
