/* gateway/expiring/redis_wire.c - why this exists: the library's own connections wait for ever on a server that hangs, and never tell of one that refuses. */
#include "gateway/expiring/redis_wire.h"

#include "base/clock.h"
#include "base/ids.h"
#include "gateway/expiring/redis_seek.h"
#include "gateway/outside/tls_client.h"

#include <assert.h>
#include <stdlib.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 5000, CONNECT_MS = 2000, READ_BYTES = 16 << 10, UNSENT_MAX = 1 << 20, HOST_BYTES = 256 };

/* In the order in which they are said, downwards; those that do not apply are passed over. */
enum { GREET_USER = 1, GREET_ROLE, GREET_SELECT, GREET_AUTH, GREETINGS = GREET_AUTH };

struct redis_wire {
	uv_loop_t *uv;
	const struct redis_settings *settings;
	const struct wire_user *ops;
	void *user;
	enum wire_state state;
	union {
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} s;
	char host[HOST_BYTES];      /* where it connects to, if it is no path */
	int port;
	struct redis_seek *seek;    /* while the sentinels are asked for these */
	size_t sentinel;            /* behind the one that was asked last */
	bool stream_open;           /* its handle is with the loop */
	bool looking_up;
	uv_getaddrinfo_t lookup;
	uv_connect_t connect;
	uv_timer_t timer;           /* the pause while down; the limit while connecting and greeting */
	int handles;                /* with the loop, or a look-up under way: freed at zero */
	int64_t pause_ms;
	struct redis_reader *reader;
	int greetings_left;
	char input[READ_BYTES];
	struct tls_client *tls;     /* NULL: in the clear */
	char plain[READ_BYTES];
	/* what could not be written at once; one write is under way at a time */
	char *unsent;
	size_t unsent_len, unsent_cap;
	char *writing;
	uv_write_t write;
};

static void begin(struct redis_wire *w);
static void broken(struct redis_wire *w, const char *why);

enum wire_state redis_wire_state(const struct redis_wire *w)
{
	return w->state;
}

struct redis_reader *redis_wire_reader(struct redis_wire *w)
{
	return w->reader;
}

/* ---- the end ---- */

static void release(struct redis_wire *w)
{
	if (--w->handles > 0 || w->state != WIRE_CLOSING)
		return;
	redis_reader_drop(w->reader);
	tls_client_drop(w->tls);
	free(w->unsent);
	free(w->writing);
	free(w);
}

static void pause_over(uv_timer_t *timer)
{
	begin(timer->data);
}

static void pause_and_again(struct redis_wire *w)
{
	uint32_t jitter;
	random_bytes(&jitter, sizeof jitter);
	int64_t pause = w->pause_ms / 2 + (int64_t)(jitter % (uint32_t)(w->pause_ms / 2 + 1));
	w->pause_ms = w->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : w->pause_ms * 2;
	uv_timer_start(&w->timer, pause_over, (uint64_t)pause, 0);
}

static void stream_closed(uv_handle_t *handle)
{
	struct redis_wire *w = handle->data;
	w->stream_open = false;
	if (w->state == WIRE_DOWN)
		pause_and_again(w);
	release(w);
}

static void close_stream(struct redis_wire *w)
{
	if (w->stream_open && !uv_is_closing((uv_handle_t *)&w->s.stream))
		uv_close((uv_handle_t *)&w->s.stream, stream_closed);
}

static void broken(struct redis_wire *w, const char *why)
{
	if (w->state == WIRE_DOWN || w->state == WIRE_CLOSING)
		return;
	LOG_EVENT(redis_down, STR_NONE, L_C(w->ops->whom), L_C(why));
	bool was_up = w->state == WIRE_UP;
	w->state = WIRE_DOWN;
	uv_timer_stop(&w->timer);
	redis_seek_close(w->seek);
	w->seek = NULL;
	w->unsent_len = 0;
	if (was_up)
		w->ops->down(w->user);
	if (w->stream_open)
		close_stream(w);
	else if (!w->looking_up)
		pause_and_again(w);
}

void redis_wire_restart(struct redis_wire *w, const char *why)
{
	broken(w, why);
}

static void handle_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void redis_wire_close(struct redis_wire *w)
{
	if (w == NULL)
		return;
	w->state = WIRE_CLOSING;
	redis_seek_close(w->seek);
	w->seek = NULL;
	if (w->looking_up)
		uv_cancel((uv_req_t *)&w->lookup);
	close_stream(w);
	uv_close((uv_handle_t *)&w->timer, handle_closed);
}

/* ---- writing: bytes gather while a write is under way ---- */

static void flush(struct redis_wire *w);

static void written(uv_write_t *write, int status)
{
	struct redis_wire *w = write->data;
	free(w->writing);
	w->writing = NULL;
	if (status == 0 && w->state != WIRE_CLOSING)
		flush(w);
	else if (status != UV_ECANCELED)
		broken(w, uv_strerror(status));
}

static void flush(struct redis_wire *w)
{
	if (w->writing != NULL || w->unsent_len == 0)
		return;
	uv_buf_t bytes = uv_buf_init(w->unsent, (unsigned)w->unsent_len);
	w->writing = w->unsent;
	w->unsent = NULL;
	w->unsent_len = w->unsent_cap = 0;
	w->write.data = w;
	int rc = uv_write(&w->write, &w->s.stream, &bytes, 1, written);
	if (rc == 0)
		return;
	free(w->writing);
	w->writing = NULL;
	broken(w, uv_strerror(rc));
}

static bool keep_unsent(struct redis_wire *w, const char *at, size_t len)
{
	if (w->unsent_len + len > UNSENT_MAX)
		return false;
	if (w->unsent_len + len > w->unsent_cap) {
		size_t cap = (w->unsent_len + len) * 2;
		char *more = realloc(w->unsent, cap);
		if (more == NULL)
			return false;
		w->unsent = more;
		w->unsent_cap = cap;
	}
	memcpy(w->unsent + w->unsent_len, at, len);
	w->unsent_len += len;
	return true;
}

static void send_bytes(struct redis_wire *w, const char *at, size_t len)
{
	size_t done = 0;
	if (w->writing == NULL && w->unsent_len == 0) {
		uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)at, (unsigned)len);
		int n = uv_try_write(&w->s.stream, &bytes, 1);
		done = n > 0 ? (size_t)n : 0; /* what is wrong with the connection shows when the rest is written */
	}
	if (done == len || keep_unsent(w, at + done, len - done))
		flush(w);
	else
		broken(w, "does not read");
}

/* What TLS has to say to the other side. */
static void send_sealed(struct redis_wire *w)
{
	struct str out = tls_client_out(w->tls);
	if (out.len > 0)
		send_bytes(w, out.at, out.len);
	tls_client_sent(w->tls);
}

void redis_wire_send(struct redis_wire *w, struct redis_bytes *b)
{
	if (w->tls == NULL)
		send_bytes(w, b->at, b->len);
	else if (tls_client_write(w->tls, b->at, b->len))
		send_sealed(w);
	else
		broken(w, tls_client_wrong(w->tls));
	redis_bytes_drop(b);
}

/* ---- greeting ---- */

static bool has_greeting(const struct redis_wire *w, int greeting)
{
	const struct redis_settings *s = w->settings;
	return greeting == GREET_AUTH ? s->password.secret.at != NULL : greeting == GREET_SELECT ? s->database != 0 : greeting == GREET_ROLE ? s->sentinels.len > 0 : true;
}

static bool greet_next(struct redis_wire *w, struct fail *why)
{
	struct redis_bytes out;
	const struct redis_settings *s = w->settings;
	while (!has_greeting(w, w->greetings_left))
		w->greetings_left--;
	bool ok = w->greetings_left == GREET_AUTH ? redis_auth(s->user, s->password, &out, why) :
		w->greetings_left == GREET_SELECT ? redis_select(s->database, &out, why) :
		w->greetings_left == GREET_ROLE ? redis_role(&out, why) : w->ops->greet(w->user, &out, why);
	if (ok)
		redis_wire_send(w, &out);
	return ok;
}

static void greeted(struct redis_wire *w, const struct redis_answer *a)
{
	struct fail why;
	fail_clear(&why);
	if (a->kind != REDIS_SAYS_FINE && a->kind != REDIS_SAYS_LOADED && a->kind != REDIS_SAYS_PLACE) {
		char text[64]; /* NOAUTH, WRONGPASS, LOADING: the operator must see which */
		snprintf(text, sizeof text, "greeting refused: %.*s", (int)(a->text.len < 40 ? a->text.len : 40), a->text.at == NULL ? "" : a->text.at);
		broken(w, text);
	} else if (--w->greetings_left > 0) {
		if (!greet_next(w, &why))
			broken(w, why.log);
	} else {
		w->state = WIRE_UP;
		w->pause_ms = PAUSE_FIRST_MS;
		uv_timer_stop(&w->timer);
		LOG_EVENT(redis_up, STR_NONE, L_C(w->ops->whom));
		w->ops->up(w->user, a);
	}
}

/* ---- reading ---- */

static void take_answers(struct redis_wire *w)
{
	struct redis_answer a;
	while (w->state == WIRE_GREETING || w->state == WIRE_UP) {
		redis_next(w->reader, &a);
		if (a.kind == REDIS_SAYS_NOTHING)
			return;
		if (a.kind == REDIS_SAYS_NONSENSE)
			broken(w, "it does not speak RESP");
		else if (w->state == WIRE_GREETING)
			greeted(w, &a);
		else
			w->ops->answer(w->user, &a);
	}
}

static void greet(struct redis_wire *w);

/* Bytes in the clear. */
static void take_plain(struct redis_wire *w, const char *at, size_t len)
{
	if (redis_feed(w->reader, at, len))
		take_answers(w);
	else
		broken(w, "it does not speak RESP");
}

static void take_sealed(struct redis_wire *w, const char *at, size_t len)
{
	ssize_t n = 1;
	if (!tls_client_take(w->tls, at, len)) {
		broken(w, "no memory");
		return;
	}
	while (n > 0 && w->state != WIRE_DOWN && w->state != WIRE_CLOSING) {
		n = tls_client_read(w->tls, w->plain, sizeof w->plain);
		send_sealed(w); /* flights of the handshake, and the alert when it fails */
		if (n > 0)
			take_plain(w, w->plain, (size_t)n);
		else if (n < 0)
			broken(w, tls_client_wrong(w->tls));
	}
	if (w->state == WIRE_CONNECTING && tls_client_is_open(w->tls))
		greet(w);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	struct redis_wire *w = handle->data;
	*out = uv_buf_init(w->input, sizeof w->input);
}

static void arrived(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct redis_wire *w = stream->data;
	if (n == 0 || w->state == WIRE_DOWN || w->state == WIRE_CLOSING)
		return;
	if (n < 0)
		broken(w, uv_strerror((int)n));
	else
		(w->tls != NULL ? take_sealed : take_plain)(w, bytes->base, (size_t)n);
}

/* ---- connecting ---- */

static void too_slow(uv_timer_t *timer)
{
	broken(timer->data, "no connection in time");
}

static void greet(struct redis_wire *w)
{
	struct fail why;
	fail_clear(&why);
	w->state = WIRE_GREETING;
	w->greetings_left = GREETINGS;
	if (!greet_next(w, &why))
		broken(w, why.log);
}

/* Nothing of the connection before is of use to this one. */
static bool begin_reading(struct redis_wire *w)
{
	struct fail why;
	fail_clear(&why);
	redis_reader_drop(w->reader);
	tls_client_drop(w->tls);
	w->tls = w->settings->is_tls ? tls_client_make(w->settings->trust, str_c(w->host)) : NULL;
	w->reader = redis_reader_make(w->settings->prefix, &why);
	return w->reader != NULL && (w->tls != NULL || !w->settings->is_tls) && uv_read_start(&w->s.stream, give_room, arrived) == 0;
}

static void connected(uv_connect_t *connect, int status)
{
	struct redis_wire *w = connect->data;
	if (w->state != WIRE_CONNECTING)
		return;
	if (status != 0 || !begin_reading(w))
		broken(w, status != 0 ? uv_strerror(status) : "no memory");
	else if (w->tls != NULL)
		take_sealed(w, "", 0); /* the hello */
	else
		greet(w);
}

static void connect_pipe(struct redis_wire *w)
{
	char path[108];
	snprintf(path, sizeof path, "%.*s", STR_ARG(w->settings->path));
	uv_pipe_init(w->uv, &w->s.pipe, 0);
	w->s.pipe.data = w;
	w->stream_open = true;
	w->handles++;
	uv_pipe_connect(&w->connect, &w->s.pipe, path, connected);
}

static void looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct redis_wire *w = lookup->data;
	w->looking_up = false;
	if (w->state == WIRE_CONNECTING && status == 0) {
		uv_tcp_init(w->uv, &w->s.tcp);
		uv_tcp_nodelay(&w->s.tcp, 1);
		w->s.tcp.data = w;
		w->stream_open = true;
		w->handles++;
		int rc = uv_tcp_connect(&w->connect, &w->s.tcp, found->ai_addr, connected);
		if (rc != 0)
			broken(w, uv_strerror(rc));
	} else if (w->state == WIRE_DOWN) {
		pause_and_again(w); /* it took longer than a connection may */
	} else if (w->state != WIRE_CLOSING) { /* where it may have been found all the same: no error, and libuv keeps words for each that is none */
		broken(w, uv_strerror(status));
	}
	if (found != NULL)
		uv_freeaddrinfo(found);
	release(w);
}

static void connect_tcp(struct redis_wire *w)
{
	char port[8];
	const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	snprintf(port, sizeof port, "%d", w->port);
	w->lookup.data = w;
	int rc = uv_getaddrinfo(w->uv, &w->lookup, looked_up, w->host, port, &wanted);
	if (rc != 0) {
		broken(w, uv_strerror(rc));
		return;
	}
	w->looking_up = true;
	w->handles++;
}

static void reach(struct redis_wire *w, struct str host, int port)
{
	snprintf(w->host, sizeof w->host, "%.*s", STR_ARG(host));
	w->port = port;
	uv_timer_start(&w->timer, too_slow, CONNECT_MS, 0);
	if (w->settings->path.len > 0)
		connect_pipe(w);
	else
		connect_tcp(w);
}

static void found(void *ctx, struct str host, int port)
{
	struct redis_wire *w = ctx;
	LOG_EVENT(redis_found, STR_NONE, L_STR(host), L_INT(port));
	reach(w, host, port);
	redis_seek_close(w->seek); /* `host` lies in what it read */
	w->seek = NULL;
}

/* The sentinels have as long as they need: each has its own limit. */
static void ask_sentinels(struct redis_wire *w)
{
	struct fail why;
	fail_clear(&why);
	w->seek = redis_seek_open(w->uv, w->settings, &w->sentinel, found, w, &why);
	if (w->seek == NULL)
		broken(w, why.log);
}

static void begin(struct redis_wire *w)
{
	if (w->state != WIRE_DOWN)
		return;
	w->state = WIRE_CONNECTING;
	w->connect.data = w;
	if (w->ops->before != NULL)
		w->ops->before(w->user);
	if (w->settings->sentinels.len > 0)
		ask_sentinels(w);
	else
		reach(w, w->settings->host, w->settings->port);
}

struct redis_wire *redis_wire_open(uv_loop_t *uv, const struct redis_settings *s, const struct wire_user *ops, void *user, struct fail *why)
{
	struct redis_wire *w = calloc(1, sizeof *w);
	if (w == NULL) {
		FAILS(why, MEMORY, "a connection to redis");
		return NULL;
	}
	*w = (struct redis_wire){ .uv = uv, .settings = s, .ops = ops, .user = user, .pause_ms = PAUSE_FIRST_MS, .handles = 1 };
	uv_timer_init(uv, &w->timer);
	w->timer.data = w;
	begin(w);
	return w;
}
