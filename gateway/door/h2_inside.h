/* gateway/door/h2_inside.h - what h2.c (session, streams, answers), h2_head.c (requests), h2_feed.c (answers that go on) and h2_guard.c (abuse) share.
 * Thread: the loop's. */
#ifndef GATEWAY_DOOR_H2_INSIDE_H
#define GATEWAY_DOOR_H2_INSIDE_H
#include "gateway/door/conn.h"
#include "gateway/door/exchange.h"
#include <nghttp2/nghttp2.h>

struct h2 {
	struct conn *c;
	nghttp2_session *session;
	struct link streams;
	struct h2_stream *current; /* whose header block is coming in; NULL: none, or one that is dropped (trailers) */
	bool in_block;             /* between a HEADERS frame and its END_HEADERS */
	bool settled;              /* preface and first SETTINGS have come */
	bool draining, said_goaway, ended;
	bool names_known;          /* an answer was submitted: its header names are in the peer's HPACK table */
	uint32_t goaway_code;      /* what went out */
	int answers_open;          /* submitted, last byte not yet taken by nghttp2 */
	int64_t glitches_milli, glitch_at_ms;
	int64_t window_credit;     /* WINDOW_UPDATE frames that are still welcome */
	size_t idle_bytes;         /* read since something useful came of it */
};

struct h2_stream {
	struct link link; /* first: of h2's streams or the door's spares */
	struct exchange exchange;
	struct deadline deadline;
	struct h2 *h;
	struct task *task;
	int32_t id;
	uint32_t reset_code;  /* for a stream whose request is not taken to its end */
	bool wants_body, replied, remote_done, told_end, too_large, wrong_host;
	bool answer_open;
	/* the head, as it comes; all in the task's arena */
	struct header *headers;
	size_t header_count, header_cap;
	char *text, *text_end;
	size_t header_bytes, fields;
	struct str method, target, authority, host, protocol;
	int64_t length;       /* content-length, -1: none */
	int64_t body_began_ms;
	size_t skipped;       /* bytes of the body nobody wanted */
	size_t withheld;      /* bytes of the peer's window that a full sink holds back */
	/* the answer */
	struct str body;
	size_t sent;
	char status_text[4], length_text[21];
	/* one that goes on (h2_feed.c) */
	bool fed, is_tunnel, at_rest, last; /* at_rest: nghttp2 waits to be told of more */
	uint8_t *queue;       /* queue_at .. queue_len has not been taken yet */
	size_t queue_at, queue_len, queue_cap;
	size_t untold;        /* bytes of the peer's window that the feed's backlog holds back */
};

/* h2_head.c */
int h2_take_header(struct h2_stream *s, struct str name, struct str value); /* an nghttp2 callback's verdict */
void h2_take_head(struct h2_stream *s, bool end_stream);
void h2_take_end(struct h2_stream *s);
void h2_take_piece(struct h2_stream *s, const uint8_t *at, size_t len); /* of a body somebody wants */
void h2_give_window(struct h2_stream *s); /* what a full sink held back */
void h2_on_room(struct exchange *x);

/* h2_feed.c */
MUST_USE bool h2_feed_begin(struct h2_stream *s, const nghttp2_nv *nv, size_t count, bool is_tunnel);
void h2_feed_bytes(struct h2_stream *s, const uint8_t *at, size_t len); /* DATA in a tunnel */
void h2_feed_drop(struct h2_stream *s);
static inline bool h2_feed_rests(const struct h2_stream *s) { return s->fed && s->queue_at == s->queue_len; }
void h2_feed_more(struct exchange *x, const struct str *parts, int count);
size_t h2_feed_waiting(const struct exchange *x);
void h2_feed_taken(struct exchange *x);
void h2_feed_end(struct exchange *x, bool cut);

/* h2.c */
static inline struct h2_stream *h2_stream_of(struct exchange *x) { return (struct h2_stream *)((char *)x - offsetof(struct h2_stream, exchange)); }
void h2_close_answer(struct h2_stream *s);

/* h2_guard.c */
nghttp2_option *h2_guard_options(void); /* NULL: out of memory */
void h2_calm(struct h2 *h, const char *why);                 /* GOAWAY ENHANCE_YOUR_CALM, and the end */
void h2_glitch(struct h2 *h, int count, const char *what);   /* legal but suspicious: too many end the connection */
void h2_watch_received(struct h2 *h, const nghttp2_frame *frame);
void h2_watch_sent(struct h2 *h, const nghttp2_frame *frame);
int h2_watch_begun(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data);
int h2_watch_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd, void *user_data);
void h2_watch_bytes(struct h2 *h, size_t read);
#endif
