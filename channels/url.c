/* channels/url.c - why this exists: one way to escape, for paths, queries and forms alike. */
#include "channels/url.h"

bool url_base_is_right(struct str base)
{
	return str_is_visible_ascii(base) && (str_starts(base, STR("http://")) || str_starts(base, STR("https://"))) && base.len <= URL_BASE_MAX &&
	       !str_ends(base, STR("/")) && memchr(base.at, '?', base.len) == NULL && memchr(base.at, '#', base.len) == NULL && memchr(base.at, '@', base.len) == NULL;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL);
}

void url_escape(struct buf *b, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (is_unreserved((char)c)) {
			buf_char(b, (char)c);
			continue;
		}
		buf_char(b, '%');
		buf_char(b, digits[c >> 4]);
		buf_char(b, digits[c & 15]);
	}
}

void url_field(struct buf *b, char mark, const char *name, struct str value)
{
	if (mark != '\0')
		buf_char(b, mark);
	buf_str(b, str_c(name));
	buf_char(b, '=');
	url_escape(b, value);
}
