/* services/people/mandate_tell.h - the giver hears it when somebody may act for him, does so for the first time, and no longer may.
 * Thread: the write lane. */
#ifndef SERVICES_MANDATE_TELL_H
#define SERVICES_MANDATE_TELL_H
#include "auth/mandate.h"
#include "notify/message.h"

/* A message into the giver's inbox. `random`: the request's, or as good. */
MUST_USE bool mandate_tell(struct tx *tx, const struct mandate *m, enum message_template what, int64_t now_ms, const uint8_t random[32], struct arena *a,
			   struct fail *why);
/* r->who acts by his mandate: noted once a day; the first time the giver is told. */
MUST_USE bool mandate_used(struct tx *tx, struct request *r, struct fail *why);
/* A job's bite: those whose time is over. A message costs more than a mark, so a bite is small. */
enum { MANDATES_EXPIRE_MAX = 20 };
MUST_USE bool mandates_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
