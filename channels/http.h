/* channels/http.h - one call over HTTP and what came back, as data: codecs build the one and judge the other, a transport carries them.
 *
 * Thread: any; plain values.
 * Owns:   nothing; text lies in the arena of whoever makes the call and lives until the call's end was told. */
#ifndef CHANNELS_HTTP_H
#define CHANNELS_HTTP_H
#include "base/request.h"

enum { HTTP_CALL_HEADERS_MAX = 16, HTTP_ERROR_MAX = 96, HTTP_KEEPS_MAX = 5, HTTP_KEPT_BYTES_MAX = 1023 };

struct http_call {
	enum method method;           /* GET, POST, PUT or DELETE */
	struct str url;               /* absolute, http or https; the query exactly as it was signed. frame://host:port or frames://… (TLS): the body is one frame of CNNONTAX
	                               * (channels/nontax_frame.h) and so is the answer's, whose status is 200 */
	int header_count;
	struct header headers[HTTP_CALL_HEADERS_MAX]; /* Host and Content-Length are the transport's */
	struct str body;
	int64_t timeout_ms;           /* for the whole call, connecting included; > 0 */
	size_t answer_max;            /* bytes of body; more is HTTP_TOO_LARGE; 0: 64 KiB */
	const char *const *keeps;     /* literals, HTTP_KEEPS_MAX at most and a NULL: headers of the answer that its judge wants to see; NULL: none */
};

/* How a call ended. The difference that matters: may the peer have acted? */
enum http_end {
	HTTP_ANSWERED,   /* a whole answer is here */
	HTTP_NOT_SENT,   /* no: name, connection or TLS failed before a byte of the request left */
	HTTP_UNCLEAR,    /* perhaps: something was sent, no whole answer came */
	HTTP_TOO_LARGE,  /* perhaps: the answer is longer than answer_max */
};

struct http_answer {
	enum http_end end;
	int status;                   /* of ANSWERED and TOO_LARGE */
	struct str body, content_type, retry_after; /* STR_NONE: none */
	struct str kept[HTTP_KEEPS_MAX]; /* in the order of call.keeps; STR_NONE: it was not there, or too long */
	int64_t took_ms;
	bool is_late;                 /* of NOT_SENT and UNCLEAR: its time was over */
	char error[HTTP_ERROR_MAX];   /* English, for the log; "" when ANSWERED */
};
#endif
