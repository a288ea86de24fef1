/* gateway/door/h1_feed.c - answers that go on over HTTP/1.1: events in chunks, or the whole connection as a tunnel. */
#include "gateway/door/h1_inside.h"
#include <assert.h>

void h1_feed_begin(struct h1 *h)
{
	struct conn *c = h->c;
	struct answer a;
	task_answer(h->task, &a);
	h->fed = a.status == 101 ? FED_TUNNEL : h->parser.minor == 0 ? FED_PLAIN : FED_CHUNKS;
	h1_queue_head(c, &a);
	if (h->fed == FED_TUNNEL)
		h1_queue_str(c, STR("connection: upgrade\r\nupgrade: websocket\r\n"));
	else if (!h->parser.keep_alive || h->fed == FED_PLAIN)
		h1_queue_str(c, STR("connection: close\r\n"));
	if (h->fed == FED_CHUNKS)
		h1_queue_str(c, STR("transfer-encoding: chunked\r\n"));
	h1_queue_str(c, STR("\r\n"));
	h1_answer_is_written(h);
	h1_parser_free(&h->parser);
	h->exchange.feed->ops->started(h->exchange.feed);
}

void h1_feed_more(struct exchange *x, const struct str *parts, int count)
{
	static const char hex[] = "0123456789abcdef";
	struct h1 *h = (struct h1 *)x;
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += parts[i].len;
	if (len == 0)
		return;
	if (h->fed == FED_CHUNKS) {
		char size[8];
		int at = sizeof(size);
		assert(len < 1 << 28);
		for (size_t left = len; left > 0; left >>= 4)
			size[--at] = hex[left & 15];
		conn_queue(h->c, size + at, sizeof(size) - (size_t)at);
		conn_queue(h->c, "\r\n", 2);
	}
	for (int i = 0; i < count; i++)
		h1_queue_str(h->c, parts[i]);
	if (h->fed == FED_CHUNKS)
		conn_queue(h->c, "\r\n", 2);
	conn_dirty(h->c);
}

size_t h1_feed_waiting(const struct exchange *x)
{
	return conn_waiting(((const struct h1 *)x)->c);
}

void h1_feed_taken(struct exchange *x)
{
	conn_dirty(((struct h1 *)x)->c); /* the turn's end looks whether it may read */
}

void h1_feed_end(struct exchange *x, bool cut)
{
	struct h1 *h = (struct h1 *)x;
	bool keep = h->fed == FED_CHUNKS && h->parser.keep_alive && !h->last && !cut;
	x->feed = NULL;
	if (h->fed == FED_CHUNKS && !cut)
		h1_queue_str(h->c, STR("0\r\n\r\n"));
	h->fed = FED_NOT;
	if (cut)
		h->c->failed = true; /* what waits would only be thrown away by the peer */
	conn_dirty(h->c);
	if (keep)
		h1_next_request(h);
	else
		conn_finish(h->c, END_NORMAL, "the stream ended");
}

/* The tunnel's first bytes may have come with the request. */
static void tell_tunnel_kept(struct h1 *h)
{
	struct feed *f = h->exchange.feed;
	size_t at = h->in_at, len = h->in_len;
	h->in_at = h->in_len = 0;
	f->ops->bytes(f, h->in + at, len - at);
	free(h->in);
	h->in = NULL;
	h->in_cap = 0;
}

void h1_feed_output(struct h1 *h)
{
	struct conn *c = h->c;
	if (h->fed == FED_TUNNEL && h->in_len > 0)
		tell_tunnel_kept(h);
	if (h->exchange.feed != NULL && conn_waiting(c) == 0)
		h->exchange.feed->ops->room(h->exchange.feed);
	if (c->eof && h->exchange.feed != NULL && h->fed != FED_TUNNEL)
		conn_finish(c, END_NORMAL, "the peer ended");
}
