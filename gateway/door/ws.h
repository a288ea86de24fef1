/* gateway/door/ws.h - the WebSocket engine: framing, masking, fragments, UTF-8, ping and close are libwebsockets' business; nothing else is.
 *
 * It never sees a stranger's header: ws_begin gets one end of a socketpair on which we have written the handshake ourselves (ws_bridge.c), and from
 * then on only frames pass. permessage-deflate is off: in 4.1.6 messages of some kilobytes hang.
 * Thread: the loop's; the engine rides on its libuv loop. */
#ifndef GATEWAY_DOOR_WS_H
#define GATEWAY_DOOR_WS_H
#include "base/fail.h"
#include "base/str.h"

struct uv_loop_s;
struct ws_room; /* the engine of one loop */
struct ws;      /* one WebSocket in it */

enum { WS_MESSAGE_MAX = 4096 }; /* of what a client may say; more closes with 1009 */

struct ws_events {
	void (*message)(void *ctx, struct str text);
	void (*drained)(void *ctx); /* nothing waits to be sent any more */
	void (*closed)(void *ctx); /* ws is gone */
};

/* The request that makes the engine begin; the answer to it, up to the empty line, is to be thrown away. */
extern const char WS_HANDSHAKE[];

struct ws_room *ws_room_open(struct uv_loop_s *uv, struct fail *why);
void ws_room_close(struct ws_room *r); /* its handles close while the loop runs on */
void ws_room_drop(struct ws_room *r);  /* after the loop's last run */

/* Takes the descriptor over, also when it fails. */
struct ws *ws_begin(struct ws_room *r, int fd, const struct ws_events *events, void *ctx, struct fail *why);
void ws_send(struct ws *w, const struct str *parts, int count); /* one text message */
size_t ws_waiting(const struct ws *w);
void ws_ping(struct ws *w);
void ws_close(struct ws *w, int code, const char *reason_literal); /* after what waits */
void ws_forget(struct ws *w); /* no more events: whoever had it is gone */
#endif
