/* base/json_escape.h - the inside of a JSON string, for the writer and the log. Private to base/.
 * Thread: any. */
#ifndef BASE_JSON_ESCAPE_H
#define BASE_JSON_ESCAPE_H
#include "base/str.h"

/* Writes whole characters of `s`, escaped, while they fit into `max` bytes; *taken says how much of `s` they were, the result
 * how much was written. Controls (C1 too) become \u00XX, bytes that are not UTF-8 become U+FFFD. */
size_t json_escape(struct str s, char *out, size_t max, size_t *taken);
#endif
