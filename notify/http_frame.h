/* notify/http_frame.h - calls whose address is frame://host:port or frames://host:port (TLS): one frame there, one frame back, over a connection of its own. Libcurl resolves, connects and
 * speaks TLS, as it does for HTTP; what goes over the wire is ours. Private to notify/http_*.c.
 *
 * A whole frame is as long as its first eight bytes say (channels/nontax_frame.h): not a byte more is read, and whatever is no frame ends the call. As with HTTP, NOT_SENT means that no
 * byte left.
 * Thread: the stepper's. */
#ifndef NOTIFY_HTTP_FRAME_H
#define NOTIFY_HTTP_FRAME_H
#include "base/config.h"
#include "notify/transport.h"
#include <curl/curl.h>

struct http_frames;

enum { HTTP_FRAMES_MAX = 32 /* wires at once; who comes later waits */ };

/* `tell` says a job's end, with its answer filled; kept. NULL: no memory. */
struct http_frames *http_frames_make(CURLM *multi, void (*tell)(void *ctx, struct transport_job *job), void *ctx);
void http_frames_config(struct http_frames *f, const struct config *c);
void http_frames_drop(struct http_frames *f);   /* nothing is open; NULL is fine */

bool http_frame_is(const struct transport_job *job);
void http_frames_begin(struct http_frames *f, struct transport_job *job);
size_t http_frames_start(struct http_frames *f); /* those that wait, as wires are free; how many it tried */
bool http_frames_connected(struct http_frames *f, CURL *easy, CURLcode code); /* false: not one of these */
void http_frames_move(struct http_frames *f, int64_t now_ms); /* what can be written or read, and whose time is over */
unsigned http_frames_wires(const struct http_frames *f, struct curl_waitfd out[HTTP_FRAMES_MAX]);
int64_t http_frames_late_ms(const struct http_frames *f);     /* nobody's time is over before; INT64_MAX: nobody is here */
size_t http_frames_open(const struct http_frames *f);
void http_frames_end_all(struct http_frames *f, const char *why);
#endif
