/* gateway/door/feed.h - what feeds an answer that goes on. Each hangs itself on the exchange, or says why not; exchange.h has the contract.
 * Thread: the loop's. */
#ifndef GATEWAY_DOOR_FEED_H
#define GATEWAY_DOOR_FEED_H
#include "gateway/door/exchange.h"

/* Whoever the reply says, if anybody. Fails as theirs. */
MUST_USE bool feed_open(struct loop *l, struct exchange *x, struct request *r, struct fail *why);

/* Fails: STREAMS, BUSY, STOPPING, MEMORY. */
MUST_USE bool sse_open(struct loop *l, struct exchange *x, const struct request *r, struct fail *why); /* sse.c */
MUST_USE bool outflow_open(struct loop *l, struct exchange *x, struct request *r, struct fail *why); /* outflow.c; and what the handler's source fails with */
MUST_USE bool ws_open_tunnel(struct loop *l, struct exchange *x, const struct request *r, struct fail *why); /* ws_bridge.c */
#endif
