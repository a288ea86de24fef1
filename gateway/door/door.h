/* gateway/door/door.h - listeners and connections of one loop: TCP, TLS, HTTP/2, HTTP/1.1.
 *
 * Public connections: own OpenSSL, ALPN decides (h2, else HTTP/1.1). Admin and control connections: HTTP/1.1 in the clear, on loopback
 * and on a UNIX socket (0600). Every connection ends in an exchange (exchange.h). Caps and timers are the configuration's.
 * Thread: the loop's; door_tls_make before loops start. */
#ifndef GATEWAY_DOOR_DOOR_H
#define GATEWAY_DOOR_DOOR_H
#include "base/fail.h"
#include "gateway/loops/loop.h"

struct door_tls; /* an SSL_CTX, shared by all loops, with ticket keys that rotate */

struct door_tls *door_tls_make(const struct config *c, struct fail *why); /* says which file is wrong and why */
/* The authorities of tls.client_hosts, read anew; connections that stand keep theirs. false: all stays as it was. */
MUST_USE bool door_tls_reload(struct door_tls *t, const struct config *c, struct fail *why);
void door_tls_drop(struct door_tls *t);

/* Opens this loop's public listener (SO_REUSEPORT, so each loop has its own) and, on loop 0, admin port and control socket.
 * NULL: `why` names address and reason. */
struct door *door_open(struct loop *l, struct door_tls *tls, struct fail *why);
void door_turn_end(struct door *d);   /* writes what connections have to say: one TLS write each */
void door_drain(struct door *d);      /* stop accepting, GOAWAY or "connection: close", idle connections go now */
bool door_is_empty(const struct door *d);
void door_close(struct door *d);      /* the rest is cut off; handles are closed when the loop has run once more */
#endif
