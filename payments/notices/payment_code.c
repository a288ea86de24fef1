/* payments/notices/payment_code.c - why this exists: a code that was mistyped should be known as such before a bank asks somebody to pay another's fine. */
#include "payments/notices/payment_code.h"

enum { DIVISION_DIGITS = 6, KIND_AT = 8 };

/* ISO 7064 MOD 11,10, pure system: one check digit over digits. */
static bool mod_11_10(const char *digits, size_t count)
{
	int p = 10;
	for (size_t i = 0; i + 1 < count; i++) {
		int s = (p + digits[i] - '0') % 10;
		p = (s == 0 ? 10 : s) * 2 % 11;
	}
	return (p + digits[count - 1] - '0') % 10 == 1;
}

enum payment_code_wrong payment_code_read(enum payment_code_profile profile, struct str text, char out[PAYMENT_CODE_DIGITS + 1], int64_t *division)
{
	size_t n = 0;
	*division = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == ' ' || c == '-')
			continue;
		if (c < '0' || c > '9' || n == PAYMENT_CODE_DIGITS)
			return PAYMENT_CODE_FORMAT;
		if (n < DIVISION_DIGITS)
			*division = *division * 10 + (c - '0');
		out[n++] = c;
	}
	if (n != PAYMENT_CODE_DIGITS)
		return PAYMENT_CODE_FORMAT;
	out[n] = '\0';
	if (profile == PAYMENT_CODE_SANDBOX && (!mod_11_10(out, n) || out[KIND_AT] < '1' || out[KIND_AT] > '3'))
		return PAYMENT_CODE_CHECK;
	return PAYMENT_CODE_FINE;
}
