/* gateway/door/ws_bridge.c - between a tunnel of the front door and the engine's end of a socketpair; and a live stream over it.
 *
 *   peer - TLS - h1 or h2 - feed - [ our end ====== the engine's end ] - ws.c - live stream
 *
 * The engine answers our handshake; that answer goes no further, the door has said its own. Each side stops reading while the other does not take. */
#include "base/json.h"
#include "base/log.h"
#include "gateway/door/feed.h"
#include "gateway/door/upgrade.h"
#include "gateway/door/ws.h"
#include "gateway/door/ws_guard.h"
#include "gateway/live/live.h"
#include "gateway/loops/loop.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
	QUEUE_BYTES = 16 << 10,    /* above this towards the peer nothing more is fetched */
	PAIR_BYTES = 8 << 10,      /* the kernel's buffer between us and the engine; it doubles this */
	PIECE_BYTES = 16 << 10,
	MESSAGE_BURST = 60, MESSAGES_PER_S = 10,
	ARENA_BYTES = 64 << 10,
};

struct bridge {
	struct live live;          /* first */
	struct feed feed;
	struct ws *ws;             /* NULL: the engine has closed it */
	struct loop *loop;
	uv_poll_t poll;            /* of our end */
	int fd, interest;
	int head_seen;             /* characters of the engine's answer's end; HEAD_OVER: it is behind us */
	bool seated, closing;      /* seated: in the table of live streams */
	bool heard;                /* since the last heartbeat */
	bool ended;                /* the peer will say no more */
	uint8_t *in;               /* what the engine has not taken: in_at .. in_len */
	size_t in_at, in_len;
	struct ws_guard guard;
	int64_t messages_milli, messages_at_ms;
};

enum { HEAD_OVER = 4 };

static struct bridge *of_feed(struct feed *f) { return (struct bridge *)((char *)f - offsetof(struct bridge, feed)); }
static const struct bridge *of_feed_const(const struct feed *f) { return (const struct bridge *)((const char *)f - offsetof(struct bridge, feed)); }

static void watch(struct bridge *b);

/* ---- the end ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	struct bridge *b = handle->data;
	free(b->in);
	free(b);
}

static void leave(struct bridge *b, enum live_end why)
{
	if (b->seated)
		live_leave(&b->live, why);
	b->seated = false;
}

static void drop(struct bridge *b)
{
	if (b->closing)
		return;
	b->closing = true;
	leave(b, LIVE_GONE);
	if (b->ws != NULL)
		ws_forget(b->ws);
	b->ws = NULL;
	uv_close((uv_handle_t *)&b->poll, on_poll_closed);
	close(b->fd); /* the engine reads the end of it */
}

/* The engine has said its last. */
static void end(struct bridge *b, bool cut)
{
	struct exchange *x = b->feed.x;
	drop(b);
	x->feed = NULL;
	x->ops->end(x, cut);
}

/* ---- from the engine to the peer ---- */

/* What of these bytes is not the answer to our own handshake. */
static struct str past_head(struct bridge *b, struct str s)
{
	static const char end_of_head[] = "\r\n\r\n";
	while (b->head_seen < HEAD_OVER && s.len > 0) {
		b->head_seen = *s.at == end_of_head[b->head_seen] ? b->head_seen + 1 : *s.at == '\r' ? 1 : 0;
		s.at++;
		s.len--;
	}
	return s;
}

static void read_pair(struct bridge *b)
{
	char piece[PIECE_BYTES];
	struct exchange *x = b->feed.x;
	while (x->ops->waiting(x) <= QUEUE_BYTES) {
		ssize_t n = recv(b->fd, piece, sizeof(piece), 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (n <= 0) {
			end(b, b->head_seen < HEAD_OVER);
			return;
		}
		bool began = b->head_seen == HEAD_OVER;
		struct str frames = past_head(b, (struct str){ piece, (size_t)n });
		if (!began && b->head_seen == HEAD_OVER && b->seated)
			live_hungry(&b->live); /* the place it starts from may lie back */
		if (frames.len > 0)
			x->ops->more(x, &frames, 1);
	}
}

/* ---- from the peer to the engine ---- */

static bool write_pair(struct bridge *b)
{
	while (b->in_at < b->in_len) {
		ssize_t n = send(b->fd, b->in + b->in_at, b->in_len - b->in_at, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return true;
		if (n < 0)
			return false;
		b->in_at += (size_t)n;
	}
	free(b->in);
	b->in = NULL;
	b->in_at = b->in_len = 0;
	if (b->ended)
		shutdown(b->fd, SHUT_WR);
	return true;
}

static void keep(struct bridge *b, const uint8_t *at, size_t len)
{
	size_t had = b->in_len - b->in_at;
	uint8_t *in = malloc(had + len);
	if (in == NULL) {
		end(b, true);
		return;
	}
	if (had > 0)
		memcpy(in, b->in + b->in_at, had);
	memcpy(in + had, at, len);
	free(b->in);
	b->in = in;
	b->in_at = 0;
	b->in_len = had + len;
}

static void on_bytes(struct feed *f, const void *at, size_t len)
{
	struct bridge *b = of_feed(f);
	b->heard = true;
	if (b->guard.code != 0)
		return; /* we have said why; nothing more is of interest */
	if (ws_guard_look(&b->guard, at, len, WS_MESSAGE_MAX) != 0) {
		leave(b, LIVE_RUDE);
		if (b->ws != NULL)
			ws_close(b->ws, b->guard.code, b->guard.code == 1009 ? "message too long" : "not a frame");
		return;
	}
	/* Not before the engine has answered: then no byte of a stranger can be taken for a header. */
	if (b->head_seen == HEAD_OVER && b->in_len == 0) {
		ssize_t n = send(b->fd, at, len, MSG_NOSIGNAL);
		if (n == (ssize_t)len)
			return;
		if (n > 0) {
			at = (const uint8_t *)at + n;
			len -= (size_t)n;
		}
	}
	keep(b, at, len);
	if (!b->closing)
		watch(b);
}

static size_t on_backlog(const struct feed *f)
{
	const struct bridge *b = of_feed_const(f);
	return b->in_len - b->in_at;
}

static void on_ended(struct feed *f)
{
	struct bridge *b = of_feed(f);
	b->ended = true;
	if (b->in_len == 0)
		shutdown(b->fd, SHUT_WR);
}

static void on_started(struct feed *f)
{
	watch(of_feed(f));
}

static void on_room(struct feed *f)
{
	struct bridge *b = of_feed(f);
	if (b->seated && b->live.full_ms != 0)
		live_hungry(&b->live);
	watch(b);
}

static void on_gone(struct feed *f)
{
	drop(of_feed(f));
}

/* ---- our end of the pair ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct bridge *b = handle->data;
	struct exchange *x = b->feed.x;
	bool was_full = b->in_len > 0;
	if (status < 0 || ((events & UV_WRITABLE) && b->head_seen == HEAD_OVER && !write_pair(b))) {
		end(b, true);
		return;
	}
	if (was_full && b->in_len == 0)
		x->ops->taken(x);
	if (events & UV_READABLE)
		read_pair(b);
	if (!b->closing)
		watch(b);
}

static void watch(struct bridge *b)
{
	int want = b->feed.x->ops->waiting(b->feed.x) <= QUEUE_BYTES ? UV_READABLE : 0;
	if (b->in_len > 0 && b->head_seen == HEAD_OVER)
		want |= UV_WRITABLE;
	if (want == b->interest)
		return;
	b->interest = want;
	if (want == 0)
		uv_poll_stop(&b->poll);
	else
		uv_poll_start(&b->poll, want, on_poll);
}

/* ---- what the client says ---- */

struct said {
	struct str type;
	int64_t id, after;
};

static const struct json_field said_fields[] = {
	{ "type", JSON_F_TEXT, true, 1, 16, offsetof(struct said, type), NULL },
	{ "id", JSON_F_INT, false, 0, INT64_MAX - 1, offsetof(struct said, id), NULL },
	{ "after", JSON_F_INT, false, 0, INT64_MAX - 1, offsetof(struct said, after), NULL },
};

static void say(struct bridge *b, struct str text)
{
	if (b->ws != NULL)
		ws_send(b->ws, &text, 1);
}

static bool do_resume(struct bridge *b, const struct said *s)
{
	if (s->after < 0)
		return false;
	live_resume(&b->live, s->after);
	return true;
}

static bool do_ping(struct bridge *b, const struct said *s)
{
	(void)s;
	say(b, STR("{\"type\":\"pong\"}"));
	return true;
}

/* The place lies with the client; what it has seen is of use to nobody here, but it may be said. */
static bool do_ack(struct bridge *b, const struct said *s)
{
	(void)b;
	return s->id >= 0;
}

static const struct {
	struct str type;
	bool (*act)(struct bridge *b, const struct said *s);
} acts[] = { { { "ack", 3 }, do_ack }, { { "ping", 4 }, do_ping }, { { "resume", 6 }, do_resume } };

static bool act_on(struct bridge *b, struct str text, struct arena *a)
{
	struct said s = { .id = -1, .after = -1 };
	struct fail why;
	fail_clear(&why);
	DROP(json) json_t *j = json_read(text, &why);
	if (j == NULL || !json_take(j, said_fields, sizeof(said_fields) / sizeof(said_fields[0]), JSON_IGNORE_UNKNOWN, "", &s, a, &why))
		return false;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (str_eq(s.type, acts[i].type))
			return acts[i].act(b, &s);
	return false;
}

static bool talks_too_much(struct bridge *b)
{
	int64_t now = (int64_t)uv_now(b->loop->uv);
	b->messages_milli -= (now - b->messages_at_ms) * MESSAGES_PER_S;
	if (b->messages_milli < 0)
		b->messages_milli = 0;
	b->messages_at_ms = now;
	b->messages_milli += 1000;
	return b->messages_milli > MESSAGE_BURST * 1000;
}

static void bridge_end(struct live *v, enum live_end why);

static void on_message(void *ctx, struct str text)
{
	struct bridge *b = ctx;
	if (!b->seated)
		return;
	if (talks_too_much(b)) {
		bridge_end(&b->live, LIVE_RUDE);
		return;
	}
	struct arena a;
	arena_init(&a, ARENA_BYTES);
	if (!act_on(b, text, &a))
		say(b, STR("{\"type\":\"error\",\"code\":\"bad_message\",\"detail\":\"ack {id}, ping, resume {after}\"}"));
	arena_free(&a);
}

static void on_drained(void *ctx)
{
	struct bridge *b = ctx;
	if (b->seated && b->live.full_ms != 0)
		live_hungry(&b->live);
}

static void on_closed(void *ctx)
{
	struct bridge *b = ctx;
	b->ws = NULL; /* what it said last is still in the pair; its end comes after */
	leave(b, LIVE_GONE);
}

/* ---- as a live stream ---- */

static bool bridge_is_full(const struct live *v)
{
	const struct bridge *b = (const struct bridge *)v;
	return b->ws == NULL || b->head_seen < HEAD_OVER || ws_waiting(b->ws) > QUEUE_BYTES || b->feed.x->ops->waiting(b->feed.x) > QUEUE_BYTES;
}

static void bridge_event(struct live *v, int64_t seq, struct str kind, struct str data)
{
	struct bridge *b = (struct bridge *)v;
	char digits[21];
	const struct str parts[] = { STR("{\"id\":"), { digits, i64_text(seq, digits) }, STR(",\"event\":\""), kind, STR("\",\"data\":"), data, STR("}") };
	ws_send(b->ws, parts, sizeof(parts) / sizeof(parts[0]));
}

static bool bridge_beat(struct live *v)
{
	struct bridge *b = (struct bridge *)v;
	bool heard = b->heard;
	b->heard = false;
	if (b->ws != NULL)
		ws_ping(b->ws);
	return heard;
}

static const struct {
	int code;
	const char *reason;
} closes[LIVE_ENDS] = {
	[LIVE_TOKEN] = { 4001, "login required" }, [LIVE_STOPPING] = { 1001, "going away" }, [LIVE_SLOW] = { 4008, "too slow" },
	[LIVE_RUDE] = { 1008, "too many messages" },
};

static void bridge_end(struct live *v, enum live_end why)
{
	struct bridge *b = (struct bridge *)v;
	leave(b, why);
	if (b->ws == NULL || closes[why].code == 0)
		end(b, true);
	else
		ws_close(b->ws, closes[why].code, closes[why].reason);
}

/* ---- the beginning ---- */

static bool make_pair(struct bridge *b, int *engines, struct fail *why)
{
	int pair[2], bytes = PAIR_BYTES;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return FAILS(why, BUSY, "socketpair: errno %d", errno);
	b->fd = pair[0];
	*engines = pair[1];
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (uv_poll_init(b->loop->uv, &b->poll, b->fd) == 0)
		return true;
	close(pair[0]);
	close(pair[1]);
	return FAILS(why, BUSY, "no poll for a WebSocket");
}

static bool begin(struct bridge *b, const struct principal *who, struct fail *why)
{
	static const struct ws_events events = { .message = on_message, .drained = on_drained, .closed = on_closed };
	int engines = -1;
	if (!make_pair(b, &engines, why))
		return false;
	b->poll.data = b;
	b->ws = ws_begin(b->loop->ws, engines, &events, b, why);
	b->seated = b->ws != NULL && live_enter(b->loop->live, &b->live, who, why);
	if (!b->seated)
		return false;
	ssize_t n = send(b->fd, WS_HANDSHAKE, strlen(WS_HANDSHAKE), MSG_NOSIGNAL);
	assert(n == (ssize_t)strlen(WS_HANDSHAKE)); /* an empty pair takes it */
	(void)n;
	return true;
}

bool ws_open_tunnel(struct loop *l, struct exchange *x, const struct request *r, struct fail *why)
{
	static const struct live_ops live_ops = { .kind = LIVE_WS, .is_full = bridge_is_full, .event = bridge_event, .beat = bridge_beat, .end = bridge_end };
	static const struct feed_ops feed_ops = {
		.started = on_started, .room = on_room, .gone = on_gone, .bytes = on_bytes, .backlog = on_backlog, .ended = on_ended,
	};
	const struct upgrade *u = r->state;
	struct bridge *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return FAILS(why, MEMORY, "a WebSocket");
	b->live = (struct live){ .ops = &live_ops, .after = u->stream.after, .lang = r->lang };
	b->feed = (struct feed){ .ops = &feed_ops, .x = x };
	b->loop = l;
	b->heard = true;
	b->fd = -1;
	if (begin(b, &r->who, why)) {
		x->feed = &b->feed;
		return true;
	}
	if (b->poll.data == NULL)
		free(b); /* nothing was opened */
	else
		drop(b);
	return false;
}
