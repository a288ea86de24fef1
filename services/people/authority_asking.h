/* services/people/authority_asking.h - a question to the authority about whoever asks: how often it may be put, what is asked, and what a no leaves behind.
 *
 * "Disagrees" and "no such number" are verdicts: they are counted, audited and kept under the Idempotency-Key like a success; that the authority is slow, away or
 * not understood is no verdict, and costs nobody a try; nor does a paper it does not check, which a window must see.
 * Thread: as a handler's stages. The request's state begins with the authority_asking. */
#ifndef SERVICES_AUTHORITY_ASKING_H
#define SERVICES_AUTHORITY_ASKING_H
#include "auth/audit.h"
#include "auth/identity_number.h"
#include "auth/person.h"
#include "base/hash.h"
#include "base/ids.h"
#include "channels/ask.h"
#include "channels/authority.h"
#include "store/expiring.h"

struct authority_asking {
	enum authority_kind kind;
	struct str tried;                        /* what attempts are counted by: the number, the company's code, or "face" */
	struct identity identity;                /* whom it is about: the kind always, the number where it was typed */
	struct str number, name;
	struct str proof, organisation, organisation_name;
	char phone[PHONE_DIGITS + 1];
	char facts[PERSON_FACTS_BYTES];
	char question_id[ID_TEXT_BYTES];
	uint8_t keys[2][SHA256_BYTES];
	enum authority_verdict verdict;
};

/* What a handler's outcome says; others are the handler's own, from ASKING_NEXT on. */
enum { ASKING_YES = 1, ASKING_MISMATCH, ASKING_NO_RECORD, ASKING_NEXT };

MUST_USE bool asking_has_session(const struct request *r, struct fail *why); /* Fails: FORBIDDEN */
/* The pace of this account with what is tried, and of what is tried from anywhere. */
MUST_USE bool asking_recall(struct request *r, struct expiring_batch *b, struct fail *why);
MUST_USE bool asking_recalled(struct request *r, const struct expiring_batch *b, struct fail *why);
/* In look, where it is about r->who as he is known: kind, number, name. Fails: IDENTITY_UNKNOWN. */
MUST_USE bool asking_of_himself(struct tx *tx, struct request *r, struct fail *why);
extern const struct ask ask_authority;
/* Apply, after any verdict but yes. */
MUST_USE bool asking_refused(struct tx *tx, struct request *r, enum audit_act act, struct fail *why);
/* Render: false and the reason, where the outcome is a no. */
MUST_USE bool asking_said_yes(const struct request *r, struct fail *why);
#endif
