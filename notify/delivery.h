/* notify/delivery.h - what becomes of a message's bells, told to its person: news of the stream, and words for the trace.
 *
 * Thread: the write lane for delivery_changed; the words are constant. */
#ifndef NOTIFY_DELIVERY_H
#define NOTIFY_DELIVERY_H
#include "base/request.h"
#include "notify/effect.h"

struct str delivery_channel(int32_t kind); /* "sms": what a person would call it; the kind's own name where there is no better */

/* What happened, and what comes next or is to be done. */
struct delivery_words {
	struct str text[LANG_COUNT], next[LANG_COUNT];
};
const struct delivery_words *delivery_words(const struct effect_view *e);
/* Of one attempt: what was said to it. `code` "": nothing more is known. */
struct str delivery_attempt_text(int32_t kind, int verdict, struct str code, enum lang lang);
/* 138****8000: the first three and the last four of what is a phone; less than that shows nothing. */
void delivery_mask(struct str phone, char out[12]);

/* An effect has come to a new state, or its receipt has: when it is a message's, the person's stream says so. In the transaction of the change. */
MUST_USE bool delivery_changed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
#endif
