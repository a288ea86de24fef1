/* base/phone.h - a mainland mobile number, in any of the ways people write it, to the one way in which we keep, compare and send it.
 * Thread: any; pure. */
#ifndef BASE_PHONE_H
#define BASE_PHONE_H
#include "base/str.h"

enum { PHONE_DIGITS = 11 };

/* Without spaces, dashes, and +86, 86 or 0086 before it. false: not such a number. */
bool phone_normal(struct str text, char out[PHONE_DIGITS + 1]);
#endif
