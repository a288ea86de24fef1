/* base/client_hosts.h - the knob tls.client_hosts: by which names client certificates are asked for, and who vouches for them.
 *
 *   "partner.example.gov.cn=/etc/siban/partners-ca.pem, terminal.example.gov.cn=/etc/siban/terminals-ca.pem"
 *
 * Thread: any. */
#ifndef BASE_CLIENT_HOSTS_H
#define BASE_CLIENT_HOSTS_H
#include "base/str.h"

/* The next pair, and `list` without it. false: none is left. A pair that is badly written has an empty host or file. */
bool client_hosts_next(struct str *list, struct str *host, struct str *file);
bool client_hosts_has(struct str list, struct str host); /* a name without port; case is nothing */
#endif
