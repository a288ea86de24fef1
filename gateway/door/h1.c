/* gateway/door/h1.c - glue between a connection, the strict parser and the runtime.
 *
 * The next request is not looked at before the current one is answered, so answers leave in order and a pipelining client can make
 * us keep one request and one buffer of bytes, no more. */
#include "gateway/door/h1.h"
#include "base/log.h"
#include "gateway/door/h1_inside.h"
#include "gateway/door/http_rules.h"
#include "gateway/door/upgrade.h"
#include <stdlib.h>

enum {
	IN_BYTES_MAX = 64 << 10,  /* pipelined bytes kept while an answer is awaited */
	OUT_BYTES_MAX = 64 << 10, /* written answers waiting; above it the next request waits */
	SKIP_BYTES_MAX = 64 << 10, /* an unwanted body up to this is read past to keep the connection */
	BODY_PAUSES_MAX = 10,     /* a whole body may take this many times the longest pause */
};

/* ---- the answer ---- */

static void on_reply(struct exchange *x, struct task *t)
{
	struct h1 *h = (struct h1 *)x;
	(void)t;
	h->replied = true;
	conn_dirty(h->c);
}

static void on_room(struct exchange *x)
{
	((struct h1 *)x)->has_room = true;
	conn_dirty(((struct h1 *)x)->c);
	conn_again(((struct h1 *)x)->c); /* reading may have stopped with bytes inside OpenSSL, which poll cannot see */
}

static void queue_field(struct conn *c, struct str name, struct str value)
{
	h1_queue_str(c, name);
	conn_queue(c, ": ", 2);
	h1_queue_str(c, value);
	conn_queue(c, "\r\n", 2);
}

void h1_queue_head(struct conn *c, const struct answer *a)
{
	char digits[21];
	conn_queue(c, "HTTP/1.1 ", 9);
	conn_queue(c, digits, i64_text(a->status, digits));
	conn_queue(c, " ", 1);
	h1_queue_str(c, str_c(http_reason(a->status)));
	conn_queue(c, "\r\n", 2);
	for (int i = 0; i < a->count; i++)
		queue_field(c, a->headers[i].name, a->headers[i].value);
}

static void queue_answer(struct conn *c, const struct answer *a, bool keep, bool say_keep)
{
	char digits[21];
	h1_queue_head(c, a);
	if (a->body_length != SIZE_MAX)
		queue_field(c, STR("content-length"), (struct str){ digits, i64_text((int64_t)a->body_length, digits) });
	if (!keep)
		queue_field(c, STR("connection"), a->status == 426 ? STR("close, upgrade") : STR("close"));
	else if (say_keep)
		queue_field(c, STR("connection"), STR("keep-alive"));
	conn_queue(c, "\r\n", 2);
	h1_queue_str(c, a->body);
}

void h1_next_request(struct h1 *h)
{
	h1_parser_next(&h->parser);
	h->answered = h->complete = h->wants_body = false;
	deadline_clear(&h->c->deadline); /* patience begins anew */
	if (h->c->door->draining)
		conn_finish(h->c, END_NORMAL, "stopping");
}

/* An answer that came before the body did: is the rest short and sure to come? */
static bool may_read_past(const struct h1 *h)
{
	const struct h1_parser *p = &h->parser;
	return h->complete || p->length == 0 || (p->length > 0 && p->left <= SKIP_BYTES_MAX && !p->expects_continue);
}

void h1_answer_is_written(struct h1 *h)
{
	task_free(h->task);
	h->task = NULL;
	h->replied = false;
	h->answered = true;
	h->wants_body = false;
}

static void write_answer(struct h1 *h)
{
	struct conn *c = h->c;
	struct answer a;
	if (h->exchange.feed != NULL) {
		h1_feed_begin(h);
		return;
	}
	task_answer(h->task, &a);
	bool keep = h->parser.keep_alive && !h->last && !c->door->draining && may_read_past(h) && !task_request(h->task)->wants_tunnel && a.status != 426;
	queue_answer(c, &a, keep, h->parser.minor == 0);
	h1_answer_is_written(h);
	if (!keep)
		conn_finish(c, c->end, "answered");
	else if (h->complete)
		h1_next_request(h);
}

/* ---- the request ---- */

/* Copies text into the arena in one go, and says where it is now. */
static bool fill_request(struct h1 *h, struct request *r)
{
	const struct h1_parser *p = &h->parser;
	struct conn *c = h->c;
	r->http_major = 1;
	r->method = http_method(p->method);
	char *text = arena_alloc(&r->arena, p->text_len + p->authority.len + (size_t)c->peer_len + 1);
	struct header *headers = arena_alloc(&r->arena, (p->field_count + 1) * sizeof(*headers));
	if (text == NULL || headers == NULL)
		return false;
	if (p->text_len > 0)
		memcpy(text, p->text, p->text_len);
	for (size_t i = 0; i < p->field_count; i++) {
		const struct h1_field *f = &p->fields[i];
		headers[i] = (struct header){ { text + f->name, f->name_len }, { text + f->value, f->value_len } };
	}
	r->headers = headers;
	r->header_count = p->field_count;
	bool inside = p->text != NULL && p->target.at >= p->text && p->target.at < p->text + p->text_len;
	r->target = inside ? (struct str){ text + (p->target.at - p->text), p->target.len } : p->target;
	char *at = text + p->text_len;
	r->authority = (struct str){ at, p->authority.len };
	for (size_t i = 0; i < p->authority.len; i++) {
		char byte = p->authority.at[i];
		*at++ = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
	}
	memcpy(at, c->peer, (size_t)c->peer_len);
	r->peer = (struct str){ at, (size_t)c->peer_len };
	r->wants_tunnel = p->minor == 1 && c->face == FACE_PUBLIC && upgrade_is_asked(r);
	return request_certify(r, c->certified);
}

static bool begin(struct h1 *h)
{
	struct conn *c = h->c;
	h->task = task_begin(c->door->loop, c->face, &h->exchange);
	if (h->task == NULL) {
		conn_finish(c, END_MEMORY, "memory");
		return false;
	}
	c->requests++;
	return true;
}

/* Answers in the runtime's words and ends the connection. */
static void refuse(struct h1 *h, enum fail_code code, const char *why, enum conn_end end)
{
	LOG_EVENT(h1_refused, STR_NONE, L_C(why));
	h->last = true;
	h->c->end = end;
	if (h->task != NULL && !h->replied && task_is_away(h->task)) { /* a lane has it: it can be let go of, not answered */
		task_abandon(h->task);
		h->task = NULL;
		conn_finish(h->c, end, why);
		return;
	}
	if (h->task == NULL && (h->answered || !begin(h))) {
		conn_finish(h->c, end, why);
		return;
	}
	/* HEAD must not get a body, however little of its head has come. */
	task_request(h->task)->method = http_method((struct str){ h->parser.text, h->parser.token_at });
	if (!h->replied)
		task_refuse(h->task, code, why);
	write_answer(h);
}

static void on_head(struct h1 *h)
{
	struct conn *c = h->c;
	if (!begin(h))
		return;
	if (!fill_request(h, task_request(h->task))) {
		refuse(h, FAIL_MEMORY, "head", END_MEMORY);
		return;
	}
	h->wants_body = task_head(h->task, h->parser.length);
	h->body_began_ms = door_now_ms(c->door);
	if (h->wants_body && h->parser.expects_continue && h->parser.length != 0)
		h1_queue_str(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void on_body(struct h1 *h, struct str piece)
{
	struct conn *c = h->c;
	int64_t most = c->door->loop->config->body_ms * BODY_PAUSES_MAX + (h->wants_body && !h->replied ? task_patience_ms(h->task) : 0);
	if (door_now_ms(c->door) - h->body_began_ms < most && c->deadline.kind == DEADLINE_BODY)
		conn_wait(c, DEADLINE_BODY);
	if (h->wants_body && !h->replied)
		h->wants_body = task_body(h->task, piece.at, piece.len);
}

static void on_done(struct h1 *h)
{
	h->complete = true;
	if (h->answered)
		h1_next_request(h);
	else if (!h->replied && h->wants_body)
		task_end(h->task);
}

static void on_wrong(struct h1 *h)
{
	const struct fail *wrong = &h->parser.wrong;
	h->complete = false;
	refuse(h, wrong->code, wrong->log, END_PROTOCOL);
}

static bool sink_is_full(const struct h1 *h)
{
	return h->task != NULL && !h->replied && task_is_full(h->task);
}

static bool takes_more(const struct h1 *h)
{
	return h->c->phase == CONN_OPEN && !h->complete && !h->c->failed && conn_waiting(h->c) < OUT_BYTES_MAX && !sink_is_full(h);
}

static size_t feed(struct h1 *h, const char *at, size_t len)
{
	size_t used = 0;
	while (takes_more(h)) {
		struct h1_step s = h1_step(&h->parser, at + used, len - used);
		used += s.used;
		switch (s.event) {
		case H1_MORE:  return used;
		case H1_HEAD:  on_head(h); break;
		case H1_BODY:  on_body(h, s.body); break;
		case H1_DONE:  on_done(h); break;
		case H1_WRONG: on_wrong(h); return len;
		}
		if (h->replied)
			write_answer(h);
	}
	return h->c->phase == CONN_OPEN ? used : len;
}

/* ---- what a connection asks of us ---- */

static void keep_bytes(struct h1 *h, const char *at, size_t len)
{
	if (len == 0)
		return;
	if (h->in_at > 0) {
		memmove(h->in, h->in + h->in_at, h->in_len - h->in_at);
		h->in_len -= h->in_at;
		h->in_at = 0;
	}
	if (h->in_len + len > h->in_cap) {
		char *in = realloc(h->in, h->in_len + len);
		if (in == NULL) {
			conn_finish(h->c, END_MEMORY, "memory");
			return;
		}
		h->in = in;
		h->in_cap = h->in_len + len;
	}
	memcpy(h->in + h->in_len, at, len);
	h->in_len += len;
}

static void feed_kept(struct h1 *h)
{
	h->in_at += feed(h, h->in + h->in_at, h->in_len - h->in_at);
	if (h->in_at < h->in_len)
		return;
	free(h->in);
	h->in = NULL;
	h->in_at = h->in_len = h->in_cap = 0;
}

static void h1_input(struct conn *c, const uint8_t *bytes, size_t len)
{
	struct h1 *h = c->state;
	const char *at = (const char *)bytes;
	if (h->fed == FED_TUNNEL && h->in_len == 0) {
		h->exchange.feed->ops->bytes(h->exchange.feed, at, len);
		return;
	}
	if (h->in_len > 0) {
		keep_bytes(h, at, len);
		feed_kept(h);
		return;
	}
	size_t used = feed(h, at, len);
	keep_bytes(h, at + used, len - used);
}

static void h1_output(struct conn *c)
{
	struct h1 *h = c->state;
	if (h->replied)
		write_answer(h);
	if (h->exchange.feed != NULL)
		h1_feed_output(h);
	if ((h->in_len > 0 || h->has_room) && c->phase == CONN_OPEN && h->fed != FED_TUNNEL) {
		h->has_room = false; /* with no byte left either: the body's end may not have been looked at */
		feed_kept(h);
		if (h->in_len > 0 && !h->complete && !sink_is_full(h))
			conn_again(c); /* stopped for what waits to be written */
	}
	if (c->eof && !h->complete && h->in_len == 0)
		conn_finish(c, END_NORMAL, "the peer ended");
	if (h->in_len == 0 && !h->parser.begun)
		h1_parser_free(&h->parser); /* an idle connection is to be small */
}

static enum deadline_kind h1_waits_for(const struct conn *c)
{
	const struct h1 *h = c->state;
	if (h->complete || (h->task != NULL && !h->replied && task_is_away(h->task)))
		return DEADLINE_NONE; /* for the runtime, which has its own limits */
	if (h->task != NULL || h->answered)
		return DEADLINE_BODY;
	return h->parser.begun ? DEADLINE_HEADER : DEADLINE_IDLE;
}

static void h1_expired(struct conn *c, enum deadline_kind kind)
{
	struct h1 *h = c->state;
	if (kind == DEADLINE_HEADER)
		refuse(h, FAIL_BODY_TIMEOUT, "header timeout", END_HEADER_TIMEOUT);
	else if (kind == DEADLINE_BODY)
		refuse(h, FAIL_BODY_TIMEOUT, "body timeout", END_BODY_TIMEOUT);
	else
		conn_finish(c, END_NORMAL, "idle");
}

/* A client may end its half after the request and still wait for the answer; most that do have left. */
static void h1_peer_ended(struct conn *c)
{
	struct h1 *h = c->state;
	if (h->fed == FED_TUNNEL)
		h->exchange.feed->ops->ended(h->exchange.feed);
	h->exchange.peer_ended = true;
	if (h->task != NULL && !h->replied)
		task_peer_ended(h->task);
	conn_dirty(c); /* h1_output sees eof when all that came is used up */
}

static void h1_drain(struct conn *c)
{
	struct h1 *h = c->state;
	if (h1_parser_is_fresh(&h->parser) && h->task == NULL && h->in_len == 0)
		conn_finish(c, END_NORMAL, "stopping");
}

static bool h1_may_read(const struct conn *c)
{
	const struct h1 *h = c->state;
	if (h->fed == FED_TUNNEL && h->exchange.feed->ops->backlog(h->exchange.feed) > 0)
		return false;
	return h->in_len - h->in_at < IN_BYTES_MAX;
}

static void h1_drop(struct conn *c)
{
	struct h1 *h = c->state;
	if (h->exchange.feed != NULL)
		h->exchange.feed->ops->gone(h->exchange.feed);
	if (h->task != NULL && h->replied)
		task_free(h->task);
	else if (h->task != NULL)
		task_abandon(h->task);
	h1_parser_free(&h->parser);
	free(h->in);
	free(h);
	c->state = NULL;
}

bool h1_open(struct conn *c)
{
	static const struct exchange_ops exchange_ops = { .reply = on_reply, .room = on_room, .more = h1_feed_more, .waiting = h1_feed_waiting, .taken = h1_feed_taken, .end = h1_feed_end };
	static const struct conn_ops ops = {
		.input = h1_input, .output = h1_output, .waits_for = h1_waits_for, .peer_ended = h1_peer_ended, .expired = h1_expired,
		.drain = h1_drain, .may_read = h1_may_read, .drop = h1_drop,
	};
	struct h1 *h = calloc(1, sizeof(*h));
	if (h == NULL)
		return false;
	h->exchange.ops = &exchange_ops;
	h->c = c;
	h1_parser_init(&h->parser, c->face == FACE_PUBLIC ? &c->door->h1_limits : &c->door->h1_limits_inside);
	c->state = h;
	c->ops = &ops;
	return true;
}
