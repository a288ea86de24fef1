/* services/money/pay_callback.h - what follows from a callback of a payment platform that was verified and is kept (services/money/callback_wechat_pay.c): at once, or later.
 *
 * Whoever called is answered as soon as it is kept. What follows is a part of the same transaction that may fail alone: an order that somebody else holds, a reason of ours. Then what
 * was said waits in pay_callback_due, and job follow_callbacks tries again, later and later, until it goes: never given up, never twice (payments/arrive.h). While one that came within the last
 * seconds waits, those that come are kept and not tried: the rest is slow, the answer is not.
 *
 * Thread: the write lane. Units: wall-clock milliseconds. */
#ifndef SERVICES_PAY_CALLBACK_H
#define SERVICES_PAY_CALLBACK_H
#include "channels/wechat_pay_message.h"
#include "store/store.h"

/* What it says, read. */
struct pay_told {
	bool is_trade, is_refund; /* neither: of a kind from which nothing follows */
	struct wechat_pay_trade trade;
	struct wechat_pay_refund refund;
};
/* `type` is the envelope's original_type, `said` what it held. false: it is not what its type says. */
bool pay_told_read(struct str type, struct str said, struct pay_told *out, struct arena *a);

struct pay_callback {
	int64_t id;              /* its row in pay_callback */
	struct str type, said;
	const struct pay_told *told;
	int64_t now_ms;
	const uint8_t *salt;     /* 16 bytes of the request's randomness */
};
/* *heard: what came of a refund's word (enum refund_heard), 0 it was about none. *is_done false: it waits. */
MUST_USE bool pay_callback_follow(struct tx *tx, const struct pay_callback *c, int64_t *heard, bool *is_done, struct arena *a, struct fail *why);
void pay_callback_heard(struct str request_id, int64_t heard); /* for the log: what was kept, and followed by nothing */

/* A job's bite: those whose time has come, the longest due first. */
MUST_USE bool pay_callbacks_follow(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* How many wait, and since when, for the metrics. */
MUST_USE bool pay_callbacks_watch(struct tx *tx, int64_t now_ms, struct fail *why);
#endif
