/* notify/reach.h - which addresses a call may go to: the public ones, and for hosts that the operator named the private ones too.
 *
 * Judged on the address that is about to be connected to, not on the name: whatever a name resolves to, now or at the second time of
 * asking, and however an address is written (0x7f.1, ::ffff:10.0.0.1), it comes by here.
 * Thread: any.
 * Source: IANA special-purpose address registries; promises.md 44. */
#ifndef NOTIFY_REACH_H
#define NOTIFY_REACH_H
#include "base/str.h"

struct sockaddr;

bool reach_is_public(const struct sockaddr *to);           /* false for loopback, private, link-local, metadata, multicast, reserved, unknown families */
bool reach_is_listed(struct str hosts, struct str host);   /* is `host` one of the comma separated names? */
/* The host of an absolute http or https URL, without port and brackets. STR_NONE: not such a URL, or one with user, password, fragment,
 * a space or a control character in it. */
struct str reach_url_host(struct str url);
#endif
