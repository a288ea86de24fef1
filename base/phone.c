/* base/phone.c - why this exists: two ways of writing a number would be two people. */
#include "base/phone.h"
#include <string.h>

enum { LONGEST = PHONE_DIGITS + 4 };

/* -1: something that does not stand in a number, or too many of them. */
static int digits_of(struct str text, char digits[LONGEST])
{
	int n = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c >= '0' && c <= '9' && n < LONGEST)
			digits[n++] = c;
		else if (!(c == '+' && i == 0) && c != ' ' && c != '-')
			return -1;
	}
	return n;
}

bool phone_normal(struct str text, char out[PHONE_DIGITS + 1])
{
	char digits[LONGEST];
	int n = digits_of(text, digits), skip = 0;
	if (n == PHONE_DIGITS + 4 && memcmp(digits, "0086", 4) == 0)
		skip = 4;
	else if (n == PHONE_DIGITS + 2 && memcmp(digits, "86", 2) == 0)
		skip = 2;
	if (n - skip != PHONE_DIGITS || digits[skip] != '1' || digits[skip + 1] < '3')
		return false;
	memcpy(out, digits + skip, PHONE_DIGITS);
	out[PHONE_DIGITS] = '\0';
	return true;
}
