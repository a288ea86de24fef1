/* gateway/door/door.c - listeners: who may knock, and what happens when the machine has no descriptor left to answer with. */
#include "gateway/door/door.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/door/conn.h"
#include "gateway/door/h2.h"
#include "gateway/live/live.h"
#include "gateway/door/tls.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 1000, TICK_MS = 100, LINGER_MS = 2000, DIRTY_ROUNDS = 4 };

static void on_knock(uv_poll_t *handle, int status, int events);

/* ---- no descriptors: do not spin on a level-triggered listener, wait and look again ---- */

static void each_listener(struct door *d, void (*visit)(struct listener *l))
{
	visit(&d->public);
	visit(&d->admin);
	visit(&d->control);
	visit(&d->frames);
}

static void resume(struct listener *l)
{
	if (!l->open || !l->paused)
		return;
	l->paused = false;
	uv_poll_start(&l->poll, UV_READABLE, on_knock);
}

static void on_pause_over(uv_timer_t *timer)
{
	each_listener(timer->data, resume);
}

static void pause_accepting(struct listener *l, const char *why)
{
	struct door *d = l->door;
	if (d->pause_ms == 0) {
		d->paused_at_ms = clock_mono_ms();
		LOG_EVENT(accept_paused, STR_NONE, L_C(why));
	}
	metric_add(M_accept_pauses, 0, 1);
	d->pause_ms = d->pause_ms == 0 ? PAUSE_FIRST_MS : d->pause_ms * 2 < PAUSE_MAX_MS ? d->pause_ms * 2 : PAUSE_MAX_MS;
	l->paused = true;
	uv_poll_stop(&l->poll);
	uv_timer_start(&d->pause, on_pause_over, (uint64_t)d->pause_ms, 0);
}

static void accepted_again(struct door *d)
{
	if (d->pause_ms == 0)
		return;
	LOG_EVENT(accept_resumed, STR_NONE, L_INT(clock_mono_ms() - d->paused_at_ms));
	d->pause_ms = 0;
}

/* ---- accept ---- */

static int accept_one(struct listener *l, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	memset(from, 0, sizeof(*from));
	if (fault_hit(FAULT_accept)) {
		errno = EMFILE;
		return -1;
	}
	return accept4(l->fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void on_tick(uv_timer_t *timer);

static void on_knock(uv_poll_t *handle, int status, int events)
{
	struct listener *l = handle->data;
	struct door *d = l->door;
	(void)status, (void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && l->open; i++) {
		struct sockaddr_storage from;
		int fd = accept_one(l, &from);
		if (fd < 0) {
			int error = errno;
			if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
				pause_accepting(l, strerror(error));
			else if (error == EINTR || error == ECONNABORTED)
				continue;
			return;
		}
		accepted_again(d);
		conn_open(d, fd, l->face, &from);
		if (!d->ticking) {
			d->ticking = true;
			uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
		}
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct door *d = timer->data;
	const struct config *c = d->loop->config;
	const int64_t limits[DEADLINE_KINDS] = {
		[DEADLINE_HANDSHAKE] = c->handshake_ms, [DEADLINE_HEADER] = c->header_ms, [DEADLINE_BODY] = c->body_ms,
		[DEADLINE_WRITE] = c->body_ms, [DEADLINE_IDLE] = c->idle_ms, [DEADLINE_LINGER] = LINGER_MS,
	};
	deadlines_tick(&d->deadlines, limits, door_now_ms(d));
	live_tick(d->loop->live);
	if (!link_is_alone(&d->conns) || !link_is_alone(&d->inside))
		return;
	d->ticking = false;
	uv_timer_stop(timer);
}

/* ---- listeners ---- */

static bool listen_fails(struct fail *why, int fd, const char *where, const char *doing)
{
	int error = errno;
	if (fd >= 0)
		close(fd);
	LOG_EVENT(listen_failed, STR_NONE, L_C(where), L_C(strerror(error)));
	return FAILS(why, SYSTEM, "%s: %s: %s", where, doing, strerror(error));
}

static bool watch_listener(struct door *d, struct listener *l, int fd, enum face face, struct fail *why)
{
	l->door = d;
	l->fd = fd;
	l->face = face;
	if (uv_poll_init_socket(d->loop->uv, &l->poll, fd) != 0) {
		close(fd);
		return FAILS(why, SYSTEM, "a listener's poll");
	}
	d->handles++;
	l->open = true;
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_knock);
	return true;
}

static bool listen_tcp(struct door *d, struct listener *l, enum face face, const char *address, int port, bool shared, struct fail *why)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { .v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) } };
	socklen_t len = sizeof(at.v4);
	char where[96];
	snprintf(where, sizeof(where), "%s port %d", address, port);
	if (inet_pton(AF_INET, address, &at.v4.sin_addr) != 1) {
		at.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
		len = sizeof(at.v6);
		if (inet_pton(AF_INET6, address, &at.v6.sin6_addr) != 1)
			return FAILS(why, CONFIG, "%s is not an address", address);
	}
	int on = 1, off = 0, fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    (at.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0))
		return listen_fails(why, fd, where, "socket");
	if (bind(fd, &at.any, len) != 0)
		return listen_fails(why, fd, where, "bind");
	if (listen(fd, BACKLOG) != 0)
		return listen_fails(why, fd, where, "listen");
	return watch_listener(d, l, fd, face, why);
}

/* The caller holds the state folder's lock, so a socket that is there is a dead daemon's. */
static bool listen_control(struct door *d, struct fail *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int n = snprintf(d->control_path, sizeof(d->control_path), "%s/control.sock", d->loop->config->state_dir);
	if ((size_t)n >= sizeof(at.sun_path)) {
		d->control_path[0] = '\0';
		return FAILS(why, CONFIG, "state.dir is too long for a UNIX socket: %d bytes, %zu at most", n, sizeof(at.sun_path) - 1);
	}
	memcpy(at.sun_path, d->control_path, (size_t)n + 1);
	struct stat st;
	if (lstat(at.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(at.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* On Linux the file gets the socket's own mode at bind, so that it is never open to others, not even for a moment. */
	if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(at.sun_path, 0600) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return listen_fails(why, fd, at.sun_path, "control socket");
	return watch_listener(d, &d->control, fd, FACE_CONTROL, why);
}

static bool open_listeners(struct door *d, struct fail *why)
{
	const struct config *c = d->loop->config;
	if (!listen_tcp(d, &d->public, FACE_PUBLIC, c->listen_address, (int)c->listen_port, true, why))
		return false;
	if (d->loop->index != 0)
		return true;
	if (c->finance_frame_port != 0 && !listen_tcp(d, &d->frames, FACE_FRAMES, c->finance_frame_listen, (int)c->finance_frame_port, false, why))
		return false;
	return listen_tcp(d, &d->admin, FACE_ADMIN, c->admin_address, (int)c->admin_port, false, why) && listen_control(d, why);
}

/* ---- open and close ---- */

static void on_handle_closed(uv_handle_t *handle)
{
	door_handle_closed(handle->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
	door_handle_closed(((struct listener *)handle->data)->door);
}

void door_handle_closed(struct door *d)
{
	if (--d->handles > 0 || !d->closed)
		return;
	h2_drop_spares(d);
	slab_drop(&d->slab);
	free(d);
}

struct door *door_open(struct loop *l, struct door_tls *tls, struct fail *why)
{
	struct door *d = calloc(1, sizeof(*d));
	if (d == NULL) {
		FAILS(why, MEMORY, "door of loop %d", l->index);
		return NULL;
	}
	d->loop = l;
	d->tls = tls;
	link_init(&d->conns);
	link_init(&d->inside);
	link_init(&d->dirty);
	link_init(&d->again);
	link_init(&d->spare_streams);
	deadlines_init(&d->deadlines);
	d->h1_limits = (struct h1_limits){ (size_t)l->config->target_bytes_max, (size_t)l->config->header_bytes_max, (size_t)l->config->header_count_max, true };
	d->h1_limits_inside = d->h1_limits;
	d->h1_limits_inside.secure = false;
	uv_timer_init(l->uv, &d->tick);
	uv_timer_init(l->uv, &d->pause);
	uv_idle_init(l->uv, &d->again_idle);
	d->tick.data = d->pause.data = d->again_idle.data = d;
	d->handles = 3;
	if (l->index == 0)
		conn_count_names();
	if (open_listeners(d, why))
		return d;
	door_close(d);
	return NULL;
}

static void close_listener(struct listener *l)
{
	if (!l->open)
		return;
	l->open = false;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	close(l->fd);
}

static struct conn *first_of(struct link *ring)
{
	return link_is_alone(ring) ? NULL : (struct conn *)ring->next;
}

/* The admin port stays open: balancers are to hear from /readyz that we are going. */
void door_drain(struct door *d)
{
	d->draining = true;
	close_listener(&d->public);
	close_listener(&d->frames);
	for (struct link *next, *at = d->conns.next; at != &d->conns; at = next) {
		struct conn *c = (struct conn *)at;
		next = at->next;
		conn_dirty(c);
		if (c->phase == CONN_HANDSHAKE)
			conn_close(c, END_NORMAL, "stopping");
		else if (c->phase == CONN_OPEN)
			c->ops->drain(c);
	}
}

bool door_is_empty(const struct door *d)
{
	return link_is_alone(&d->conns);
}

void door_close(struct door *d)
{
	d->closed = true;
	each_listener(d, close_listener);
	if (d->control.fd > 0)
		unlink(d->control_path);
	for (struct conn *c; (c = first_of(&d->conns)) != NULL;)
		conn_close(c, END_NORMAL, "stopped");
	for (struct conn *c; (c = first_of(&d->inside)) != NULL;)
		conn_close(c, END_NORMAL, "stopped");
	uv_close((uv_handle_t *)&d->tick, on_handle_closed);
	uv_close((uv_handle_t *)&d->pause, on_handle_closed);
	uv_close((uv_handle_t *)&d->again_idle, on_handle_closed);
}

void door_turn_end(struct door *d)
{
	/* An answer may let the next pipelined request in, which makes its connection dirty again. */
	for (int i = 0; i < DIRTY_ROUNDS && !link_is_alone(&d->dirty); i++) {
		struct link now;
		link_move_all(&now, &d->dirty);
		while (!link_is_alone(&now)) {
			struct conn *c = (struct conn *)((char *)now.next - offsetof(struct conn, dirty));
			link_take(&c->dirty);
			conn_turn(c);
		}
	}
	for (struct link *at = d->dirty.next; at != &d->dirty; at = at->next)
		conn_again((struct conn *)((char *)at - offsetof(struct conn, dirty)));
}
