/* gateway/door/upgrade.h - may a WebSocket begin here? RFC 6455 4.2 over HTTP/1.1, RFC 8441 over HTTP/2, judged before any engine sees a byte.
 *
 * The token comes as a Bearer header or, from a browser, which cannot set one, as the subprotocol "bearer.<token>" beside "siban.v1"; never in the
 * address, which is logged everywhere. The subprotocol chosen is always siban.v1, so a token is never said back.
 * Thread: any; pure. */
#ifndef GATEWAY_DOOR_UPGRADE_H
#define GATEWAY_DOOR_UPGRADE_H
#include "base/config.h"
#include "base/log.h"
#include "base/request.h"
#include "services/messages/stream.h"

extern const char UPGRADE_PROTOCOL[]; /* "siban.v1" */
enum { UPGRADE_KEY_CHARS = 24, UPGRADE_ACCEPT_BYTES = 29 };

struct upgrade {
	struct stream_want stream; /* first: of what the tunnel will tell */
	struct str key;            /* of HTTP/1.1 */
	bool names_protocol;       /* siban.v1 was offered, and is answered */
};

/* HTTP/1.1: does the head ask for a WebSocket? */
bool upgrade_is_asked(const struct request *r);
/* The token among the subprotocols; empty: none. false: several. */
bool upgrade_bearer(const struct request *r, struct secret *out);
/* Version, key, origin, subprotocol. Fails: UPGRADE, BAD_REQUEST, ORIGIN. */
MUST_USE bool upgrade_judge(const struct request *r, const struct config *c, struct upgrade *out, struct fail *why);
void upgrade_accept(struct str key, char out[UPGRADE_ACCEPT_BYTES]);

extern const struct handler ws_open;
#endif
