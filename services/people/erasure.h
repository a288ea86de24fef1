/* services/people/erasure.h - a person is forgotten: asked for, waited for, carried out by a job.
 *
 *   waiting → taken back | under way → done
 *
 * It waits erasure.days, so that a thief's or a hasty wish can be taken back. An open case or a legal hold puts it off, a day at a time. It takes the accounts
 * that were merged into this one too. What goes and what the law keeps: auth/retention.def. The number of the person stays, and nobody is behind it: whoever
 * comes with the same phone or identity number later is somebody new.
 * Thread: the write lane; erasure_open_cases and erasure_last any. */
#ifndef SERVICES_ERASURE_H
#define SERVICES_ERASURE_H
#include "base/ids.h"
#include "base/request.h"

enum erasure_state { ERASURE_NONE, ERASURE_WAITING = 1, ERASURE_TAKEN_BACK = 2, ERASURE_UNDER_WAY = 3, ERASURE_DONE = 4 };

struct erasure {
	int64_t id, person, asked_ms, due_ms;
	enum erasure_state state;
	struct id key;
};

enum { ERASURE_CASES_SHOWN = 3, ERASURE_CASES_TEXT = 96 };
/* Cases that are not over: how many, and the first few numbers, comma separated. */
MUST_USE bool erasure_open_cases(struct tx *tx, int64_t person, int64_t *count, char numbers[ERASURE_CASES_TEXT], struct fail *why);
/* r->who asks for himself. Fails: OPEN_CASES with their numbers; CONFLICT one is waiting already. */
MUST_USE bool erasure_ask(struct tx *tx, const struct request *r, int64_t days, struct erasure *out, struct fail *why);
MUST_USE bool erasure_take_back(struct tx *tx, const struct request *r, struct fail *why); /* Fails: NOT_FOUND none is waiting */
/* The last one; state NONE: there was none. */
MUST_USE bool erasure_last(struct tx *tx, int64_t person, struct erasure *out, struct fail *why);
/* A job's bite: some rows of the one that is due first. */
MUST_USE bool erasure_step(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
