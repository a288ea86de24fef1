/* services/money/pay_callback.h - what follows from a callback of a payment platform that was verified and is kept (services/money/callback_*.c): at once, or later.
 *
 * Whoever called is answered as soon as it is kept. What follows is a part of the same transaction that may fail alone: an order that somebody else holds, a reason of ours. Then what
 * was said waits in pay_callback_due, and job follow_callbacks tries again, later and later, until it goes: never given up, never twice (payments/orders/arrive.h). While one that came within the last
 * seconds waits, those that come are kept and not tried: the rest is slow, the answer is not.
 *
 * Thread: the write lane. Units: wall-clock milliseconds. */
#ifndef SERVICES_PAY_CALLBACK_H
#define SERVICES_PAY_CALLBACK_H
#include "payments/orders/payment.h"
#include "store/store.h"

/* What a platform said, opened and verified. */
struct pay_word {
	struct str type, said;
	int64_t now_ms;
	const uint8_t *random; /* 16 bytes */
};
/* What follows from it, for one platform; a row of the table in pay_callback.c. *heard: what came of it, in words of that platform's own; 0 is nothing to speak of. May run again. */
typedef bool pay_follow_fn(struct tx *tx, const struct pay_word *w, int64_t *heard, struct arena *a, struct fail *why);
pay_follow_fn wechat_pay_follow, wechat_nontax_follow;
const char *wechat_pay_odd(int64_t heard);    /* what was kept and followed by nothing, in a word for the log; NULL: it went as it should */
const char *wechat_nontax_odd(int64_t heard);

struct pay_callback {
	enum pay_channel channel;
	int64_t id;              /* its row in pay_callback */
	struct pay_word word;
};
/* *heard: 0 while it waits. *is_done false: it waits. */
MUST_USE bool pay_callback_follow(struct tx *tx, const struct pay_callback *c, int64_t *heard, bool *is_done, struct arena *a, struct fail *why);
void pay_callback_heard(enum pay_channel channel, struct str request_id, int64_t heard); /* for the log */
struct str pay_callback_platform(enum pay_channel channel); /* for lists; "" when none calls back */

/* A job's bite: those whose time has come, the longest due first. */
MUST_USE bool pay_callbacks_follow(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* How many wait, and since when, for the metrics. */
MUST_USE bool pay_callbacks_watch(struct tx *tx, int64_t now_ms, struct fail *why);
#endif
