/* payments/attempts/attempt_channel.h - the one face of payment channels: what each is told of an order, how it is asked about one, whether it closes one, and what its words mean.
 *
 * Thread: the write lane; attempts_compose before threads start. Owns: texts live in the arena. Units: fen; milliseconds. */
#ifndef PAYMENTS_ATTEMPTS_ATTEMPT_CHANNEL_H
#define PAYMENTS_ATTEMPTS_ATTEMPT_CHANNEL_H
#include "base/config.h"
#include "payments/attempts/attempt.h"

/* What an order there ends with that is done. */
struct attempt_page {
	struct str handle;       /* what the phone goes on with; at NULL: it cannot */
	struct str channel_no;   /* the channel's own number of the order; at NULL: it goes by ours */
};

struct attempt_channel {
	enum pay_channel channel;
	unsigned methods;        /* of phones, 1u << enum attempt_method */
	int32_t scan, list;      /* KIND_…, of a channel that has BARCODE: asked for by a payer's code; asked about where only the notice is known */
	int32_t order, query, tell, close; /* KIND_…; tell 0: it cannot be asked to tell us again; close 0: an order there ends by itself, and not before its time (attempts_compose) */
	bool is_asked_by_ours;   /* by out_trade_no; otherwise by channel_no, and one without is known to nobody */
	bool renews;             /* the same order again gives the same payment, and a newer handle */
	bool (*payload)(struct tx *tx, const struct attempt *a, const struct order *o, const struct attempt_new *n, struct buf *b, struct arena *arena, struct fail *why);
	void (*page)(const struct effect_view *e, enum attempt_method method, struct attempt_page *out, struct arena *arena);
	bool (*word)(struct str said, struct attempt_word *out, struct arena *arena); /* false: it is none */
};

const struct attempt_channel *attempt_channel_of(enum pay_channel channel);   /* NULL: nobody pays by it from a phone */
const struct attempt_channel *attempt_channel_asked(int32_t query);           /* by the kind of its question; NULL: none */
bool attempt_channel_has(const struct attempt_channel *c, enum attempt_method method);

void attempts_compose(const struct config *c);
bool attempt_is_scanned(const struct attempt *a);                             /* by BARCODE */
int64_t attempt_ends_by_itself_ms(const struct attempt *a);                   /* of a channel that closes nothing: from then on its order there is taken for over */
bool attempt_is_told(enum pay_channel channel);                               /* it can be asked to call us again, and we listen to it */
int64_t attempt_stray_division(void);                                         /* whose suspense money of no order of ours lies in */
#endif
