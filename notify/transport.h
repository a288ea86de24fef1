/* notify/transport.h - what carries calls outside: libcurl in the daemon, a replaying peer in the simulator.
 *
 * Thread: begin and done on the thread that steps the transport.
 * Owns:   the job stays its maker's memory; between begin and done it is the transport's. The answer's text lives until done returns. */
#ifndef NOTIFY_TRANSPORT_H
#define NOTIFY_TRANSPORT_H
#include "channels/http.h"

enum transport_kind { TRANSPORT_HTTP = 1, TRANSPORT_LINK = 3 };

struct transport_job {
	struct http_call call;
	struct http_answer answer;
	void (*done)(struct transport_job *job); /* exactly once, never from inside begin */
	/* the transport's, while it has the job */
	struct transport_job *next;
	int64_t began_ms;
	void *own;
};

struct transport {
	void (*begin)(struct transport *t, struct transport_job *job); /* cannot fail: what cannot be sent is done with NOT_SENT */
};
#endif
