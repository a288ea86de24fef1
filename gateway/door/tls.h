/* gateway/door/tls.h - the part of TLS that connections need; door.h has the rest.
 * Thread: any; the SSL_CTX is shared, ticket keys and client hosts are behind locks. */
#ifndef GATEWAY_DOOR_TLS_H
#define GATEWAY_DOOR_TLS_H
#include "base/request.h"
#include "gateway/door/door.h"

struct ssl_st;

struct ssl_st *tls_session(struct door_tls *t, int fd); /* server side, on a non-blocking socket; NULL: out of memory */
struct ssl_st *tls_frames_session(struct door_tls *t, int fd); /* the same for the port of frames (finance.frame.*): no ALPN, no tickets, a client certificate where authorities are named */
bool tls_wants_h2(const struct ssl_st *ssl);            /* after the handshake: what ALPN agreed on */
/* After the handshake: what was shown where client certificates are asked for; the caller frees it. *out NULL: by this name none is asked for.
 * false: out of memory. */
bool tls_certified(struct door_tls *t, struct ssl_st *ssl, struct certified **out);
/* After a handshake that failed: what is wrong with the client's certificate, in OpenSSL's words; NULL: nothing is. */
const char *tls_certificate_wrong(const struct ssl_st *ssl);
#endif
