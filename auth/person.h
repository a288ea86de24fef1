/* auth/person.h - a person is a row with a keyed hash; neither name nor number is kept.
 *
 * Thread: whoever holds the transaction. The keyring must be open. */
#ifndef AUTH_PERSON_H
#define AUTH_PERSON_H
#include "auth/identity_number.h"
#include "store/store.h"

/* The row of this number, made when absent. `number` is normalised (struct identity). In a write transaction. */
MUST_USE bool person_find_or_make(struct tx *tx, enum identity_kind kind, struct str number, int64_t now_ms, int64_t *id, struct fail *why);
#endif
