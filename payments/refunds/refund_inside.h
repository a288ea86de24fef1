/* payments/refunds/refund_inside.h - what the three files of a refund share: refund.c (states, reading), refund_ask.c (asking and what may be asked for), refund_pay.c (the money). */
#ifndef PAYMENTS_REFUNDS_REFUND_INSIDE_H
#define PAYMENTS_REFUNDS_REFUND_INSIDE_H
#include "payments/refunds/refund.h"

/* Its own row is what two of them meet on; `r` is as it is afterwards. What it leaves in word, channel_no, path, effect and next_ms is written along. Notes the step.
 * Fails: REFUND_STATE (fact state). */
MUST_USE bool refund_move(struct tx *tx, struct refund *r, enum refund_state to, int64_t now_ms, struct fail *why);
/* The same columns without a move. */
MUST_USE bool refund_note(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why);
/* A new row, its first step and its reason. */
MUST_USE bool refund_insert(struct tx *tx, struct refund *r, struct str reason, const uint8_t salt[16], struct fail *why);
/* What was asked for may be asked for again: the counter, or the odd money, as it was. */
MUST_USE bool refund_released(struct tx *tx, const struct refund *r, int64_t now_ms, struct fail *why);
bool refund_refuse_state(const struct refund *r, struct fail *why); /* false */
#endif
