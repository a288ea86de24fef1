/* gateway/door/ws.c - libwebsockets' only room.
 *
 * What is to be sent waits in one buffer per socket until the engine asks for it; that is empty, and not allocated, most of the time.
 * LWS_CALLBACK_HTTP_CONFIRM_UPGRADE is not handled, on purpose (CVE-2025-11677). */
#include "gateway/door/ws.h"
#include "base/log.h"
#include <libwebsockets.h>
#include <stdlib.h>
#include <unistd.h>

enum { RX_BYTES = 1024, TIMEOUT_S = 10, HEADERS_MAX = 1024, REASON_MAX = 64, QUEUE_MAX = 256 << 10 };

const char WS_HANDSHAKE[] = "GET / HTTP/1.1\r\nHost: inside\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct ws_room {
	struct lws_context *context;
	struct lws_vhost *vhost;
	uint8_t *scratch;         /* LWS_PRE bytes, then a frame */
	size_t scratch_cap;
};

struct ws {
	struct lws *wsi;
	struct ws_room *room;
	const struct ws_events *events;
	void *ctx;                /* NULL: forgotten */
	uint8_t *queue;           /* messages, each behind its length */
	size_t queue_at, queue_len, queue_cap;
	char *message;            /* what came of an unfinished one */
	size_t message_len;
	int close_code;
	bool ping_due;
	const char *close_reason;
};

/* ---- out ---- */

static bool queue_room(struct ws *w, size_t len)
{
	if (w->queue_at > 0) {
		memmove(w->queue, w->queue + w->queue_at, w->queue_len - w->queue_at);
		w->queue_len -= w->queue_at;
		w->queue_at = 0;
	}
	if (w->queue_len + len <= w->queue_cap)
		return true;
	uint8_t *queue = w->queue_len + len <= QUEUE_MAX ? realloc(w->queue, w->queue_len + len) : NULL;
	if (queue == NULL)
		return false;
	w->queue = queue;
	w->queue_cap = w->queue_len + len;
	return true;
}

void ws_send(struct ws *w, const struct str *parts, int count)
{
	uint32_t len = 0;
	if (w->close_code != 0)
		return;
	for (int i = 0; i < count; i++)
		len += (uint32_t)parts[i].len;
	if (!queue_room(w, sizeof(len) + len)) {
		ws_close(w, 1011, "out of memory");
		return;
	}
	memcpy(w->queue + w->queue_len, &len, sizeof(len));
	w->queue_len += sizeof(len);
	for (int i = 0; i < count; i++) {
		memcpy(w->queue + w->queue_len, parts[i].at, parts[i].len);
		w->queue_len += parts[i].len;
	}
	lws_callback_on_writable(w->wsi);
}

size_t ws_waiting(const struct ws *w)
{
	return w->queue_len - w->queue_at;
}

void ws_ping(struct ws *w)
{
	w->ping_due = true;
	lws_callback_on_writable(w->wsi);
}

void ws_close(struct ws *w, int code, const char *reason)
{
	if (w->close_code != 0)
		return;
	w->close_code = code;
	w->close_reason = reason;
	lws_callback_on_writable(w->wsi);
}

static bool write_frame(struct ws *w, const uint8_t *at, size_t len, enum lws_write_protocol kind)
{
	struct ws_room *r = w->room;
	if (LWS_PRE + len > r->scratch_cap) {
		uint8_t *scratch = realloc(r->scratch, LWS_PRE + len);
		if (scratch == NULL)
			return false;
		r->scratch = scratch;
		r->scratch_cap = LWS_PRE + len;
	}
	if (len > 0)
		memcpy(r->scratch + LWS_PRE, at, len);
	return lws_write(w->wsi, r->scratch + LWS_PRE, len, kind) >= 0;
}

/* -1: the pair is dead. */
static int write_more(struct ws *w)
{
	if (w->ping_due && !write_frame(w, NULL, 0, LWS_WRITE_PING))
		return -1;
	w->ping_due = false;
	while (ws_waiting(w) > 0 && !lws_send_pipe_choked(w->wsi)) {
		uint32_t len;
		memcpy(&len, w->queue + w->queue_at, sizeof(len));
		if (!write_frame(w, w->queue + w->queue_at + sizeof(len), len, LWS_WRITE_TEXT))
			return -1;
		w->queue_at += sizeof(len) + len;
	}
	if (ws_waiting(w) > 0) {
		lws_callback_on_writable(w->wsi);
		return 0;
	}
	free(w->queue);
	w->queue = NULL;
	w->queue_at = w->queue_len = w->queue_cap = 0;
	if (w->close_code == 0 && w->ctx != NULL)
		w->events->drained(w->ctx);
	if (w->close_code != 0)
		lws_set_timer_usecs(w->wsi, 1); /* saying goodbye from inside this callback would be taken for a failed write: no close frame */
	return 0;
}

/* ---- in ---- */

static int refuse(struct ws *w, enum lws_close_status code, const char *reason)
{
	lws_close_reason(w->wsi, code, (unsigned char *)(uintptr_t)reason, strlen(reason));
	return -1;
}

static int take_piece(struct ws *w, const char *at, size_t len)
{
	if (w->ctx == NULL || w->close_code != 0)
		return 0;
	if (lws_frame_is_binary(w->wsi))
		return refuse(w, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
	bool is_last = lws_is_final_fragment(w->wsi) && lws_remaining_packet_payload(w->wsi) == 0;
	if (w->message_len + len > WS_MESSAGE_MAX)
		return refuse(w, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too long");
	if (is_last && w->message_len == 0) {
		w->events->message(w->ctx, (struct str){ at, len });
		return 0;
	}
	char *message = realloc(w->message, w->message_len + len + 1);
	if (message == NULL)
		return refuse(w, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "out of memory");
	w->message = message;
	memcpy(w->message + w->message_len, at, len);
	w->message_len += len;
	if (!is_last)
		return 0;
	w->events->message(w->ctx, (struct str){ w->message, w->message_len });
	free(w->message);
	w->message = NULL;
	w->message_len = 0;
	return 0;
}

static void over(struct ws *w)
{
	if (w->ctx != NULL)
		w->events->closed(w->ctx);
	free(w->queue);
	free(w->message);
	free(w);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in, size_t len)
{
	struct ws *w = lws_get_opaque_user_data(wsi);
	(void)session;
	if (w == NULL)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		if (w->close_code != 0 || ws_waiting(w) > 0) /* asked for while this was no WebSocket yet */
			lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return take_piece(w, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_more(w);
	case LWS_CALLBACK_TIMER:
		return w->close_code != 0 ? refuse(w, (enum lws_close_status)w->close_code, w->close_reason) : 0;
	case LWS_CALLBACK_HTTP:
		return -1; /* nothing but our own handshake is ever written here */
	case LWS_CALLBACK_WSI_DESTROY:
		lws_set_opaque_user_data(wsi, NULL);
		over(w);
		return 0;
	default:
		return 0;
	}
}

/* ---- the room ---- */

static void say(int level, const char *line)
{
	char text[160];
	size_t len = strcspn(line, "\n");
	(void)level;
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, line, len);
	text[len] = '\0';
	LOG_EVENT(ws_engine, STR_NONE, L_C(text));
}

struct ws_room *ws_room_open(struct uv_loop_s *uv, struct fail *why)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "siban", .callback = on_event, .rx_buffer_size = RX_BYTES }, /* index 0: for whoever names no subprotocol */
		{ .name = NULL },
	};
	void *loops[] = { uv };
	struct ws_room *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		FAILS(why, MEMORY, "the WebSocket engine");
		return NULL;
	}
	lws_set_log_level(LLL_ERR, say);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER, .protocols = protocols, .foreign_loops = loops, .pcontext = &r->context,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8, .timeout_secs = TIMEOUT_S,
		.max_http_header_data = HEADERS_MAX, .gid = (gid_t)-1, .uid = (uid_t)-1,
	};
	r->context = lws_create_context(&info);
	r->vhost = r->context != NULL ? lws_get_vhost_by_name(r->context, "default") : NULL;
	if (r->vhost != NULL)
		return r;
	FAILS(why, SYSTEM, "libwebsockets does not start: is the package libwebsockets-evlib-uv installed?");
	ws_room_close(r);
	ws_room_drop(r);
	return NULL;
}

void ws_room_close(struct ws_room *r)
{
	if (r->context != NULL)
		lws_context_destroy(r->context);
}

void ws_room_drop(struct ws_room *r)
{
	if (r->context != NULL)
		lws_context_destroy(r->context); /* the second half: the handles are closed now */
	free(r->scratch);
	free(r);
}

struct ws *ws_begin(struct ws_room *r, int fd, const struct ws_events *events, void *ctx, struct fail *why)
{
	struct ws *w = calloc(1, sizeof(*w));
	if (w == NULL) {
		close(fd);
		FAILS(why, MEMORY, "a WebSocket");
		return NULL;
	}
	w->room = r;
	w->events = events;
	w->ctx = ctx;
	w->wsi = lws_adopt_socket_vhost(r->vhost, fd); /* closes it when it fails */
	if (w->wsi == NULL) {
		free(w);
		FAILS(why, SYSTEM, "the WebSocket engine is full");
		return NULL;
	}
	lws_set_opaque_user_data(w->wsi, w);
	return w;
}

void ws_forget(struct ws *w)
{
	w->ctx = NULL;
}
