/* auth/mandate_inside.h - what mandate.c and mandate_move.c share, and nobody else includes.
 * Thread: whoever holds the transaction. */
#ifndef AUTH_MANDATE_INSIDE_H
#define AUTH_MANDATE_INSIDE_H
#include "auth/mandate.h"

/* In the order mandate_fill reads them. */
#define MANDATE_COLUMNS "id, key, kind, state, holder, giver, scopes, accepted_by, made_ms, until_ms, ends_ms, region, used_ms, code_sent_ms," \
	" (SELECT COUNT(*) FROM mandate_matter mm WHERE mm.mandate = mandate.id)"
/* now_ms INT64_MIN: the state as it is stored. */
void mandate_fill(struct stmt *q, int64_t now_ms, struct mandate *m);
MUST_USE bool mandate_by_key(struct tx *tx, struct id key, int64_t now_ms, struct mandate *m, struct fail *why); /* *m is zero when there is none */
bool mandate_may_become(enum mandate_state from, enum mandate_state to);
MUST_USE bool mandate_audited(struct tx *tx, const struct request *r, const struct mandate *m, int status, struct fail *why);
MUST_USE bool mandate_level_is(const struct request *r, int needed, struct fail *why);
#endif
