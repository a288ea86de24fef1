/* payments/reconciliation/recon_act.h - what two people decided about a difference is done once, and posted as recon_actions.def says.
 * Thread: the write lane. */
#ifndef PAYMENTS_RECONCILIATION_RECON_ACT_H
#define PAYMENTS_RECONCILIATION_RECON_ACT_H
#include "payments/reconciliation/recon_run.h"

struct recon_act {
	int64_t item, proposal, division, now_ms; /* division: of the account where nobody knows the difference's own */
	enum recon_action action;
	int64_t ours_fen, theirs_fen;             /* as the two saw it: it must still be so */
};
/* What its kind proposes where that can be done about it, else the first action that can: what is proposed is never refused for what the difference is. */
struct recon_acted {
	int64_t source, side, kind, ours, ours_fen, theirs_fen;
	struct str number;
};
enum recon_action recon_act_proposed(const struct recon_acted *about);
/* May this be done about it, as its table and its state say? Fails: NOT_FOUND; RECON_ITEM (fact state) it is not open, or not what they saw; FIELD /payload/action. */
MUST_USE bool recon_act_may(struct tx *tx, const struct recon_act *a, struct fail *why);
MUST_USE bool recon_act(struct tx *tx, const struct recon_act *a, struct fail *why);
#endif
