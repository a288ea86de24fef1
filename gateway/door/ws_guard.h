/* gateway/door/ws_guard.h - looks at the heads of a client's frames before the engine does. libwebsockets 4.1.6 takes frames that are not masked (RFC 6455 5.1
 * says that they must end the connection), and waits for whatever length a head announces.
 *
 * Thread: any; pure. */
#ifndef GATEWAY_DOOR_WS_GUARD_H
#define GATEWAY_DOOR_WS_GUARD_H
#include <stddef.h>
#include <stdint.h>

enum { WS_HEAD_MAX = 14 };

struct ws_guard {
	uint8_t head[WS_HEAD_MAX];
	int have;       /* of the head */
	uint64_t left;  /* of the payload */
	int code;       /* once wrong, always wrong */
};

/* 0: fine so far; else the close code this deserves: 1002 against the protocol, 1009 too long. In whatever pieces the bytes come, the verdict is the same. */
int ws_guard_look(struct ws_guard *g, const uint8_t *at, size_t len, uint64_t payload_max);
#endif
