/* channels/url.h - the parts of an address that a codec writes: escaped, so that no value can become another part. Pure.
 * Thread: any. */
#ifndef CHANNELS_URL_H
#define CHANNELS_URL_H
#include "base/str.h"

enum { URL_BASE_MAX = 512 };

/* "http(s)://host[:port][/path]": visible ASCII, without a slash at its end, a query, a fragment or a user. */
bool url_base_is_right(struct str base);
/* All but letters, digits and "-._~" as %XX (RFC 3986 2.3). */
void url_escape(struct buf *b, struct str s);
/* `mark` ('?' or '&', or 0 for a form's first), "name=" and the value escaped. The name needs no escaping. */
void url_field(struct buf *b, char mark, const char *name, struct str value);
#endif
