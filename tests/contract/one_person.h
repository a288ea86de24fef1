/* tests/contract/one_person.h - somebody to whom orders and refunds may belong: person 1, of whom nothing is known. */
#ifndef TESTS_ONE_PERSON_H
#define TESTS_ONE_PERSON_H
#include "store/store.h"

static inline bool person_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO person (id, facts, kind, made_ms) VALUES (1, $1, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}
#endif
