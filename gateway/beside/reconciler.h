/* gateway/beside/reconciler.h - holds statements beside our books when it is asked to (payments/reconciliation/recon_run.h), and fetches those that a gateway can (bill_fetch.h).
 *
 * A thread of its own, because it walks through files and may take seconds: it looks twice a second whether something is due, reads by a read transaction, and writes
 * what it found in bites through the committer, as one who is in no hurry. On several nodes whoever comes first does it; who dies at it is followed by another.
 * Thread: start and stop on one. Owns: a read connection. */
#ifndef GATEWAY_BESIDE_RECONCILER_H
#define GATEWAY_BESIDE_RECONCILER_H
#include "base/config.h"
#include "base/fail.h"

struct committer;
struct outside;
struct store;
struct reconciler;

struct reconciler *reconciler_start(struct store *s, struct committer *c, struct outside *o, const _Atomic(const struct config *) *config, struct fail *why); /* NULL: why is noted */
void reconciler_stop(struct reconciler *r); /* before the outside and the committer; one under way is given up, and begun again at the next start. NULL is fine */
#endif
