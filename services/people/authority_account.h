/* services/people/authority_account.h - where the authority for real names is, and the key we share with it.
 *
 * Thread: opened before threads start, read only afterwards.
 * Owns:   the key's bytes, until close wipes them. */
#ifndef SERVICES_AUTHORITY_ACCOUNT_H
#define SERVICES_AUTHORITY_ACCOUNT_H
#include "channels/authority.h"

struct config;

MUST_USE bool authority_open(const struct config *c, struct fail *why); /* Fails: CONFIG with the file's name; SYSTEM */
void authority_close(void);
/* Base and key of a question. Fails: PEER_AWAY, none is configured. */
MUST_USE bool authority_account(struct authority_question *q, struct fail *why);
#endif
