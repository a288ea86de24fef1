/* gateway/door/h2_feed.c - answers that go on over HTTP/2: DATA as it comes to be, and for a WebSocket (RFC 8441) DATA both ways.
 *
 * Between two events nghttp2 is told that the stream rests, and then that there is more. */
#include "gateway/door/h2_inside.h"
#include <stdlib.h>

enum { QUEUE_FIRST_BYTES = 1024, QUEUE_KEPT_BYTES = 4096 };

static void come_to_rest(struct h2_stream *s)
{
	s->at_rest = true;
	s->queue_at = s->queue_len = 0;
	if (s->queue_cap > QUEUE_KEPT_BYTES) {
		free(s->queue);
		s->queue = NULL;
		s->queue_cap = 0;
	}
	deadline_clear(&s->deadline);
}

static ssize_t read_queue(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct h2_stream *s = source->ptr;
	(void)user_data;
	size_t had = s->queue_len - s->queue_at, n = had < room ? had : room;
	if (had == 0 && !s->last) {
		come_to_rest(s);
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > 0)
		memcpy(to, s->queue + s->queue_at, n);
	s->queue_at += n;
	if (s->deadline.kind == DEADLINE_WRITE)
		deadline_set(&s->h->c->door->deadlines, &s->deadline, DEADLINE_WRITE, door_now_ms(s->h->c->door));
	if (n < had)
		return (ssize_t)n;
	if (!s->last) {
		if (s->exchange.feed != NULL)
			s->exchange.feed->ops->room(s->exchange.feed);
		return (ssize_t)n;
	}
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	h2_close_answer(s);
	deadline_clear(&s->deadline);
	if (!s->remote_done && nghttp2_session_get_stream_remote_close(session, id) == 0)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR); /* after this DATA */
	return (ssize_t)n;
}

bool h2_feed_begin(struct h2_stream *s, const nghttp2_nv *nv, size_t count, bool is_tunnel)
{
	struct feed *f = s->exchange.feed;
	nghttp2_data_provider provider = { .source.ptr = s, .read_callback = read_queue };
	s->fed = s->answer_open = true;
	s->is_tunnel = is_tunnel;
	s->h->answers_open++;
	bool ok = nghttp2_submit_response(s->h->session, s->id, nv, count, &provider) == 0;
	task_free(s->task); /* nghttp2 has its own copy of the head */
	s->task = NULL;
	f->ops->started(f);
	return ok;
}

static bool queue_room(struct h2_stream *s, size_t len)
{
	if (s->queue_at > 0 && s->queue_len + len > s->queue_cap) {
		memmove(s->queue, s->queue + s->queue_at, s->queue_len - s->queue_at);
		s->queue_len -= s->queue_at;
		s->queue_at = 0;
	}
	if (s->queue_len + len <= s->queue_cap)
		return true;
	size_t cap = s->queue_cap == 0 ? QUEUE_FIRST_BYTES : s->queue_cap * 2;
	while (cap < s->queue_len + len)
		cap *= 2;
	uint8_t *queue = realloc(s->queue, cap);
	if (queue == NULL)
		return false;
	s->queue = queue;
	s->queue_cap = cap;
	return true;
}

static void wake(struct h2_stream *s)
{
	if (s->at_rest)
		nghttp2_session_resume_data(s->h->session, s->id);
	s->at_rest = false;
	conn_dirty(s->h->c);
}

void h2_feed_more(struct exchange *x, const struct str *parts, int count)
{
	struct h2_stream *s = h2_stream_of(x);
	for (int i = 0; i < count; i++) {
		if (!queue_room(s, parts[i].len)) {
			nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
			break;
		}
		memcpy(s->queue + s->queue_len, parts[i].at, parts[i].len);
		s->queue_len += parts[i].len;
	}
	wake(s);
}

/* What waits in the connection holds this stream up as well. */
size_t h2_feed_waiting(const struct exchange *x)
{
	const struct h2_stream *s = (const struct h2_stream *)((const char *)x - offsetof(struct h2_stream, exchange));
	return s->queue_len - s->queue_at + conn_waiting(s->h->c);
}

void h2_feed_bytes(struct h2_stream *s, const uint8_t *at, size_t len)
{
	struct feed *f = s->exchange.feed;
	s->h->idle_bytes = 0;
	if (f != NULL)
		f->ops->bytes(f, at, len);
	nghttp2_session_consume_connection(s->h->session, len); /* one tunnel that stands still must not stop the others */
	s->untold += len;
	if (s->exchange.feed != NULL && s->exchange.feed->ops->backlog(s->exchange.feed) == 0)
		h2_feed_taken(&s->exchange);
}

void h2_feed_taken(struct exchange *x)
{
	struct h2_stream *s = h2_stream_of(x);
	if (s->untold == 0)
		return;
	nghttp2_session_consume_stream(s->h->session, s->id, s->untold);
	s->untold = 0;
	conn_dirty(s->h->c);
}

void h2_feed_end(struct exchange *x, bool cut)
{
	struct h2_stream *s = h2_stream_of(x);
	x->feed = NULL;
	s->last = true;
	if (cut) /* CANCEL is no error to some clients: half a table would be taken for a whole one */
		nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
	wake(s);
}

void h2_feed_drop(struct h2_stream *s)
{
	if (s->exchange.feed != NULL)
		s->exchange.feed->ops->gone(s->exchange.feed);
	s->exchange.feed = NULL;
	free(s->queue);
	s->queue = NULL;
}
