/* gateway/expiring/epoch.h - what happens to a session or to a person's stream here is known on every node: the row is the truth, this is the wake-up.
 *
 * With Redis, the first loop publishes each ended or raised session on the channel "epoch"; every node that hears it forgets the row, and its next request
 * of that session asks the database. What is lost on the way costs a node no more than what it would read anyhow: a row that is not cached, or a token
 * that has expired after half an hour.
 * Each person whose stream has grown, or whose session has ended, is published on the channel "person": nodes that hold a live stream of his look. While Redis
 * is away, each looks by itself once a second (live_tick).
 * Thread: epoch_hear before loops start; the rest on the first loop. */
#ifndef GATEWAY_EXPIRING_EPOCH_H
#define GATEWAY_EXPIRING_EPOCH_H
#include "gateway/gateway.h"

void epoch_hear(struct gateway *g);   /* from others, as soon as there is a store and a memory */
void epoch_want(struct loop *l);      /* news of sessions and persons, if there is anybody to tell */
void epoch_tell(struct loop *l, int64_t session); /* 0: more than is listed */
void epoch_tell_person(struct loop *l, int64_t person); /* 0: more than is listed */
bool epoch_is_deaf(const struct loop *l); /* others may have something to tell, and cannot */
#endif
