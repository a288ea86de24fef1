/* payments/notices/payment_code.h - the 20 digits on a notice (缴款码). What is inside them differs by province and no check digit was published, so they are opaque: a
 * division in front, and what the configured profile says.
 *
 * Thread: any; pure. Source: protocols/government.md A3. */
#ifndef PAYMENTS_NOTICES_PAYMENT_CODE_H
#define PAYMENTS_NOTICES_PAYMENT_CODE_H
#include "base/str.h"

enum payment_code_profile { PAYMENT_CODE_OPAQUE, PAYMENT_CODE_SANDBOX }; /* in the order of the knob payments.code_profile */
enum { PAYMENT_CODE_DIGITS = 20 };

enum payment_code_wrong { PAYMENT_CODE_FINE, PAYMENT_CODE_FORMAT, PAYMENT_CODE_CHECK };

/* As typed: spaces and hyphens between digits do not matter. `division`: the first six digits. */
enum payment_code_wrong payment_code_read(enum payment_code_profile profile, struct str text, char out[PAYMENT_CODE_DIGITS + 1], int64_t *division);
#endif
