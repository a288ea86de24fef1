/* services/people/hand_over_kept.h - a code on its way to a phone, in the expiring store: whose screen shows it. Under the digest of the code, never the code.
 * Thread: as a handler's recall. */
#ifndef SERVICES_HAND_OVER_KEPT_H
#define SERVICES_HAND_OVER_KEPT_H
#include "auth/terminal.h"
#include "store/expiring.h"

enum { HAND_OVER_KEPT_BYTES = 48 };
struct hand_over_kept {
	char text[HAND_OVER_KEPT_BYTES];
};

/* Each fills one operation; `key` and `kept` live as long as the batch. */
void hand_over_keep(struct hand_over_kept *kept, const struct id *key, int64_t terminal, int64_t visit, struct expiring_op *o);
void hand_over_look(const struct id *key, struct expiring_op *o);
void hand_over_forget(const struct id *key, struct expiring_op *o);
/* Of a look that has ended: terminal and visit. false: no such code, or its minute is over. */
bool hand_over_kept_read(const struct expiring_op *o, struct hand_over *out);
#endif
