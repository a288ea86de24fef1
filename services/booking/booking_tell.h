/* services/booking/booking_tell.h - what a person is told of his visit: when, where, for what, and what to bring.
 * Thread: the write lane. */
#ifndef SERVICES_BOOKING_TELL_H
#define SERVICES_BOOKING_TELL_H
#include "notify/message.h"
#include "services/booking/booking.h"

/* `cause` says what made it: the same cause and bytes are the same message. */
MUST_USE bool booking_tell(struct tx *tx, const struct booking *b, enum message_template what, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);
/* A job has no random bytes: they are made from the booking's own and from what is told of it for the n-th time. */
void booking_random(const struct booking *b, const char *what, int64_t n, uint8_t out[32]);
#endif
