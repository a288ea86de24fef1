/* services/applying/certificate_account.h - how we reach the platform of electronic certificates.
 * Thread: opened before threads start; any afterwards. */
#ifndef SERVICES_CERTIFICATE_ACCOUNT_H
#define SERVICES_CERTIFICATE_ACCOUNT_H
#include "auth/identity_number.h"
#include "auth/person.h"
#include "base/config.h"
#include "channels/ask.h"
#include "channels/certificates.h"

MUST_USE bool certificate_account_open(const struct config *c, struct fail *why);

/* The holder's of one type, for ask.build. Fails: PEER_AWAY certificates.url is not configured; as certificates_build. */
MUST_USE bool certificate_ask(struct request *r, struct str type, enum identity_kind kind, const struct person_facts *holder, struct question *q, struct fail *why);
MUST_USE bool certificate_answered(struct request *r, struct str type, const struct http_answer *answer, struct held_certificate out[CERTIFICATES_MAX], int *count, struct fail *why);
#endif
