/* services/people/certificate_trust.h - the authorities whose certificates of persons count, and their lists, as the configuration names them (auth/personal_certificate.h).
 *
 * Thread: load at start and at a reload, by one; take and give, any. */
#ifndef SERVICES_CERTIFICATE_TRUST_H
#define SERVICES_CERTIFICATE_TRUST_H
#include "auth/personal_certificate.h"
#include "base/shelf.h"

struct config;

/* What was there stays when it fails. Fails: CONFIG with the file's name; MEMORY. */
MUST_USE bool certificate_trust_load(const struct config *c, struct fail *why);
void certificate_trust_close(void);
/* NULL: none is configured. Give `held` back (base/shelf.h). */
const struct trust *certificate_trust_take(struct shelved **held);
#endif
