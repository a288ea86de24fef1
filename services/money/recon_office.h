/* services/money/recon_office.h - what the handlers of reconciliation share.
 * Thread: whoever runs the stage. */
#ifndef SERVICES_RECON_OFFICE_H
#define SERVICES_RECON_OFFICE_H
#include "base/json.h"
#include "base/request.h"

struct recon_needs; /* payments/reconciliation/recon_day.h */

/* A day's money is everybody's of the prefecture: who sees a county alone has no part in it. Fails: FORBIDDEN. */
MUST_USE bool recon_office(const struct request *r, struct fail *why);
/* absent -1: it must be there. Fails: QUERY. */
MUST_USE bool recon_day_query(struct request *r, const char *name, int64_t absent, int64_t *day, struct fail *why);
/* What payments.close_needs asks of a day; its texts are the configuration's. */
void recon_office_needs(struct recon_needs *out);
#endif
