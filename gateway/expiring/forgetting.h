/* gateway/expiring/forgetting.h - which body the expiring store has: this process's memory, or Redis with a link of each loop and one ear.
 *
 * The memory is always there: with Redis it holds what LOCAL classes count meanwhile, and it is where listeners are kept.
 * Thread: start and stop the main one's, before and after the loops; join and leave the loop's own, leave while it still turns. */
#ifndef GATEWAY_EXPIRING_FORGETTING_H
#define GATEWAY_EXPIRING_FORGETTING_H
#include "gateway/gateway.h"

/* What nodes tell each other: hints, each backed by a look into the database. */
#define CHANNEL_EPOCH "epoch"
#define CHANNEL_PERSON "person"

MUST_USE bool forgetting_start(struct gateway *g, const struct config *c, struct fail *why);
void forgetting_stop(struct gateway *g);
MUST_USE bool forgetting_join(struct loop *l, struct fail *why); /* the first loop brings the ear */
void forgetting_leave(struct loop *l);                           /* whoever waits for an answer gets AWAY; fine twice */
bool forgetting_holds(const struct gateway *g);                  /* on the first loop: can anything be recalled now? */
#endif
