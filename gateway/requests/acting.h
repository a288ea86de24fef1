/* gateway/requests/acting.h - X-Acting-For: a citizen acts for another by a mandate he holds (auth/mandate.h).
 *
 * The row is read for each request and kept nowhere, so what was revoked a moment ago, on any node, is over. Rate limits and levels stay the holder's own.
 * Thread: whoever admits: the loop's, or the READ lane's. */
#ifndef GATEWAY_REQUESTS_ACTING_H
#define GATEWAY_REQUESTS_ACTING_H
#include "gateway/requests/task.h"

/* After it is known who asks: fills acting_for, mandate and by_matter of r->who, or leaves them when he acts for himself. Of somebody's mandate it is not said
 * whether it is over, another's or none. Fails: ACTING_FOR; MANDATE_NEVER; MANDATE_ENDED; MANDATE_SCOPE. */
MUST_USE bool admit_acting(struct task *t, struct connection *reader, struct fail *why);
#endif
