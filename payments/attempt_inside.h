/* payments/attempt_inside.h - what the two files of attempt.h share: attempt.c has the rows, attempt_outside.c what is done at the channel. Nobody else includes it. */
#ifndef PAYMENTS_ATTEMPT_INSIDE_H
#define PAYMENTS_ATTEMPT_INSIDE_H
#include "payments/attempt.h"

struct attempt_deed {
	int32_t kind;
	struct str payload;
	int64_t expires_ms; /* 0: the kind's own life */
};
/* Counted in a->deeds: whoever calls writes the row. */
MUST_USE bool attempt_effect(struct tx *tx, struct attempt *a, const struct attempt_deed *d, int64_t now_ms, int64_t *effect, struct fail *why);
MUST_USE bool attempt_read(struct tx *tx, int64_t id, struct attempt *out, struct arena *a, struct fail *why);
#endif
