/* payments/aside.h - a row that cannot be done must not hold up those behind it: what was begun of it is undone, it is set aside with the reason, and tried again, ever later, until it is done
 * or is no longer there to be done. Staff sees what is set aside (GET /v1/office/set-aside), so does the log, and a metric.
 *
 * What the store or the machine says of itself is no row's fault: then nothing of the bite stays, and all of it is run again.
 * Thread: the write lane for what writes. */
#ifndef PAYMENTS_ASIDE_H
#define PAYMENTS_ASIDE_H
#include "base/ids.h"
#include "store/store.h"

enum aside_queue {
#define QUEUE(name, number, text, prefix, sql) ASIDE_##name = number,
#include "payments/aside_queues.def"
#undef QUEUE
};
struct str aside_queue_text(int64_t queue);
int64_t aside_queue_named(struct str text); /* 0: none */

/* Whoever looks for what is due in a queue leaves out what is set aside just now: rows of pay_aside whose next_ms has not come. */
enum { ASIDE_BITE_MAX = 64 };
struct aside_due {
	int64_t ids[ASIDE_BITE_MAX];
	int count;
};
/* The first column of its rows, up to ASIDE_BITE_MAX. `q` at NULL fails, as tx_query has. */
MUST_USE bool aside_due_read(struct stmt *q, struct aside_due *out, struct fail *why);

typedef bool (*aside_one)(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why);
/* Each by itself (store/part.h): one that fails is set aside, one that is done is no longer. */
MUST_USE bool aside_each(struct tx *tx, enum aside_queue queue, const struct aside_due *due, aside_one one, int64_t now_ms, struct fail *why);

struct aside {
	int64_t queue, subject, division, tries, next_ms, made_ms;
	struct str name, reason;
};
/* Of a region, by queue and row, after (queue, subject); 0 of a queue: of all. */
MUST_USE bool aside_list(struct tx *tx, int64_t region, int64_t queue, int64_t subject, struct aside *out, int most, int *count, struct arena *a, struct fail *why);

/* Forgets what somebody else has done meanwhile: its time came, and it was not found due. And counts, for the metrics. */
void aside_watch_open(void); /* once, before the job runs */
MUST_USE bool aside_watch(struct tx *tx, int64_t now_ms, struct fail *why);
#endif
