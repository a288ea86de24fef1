/* services/money/recon_deeds.h - two acts of the payment office that take two people: settling a difference, and closing a day.
 *
 *   recon_settle   subject df_17, payload action (payments/reconciliation/recon_actions.def), reason, and ours_fen and theirs_fen as they were seen
 *   recon_close    subject 2026-11-25, payload {} */
#ifndef SERVICES_RECON_DEEDS_H
#define SERVICES_RECON_DEEDS_H

void recon_deeds_compose(void);
#endif
