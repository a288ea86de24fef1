/* gateway/door/conn.c - between the socket and the protocols. A turn costs a connection at most one poll, one read and one write, however
 * many requests it carried, and one more write if lanes had answers for it: that is where the front door's speed comes from. */
#include "gateway/door/conn.h"
#include "base/fault.h"
#include "base/log.h"
#include "gateway/door/frames.h"
#include "gateway/door/h1.h"
#include "gateway/door/h2.h"
#include "gateway/door/tls.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

enum { READS_PER_TURN = 8, LINGER_BYTES_MAX = 64 << 10, OUT_KEPT_BYTES = 16 << 10, REFUSALS_TOLD_MS = 1000 };

static void watch(struct conn *c);

void conn_become(struct conn *c, enum proto proto)
{
	conn_count_gone(c->proto);
	c->proto = proto;
	conn_count_come(proto);
}

/* ---- bytes out ---- */

/* Bytes taken; 0: the socket is full; -1: dead. */
static ssize_t send_some(struct conn *c, const uint8_t *at, size_t len)
{
	if (fault_hit(FAULT_send))
		return -1;
	if (c->ssl == NULL) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
		return n >= 0 ? n : errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
	}
	int n = SSL_write(c->ssl, at, len > INT32_MAX ? INT32_MAX : (int)len);
	if (n > 0)
		return n;
	int error = SSL_get_error(c->ssl, n);
	ERR_clear_error();
	return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

void conn_queue(struct conn *c, const void *at, size_t len)
{
	if (len == 0)
		return;
	if (c->out_len + len > c->out_cap && c->out_at > 0) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	if (c->out_len + len > c->out_cap) {
		size_t cap = c->out_cap == 0 ? 2048 : c->out_cap * 2;
		if (cap < c->out_len + len)
			cap = c->out_len + len;
		uint8_t *out = realloc(c->out, cap);
		if (out == NULL) {
			c->failed = true;
			c->end = END_MEMORY;
			return;
		}
		c->out = out;
		c->out_cap = cap;
	}
	memcpy(c->out + c->out_len, at, len);
	c->out_len += len;
}

void conn_write(struct conn *c, const void *at, size_t len)
{
	const uint8_t *from = at;
	while (len > 0 && conn_waiting(c) == 0 && !c->blocked && !c->failed) {
		ssize_t n = send_some(c, from, len);
		c->failed = n < 0;
		c->blocked = n == 0;
		if (n <= 0)
			break;
		from += n;
		len -= (size_t)n;
	}
	if (!c->failed)
		conn_queue(c, from, len);
}

static void push_out(struct conn *c)
{
	size_t had = conn_waiting(c);
	while (conn_waiting(c) > 0 && !c->blocked && !c->failed) {
		ssize_t n = send_some(c, c->out + c->out_at, conn_waiting(c));
		c->failed = n < 0;
		c->blocked = n == 0;
		if (n > 0)
			c->out_at += (size_t)n;
	}
	if (conn_waiting(c) == 0) {
		c->out_at = c->out_len = 0;
		if (c->out_cap > OUT_KEPT_BYTES || c->phase != CONN_OPEN) {
			free(c->out);
			c->out = NULL;
			c->out_cap = 0;
		}
	} else if (conn_waiting(c) < had) {
		conn_wait(c, DEADLINE_WRITE);
	}
}

/* ---- bytes in ---- */

/* Bytes read; 0: none now; -1: the peer's orderly end; -2: dead. */
static ssize_t receive_some(struct conn *c, uint8_t *to, size_t room)
{
	if (c->ssl == NULL) {
		ssize_t n = recv(c->fd, to, room, 0);
		if (n > 0)
			return n;
		return n == 0 ? -1 : errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -2;
	}
	int n = SSL_read(c->ssl, to, (int)room);
	if (n > 0)
		return n;
	int error = SSL_get_error(c->ssl, n);
	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	return error == SSL_ERROR_ZERO_RETURN ? -1 : -2;
}

static bool may_read(const struct conn *c)
{
	return c->phase == CONN_OPEN && !c->eof && !c->failed && c->ops->may_read(c);
}

static void read_some(struct conn *c)
{
	struct door *d = c->door;
	for (int i = 0; i < READS_PER_TURN; i++) {
		if (!may_read(c))
			return;
		ssize_t n = receive_some(c, d->in, sizeof(d->in));
		if (n == -1) {
			c->eof = true;
			c->ops->peer_ended(c);
			return;
		}
		c->failed = c->failed || n < 0;
		if (n <= 0)
			return;
		c->spoke = true;
		c->ops->input(c, d->in, (size_t)n);
		/* Asking once more just to hear "not now" would cost a system call per turn; poll is level-triggered and sees the rest,
		 * but for what OpenSSL has already taken. */
		if (c->ssl != NULL ? !SSL_has_pending(c->ssl) : (size_t)n < sizeof(d->in))
			return;
	}
	conn_again(c);
}

/* ---- handshake ---- */

/* A close(2) with unread bytes in the socket would send a reset that overtakes our last words, so: say that we are done, and read on for a while
 * without listening (RFC 9112 9.6). */
static void hear_out(struct conn *c)
{
	c->phase = CONN_LINGER;
	shutdown(c->fd, SHUT_WR);
	conn_wait(c, DEADLINE_LINGER);
	watch(c);
}

static void handshake_failed(struct conn *c)
{
	unsigned long error = ERR_peek_last_error();
	bool plain = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
	const char *reason = ERR_reason_error_string(error), *certificate = tls_certificate_wrong(c->ssl);
	LOG_EVENT(tls_failed, STR_NONE, L_C(certificate != NULL ? certificate : reason != NULL ? reason : "the peer went away"));
	ERR_clear_error();
	conn_count_shake(SHAKE_FAILED);
	c->failed = true;
	c->why = "handshake";
	if (certificate != NULL)
		hear_out(c);
	else
		conn_close(c, plain ? END_PLAIN_HTTP : END_NORMAL, c->why);
}

static void shake_hands(struct conn *c)
{
	int n = SSL_do_handshake(c->ssl);
	if (n != 1) {
		int error = SSL_get_error(c->ssl, n);
		c->blocked = error == SSL_ERROR_WANT_WRITE;
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
			handshake_failed(c);
		return;
	}
	conn_count_shake(SSL_session_reused(c->ssl) ? SHAKE_RESUMED : SHAKE_FULL);
	c->phase = CONN_OPEN;
	bool is_framed = c->face == FACE_FRAMES, h2 = !is_framed && tls_wants_h2(c->ssl);
	conn_become(c, is_framed ? PROTO_FRAMES : h2 ? PROTO_H2 : PROTO_H1);
	if ((!is_framed && !tls_certified(c->door->tls, c->ssl, &c->certified)) || !(is_framed ? frames_open(c) : h2 ? h2_open(c) : h1_open(c))) {
		conn_close(c, END_MEMORY, "memory");
		return;
	}
	if (c->door->draining)
		c->ops->drain(c);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct door *d = c->door;
	free(c->out);
	free(c->certified);
	free(c);
	door_handle_closed(d);
}

void conn_close(struct conn *c, enum conn_end end, const char *why)
{
	if (c->phase == CONN_CLOSED)
		return;
	if (c->end == END_NORMAL)
		c->end = end;
	if (c->why == NULL)
		c->why = why;
	conn_count_end(c->end);
	LOG_EVENT(conn_closed, STR_NONE, L_C(conn_proto_name(c->proto)), L_C(c->why), L_INT(c->requests));
	bool polite = c->phase == CONN_OPEN && !c->failed && conn_waiting(c) == 0;
	c->phase = CONN_CLOSED;
	if (c->ops != NULL)
		c->ops->drop(c);
	c->ops = NULL;
	link_take(&c->link);
	link_take(&c->dirty);
	link_take(&c->again);
	deadline_clear(&c->deadline);
	if (c->ssl != NULL) {
		if (polite)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		ERR_clear_error();
	}
	conn_count_gone(c->proto);
	if (c->capped)
		address_leave(c->address_key);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	close(c->fd);
}

void conn_finish(struct conn *c, enum conn_end end, const char *why)
{
	if (c->phase != CONN_OPEN)
		return;
	c->phase = CONN_FINISHING;
	c->end = end;
	c->why = why;
	conn_dirty(c);
}

/* Everything was written. */
static void say_goodbye(struct conn *c)
{
	if (c->eof) {
		conn_close(c, c->end, c->why);
		return;
	}
	c->ops->drop(c);
	c->ops = NULL;
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	hear_out(c);
}

static void linger(struct conn *c)
{
	ssize_t n = recv(c->fd, c->door->in, sizeof(c->door->in), 0);
	if (n > 0)
		c->lingered += (size_t)n;
	bool wait = n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
	if (!wait || c->lingered > LINGER_BYTES_MAX)
		conn_close(c, c->end, c->why);
}

static void on_deadline(struct deadline *d, enum deadline_kind kind)
{
	struct conn *c = (struct conn *)((char *)d - offsetof(struct conn, deadline));
	switch (kind) {
	case DEADLINE_HANDSHAKE:
		if (c->phase == CONN_HANDSHAKE)
			conn_count_shake(SHAKE_FAILED);
		conn_close(c, END_HANDSHAKE_TIMEOUT, "handshake timeout");
		return;
	case DEADLINE_WRITE:
		conn_close(c, END_WRITE_TIMEOUT, "write timeout");
		return;
	case DEADLINE_LINGER:
		conn_close(c, c->end, c->why);
		return;
	default:
		conn_dirty(c);
		if (c->ops->waits_for(c) == kind) /* else what came since the last turn's end has ended the wait */
			c->ops->expired(c, kind);
	}
}

/* ---- turns ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct conn *c = handle->data;
	if (status < 0) { /* an error on the socket: libuv has stopped the handle */
		c->failed = true;
		conn_close(c, END_NORMAL, "socket");
		return;
	}
	if (c->phase == CONN_LINGER) {
		linger(c);
		return;
	}
	if (events & UV_WRITABLE)
		c->blocked = false;
	if (c->phase == CONN_HANDSHAKE) {
		shake_hands(c);
		if (c->phase == CONN_HANDSHAKE)
			watch(c);
		if (c->phase != CONN_OPEN)
			return;
		events |= UV_READABLE; /* what came with the last flight is inside OpenSSL already */
	}
	if (events & UV_READABLE)
		read_some(c);
	/* Answers that are ready leave now, not at the loop's turn's end: the next connection's requests then live in the same few tasks and
	 * buffers, which the caches still hold. Measured at 50 connections of 10 requests: a third of all CPU time. */
	link_take(&c->dirty);
	conn_turn(c);
}

static void watch(struct conn *c)
{
	int want = c->blocked ? UV_WRITABLE : 0;
	if (c->phase == CONN_HANDSHAKE)
		want = want != 0 ? want : UV_READABLE;
	else if (c->phase == CONN_LINGER || may_read(c))
		want |= UV_READABLE;
	if (want == c->interest)
		return;
	bool resumes = (want & ~c->interest & UV_READABLE) != 0;
	c->interest = want;
	if (want == 0)
		uv_poll_stop(&c->poll);
	else
		uv_poll_start(&c->poll, want, on_poll);
	if (resumes && c->phase == CONN_OPEN && c->ssl != NULL && SSL_has_pending(c->ssl))
		conn_again(c);
}

static void be_patient(struct conn *c)
{
	enum deadline_kind kind;
	if (conn_waiting(c) > 0)
		kind = DEADLINE_WRITE;
	else if (!c->spoke)
		kind = DEADLINE_HANDSHAKE;
	else
		kind = c->ops->waits_for(c);
	if (kind == c->deadline.kind)
		return;
	if (kind == DEADLINE_NONE)
		deadline_clear(&c->deadline);
	else
		conn_wait(c, kind);
}

void conn_turn(struct conn *c)
{
	if (c->ops == NULL)
		return;
	push_out(c);
	if (!c->failed)
		c->ops->output(c);
	if (!c->failed)
		push_out(c);
	if (c->failed) {
		conn_close(c, END_NORMAL, "socket");
		return;
	}
	if (c->phase == CONN_FINISHING && conn_waiting(c) == 0)
		say_goodbye(c);
	else
		be_patient(c);
	if (c->phase != CONN_CLOSED)
		watch(c);
}

void conn_dirty(struct conn *c)
{
	if (link_is_alone(&c->dirty))
		link_put(&c->door->dirty, &c->dirty);
}

static void on_again(uv_idle_t *idle)
{
	struct door *d = idle->data;
	struct link now;
	link_move_all(&now, &d->again);
	while (!link_is_alone(&now)) {
		struct conn *c = (struct conn *)((char *)now.next - offsetof(struct conn, again));
		link_take(&c->again);
		conn_dirty(c);
		read_some(c);
	}
	if (link_is_alone(&d->again))
		uv_idle_stop(idle);
}

void conn_again(struct conn *c)
{
	if (link_is_alone(&c->again))
		link_put(&c->door->again, &c->again);
	uv_idle_start(&c->door->again_idle, on_again); /* does nothing when it runs already */
}

/* ---- the beginning ---- */

static void refuse(struct conn *c, enum conn_end end)
{
	struct door *d = c->door;
	int64_t now = door_now_ms(d);
	if (now - d->last_refusal_ms >= REFUSALS_TOLD_MS) {
		LOG_EVENT(conn_refused, STR_NONE, L_C(conn_end_name(end)));
		d->last_refusal_ms = now;
	}
	c->failed = true;
	conn_close(c, end, "too many connections");
}

void conn_open(struct door *d, int fd, enum face face, const struct sockaddr_storage *from)
{
	struct conn *c = calloc(1, sizeof(*c));
	if (c == NULL || uv_poll_init_socket(d->loop->uv, &c->poll, fd) != 0) {
		free(c);
		close(fd);
		conn_count_end(END_MEMORY);
		return;
	}
	d->handles++;
	c->poll.data = c;
	c->door = d;
	c->fd = fd;
	c->face = face;
	c->end = END_NORMAL;
	c->peer_len = address_text(from, c->peer);
	link_init(&c->link);
	link_init(&c->dirty);
	link_init(&c->again);
	link_put(face == FACE_PUBLIC || face == FACE_FRAMES ? &d->conns : &d->inside, &c->link);
	deadline_init(&c->deadline, on_deadline);
	conn_count_come(PROTO_HANDSHAKE);
	conn_wait(c, DEADLINE_HANDSHAKE);
	if (from->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	bool ok;
	if (face == FACE_PUBLIC) {
		const struct config *limits = d->loop->config;
		enum address_verdict v = address_enter(from, limits->conn_max, limits->conn_per_address_max, &c->address_key);
		c->capped = v == ADDRESS_WELCOME;
		if (!c->capped) {
			refuse(c, v == ADDRESS_FULL ? END_FULL : END_ADDRESS_FULL);
			return;
		}
		c->ssl = tls_session(d->tls, fd);
		ok = c->ssl != NULL;
	} else if (face == FACE_FRAMES) {
		ok = frames_begin(c);
	} else {
		c->phase = CONN_OPEN;
		conn_become(c, face == FACE_ADMIN ? PROTO_ADMIN : PROTO_CONTROL);
		ok = h1_open(c);
	}
	if (ok)
		watch(c);
	else
		conn_close(c, END_MEMORY, "memory");
}
