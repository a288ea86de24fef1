/* payments/attempts/attempt_inside.h - what the files of attempt.h share: attempt.c has the rows, attempt_outside.c what is done at the channel, attempt_barcode.c what is different at a counter. Nobody else
 * includes it. */
#ifndef PAYMENTS_ATTEMPTS_ATTEMPT_INSIDE_H
#define PAYMENTS_ATTEMPTS_ATTEMPT_INSIDE_H
#include "payments/attempts/attempt.h"

struct attempt_deed {
	int32_t kind;
	struct str payload;
	int64_t expires_ms; /* 0: the kind's own life */
};
/* Counted in a->deeds: whoever calls writes the row. */
MUST_USE bool attempt_effect(struct tx *tx, struct attempt *a, const struct attempt_deed *d, int64_t now_ms, int64_t *effect, struct fail *why);
/* What its order was told of, opened; of a barcode without the code. */
MUST_USE bool attempt_payload(struct tx *tx, const struct attempt *a, struct buf *out, struct fail *why);
bool attempt_is_live(const struct attempt *a);
void attempt_random(const char *what, const struct attempt *a, int64_t now_ms, uint8_t out[16]); /* of the row and the number of the deed: the same when apply is run again */
MUST_USE bool attempt_ends_as(struct tx *tx, int64_t order, int64_t ends_as, int64_t now_ms, struct fail *why);
/* Asked about now, by the number it has there. */
MUST_USE bool attempt_ask(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_ask_later(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why);
/* Nobody knows what became of it: asked about at once. */
MUST_USE bool attempt_unknown(struct tx *tx, struct attempt *a, const char *code, int64_t now_ms, struct fail *why);
MUST_USE bool attempt_failed(struct tx *tx, struct attempt *a, const char *code, int64_t now_ms, struct fail *why);
/* *is_other: the number is another attempt's, which is asked about, or of money that is in our books. */
MUST_USE bool attempt_named_there(struct tx *tx, struct attempt *a, struct str channel_no, int64_t now_ms, bool *is_other, struct fail *why);
/* It is not paid there: closed, or where nothing closes it asked about until its time is over. */
MUST_USE bool attempt_close_there(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why);
/* attempt_barcode.c: of one whose number is not known, which of its notice's orders is paid? */
MUST_USE bool attempt_ask_list(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why);
/* The barcode payment without a number that is waited for and that this is about. out->id 0: there is none. */
MUST_USE bool attempt_barcode_of(struct tx *tx, enum pay_channel channel, struct str notice_no, struct attempt *out, struct arena *a, struct fail *why);
MUST_USE bool attempt_read(struct tx *tx, int64_t id, struct attempt *out, struct arena *a, struct fail *why);
#endif
