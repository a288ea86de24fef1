/* services/staff/proposal_wish.h - what every way to make a proposal ends in. */
#ifndef SERVICES_PROPOSAL_WISH_H
#define SERVICES_PROPOSAL_WISH_H
#include "auth/proposal.h"

struct proposal_wish {
	struct str subject; /* its name outside; at NULL: the kind has none */
	struct proposal_new n;
};

/* For `apply` and `render` of a route that makes one. Fails: as proposal_make and the kind's own find; FIELD /region there is none. */
MUST_USE bool proposal_wish_apply(struct tx *tx, struct request *r, struct proposal_wish *w, struct fail *why);
MUST_USE bool proposal_wish_render(struct request *r, struct fail *why);
#endif
