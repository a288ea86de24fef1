/* auth/staff_deeds.h - what proposals about staff say, and how they are carried out.
 *
 * Payloads are JSON: staff_invite {account, name, department?, region, roles}, staff_roles {roles}, staff_close {}, staff_again {}; the
 * subject of the last three is an account. `roles` is names of roles.def, a space apart.
 * Thread: the write lane; check pure. */
#ifndef AUTH_STAFF_DEEDS_H
#define AUTH_STAFF_DEEDS_H
#include "auth/proposal.h"
#include "auth/staff.h"

/* A payload of the kind? */
MUST_USE bool staff_proposal_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why);
/* The random bytes of an invitation: its code is theirs, so render can say it once. */
void staff_invited_random(const struct request *r, uint8_t out[32]);
void staff_invited_code(const struct request *r, char out[PROPOSAL_SECRET_TEXT]);
bool roles_from(struct str names, int64_t *roles, struct fail *why);
void staff_deeds_compose(void);
#endif
