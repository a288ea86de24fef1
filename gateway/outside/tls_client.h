/* gateway/outside/tls_client.h - the client's side of TLS for a connection that somebody else reads and writes: bytes in, bytes out, no socket.
 *
 *   what came over the wire -> take     read -> what it says, in the clear
 *   what is to be said -> write         out -> what is to go over the wire, after take, read or write
 *
 * The server must show a certificate for its name, from an authority that is trusted; there is no setting that does without.
 * Thread: one at a time; a context may be shared. */
#ifndef GATEWAY_OUTSIDE_TLS_CLIENT_H
#define GATEWAY_OUTSIDE_TLS_CLIENT_H
#include "base/fail.h"
#include "base/str.h"
#include <sys/types.h>

struct tls_client;
struct tls_trust; /* whom we trust, and what we show */

/* Files, each may be "": authorities (the machine's then), and our own certificate and key. `knob` begins a failure's words. Fails: CONFIG. */
struct tls_trust *tls_trust_make(const char *ca_file, const char *certificate_file, const char *key_file, const char *knob, struct fail *why);
void tls_trust_drop(struct tls_trust *t);

struct tls_client *tls_client_make(const struct tls_trust *t, struct str host); /* a name or an address; NULL: no memory */
void tls_client_drop(struct tls_client *c);
bool tls_client_take(struct tls_client *c, const void *bytes, size_t len);  /* false: no memory */
ssize_t tls_client_read(struct tls_client *c, void *to, size_t room);       /* 0: none now. -1: it is over; tls_client_wrong says why */
bool tls_client_write(struct tls_client *c, const void *bytes, size_t len); /* once it is open. false: it is over */
bool tls_client_is_open(const struct tls_client *c);                        /* the handshake is done, and the server is who it should be */
struct str tls_client_out(struct tls_client *c);                            /* until tls_client_sent or the next take, read, write */
void tls_client_sent(struct tls_client *c);                                 /* all of it was handed on */
const char *tls_client_wrong(const struct tls_client *c);
#endif
