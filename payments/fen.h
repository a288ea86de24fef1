/* payments/fen.h - amounts as people and peers write them: decimal yuan, exact in both directions.
 *
 * Thread: any; pure. Units: fen in int64_t. Source: protocols/government.md A4. */
#ifndef PAYMENTS_FEN_H
#define PAYMENTS_FEN_H
#include "base/str.h"

#define FEN_MAX INT64_C(99999999999999) /* 999,999,999,999.99 yuan: no amount of one payment is above */
enum { FEN_TEXT_BYTES = 24 };

/* "80", "80.0", "80.00" are 8000. Digits of ASCII, no sign, exponent, separator, blank or leading zero, two decimals at most, 0 to FEN_MAX. false: not an amount. */
bool fen_from_yuan(struct str text, int64_t *fen);
/* "80.00", with a minus below zero. Returns the length; NUL-terminated. */
size_t fen_yuan(int64_t fen, char out[FEN_TEXT_BYTES]);
#endif
