/* services/guides/search_text.h - text as the search sees it: characters made alike, cut into words. Only search_*.c include it.
 * Thread: any; pure. */
#ifndef SERVICES_SEARCH_TEXT_H
#define SERVICES_SEARCH_TEXT_H
#include "base/str.h"

/* The next character of valid UTF-8, made alike; 0: a sign between words. *rest loses it. */
uint32_t search_char(struct str *rest);
/* At most `max` characters of `s`, made alike, fillers taken out, every run of signs a single 0, none at the beginning or end. Returns how many. */
int search_words(struct str s, uint32_t *out, int max);
#endif
