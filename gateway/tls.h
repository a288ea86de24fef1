/* gateway/tls.h - the part of TLS that connections need; door.h has the rest.
 * Thread: any; the SSL_CTX is shared, ticket keys are behind a lock. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H
#include "gateway/door.h"

struct ssl_st;

struct ssl_st *tls_session(struct door_tls *t, int fd); /* server side, on a non-blocking socket; NULL: out of memory */
bool tls_wants_h2(const struct ssl_st *ssl);            /* after the handshake: what ALPN agreed on */
#endif
