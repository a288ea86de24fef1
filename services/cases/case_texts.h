/* services/cases/case_texts.h - what an answer says of a state, written out once: nine of ten answers about a case say the same few things.
 *
 * Thread: composed at the start, before there are others; then any. */
#ifndef SERVICES_CASE_TEXTS_H
#define SERVICES_CASE_TEXTS_H
#include "services/cases/case_state.h"

struct case_texts {
	struct str state; /* members status, status_text, state, state_text */
	struct str next;  /* member next: what the applicant can do, and in words */
};

/* From case_state.def; once is enough. Fails: MEMORY. */
MUST_USE bool case_texts_compose(struct fail *why);
const struct case_texts *case_texts(enum case_state s, enum lang lang); /* never of CASE_NONE */
#endif
