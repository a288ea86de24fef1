/* channels/retry_after.c - why this exists: two forms of one header, and a server's mistake must not silence us for a year. */
#include "channels/retry_after.h"

#include "base/clock.h"

#include <stdio.h>

enum { MOST_S = 86400 };

/* "Wed, 21 Oct 2026 07:28:00 GMT", the one form that may be sent. */
static bool http_date(struct str s, int64_t *ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char iso[32];
	if (s.len != 29 || memcmp(s.at + 3, ", ", 2) != 0 || memcmp(s.at + 25, " GMT", 4) != 0)
		return false;
	int month = 0;
	while (month < 12 && memcmp(months + month * (size_t)3, s.at + 8, 3) != 0)
		month++;
	if (month == 12)
		return false;
	int len = snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8sZ", s.at + 12, month + 1, s.at + 5, s.at + 17);
	return time_from_rfc3339((struct str){ iso, (size_t)len }, ms);
}

int64_t retry_after_ms(const struct http_answer *a, int64_t now_ms)
{
	int64_t s, at_ms;
	struct str text = str_trim(a->retry_after);
	if (text.len == 0)
		return 0;
	if (!str_to_i64(text, 0, INT64_C(1) << 40, &s)) {
		if (!http_date(text, &at_ms) || at_ms <= now_ms)
			return 0;
		s = (at_ms - now_ms + 999) / 1000;
	}
	return (s < MOST_S ? s : MOST_S) * 1000;
}
