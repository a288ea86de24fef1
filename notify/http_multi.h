/* notify/http_multi.h - calls over HTTP to the outside, hundreds at a time on one thread: libcurl's room.
 *
 * HTTP/2 where the peer speaks it (ALPN), else HTTP/1.1; connections are kept and bounded, in all and per host. No redirect, proxy, netrc, cookie
 * or other protocol; certificates are checked; an address that is not public is refused unless the host is named in outside.private_hosts or
 * this is development (reach.h). A name is resolved on a thread of libcurl's.
 *
 * NOT_SENT means that no byte of the request left. A POST is never sent twice on its own: libcurl would repeat one whose kept connection died
 * before the answer came, and is kept from it.
 *
 * Thread: the stepper's; http_multi_wake from any.
 * Errors: of one call in its answer. Header values and URLs with control characters are not sent. */
#ifndef NOTIFY_HTTP_MULTI_H
#define NOTIFY_HTTP_MULTI_H
#include "base/config.h"
#include "notify/transport.h"

struct http_multi;

struct http_multi *http_multi_make(const struct config *c, struct fail *why); /* `c` is kept by pointer */
struct transport *http_multi_transport(struct http_multi *m);
void http_multi_config(struct http_multi *m, const struct config *c);         /* after a reload; what is under way keeps what it began with */
/* Begins what waits, moves what can move, tells who is done; sleeps up to timeout_ms when there is nothing else to do. */
void http_multi_step(struct http_multi *m, int64_t timeout_ms);
void http_multi_wake(struct http_multi *m);   /* ends a sleep, the next one if there is none now */
size_t http_multi_open(const struct http_multi *m); /* calls begun and not done */
void http_multi_end_all(struct http_multi *m); /* every call is done, now: what waits as NOT_SENT, what left as UNCLEAR */
void http_multi_drop(struct http_multi *m);   /* nothing is open */
#endif
