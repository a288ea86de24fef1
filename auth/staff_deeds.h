/* auth/staff_deeds.h - what proposals about staff say, and how they are carried out.
 *
 * Payloads are JSON: staff_invite {account, name, department?, region, roles}, staff_roles {roles}, staff_close {}. `roles` is names of roles.def, a space apart.
 * Thread: the write lane; check pure. */
#ifndef AUTH_STAFF_DEEDS_H
#define AUTH_STAFF_DEEDS_H
#include "auth/proposal.h"
#include "auth/staff.h"

/* Before it is proposed: is the payload one of this kind? A wrong one fails with the field's pointer. */
MUST_USE bool staff_proposal_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why);
/* The random bytes of the person that an approval makes: the invitation's code is theirs, so render can say it once. */
void staff_invited_random(const struct request *r, uint8_t out[32]);
bool roles_from(struct str names, int64_t *roles, struct fail *why);
void staff_deeds_compose(void);
#endif
