/* services/people/consent.h - what people are told about their data, and what they agree to.
 *
 * A notice is a version with its text (`siban import notices`); the newest that is in force is the current one. A new version asks anew: /v1/me says so
 * (consent: asked), and nothing else is shut. What we do for people rests on statutory duty (PIPL article 13 (3)), for which the duty to tell remains: a wall would take
 * a service from whoever does not read, and a consent that is given to get past a wall is none.
 * A version that somebody agreed to keeps its text.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_CONSENT_H
#define SERVICES_CONSENT_H
#include "store/store.h"

enum consent_state { CONSENT_NONE /* no notice is in force */, CONSENT_ASKED, CONSENT_GIVEN };
const char *consent_text(enum consent_state state);
MUST_USE bool consent_look(struct tx *tx, int64_t person, int64_t now_ms, enum consent_state *out, struct fail *why);
#endif
