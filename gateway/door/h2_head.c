/* gateway/door/h2_head.c - from a decoded header block to a request. nghttp2 has checked what RFC 9113 8.2 and 8.3 say of single fields;
 * here is what it leaves to us: sizes, and that host, authority and path have one reading. */
#include "gateway/door/h2_inside.h"
#include "gateway/door/http_rules.h"

enum { TEXT_BLOCK = 1024, HEADERS_FIRST = 16, BOMB_TIMES = 4, REFUSED_HEAD_GLITCHES = 10 };
enum { BODY_PAUSES_MAX = 10 /* a whole body may take this many times the longest pause */ };

static char *room(struct h2_stream *s, size_t len)
{
	if ((size_t)(s->text_end - s->text) < len) {
		size_t block = len > TEXT_BLOCK ? len : TEXT_BLOCK;
		s->text = arena_alloc(&task_request(s->task)->arena, block);
		s->text_end = s->text != NULL ? s->text + block : NULL;
		if (s->text == NULL)
			return NULL;
	}
	char *at = s->text;
	s->text += len;
	return at;
}

static struct str copy(struct h2_stream *s, struct str from)
{
	char *at = room(s, from.len);
	if (at == NULL)
		return STR_NONE;
	memcpy(at, from.at, from.len);
	return (struct str){ at, from.len };
}

static struct str copy_lower(struct h2_stream *s, struct str from)
{
	char *at = room(s, from.len);
	if (at == NULL)
		return STR_NONE;
	for (size_t i = 0; i < from.len; i++) {
		uint8_t lower = http_host_bytes[(uint8_t)from.at[i]];
		at[i] = lower != 0 ? (char)lower : from.at[i];
	}
	return (struct str){ at, from.len };
}

static void take_pseudo(struct h2_stream *s, struct str name, struct str value)
{
	switch (name.at[1]) {
	case 'm':
		s->method = copy(s, value);
		break;
	case 'p':
		if (name.len == 5)
			s->target = copy(s, value);
		else
			s->protocol = copy(s, value);
		break;
	case 'a':
		s->authority = copy_lower(s, value);
		break;
	default:
		break; /* :scheme: the port speaks one */
	}
}

static bool more_headers(struct h2_stream *s)
{
	size_t cap = s->header_cap == 0 ? HEADERS_FIRST : s->header_cap * 2;
	struct header *headers = arena_alloc(&task_request(s->task)->arena, cap * sizeof(*headers));
	if (headers == NULL)
		return false;
	if (s->header_count > 0)
		memcpy(headers, s->headers, s->header_count * sizeof(*headers));
	s->headers = headers;
	s->header_cap = cap;
	return true;
}

static bool take_field(struct h2_stream *s, struct str name, struct str value)
{
	if (s->header_count == s->header_cap && !more_headers(s))
		return false;
	char *at = room(s, name.len + value.len);
	if (at == NULL)
		return false;
	memcpy(at, name.at, name.len);
	memcpy(at + name.len, value.at, value.len);
	struct header *h = &s->headers[s->header_count++];
	*h = (struct header){ { at, name.len }, { at + name.len, value.len } };
	if (name.len == 4 && memcmp(at, "host", 4) == 0) {
		s->wrong_host = s->wrong_host || s->host.at != NULL;
		s->host = copy_lower(s, value);
	} else if (name.len == 14 && memcmp(at, "content-length", 14) == 0 && !http_length(value, &s->length)) {
		s->wrong_host = true;
	}
	return true;
}

int h2_take_header(struct h2_stream *s, struct str name, struct str value)
{
	const struct config *c = s->h->c->door->loop->config;
	s->header_bytes += name.len + value.len + 32; /* RFC 9113 6.5.2 */
	s->fields++;
	if (s->header_bytes > (size_t)c->header_bytes_max || s->fields > (size_t)c->header_count_max) {
		s->too_large = true;
		/* Decoding what is thrown away still costs: a few bytes can name a large field of the dynamic table again and again. */
		if (s->header_bytes > (size_t)c->header_bytes_max * BOMB_TIMES || s->fields > (size_t)c->header_count_max * BOMB_TIMES) {
			h2_calm(s->h, "header list");
			return NGHTTP2_ERR_CALLBACK_FAILURE;
		}
		return 0;
	}
	if (s->task == NULL)
		return 0;
	if (name.at[0] == ':')
		take_pseudo(s, name, value);
	else if (!take_field(s, name, value))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return 0;
}

/* ---- the head as a whole ---- */

static enum fail_code judge(const struct h2_stream *s, const char **why)
{
	if (s->too_large) {
		*why = "header list";
		return FAIL_HEADERS_TOO_LARGE;
	}
	*why = "host and :authority";
	if (s->wrong_host || (s->authority.at != NULL && s->host.at != NULL && !str_eq(s->authority, s->host)))
		return FAIL_BAD_REQUEST;
	if (!http_authority_is_valid(s->authority.at != NULL ? s->authority : s->host))
		return FAIL_BAD_REQUEST;
	if (str_eq(s->method, STR("CONNECT")) && !str_eq(s->protocol, STR("websocket"))) {
		*why = "CONNECT";
		return FAIL_METHOD;
	}
	*why = ":path";
	if (s->target.len > (size_t)s->h->c->door->loop->config->target_bytes_max)
		return FAIL_TARGET_TOO_LONG;
	if (s->target.len == 0) /* its bytes are judged with those of HTTP/1.1: target_split */
		return FAIL_BAD_REQUEST;
	if (s->target.at[0] != '/' && !(str_eq(s->target, STR("*")) && str_eq(s->method, STR("OPTIONS"))))
		return FAIL_BAD_REQUEST;
	return FAIL_NONE;
}

static void fill_request(struct h2_stream *s, struct request *r)
{
	struct conn *c = s->h->c;
	r->http_major = 2;
	r->wants_tunnel = s->protocol.len > 0;
	r->method = r->wants_tunnel ? METHOD_GET : http_method(s->method);
	r->target = s->target;
	r->authority = s->authority.at != NULL ? s->authority : s->host;
	r->headers = s->headers;
	r->header_count = s->header_count;
	r->peer = copy(s, (struct str){ c->peer, (size_t)c->peer_len });
	(void)!request_certify(r, c->certified); /* the arena remembers that it refused */
}

void h2_take_head(struct h2_stream *s, bool end_stream)
{
	const char *why;
	struct h2 *h = s->h;
	s->remote_done = end_stream;
	if (end_stream)
		s->length = 0;
	h->c->requests++;
	h->idle_bytes = 0;
	fill_request(s, task_request(s->task));
	if (task_request(s->task)->arena.refused) { /* a part of the head is missing: nothing may be read into it */
		task_refuse(s->task, FAIL_MEMORY, "head");
		return;
	}
	enum fail_code wrong = judge(s, &why);
	if (wrong != FAIL_NONE) {
		h2_glitch(h, REFUSED_HEAD_GLITCHES, why);
		task_refuse(s->task, wrong, why);
		return;
	}
	if (task_request(s->task)->wants_tunnel)
		s->length = 0; /* what comes belongs to the tunnel, once there is one */
	s->wants_body = task_head(s->task, s->length);
	if (s->length == 0) {
		h2_take_end(s);
	} else if (s->wants_body) {
		s->body_began_ms = door_now_ms(h->c->door);
		if (!task_is_away(s->task))
			deadline_set(&h->c->door->deadlines, &s->deadline, DEADLINE_BODY, s->body_began_ms);
	}
}

void h2_take_end(struct h2_stream *s)
{
	if (s->is_tunnel && s->remote_done && s->exchange.feed != NULL)
		s->exchange.feed->ops->ended(s->exchange.feed);
	if (s->told_end)
		return;
	s->told_end = true;
	deadline_clear(&s->deadline);
	if (!s->replied && s->wants_body)
		task_end(s->task);
}

void h2_take_piece(struct h2_stream *s, const uint8_t *at, size_t len)
{
	struct door *d = s->h->c->door;
	s->h->idle_bytes = 0;
	if (door_now_ms(d) - s->body_began_ms < d->loop->config->body_ms * BODY_PAUSES_MAX + task_patience_ms(s->task))
		deadline_set(&d->deadlines, &s->deadline, DEADLINE_BODY, door_now_ms(d));
	s->wants_body = task_body(s->task, at, len);
	if (!s->wants_body || (!s->replied && task_is_away(s->task)))
		deadline_clear(&s->deadline);
}

void h2_give_window(struct h2_stream *s)
{
	if (s->withheld > 0)
		nghttp2_session_consume_stream(s->h->session, s->id, s->withheld);
	s->withheld = 0;
}

void h2_on_room(struct exchange *x)
{
	struct h2_stream *s = h2_stream_of(x);
	struct door *d = s->h->c->door;
	h2_give_window(s);
	if (!s->told_end)
		deadline_set(&d->deadlines, &s->deadline, DEADLINE_BODY, door_now_ms(d));
	conn_dirty(s->h->c);
}
