/* payments/attempts/stray.h - an order at a channel that no attempt of ours made (the platform's own pages know our notices, too): heard of by its call, or out of a statement. Neither is believed: the channel
 * is asked about the order, and what follows follows from its answer.
 *
 * Paid, for a notice of ours that is open, and exactly what that cost on the day it was paid: it is the notice's payment, as if it had been ordered here. Anything else is odd money, and two people's:
 * of another amount, of a notice that is paid, void or over, or that an order here is holding at this moment.
 * Where that order is asked for at the same channel, and has no number there yet, it may be its own payment: the channel is asked again until it has one, or is over.
 * Thread: the write lane. Units: fen; milliseconds; days since 1970-01-01, in Longnan. */
#ifndef PAYMENTS_ATTEMPTS_STRAY_H
#define PAYMENTS_ATTEMPTS_STRAY_H
#include "payments/attempts/attempt.h"
#include "payments/reconciliation/recon_run.h"

/* The statement of that day has it, and our books have not: the channel is asked to tell us of it, where it tells us of anything, and it is asked about, again while the statement still has it, and at most STRAY_ASKS_MAX times. */
enum { STRAY_ASKS_MAX = 48 };
struct stray {
	enum pay_channel channel;
	struct str channel_no, reference; /* theirs: of the order, of its payment */
	enum bill_source source;          /* whose statement has it */
	int64_t day;
};
MUST_USE bool stray_found(struct tx *tx, const struct stray *s, int64_t now_ms, struct fail *why);
/* Two people keep the money of that number before there is an answer: it is known by which order it could go back. */
MUST_USE bool stray_kept(struct tx *tx, enum pay_channel channel, struct str reference, int64_t now_ms, struct fail *why);

/* The channel's answer to `question` (an effect): paid, and no attempt of ours made it. The day whose statement has it is held beside our books once more. */
MUST_USE bool stray_paid(struct tx *tx, enum pay_channel channel, const struct attempt_word *w, int64_t question, int64_t now_ms, struct arena *a, struct fail *why);
#endif
