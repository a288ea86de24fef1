/* services/voices/rating_invitation.h - whoever a case is of is asked once how he was served (邀评), some time after it is over: by a message of its own, on the ways of all messages.
 *
 * Noted in the transaction of the event that ends the case, or of each that ends it anew: the first counts. Nobody is asked who has rated meanwhile, or wants to be forgotten; of a joint
 * case the whole is asked about, never a part.
 * Thread: the write lane.
 * Source: GB/T 39735-2020; 国办发〔2019〕51号 (主动邀请评价). */
#ifndef SERVICES_RATING_INVITATION_H
#define SERVICES_RATING_INVITATION_H
#include "services/cases/case_journal.h"

struct tx;

/* Of a case as it is after its event: ratings.invite_hours from now, if it is to be rated and is not noted yet. */
MUST_USE bool invitation_note(struct tx *tx, const struct case_file *c, struct fail *why);
/* A job's bite: settles those whose time has come, `most` at most. */
MUST_USE bool invitations_send(struct tx *tx, int64_t now_ms, int64_t most, int64_t *settled, struct fail *why);
#endif
