/* gateway/door/frames.h - CNNONTAX frames that the finance bureau sends us (channels/nontax_frame.h), on a port of their own that is closed unless finance.frame.listen_port says otherwise: one frame, one
 * answer, and the next. A frame is a request of the route "/frames"; whoever comes from no listed network is not heard, and what is no frame, or not from who shares the token, ends
 * the connection without a word.
 * Thread: the loop's. */
#ifndef GATEWAY_DOOR_FRAMES_H
#define GATEWAY_DOOR_FRAMES_H
#include <stdbool.h>

struct conn;

bool frames_begin(struct conn *c); /* a connection was accepted: over TLS or not, as configured. false: it is to be closed, c->end and c->why say why */
bool frames_open(struct conn *c);  /* after the handshake, if there is one. false: out of memory */
#endif
