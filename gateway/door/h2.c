/* gateway/door/h2.c - streams and answers over nghttp2. The library calls back while it reads; answers are handed to it at once, and
 * leave together in the connection's turn: asking it for bytes inside its own callback is not allowed, and one write is cheaper than ten. */
#include "gateway/door/h2.h"
#include "gateway/door/h2_inside.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>

enum {
	SPARE_STREAMS_MAX = 1024,
	QUEUED_FRAMES_MAX = 256,  /* with bytes that cannot be written and this many frames behind them we stop reading */
	SKIP_BYTES_MAX = 1 << 20, /* of a body that nobody wants */
	WINDOW_CREDIT_FIRST = 100,
	LENGTH_TOLD_FROM = 16 << 10, /* a shorter body comes in one frame, which says how long it is */
};

/* ---- streams ---- */

static void on_stream_deadline(struct deadline *d, enum deadline_kind kind);
static void on_reply(struct exchange *x, struct task *t);
static const struct exchange_ops exchange_ops = {
	.reply = on_reply, .room = h2_on_room, .more = h2_feed_more, .waiting = h2_feed_waiting, .taken = h2_feed_taken, .end = h2_feed_end,
};

static struct h2_stream *stream_new(struct h2 *h, int32_t id)
{
	struct door *d = h->c->door;
	struct h2_stream *s;
	if (d->spare_stream_count > 0) {
		s = (struct h2_stream *)d->spare_streams.next;
		link_take(&s->link);
		d->spare_stream_count--;
	} else if ((s = malloc(sizeof(*s))) == NULL) {
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	link_init(&s->link);
	s->exchange.ops = &exchange_ops;
	deadline_init(&s->deadline, on_stream_deadline);
	s->h = h;
	s->id = id;
	s->length = -1;
	s->reset_code = NGHTTP2_NO_ERROR;
	s->task = task_begin(d->loop, h->c->face, &s->exchange);
	if (s->task == NULL) {
		free(s);
		return NULL;
	}
	link_put(&h->streams, &s->link);
	return s;
}

void h2_close_answer(struct h2_stream *s)
{
	if (s->answer_open)
		s->h->answers_open--;
	s->answer_open = false;
}

static void stream_drop(struct h2_stream *s)
{
	struct door *d = s->h->c->door;
	if (s->h->current == s) { /* nghttp2 found its header block wrong: the block's end is not told */
		s->h->current = NULL;
		s->h->in_block = false;
	}
	h2_close_answer(s);
	deadline_clear(&s->deadline);
	if (s->fed)
		h2_feed_drop(s);
	else if (s->replied)
		task_free(s->task);
	else
		task_abandon(s->task);
	link_take(&s->link);
	if (d->spare_stream_count >= SPARE_STREAMS_MAX) {
		free(s);
		return;
	}
	link_put(&d->spare_streams, &s->link);
	d->spare_stream_count++;
}

void h2_drop_spares(struct door *d)
{
	while (!link_is_alone(&d->spare_streams)) {
		struct h2_stream *s = (struct h2_stream *)d->spare_streams.next;
		link_take(&s->link);
		free(s);
	}
	d->spare_stream_count = 0;
}

static void on_stream_deadline(struct deadline *d, enum deadline_kind kind)
{
	struct h2_stream *s = (struct h2_stream *)((char *)d - offsetof(struct h2_stream, deadline));
	conn_dirty(s->h->c);
	if (kind == DEADLINE_WRITE) {
		conn_count_end(END_WRITE_TIMEOUT);
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
		return;
	}
	conn_count_end(END_BODY_TIMEOUT);
	s->wants_body = false;
	s->reset_code = NGHTTP2_CANCEL;
	if (s->replied)
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	else
		task_refuse(s->task, FAIL_BODY_TIMEOUT, "body timeout");
}

/* ---- answers ---- */

/* Answered before the request was complete. RFC 9113 8.1 allows a reset at once, but clients are about that lose the answer over it
 * (curl 7.88 does); so a body of ordinary size is read past first. */
static void stop_request(struct h2_stream *s)
{
	if (s->reset_code == NGHTTP2_NO_ERROR && s->length <= SKIP_BYTES_MAX && s->skipped <= SKIP_BYTES_MAX)
		deadline_set(&s->h->c->door->deadlines, &s->deadline, DEADLINE_BODY, door_now_ms(s->h->c->door));
	else
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, s->reset_code);
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct h2_stream *s = source->ptr;
	(void)user_data;
	size_t n = s->body.len - s->sent < room ? s->body.len - s->sent : room;
	memcpy(to, s->body.at + s->sent, n);
	s->sent += n;
	if (s->deadline.kind == DEADLINE_WRITE)
		deadline_set(&s->h->c->door->deadlines, &s->deadline, DEADLINE_WRITE, door_now_ms(s->h->c->door));
	if (s->sent < s->body.len)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	h2_close_answer(s);
	if (!s->remote_done && nghttp2_session_get_stream_remote_close(session, id) == 0)
		stop_request(s);
	return (ssize_t)n;
}

enum { NV_STAYS = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE }; /* the bytes outlive the frame */

static inline void put_nv(nghttp2_nv *nv, struct str name, struct str value, int flags)
{
	*nv = (nghttp2_nv){ (uint8_t *)name.at, (uint8_t *)value.at, name.len, value.len, (uint8_t)flags };
}

static void on_reply(struct exchange *x, struct task *t)
{
	struct h2_stream *s = h2_stream_of(x);
	struct h2 *h = s->h;
	struct answer a;
	nghttp2_nv nv[ANSWER_HEADERS_MAX + 2];
	size_t n = 0;
	s->replied = true;
	h2_give_window(s);
	deadline_clear(&s->deadline);
	conn_dirty(h->c);
	task_answer(t, &a);
	for (int i = 2, status = a.status; i >= 0; i--, status /= 10)
		s->status_text[i] = (char)('0' + status % 10);
	int stays = x->feed == NULL ? NV_STAYS : 0;
	put_nv(&nv[n++], STR(":status"), (struct str){ s->status_text, 3 }, stays);
	/* The first answer leaves all names in the peer's table; afterwards a changing value costs its own bytes only. */
	for (int i = 0; i < a.count; i++)
		put_nv(&nv[n++], a.headers[i].name, a.headers[i].value, stays | (a.headers[i].never_index && h->names_known ? NGHTTP2_NV_FLAG_NO_INDEX : 0));
	h->names_known = true;
	if (x->feed != NULL) {
		if (!h2_feed_begin(s, nv, n, task_request(t)->reply.goes_on == REPLY_TUNNEL))
			nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	if (a.body_length != SIZE_MAX && (a.body_length >= LENGTH_TOLD_FROM || a.body.len == 0))
		put_nv(&nv[n++], STR("content-length"), (struct str){ s->length_text, i64_text((int64_t)a.body_length, s->length_text) }, stays);
	s->body = a.body;
	s->answer_open = a.body.len > 0;
	h->answers_open += s->answer_open;
	nghttp2_data_provider provider = { .source.ptr = s, .read_callback = read_body };
	if (nghttp2_submit_response(h->session, s->id, nv, n, s->answer_open ? &provider : NULL) != 0)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}

/* ---- what nghttp2 tells ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2 *h = user_data;
	h->in_block = true;
	h->current = NULL;
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* trailers are dropped */
	if (h->c->deadline.kind == DEADLINE_IDLE)
		deadline_clear(&h->c->deadline);
	struct h2_stream *s = stream_new(h, frame->hd.stream_id);
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h->current = s;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
	size_t value_len, uint8_t flags, void *user_data)
{
	struct h2 *h = user_data;
	(void)session, (void)frame, (void)flags;
	if (h->current == NULL)
		return h->ended ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
	return h2_take_header(h->current, (struct str){ (const char *)name, name_len }, (struct str){ (const char *)value, value_len });
}

static void on_headers_end(struct h2 *h, const nghttp2_frame *frame)
{
	struct h2_stream *s = h->current;
	bool end_stream = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	h->in_block = false;
	h->current = NULL;
	if (h->c->deadline.kind == DEADLINE_HEADER)
		deadline_clear(&h->c->deadline);
	if (s != NULL) {
		h2_take_head(s, end_stream);
		return;
	}
	s = nghttp2_session_get_stream_user_data(h->session, frame->hd.stream_id);
	if (s != NULL && end_stream) {
		s->remote_done = true;
		h2_take_end(s);
	}
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2 *h = user_data;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		on_headers_end(h, frame);
		return 0;
	}
	h2_watch_received(h, frame);
	if (frame->hd.type == NGHTTP2_SETTINGS && !h->settled) {
		h->settled = true;
		deadline_clear(&h->c->deadline);
	}
	if (frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
		if (s != NULL) {
			s->remote_done = true;
			h2_take_end(s);
		}
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at, size_t len, void *user_data)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	(void)flags, (void)user_data;
	if (s != NULL && s->is_tunnel) {
		h2_feed_bytes(s, at, len);
		return 0;
	}
	if (s != NULL && s->wants_body && !s->replied && !s->told_end)
		h2_take_piece(s, at, len);
	bool taken = s != NULL && s->wants_body && !s->replied;
	if (taken && task_is_full(s->task)) {
		s->withheld += len;
		nghttp2_session_consume_connection(session, len);
		return 0;
	}
	if (s != NULL && !taken)
		s->skipped += len;
	if (taken || (s != NULL && s->skipped <= SKIP_BYTES_MAX)) {
		nghttp2_session_consume(session, id, len);
		return 0;
	}
	nghttp2_session_consume_connection(session, len); /* the stream's window stays shut: nobody wants more */
	if (s != NULL && s->replied && !s->answer_open)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, s->reset_code);
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	if (frame->hd.type != NGHTTP2_HEADERS) {
		h2_watch_sent(user_data, frame);
		return 0;
	}
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s != NULL && !s->remote_done && nghttp2_session_get_stream_remote_close(session, s->id) == 0)
		stop_request(s);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	(void)code, (void)user_data;
	if (s != NULL) {
		nghttp2_session_set_stream_user_data(session, id, NULL);
		stream_drop(s);
	}
	return 0;
}

/* ---- what a connection asks of us ---- */

static void h2_input(struct conn *c, const uint8_t *at, size_t len)
{
	struct h2 *h = c->state;
	ssize_t n = nghttp2_session_mem_recv(h->session, at, len);
	if (n < 0 && !h->ended) {
		bool flood = n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
		h->ended = true;
		LOG_EVENT(h2_goaway, STR_NONE, L_C(nghttp2_strerror((int)n)));
		if (n != NGHTTP2_ERR_BAD_CLIENT_MAGIC)
			nghttp2_session_terminate_session(h->session, flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
		conn_finish(c, flood ? END_FLOOD : END_PROTOCOL, "HTTP/2 error");
	}
	h2_watch_bytes(h, len);
}

/* Answers that flow control holds back: only then is it worth a look who waits. */
static void watch_stalled(struct h2 *h)
{
	for (struct link *at = h->streams.next; at != &h->streams; at = at->next) {
		struct h2_stream *s = (struct h2_stream *)at;
		if (s->answer_open && s->deadline.kind == DEADLINE_NONE && !h2_feed_rests(s))
			deadline_set(&h->c->door->deadlines, &s->deadline, DEADLINE_WRITE, door_now_ms(h->c->door));
	}
}

static void collect(struct h2 *h)
{
	struct conn *c = h->c;
	uint8_t *out = c->door->out;
	size_t used = 0;
	const uint8_t *at;
	ssize_t n = 0;
	while (conn_waiting(c) == 0 && !c->failed && (n = nghttp2_session_mem_send(h->session, &at)) > 0) {
		if (used + (size_t)n > DOOR_OUT_BYTES) {
			conn_write(c, out, used);
			used = 0;
		}
		if (conn_waiting(c) > 0) {
			conn_queue(c, at, (size_t)n);
			continue;
		}
		memcpy(out + used, at, (size_t)n);
		used += (size_t)n;
	}
	if (used > 0)
		conn_write(c, out, used);
	if (n < 0)
		c->failed = true; /* out of memory inside nghttp2 */
}

static void h2_output(struct conn *c)
{
	struct h2 *h = c->state;
	if (h->draining && !h->said_goaway && link_is_alone(&h->streams)) {
		h->said_goaway = true;
		nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
	}
	collect(h);
	if (h->answers_open > 0)
		watch_stalled(h);
	if (h->draining && !h->said_goaway && link_is_alone(&h->streams))
		conn_dirty(c); /* the last answer has just left */
	if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
		conn_finish(c, h->goaway_code != NGHTTP2_NO_ERROR ? END_PROTOCOL : END_NORMAL, "HTTP/2 session over");
}

static enum deadline_kind h2_waits_for(const struct conn *c)
{
	const struct h2 *h = c->state;
	if (!h->settled || h->in_block)
		return DEADLINE_HEADER;
	return link_is_alone(&h->streams) ? DEADLINE_IDLE : DEADLINE_NONE; /* streams have deadlines of their own */
}

static void h2_expired(struct conn *c, enum deadline_kind kind)
{
	struct h2 *h = c->state;
	h->ended = true;
	nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
	conn_finish(c, kind == DEADLINE_HEADER ? END_HEADER_TIMEOUT : END_NORMAL, kind == DEADLINE_HEADER ? "header timeout" : "idle");
}

static void h2_peer_ended(struct conn *c)
{
	conn_finish(c, END_NORMAL, "the peer ended");
}

static void h2_drain(struct conn *c)
{
	struct h2 *h = c->state;
	h->draining = true;
	nghttp2_submit_shutdown_notice(h->session);
	conn_dirty(c);
}

static bool h2_may_read(const struct conn *c)
{
	const struct h2 *h = c->state;
	return !h->ended && (conn_waiting(c) == 0 || nghttp2_session_get_outbound_queue_size(h->session) < QUEUED_FRAMES_MAX);
}

static void h2_drop(struct conn *c)
{
	struct h2 *h = c->state;
	/* nghttp2_session_del tells nobody about streams that are still open. Ours go after it: it may still look at what they hold. */
	nghttp2_session_del(h->session);
	while (!link_is_alone(&h->streams))
		stream_drop((struct h2_stream *)h->streams.next);
	free(h);
	c->state = NULL;
}

/* ---- open ---- */

static struct {
	pthread_once_t once;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
} common = { .once = PTHREAD_ONCE_INIT };

static void make_common(void)
{
	common.options = h2_guard_options();
	if (nghttp2_session_callbacks_new(&common.callbacks) != 0) {
		common.callbacks = NULL;
		return;
	}
	nghttp2_session_callbacks_set_on_begin_frame_callback(common.callbacks, h2_watch_begun);
	nghttp2_session_callbacks_set_on_begin_headers_callback(common.callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(common.callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(common.callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(common.callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(common.callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(common.callbacks, on_stream_close);
	nghttp2_session_callbacks_set_unpack_extension_callback(common.callbacks, h2_watch_unknown);
}

static void *mem_malloc(size_t bytes, void *slab) { return slab_alloc(slab, bytes); }
static void mem_free(void *at, void *slab) { slab_free(slab, at); }
static void *mem_calloc(size_t count, size_t bytes, void *slab) { return slab_zalloc(slab, count, bytes); }
static void *mem_realloc(void *at, size_t bytes, void *slab) { return slab_realloc(slab, at, bytes); }

static bool open_session(struct h2 *h, struct door *d)
{
	const struct config *c = d->loop->config;
	nghttp2_mem mem = { &d->slab, mem_malloc, mem_free, mem_calloc, mem_realloc };
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)c->streams_max },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)c->header_bytes_max },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 }, /* RFC 8441: WebSocket beside the other streams */
	};
	pthread_once(&common.once, make_common);
	if (common.callbacks == NULL || common.options == NULL)
		return false;
	if (nghttp2_session_server_new3(&h->session, common.callbacks, h, common.options, &mem) != 0)
		return false;
	if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0])) == 0)
		return true;
	nghttp2_session_del(h->session);
	return false;
}

bool h2_open(struct conn *c)
{
	static const struct conn_ops ops = {
		.input = h2_input, .output = h2_output, .waits_for = h2_waits_for, .peer_ended = h2_peer_ended, .expired = h2_expired,
		.drain = h2_drain, .may_read = h2_may_read, .drop = h2_drop,
	};
	struct h2 *h = calloc(1, sizeof(*h));
	if (h == NULL)
		return false;
	h->c = c;
	h->window_credit = WINDOW_CREDIT_FIRST;
	link_init(&h->streams);
	if (!open_session(h, c->door)) {
		free(h);
		return false;
	}
	c->state = h;
	c->ops = &ops;
	conn_dirty(c);
	return true;
}
