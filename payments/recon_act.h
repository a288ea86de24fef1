/* payments/recon_act.h - what two people decided about a difference is done once, and posted as recon_actions.def says.
 * Thread: the write lane. */
#ifndef PAYMENTS_RECON_ACT_H
#define PAYMENTS_RECON_ACT_H
#include "payments/recon_run.h"

struct recon_act {
	int64_t item, proposal, division, now_ms; /* division: of the account where nobody knows the difference's own */
	enum recon_action action;
	int64_t ours_fen, theirs_fen;             /* as the two saw it: it must still be so */
};
/* May this be done about it, as its table and its state say? Fails: NOT_FOUND; RECON_ITEM (fact state) it is not open, or not what they saw; FIELD /payload/action. */
MUST_USE bool recon_act_may(struct tx *tx, const struct recon_act *a, struct fail *why);
MUST_USE bool recon_act(struct tx *tx, const struct recon_act *a, struct fail *why);
#endif
