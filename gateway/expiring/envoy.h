/* gateway/expiring/envoy.h - the expiring store for a thread that has no loop: batches go to a loop by letter, are run there, and come home by letter.
 *
 * Thread: the owner's, which makes it, runs batches through its face, calls envoy_home in its step and drops it; envoy_run is the loop's.
 * Owns:   a batch's copy, between the two. */
#ifndef GATEWAY_EXPIRING_ENVOY_H
#define GATEWAY_EXPIRING_ENVOY_H
#include "gateway/loops/loop.h"
#include "store/expiring.h"

struct envoy;

/* `wake` is called from any thread when something has come home. NULL: no memory. */
struct envoy *envoy_make(struct loop *to, void (*wake)(void *ctx), void *wake_ctx);
struct expiring *envoy_face(struct envoy *e); /* its done comes from envoy_home; what finds no memory ends AWAY */
void envoy_home(struct envoy *e);
void envoy_drop(struct envoy *e);             /* when the loop does not turn any more */

void envoy_run(struct loop *l);                 /* in the loop's turn */
void envoy_forget(struct loop *l);              /* what still lies there when it closes */
#endif
