/* gateway/door/tls_hosts.h - the names by which client certificates are asked for (tls.client_hosts), a context each.
 *
 * Asked, not demanded: who shows none is told so in HTTP, where every library can read it. A certificate that no authority of the host vouches for, or that is
 * not of this day, ends the handshake with the alert that says so: nobody is heard under a name he cannot prove.
 * No session is resumed here and no ticket given: whether a certificate is good is judged anew by each handshake. Those who come this way are
 * few and keep their connections.
 * Thread: any; a set that was exchanged lives until its connections end. */
#ifndef GATEWAY_DOOR_TLS_HOSTS_H
#define GATEWAY_DOOR_TLS_HOSTS_H
#include "base/fail.h"
#include <openssl/ssl.h>

struct tls_hosts;

/* Its contexts show what `shown` shows: certificate, key and chain; and choose a protocol as it does. Fails: CONFIG, naming the file. */
struct tls_hosts *tls_hosts_make(const char *list, SSL_CTX *shown, SSL_CTX_alpn_select_cb_func on_alpn, struct fail *why);
void tls_hosts_drop(struct tls_hosts *h);
/* In the callback of a hello: a connection that asks for one of these names is of its context from now on. */
void tls_hosts_choose(const struct tls_hosts *h, SSL *ssl);
#endif
