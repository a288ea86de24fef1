/* gateway/epoch.h - a session that ends here ends on every node: the row is the truth, this is the wake-up.
 *
 * With Redis, the first loop publishes each ended or raised session on the channel "epoch"; every node that hears it forgets the row, and its next request
 * of that session asks the database. What is lost on the way costs a node no more than what it would read anyhow: a row that is not cached, or a token
 * that has expired after half an hour.
 * Thread: epoch_hear before loops start; the rest on the first loop. */
#ifndef GATEWAY_EPOCH_H
#define GATEWAY_EPOCH_H
#include "gateway/gateway.h"

void epoch_hear(struct gateway *g);   /* from others, as soon as there is a store and a memory */
void epoch_want(struct loop *l);      /* news of sessions, if there is anybody to tell */
void epoch_tell(struct loop *l, int64_t session); /* 0: more than is listed */
#endif
