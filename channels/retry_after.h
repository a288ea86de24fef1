/* channels/retry_after.h - what a server means by Retry-After (RFC 9110 10.2.3). Pure. */
#ifndef CHANNELS_RETRY_AFTER_H
#define CHANNELS_RETRY_AFTER_H
#include "channels/http.h"

/* Milliseconds to wait, at most a day; 0: it said nothing, or nothing that can be read. `now_ms` is for the form that is a date. */
int64_t retry_after_ms(const struct http_answer *a, int64_t now_ms);
#endif
